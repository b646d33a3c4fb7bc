#include "base/protobuf_wire.hpp"

#include <limits>

#include <catch2/catch.hpp>

using raftkit::base::ProtoReader;
using raftkit::base::ProtoWriter;

TEST_CASE("Fields are read back in the order they were written", "[base]") {
  ProtoWriter writer;
  writer.varint(1, 300);
  writer.text(2, "abc");
  writer.varint(15, std::numeric_limits<std::uint64_t>::max());
  writer.always_varint(16, 0);
  writer.always_text(2047, "");

  ProtoReader reader(writer.bytes());
  CHECK(reader.next() == 1U);
  CHECK(reader.number() == 300);
  CHECK(reader.next() == 2U);
  CHECK(reader.text() == "abc");
  CHECK(reader.next() == 15U);
  CHECK(reader.number() == std::numeric_limits<std::uint64_t>::max());
  CHECK(reader.next() == 16U);
  CHECK(reader.number() == 0);
  CHECK(reader.next() == 2047U);
  CHECK(reader.text().empty());
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.failed());
}

TEST_CASE("Zero and empty values are left out", "[base]") {
  ProtoWriter writer;
  writer.varint(1, 0);
  writer.text(2, "");
  CHECK(writer.bytes().empty());
}

TEST_CASE("Fixed-width fields of other encoders are read", "[base]") {
  using namespace std::string_view_literals;
  ProtoReader reader("\x09\x01\x00\x00\x00\x00\x00\x00\x80\x15\x02\x00\x00\x00"sv);
  CHECK(reader.next() == 1U);
  CHECK(reader.number() == 0x8000000000000001);
  CHECK(reader.next() == 2U);
  CHECK(reader.number() == 2);
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.failed());
}

TEST_CASE("Malformed input ends the walk and is reported", "[base]") {
  using namespace std::string_view_literals;
  const auto input = GENERATE("\x08"sv,                                          // no value
                              "\x08\xff"sv,                                      // endless number
                              "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv,  // over 64 bits
                              "\x12\x05"
                              "ab"sv,  // shorter than it says
                              "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv,  // huge length
                              "\x00\x01"sv,                                      // field 0
                              "\x0b"sv,                                          // a group
                              "\x09\x01"sv);  // short fixed number
  ProtoReader reader(input);
  CHECK_FALSE(reader.next());
  CHECK(reader.failed());
}
