#include "wire/snapshot_records.hpp"

#include <string>

#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"

namespace raftkit::wire {

namespace {

constexpr std::uint16_t kMagic = 0x5352;  // "RS"
constexpr std::byte kFormat{1};
constexpr std::size_t kHeaderCrcOffset = kRecordHeaderBytes - sizeof(std::uint32_t);

}  // namespace

RecordHeaderBytes encode_record(RecordKind kind,
                                std::uint64_t position,
                                std::span<const std::byte> body,
                                ConnectionSeed seed) {
  RecordHeaderBytes bytes{};
  const std::span span(bytes);
  store_little_endian(span, kMagic);
  bytes[2] = kFormat;
  bytes[3] = std::byte{static_cast<unsigned char>(kind)};
  store_little_endian(span.subspan(4), static_cast<std::uint32_t>(body.size()));
  store_little_endian(span.subspan(8), position);
  store_little_endian(span.subspan(16), crc32c(body));
  store_little_endian(span.subspan(kHeaderCrcOffset),
                      crc32c(span.first(kHeaderCrcOffset), seed.value));
  return bytes;
}

Result<RecordHeader> decode_record_header(std::span<const std::byte> bytes, ConnectionSeed seed) {
  if (load_little_endian<std::uint16_t>(bytes) != kMagic)
    return Error(Errc::malformed, "no record begins here");
  if (crc32c(bytes.first(kHeaderCrcOffset), seed.value) !=
      load_little_endian<std::uint32_t>(bytes.subspan(kHeaderCrcOffset))) {
    return Error(Errc::malformed, "a record header fails its checksum");
  }
  const auto kind = std::to_integer<std::uint8_t>(bytes[3]);
  if (bytes[2] != kFormat || kind < static_cast<std::uint8_t>(RecordKind::accepted) ||
      kind > static_cast<std::uint8_t>(RecordKind::offer)) {
    return Error(Errc::malformed, "unknown kind of record " + std::to_string(kind));
  }
  const RecordHeader header{static_cast<RecordKind>(kind),
                            load_little_endian<std::uint32_t>(bytes.subspan(4)),
                            load_little_endian<std::uint64_t>(bytes.subspan(8)),
                            load_little_endian<std::uint32_t>(bytes.subspan(16))};
  if (header.body_bytes > kMaxRecordBodyBytes)
    return Error(Errc::message_too_large,
                 "a record of " + std::to_string(header.body_bytes) + " bytes announced");
  return header;
}

Result<void> check_record_body(const RecordHeader& header, std::span<const std::byte> body) {
  if (body.size() != header.body_bytes || crc32c(body) != header.body_crc)
    return Error(Errc::malformed, "a record's body fails its checksum");
  return {};
}

}  // namespace raftkit::wire
