#include "config/go_values.hpp"

#include <charconv>
#include <limits>

namespace raftkit::config {

namespace {

Error out_of_range() {
  return {Errc::invalid_option, "out of range"};
}

bool is_prefix(std::string_view text, char lower, char upper) {
  return text.size() >= 3 && text[0] == '0' && (text[1] == lower || text[1] == upper);
}

// The digits without their prefix, and the base that the prefix stands for.
struct Digits {
  std::string_view text;
  int base = 10;
};

Digits without_prefix(std::string_view text) {
  if (is_prefix(text, 'x', 'X')) return {text.substr(2), 16};
  if (is_prefix(text, 'b', 'B')) return {text.substr(2), 2};
  if (is_prefix(text, 'o', 'O')) return {text.substr(2), 8};
  if (text.size() > 1 && text.front() == '0') return {text.substr(1), 8};
  return {text, 10};
}

// An underscore needs a digit, or the prefix, before it and a digit after it.
bool has_misplaced_underscore(const Digits& digits) {
  const bool starts_with_one = digits.text.starts_with('_') && digits.base == 10;
  return starts_with_one || digits.text.ends_with('_') ||
         digits.text.find("__") != std::string_view::npos;
}

// `malformed` is returned for what is no number at all.
Result<std::uint64_t> magnitude(std::string_view text, const Error& malformed) {
  const Digits digits = without_prefix(text);
  if (has_misplaced_underscore(digits)) return malformed;
  std::string plain(digits.text);
  std::erase(plain, '_');
  std::uint64_t number = 0;
  const char* const end = plain.data() + plain.size();
  const auto parsed = std::from_chars(plain.data(), end, number, digits.base);
  if (parsed.ec == std::errc::result_out_of_range) return out_of_range();
  if (parsed.ec != std::errc{} || parsed.ptr != end) return malformed;
  return number;
}

}  // namespace

Result<std::uint64_t> parse_unsigned(std::string_view text) {
  return magnitude(text, Error(Errc::invalid_option, "not a whole number from 0 up"));
}

Result<std::int64_t> parse_signed(std::string_view text) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const auto number = magnitude(text, Error(Errc::invalid_option, "not a whole number"));
  if (!number) return number.error();
  if (*number > largest + (is_negative ? 1 : 0)) return out_of_range();
  return static_cast<std::int64_t>(is_negative ? 0 - *number : *number);
}

Result<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == no) return false;
  return Error(Errc::invalid_option, "neither true nor false");
}

}  // namespace raftkit::config
