#include "wire/snapshot_records.hpp"

#include <catch2/catch.hpp>

using raftkit::Errc;
using raftkit::wire::check_record_body;
using raftkit::wire::ConnectionSeed;
using raftkit::wire::decode_record_header;
using raftkit::wire::encode_record;
using raftkit::wire::RecordKind;

namespace {

constexpr ConnectionSeed kSeed{42};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

TEST_CASE("A record's header says what its body is and where it belongs", "[wire]") {
  const auto bytes = encode_record(RecordKind::chunk, 7, bytes_of("content"), kSeed);
  const auto header = decode_record_header(bytes, kSeed);
  REQUIRE(header);
  CHECK(header->kind == RecordKind::chunk);
  CHECK(header->position == 7);
  CHECK(header->body_bytes == 7);
  CHECK(check_record_body(*header, bytes_of("content")));
  CHECK(check_record_body(*header, bytes_of("contend")).error() == Errc::malformed);
  CHECK(check_record_body(*header, bytes_of("conten")).error() == Errc::malformed);
}

TEST_CASE("Every flipped bit of a record's header is noticed", "[wire]") {
  const auto good = encode_record(RecordKind::end, 1'000'000, {}, kSeed);
  REQUIRE(decode_record_header(good, kSeed));
  CHECK_FALSE(decode_record_header(good, ConnectionSeed{43}));
  for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
    auto flipped = good;
    flipped[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << (bit % 8))};
    CHECK(decode_record_header(flipped, kSeed).error() == Errc::malformed);
  }
}

TEST_CASE("A record over the limit, or of an unknown kind, is refused", "[wire]") {
  const std::vector<std::byte> large(raftkit::wire::kMaxRecordBodyBytes + 1);
  CHECK(decode_record_header(encode_record(RecordKind::chunk, 0, large, kSeed), kSeed).error() ==
        Errc::message_too_large);
  for (const int kind : {0, 7, 255}) {
    const auto bytes = encode_record(static_cast<RecordKind>(kind), 0, {}, kSeed);
    CHECK(decode_record_header(bytes, kSeed).error() == Errc::malformed);
  }
}
