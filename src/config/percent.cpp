#include "config/percent.hpp"

namespace raftkit::config {

namespace {

bool is_one_of(char character, std::string_view set) {
  return set.find(character) != std::string_view::npos;
}

bool is_alphanumeric(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9');
}

bool is_host(UrlPart part) {
  return part == UrlPart::host || part == UrlPart::zone;
}

std::optional<unsigned> hex_digit(char character) {
  if (character >= '0' && character <= '9') return static_cast<unsigned>(character - '0');
  if (character >= 'a' && character <= 'f') return static_cast<unsigned>(character - 'a') + 10;
  if (character >= 'A' && character <= 'F') return static_cast<unsigned>(character - 'A') + 10;
  return std::nullopt;
}

// The character that the escape at the beginning of `text` stands for.
std::optional<char> escaped_character(std::string_view text, UrlPart part) {
  if (text.size() < 3) return std::nullopt;
  const auto high = hex_digit(text[1]);
  const auto low = hex_digit(text[2]);
  if (!high || !low) return std::nullopt;
  const auto character = static_cast<char>(*high << 4U | *low);
  const bool is_percent_sign = character == '%';
  // A host may escape only bytes beyond ASCII (RFC 6874 adds the % before a zone); a zone only what
  // could also stand unescaped, and blanks, which Windows puts into interface names.
  if (part == UrlPart::host && *high < 8 && !is_percent_sign) return std::nullopt;
  if (part == UrlPart::zone && !is_percent_sign && character != ' ' &&
      must_escape(character, UrlPart::host))
    return std::nullopt;
  return character;
}

}  // namespace

bool must_escape(char character, UrlPart part) {
  if (is_alphanumeric(character) || is_one_of(character, "-_.~")) return false;
  switch (part) {
    case UrlPart::host:
    case UrlPart::zone:
      return !is_one_of(character, "!$&'()*+,;=:[]<>\"");
    case UrlPart::user_info:
      return !is_one_of(character, "$&+,;=");
    case UrlPart::fragment:
      return !is_one_of(character, "$&+,/:;=?@!()*");
  }
  return true;
}

std::string escape(std::string_view text, UrlPart part) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string result;
  for (const char character : text) {
    if (must_escape(character, part)) {
      const auto byte = static_cast<unsigned char>(character);
      result += '%';
      result += digits[byte >> 4U];
      result += digits[byte & 0xfU];
    } else {
      result += character;
    }
  }
  return result;
}

std::optional<std::string> unescape(std::string_view text, UrlPart part) {
  std::string result;
  while (!text.empty()) {
    if (text.front() == '%') {
      const auto character = escaped_character(text, part);
      if (!character) return std::nullopt;
      result += *character;
      text.remove_prefix(3);
      continue;
    }
    const bool is_ascii = static_cast<unsigned char>(text.front()) < 0x80;
    if (is_host(part) && is_ascii && must_escape(text.front(), part)) return std::nullopt;
    result += text.front();
    text.remove_prefix(1);
  }
  return result;
}

}  // namespace raftkit::config
