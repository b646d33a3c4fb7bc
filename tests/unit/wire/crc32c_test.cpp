#include "wire/crc32c.hpp"

#include <string>
#include <string_view>

#include <catch2/catch.hpp>

namespace {

std::uint32_t crc(std::string_view text, std::uint32_t seed = 0) {
  return raftkit::wire::crc32c(std::as_bytes(std::span(text)), seed);
}

}  // namespace

TEST_CASE("CRC-32C has the check value of its specification", "[wire]") {
  CHECK(crc("123456789") == 0xE3069283);
}

TEST_CASE("CRC-32C matches the iSCSI examples of RFC 3720", "[wire]") {
  CHECK(crc(std::string(32, '\x00')) == 0x8A9136AA);
  CHECK(crc(std::string(32, '\xff')) == 0x62A8AB43);
}

TEST_CASE("CRC-32C of nothing is zero", "[wire]") {
  CHECK(crc("") == 0);
}

TEST_CASE("CRC-32C can be continued", "[wire]") {
  CHECK(crc("6789", crc("12345")) == crc("123456789"));
}

TEST_CASE("What bytes make of a difference between seeds depends on their number alone", "[wire]") {
  const std::size_t size = GENERATE(0U, 1U, 2U, 3U, 511U, 4096U, 1'000'003U);
  const std::uint32_t left = GENERATE(0U, 1U, 0x80000000U, 0xE3069283U);
  const std::uint32_t right = 0x12345678;

  for (const std::string& text : {std::string(size, '\0'), std::string(size, 'x')})
    CHECK((crc(text, left) ^ crc(text, right)) == raftkit::wire::crc32c_shift(left ^ right, size));
}
