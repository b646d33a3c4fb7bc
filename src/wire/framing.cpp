#include "wire/framing.hpp"

#include <string>

#include "wire/codec.hpp"
#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"

namespace raftkit::wire {

namespace {

constexpr std::uint16_t kMagic = 0x4b52;  // "RK"
constexpr std::byte kFormat{1};
constexpr std::size_t kHeaderCrcOffset = kFrameHeaderBytes - sizeof(std::uint32_t);

/// A header whose checksum fits can still lie.
Result<void> check(const FrameHeader& header, std::size_t max_message_bytes) {
  if (header.message_bytes > max_message_bytes ||
      header.head_bytes > max_head_bytes(max_message_bytes)) {
    return Error(Errc::message_too_large,
                 "a message of " + std::to_string(header.message_bytes) + " bytes (" +
                     std::to_string(header.head_bytes) + " of them its head) announced");
  }
  if (header.kind == FrameKind::ping) {
    if (header.body_bytes != 0 || header.message_bytes != 0 || header.head_bytes != 0 ||
        header.offset != 0) {
      return Error(Errc::malformed, "a ping with content");
    }
    return {};
  }
  const bool adds_up = header.body_bytes != 0 && header.body_bytes <= kMaxFrameBodyBytes &&
                       header.body_bytes <= header.message_bytes &&
                       header.offset <= header.message_bytes - header.body_bytes &&
                       header.head_bytes != 0 && header.head_bytes <= header.message_bytes;
  if (!adds_up) return Error(Errc::malformed, "a frame whose lengths contradict each other");
  return {};
}

}  // namespace

ConnectionSeed ConnectionSeed::from_nonces(std::uint64_t caller, std::uint64_t called) {
  std::array<std::byte, 2 * sizeof(std::uint64_t)> bytes{};
  const std::span span(bytes);
  store_little_endian(span, caller);
  store_little_endian(span.subspan(sizeof caller), called);
  return {crc32c(bytes)};
}

FrameHeaderBytes encode(const FrameHeader& header, ConnectionSeed seed) {
  FrameHeaderBytes bytes{};
  const std::span span(bytes);
  store_little_endian(span, kMagic);
  bytes[2] = kFormat;
  bytes[3] = std::byte{static_cast<unsigned char>(header.kind)};
  store_little_endian(span.subspan(4), header.body_bytes);
  store_little_endian(span.subspan(8), header.offset);
  store_little_endian(span.subspan(12), header.head_bytes);
  store_little_endian(span.subspan(16), header.message_bytes);
  store_little_endian(span.subspan(20), header.group.value);
  store_little_endian(span.subspan(28), header.sequence);
  store_little_endian(span.subspan(36), header.body_crc);
  store_little_endian(span.subspan(kHeaderCrcOffset),
                      crc32c(span.first(kHeaderCrcOffset), seed.value));
  return bytes;
}

Result<FrameHeader> decode_frame_header(std::span<const std::byte> bytes,
                                        ConnectionSeed seed,
                                        std::size_t max_message_bytes) {
  if (load_little_endian<std::uint16_t>(bytes) != kMagic)
    return Error(Errc::malformed, "no frame begins here");
  if (crc32c(bytes.first(kHeaderCrcOffset), seed.value) !=
      load_little_endian<std::uint32_t>(bytes.subspan(kHeaderCrcOffset))) {
    return Error(Errc::malformed, "a frame header fails its checksum");
  }
  if (bytes[2] != kFormat)
    return Error(Errc::malformed,
                 "unknown format of frames " + std::to_string(std::to_integer<int>(bytes[2])));
  const auto kind = std::to_integer<std::uint8_t>(bytes[3]);
  if (kind > static_cast<std::uint8_t>(FrameKind::ping))
    return Error(Errc::malformed, "unknown kind of frame " + std::to_string(kind));

  FrameHeader header;
  header.kind = static_cast<FrameKind>(kind);
  header.body_bytes = load_little_endian<std::uint32_t>(bytes.subspan(4));
  header.offset = load_little_endian<std::uint32_t>(bytes.subspan(8));
  header.head_bytes = load_little_endian<std::uint32_t>(bytes.subspan(12));
  header.message_bytes = load_little_endian<std::uint32_t>(bytes.subspan(16));
  header.group = GroupId{load_little_endian<std::uint64_t>(bytes.subspan(20))};
  header.sequence = load_little_endian<std::uint64_t>(bytes.subspan(28));
  header.body_crc = load_little_endian<std::uint32_t>(bytes.subspan(36));
  if (auto checked = check(header, max_message_bytes); !checked) return std::move(checked).error();
  return header;
}

}  // namespace raftkit::wire
