#include "config/go_values.hpp"

#include <limits>
#include <string>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using raftkit::Errc;
using raftkit::config::format_duration;
using raftkit::config::parse_boolean;
using raftkit::config::parse_duration;
using raftkit::config::parse_signed;
using raftkit::config::parse_unsigned;
using std::chrono::nanoseconds;

namespace {

// Digits of `number` in `base`, with an underscore after some of them.
std::string spelled(std::uint64_t number, unsigned base) {
  const bool upper = *rc::gen::arbitrary<bool>();
  std::string digits;
  do {
    if (!digits.empty() && *rc::gen::inRange(0, 4) == 0) digits.insert(0, 1, '_');
    const std::string_view alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    digits.insert(0, 1, alphabet[number % base]);
    number /= base;
  } while (number != 0);
  return digits;
}

// A naive reading of Go's rules: every character must be in its place.
bool is_go_number(const std::string& text) {
  std::string digits = text;
  std::string alphabet = "0123456789";
  const std::string prefix = text.substr(0, 2);
  bool may_start_with_underscore = false;
  if (prefix == "0x" || prefix == "0b" || prefix == "0o") {
    digits = text.substr(2);
    alphabet = prefix == "0x" ? "0123456789abcdef" : prefix == "0b" ? "01" : "01234567";
    may_start_with_underscore = true;
  } else if (text.size() > 1 && text[0] == '0') {
    alphabet = "01234567";
  }
  if (digits.empty()) return false;
  for (std::size_t at = 0; at < digits.size(); ++at) {
    const bool follows_digit = at == 0 ? may_start_with_underscore : digits[at - 1] != '_';
    const bool is_good_underscore = digits[at] == '_' && follows_digit && at + 1 < digits.size();
    if (!is_good_underscore && alphabet.find(digits[at]) == std::string::npos) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("Whole numbers may carry a base prefix and underscores", "[config]") {
  CHECK(*parse_unsigned("100") == 100);
  CHECK(*parse_unsigned("0") == 0);
  CHECK(*parse_unsigned("0x64") == 100);
  CHECK(*parse_unsigned("0X6_4") == 100);
  CHECK(*parse_unsigned("0b11") == 3);
  CHECK(*parse_unsigned("0o17") == 15);
  CHECK(*parse_unsigned("0144") == 100);
  CHECK(*parse_unsigned("1_00") == 100);
  CHECK(*parse_unsigned("0x_1") == 1);
  CHECK(*parse_unsigned("0_7") == 7);
}

TEST_CASE("Anything else is no whole number", "[config]") {
  const auto* const text = GENERATE("",
                                    " 1",
                                    "1 ",
                                    "100ms",
                                    "1e3",
                                    "100.5",
                                    "-1",
                                    "+1",
                                    "_1",
                                    "1_",
                                    "1__0",
                                    "0x",
                                    "0_",
                                    "08",
                                    "0b2",
                                    "0xg");
  CAPTURE(text);
  CHECK(parse_unsigned(text).error() == Errc::invalid_option);
}

TEST_CASE("Whole numbers go up to 64 bits", "[config]") {
  CHECK(*parse_unsigned("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK(parse_unsigned("18446744073709551616").error().message() == "out of range");
  CHECK(*parse_signed("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(*parse_signed("+9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(parse_signed("9223372036854775808").error().message() == "out of range");
  CHECK(parse_signed("-9223372036854775809").error().message() == "out of range");
  CHECK(parse_signed("18446744073709551616").error().message() == "out of range");
  CHECK(parse_signed("--1").error().message() == "not a whole number");
}

TEST_CASE("Every spelling of a number gives the number back", "[config]") {
  rc::prop("in all bases, with underscores", [](std::uint64_t number) {
    RC_ASSERT(*parse_unsigned(spelled(number, 10)) == number);
    RC_ASSERT(*parse_unsigned("0x" + spelled(number, 16)) == number);
    RC_ASSERT(*parse_unsigned("0b" + spelled(number, 2)) == number);
    RC_ASSERT(*parse_unsigned("0o" + spelled(number, 8)) == number);
    RC_ASSERT(*parse_unsigned("0" + spelled(number, 8)) == number);
  });
}

TEST_CASE("Exactly the texts that Go takes for numbers are numbers", "[config]") {
  rc::prop("short texts of digits, prefixes and underscores", [] {
    std::string text = *rc::gen::element<std::string>("", "0", "0x", "0b", "0o");
    for (auto length = *rc::gen::inRange(0, 6); length > 0; --length)
      text += *rc::gen::elementOf(std::string("01789_aefgx"));
    RC_CLASSIFY(is_go_number(text), "a number");
    RC_ASSERT(parse_unsigned(text).has_value() == is_go_number(text));
  });
}

TEST_CASE("Booleans have Go's spellings and no others", "[config]") {
  for (const auto* const yes : {"1", "t", "T", "true", "TRUE", "True"})
    CHECK(*parse_boolean(yes));
  for (const auto* const no : {"0", "f", "F", "false", "FALSE", "False"})
    CHECK_FALSE(*parse_boolean(no));
  for (const auto* const other : {"", "yes", "on", "tRUE", "2", " true"})
    CHECK(parse_boolean(other).error() == Errc::invalid_option);
}

TEST_CASE("Durations are numbers with units", "[config]") {
  CHECK(*parse_duration("5s") == std::chrono::seconds(5));
  CHECK(*parse_duration("1h30m") == std::chrono::minutes(90));
  CHECK(*parse_duration("1.5s") == std::chrono::milliseconds(1500));
  CHECK(*parse_duration(".5ms") == std::chrono::microseconds(500));
  CHECK(*parse_duration("3\xC2\xB5s") == std::chrono::microseconds(3));
  CHECK(*parse_duration("-2ns") == nanoseconds(-2));
  CHECK(*parse_duration("0") == nanoseconds(0));
  CHECK(*parse_duration("-9223372036854775808ns") == nanoseconds::min());
}

TEST_CASE("A number without unit is no duration, nor is a broken one", "[config]") {
  const auto* const text = GENERATE("", "5", "s", ".s", "5 s", "5x", "1h30", "-", "1d", "5s ");
  CAPTURE(text);
  CHECK(parse_duration(text).error() == Errc::invalid_option);
}

TEST_CASE("A duration beyond 292 years is out of range", "[config]") {
  const auto* const text = GENERATE("9223372036854775808ns",
                                    "2562048h",
                                    "9223372036854775807ns1ns",
                                    "99999999999999999999s",
                                    "-9223372036854775809ns");
  CAPTURE(text);
  CHECK(parse_duration(text).error().message() == "out of range");
}

TEST_CASE("A duration is written with the largest unit that fits", "[config]") {
  CHECK(format_duration(std::chrono::minutes(90)) == "90m");
  CHECK(format_duration(std::chrono::milliseconds(100)) == "100ms");
  CHECK(format_duration(nanoseconds(0)) == "0s");
  CHECK(format_duration(nanoseconds(-1500)) == "-1500ns");
}

TEST_CASE("A written duration can be read again", "[config]") {
  rc::prop("any number of nanoseconds", [](std::int64_t count) {
    RC_ASSERT(*parse_duration(format_duration(nanoseconds(count))) == nanoseconds(count));
  });
}
