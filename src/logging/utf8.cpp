#include "logging/utf8.hpp"

#include <algorithm>

namespace raftkit::logging {

namespace {

unsigned char byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

bool is_continuation(char character) {
  return (static_cast<unsigned char>(character) & 0xc0U) == 0x80;
}

// How long a character is that begins with this byte; 0 if none does.
std::size_t length_from(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}

// Overlong forms, surrogates and numbers above 10FFFF show in the second byte.
bool is_forbidden(unsigned char first, unsigned char second) {
  return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
         (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
}

// The length of the character at the beginning of `text`; 0 if there is none.
std::size_t character_length(std::string_view text) {
  const std::size_t length = length_from(byte_at(text, 0));
  if (length < 2) return length;
  const std::string_view rest = text.substr(1, length - 1);
  if (rest.size() + 1 < length || !std::all_of(rest.begin(), rest.end(), is_continuation)) return 0;
  return is_forbidden(byte_at(text, 0), byte_at(text, 1)) ? 0 : length;
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) {
      result += "\xEF\xBF\xBD";
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return result;
}

}  // namespace raftkit::logging
