#include <arpa/inet.h>
#include <array>
#include <string>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "raftkit/config_url.hpp"

using raftkit::config::is_ip_literal;

namespace {

bool is_address_of_the_system(const std::string& text) {
  std::array<unsigned char, 16> address{};
  return inet_pton(AF_INET, text.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address.data()) == 1;
}

}  // namespace

TEST_CASE("Only plain addresses are IP literals", "[config]") {
  CHECK(is_ip_literal("10.0.0.1"));
  CHECK(is_ip_literal("::"));
  CHECK(is_ip_literal("::ffff:10.0.0.1"));
  CHECK(is_ip_literal("0:0:0:0:0:0:0:1"));
  CHECK_FALSE(is_ip_literal("localhost"));
  CHECK_FALSE(is_ip_literal("10.0.0.01"));
  CHECK_FALSE(is_ip_literal("fe80::1%eth0"));
  CHECK_FALSE(is_ip_literal("[::1]"));
  CHECK_FALSE(is_ip_literal("1:2:3:4::5:6:7:8"));
  CHECK_FALSE(is_ip_literal(""));
}

TEST_CASE("IP literals are what the operating system takes for addresses", "[config]") {
  rc::prop("a few groups and separators", [] {
    std::string text;
    for (auto pieces = *rc::gen::inRange(1, 6); pieces > 0; --pieces) {
      text += *rc::gen::element<std::string>(
          "0", "255", "256", "01", "ffff", "12345", "g", ":", "::", ".", "1.2.3.4", "1:2:3:4:5:6");
    }
    RC_CLASSIFY(is_address_of_the_system(text), "an address");
    RC_ASSERT(is_ip_literal(text) == is_address_of_the_system(text));
  });
  rc::prop("eight numbers with some left out", [] {
    std::string text;
    const auto count = *rc::gen::inRange(4, 10);
    for (int part = 0; part < count; ++part) {
      text += *rc::gen::element<std::string>("0", "abcd", "7", "");
      if (part + 1 < count) text += ':';
    }
    RC_CLASSIFY(is_address_of_the_system(text), "an address");
    RC_ASSERT(is_ip_literal(text) == is_address_of_the_system(text));
  });
}
