// Records on a snapshot's connection, as they come or with right checksums: what is taken is what
// the sender would have made.
#include <string>

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "testing/check.hpp"
#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"
#include "wire/snapshot_records.hpp"

namespace raftkit::fuzz {

namespace {

using testing::require;

constexpr std::uint16_t kMagic = 0x5352;
constexpr std::size_t kChecked = wire::kRecordHeaderBytes - sizeof(std::uint32_t);

enum class Form : std::uint8_t { raw = 0, made = 1 };

/// A header; its checksums are right where nothing else is asked for.
wire::RecordHeaderBytes make_header(Input& input, wire::ConnectionSeed seed, std::string& body) {
  wire::RecordHeaderBytes bytes{};
  const std::span span(bytes);
  const auto near32 = [&](std::uint64_t right) {
    return static_cast<std::uint32_t>(input.near(right));
  };
  wire::store_little_endian(span, static_cast<std::uint16_t>(input.near(kMagic)));
  bytes[2] = static_cast<std::byte>(input.near(1));
  bytes[3] = static_cast<std::byte>(input.byte());
  const std::uint64_t position = input.number();
  body = input.text();
  wire::store_little_endian(span.subspan(4), near32(body.size()));
  wire::store_little_endian(span.subspan(8), position);
  wire::store_little_endian(span.subspan(16), near32(wire::crc32c(bytes_of(body))));
  wire::store_little_endian(span.subspan(kChecked),
                            near32(wire::crc32c(span.first(kChecked), seed.value)));
  return bytes;
}

void check(const wire::RecordHeaderBytes& bytes, std::string_view body, wire::ConnectionSeed seed) {
  const auto header = wire::decode_record_header(bytes, seed);
  if (!header) return;
  require(header->body_bytes <= wire::kMaxRecordBodyBytes, "a body over the limit");
  if (!wire::check_record_body(*header, bytes_of(body))) return;
  require(wire::encode_record(header->kind, header->position, bytes_of(body), seed) == bytes,
          "another header than the sender would have made");
  const wire::ConnectionSeed other{seed.value + 1};
  require(!wire::decode_record_header(bytes, other), "a header of another connection is taken");
}

}  // namespace

std::vector<std::string> examples() {
  std::vector<std::string> found;
  for (std::uint8_t kind = 1; kind <= 5; ++kind) {
    const auto bytes = wire::encode_record(
        static_cast<wire::RecordKind>(kind), 12, bytes_of("content"), wire::ConnectionSeed{7});
    found.push_back(Recipe()
                        .number(7)
                        .byte(static_cast<std::uint8_t>(Form::raw))
                        .rest(std::string(text_of(bytes)) + "content"));
    found.push_back(Recipe()
                        .number(7)
                        .byte(static_cast<std::uint8_t>(Form::made))
                        .right()
                        .right()
                        .byte(kind)
                        .number(12)
                        .text("content")
                        .right()
                        .right()
                        .right());
  }
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit;
  using namespace raftkit::fuzz;
  Input input(data, size);
  const wire::ConnectionSeed seed{static_cast<std::uint32_t>(input.number())};
  std::string body;
  wire::RecordHeaderBytes header{};
  if (static_cast<Form>(input.byte() % 2) == Form::made) {
    header = make_header(input, seed, body);
  } else {
    const auto rest = bytes_of(input.rest());
    if (rest.size() < header.size()) return 0;
    std::copy_n(rest.begin(), header.size(), header.begin());
    body = text_of(rest.subspan(header.size()));
  }
  check(header, body, seed);
  return 0;
}
