#include "config/text.hpp"

#include <algorithm>
#include <array>

namespace raftkit::config {

namespace {

// Unicode's White_Space, as UTF-8.
constexpr std::array<std::string_view, 25> kSpaces = {
    "\t",           "\n",           "\v",           "\f",           "\r",           " ",
    "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\x80", "\xE2\x80\x81", "\xE2\x80\x82",
    "\xE2\x80\x83", "\xE2\x80\x84", "\xE2\x80\x85", "\xE2\x80\x86", "\xE2\x80\x87", "\xE2\x80\x88",
    "\xE2\x80\x89", "\xE2\x80\x8A", "\xE2\x80\xA8", "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F",
    "\xE3\x80\x80"};

std::size_t space_at_begin(std::string_view text) {
  const auto* const found = std::find_if(
      kSpaces.begin(), kSpaces.end(), [&](auto space) { return text.starts_with(space); });
  return found == kSpaces.end() ? 0 : found->size();
}

std::size_t space_at_end(std::string_view text) {
  const auto* const found = std::find_if(
      kSpaces.begin(), kSpaces.end(), [&](auto space) { return text.ends_with(space); });
  return found == kSpaces.end() ? 0 : found->size();
}

}  // namespace

std::string_view trim_space(std::string_view text) {
  while (const std::size_t length = space_at_begin(text))
    text.remove_prefix(length);
  while (const std::size_t length = space_at_end(text))
    text.remove_suffix(length);
  return text;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const std::size_t at = text.find(separator);
    pieces.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return pieces;
    text.remove_prefix(at + 1);
  }
}

std::pair<std::string_view, std::string_view> cut(std::string_view text, char separator) {
  const std::size_t at = text.find(separator);
  if (at == std::string_view::npos) return {text, {}};
  return {text.substr(0, at), text.substr(at + 1)};
}

std::string join(std::span<const std::string> pieces) {
  std::string joined;
  for (const std::string& piece : pieces) {
    if (&piece != pieces.data()) joined += ',';
    joined += piece;
  }
  return joined;
}

std::string quoted(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      result += '\\';
      result += character;
    } else if (byte < 0x20 || byte == 0x7f) {
      result += "\\x";
      result += digits[byte >> 4U];
      result += digits[byte & 0xfU];
    } else {
      result += character;
    }
  }
  return result + '"';
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return result;
}

}  // namespace raftkit::config
