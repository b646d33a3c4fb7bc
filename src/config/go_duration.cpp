#include <algorithm>
#include <array>
#include <limits>

#include "config/go_values.hpp"

namespace raftkit::config {

namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;
  std::uint64_t length_ns;
};

// From the largest to the smallest; the micro sign comes in two spellings.
constexpr std::array<Unit, 8> kUnits = {{{"h", 3'600'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"s", 1'000'000'000},
                                         {"ms", 1'000'000},
                                         {"us", 1'000},
                                         {"\xC2\xB5s", 1'000},
                                         {"\xCE\xBCs", 1'000},
                                         {"ns", 1}}};
constexpr std::uint64_t kMaximum = std::uint64_t{1} << 63U;  // one more than a positive one may be

Error not_duration() {
  return {Errc::invalid_option, "not a duration with a unit, such as 100ms, 5s or 1h30m"};
}

Error too_long() {
  return {Errc::invalid_option, "out of range"};
}

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

std::string_view take_digits(std::string_view& text) {
  const auto length =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  const std::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

const Unit* take_unit(std::string_view& text) {
  const auto* const end = std::find_if(text.begin(), text.end(), [](char character) {
    return character == '.' || is_digit(character);
  });
  const std::string_view name = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(name.size());
  const auto* const unit = std::find_if(
      kUnits.begin(), kUnits.end(), [&](const Unit& candidate) { return candidate.name == name; });
  return unit == kUnits.end() ? nullptr : unit;
}

// 0.digits of a unit, in nanoseconds, rounded down. In floating point, as Go computes it.
std::uint64_t fraction_ns(std::string_view digits, const Unit& unit) {
  constexpr std::uint64_t exact = std::numeric_limits<std::int64_t>::max() / 10;
  std::uint64_t number = 0;
  double scale = 1;
  for (const char digit : digits) {
    const std::uint64_t next = number * 10 + static_cast<std::uint64_t>(digit - '0');
    if (number > exact || next > kMaximum) break;
    number = next;
    scale *= 10;
  }
  return static_cast<std::uint64_t>(static_cast<double>(number) *
                                    (static_cast<double>(unit.length_ns) / scale));
}

// One number with its unit, such as "1.5h", taken from the beginning of `text`.
Result<std::uint64_t> take_term(std::string_view& text) {
  const std::string_view whole = take_digits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = take_digits(text);
  }
  if (whole.empty() && fraction.empty()) return not_duration();
  const Unit* const unit = take_unit(text);
  if (unit == nullptr) return not_duration();
  std::uint64_t number = 0;
  for (const char digit : whole) {
    if (number > kMaximum / 10) return too_long();
    number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    if (number > kMaximum) return too_long();
  }
  if (number > kMaximum / unit->length_ns) return too_long();
  return number * unit->length_ns + fraction_ns(fraction, *unit);
}

}  // namespace

Result<nanoseconds> parse_duration(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return nanoseconds::zero();
  if (text.empty()) return not_duration();
  std::uint64_t total = 0;
  while (!text.empty()) {
    const auto term = take_term(text);
    if (!term) return term.error();
    if (*term > kMaximum || total + *term > kMaximum) return too_long();
    total += *term;
  }
  if (!is_negative && total == kMaximum) return too_long();
  return nanoseconds(static_cast<std::int64_t>(is_negative ? 0 - total : total));
}

std::string format_duration(nanoseconds duration) {
  if (duration == nanoseconds::zero()) return "0s";
  const auto* const unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) {
    return duration.count() % static_cast<std::int64_t>(candidate.length_ns) == 0;
  });
  return std::to_string(duration.count() / static_cast<std::int64_t>(unit->length_ns)) +
         std::string(unit->name);
}

}  // namespace raftkit::config
