// Numbers in headers, URLs and JSON: the whole text, or nothing.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace raftkit::transport {

template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number = 0;
  const char* last = text.data() + text.size();
  const auto [end, ec] = std::from_chars(text.data(), last, number, base);
  if (text.empty() || ec != std::errc() || end != last) return std::nullopt;
  return number;
}

}  // namespace raftkit::transport
