#include "logging/format.hpp"

#include <algorithm>

#include "logging/utf8.hpp"

namespace raftkit::logging {

namespace {

bool is_control(char character) {
  return static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
}

// An escape, in JSON's spelling, for what would break the line or act on a terminal.
void append_character(std::string& line, char character) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (character == '\n') {
    line += "\\n";
  } else if (character == '\t') {
    line += "\\t";
  } else if (is_control(character)) {
    const auto byte = static_cast<unsigned char>(character);
    line += "\\u00";
    line += digits[byte >> 4U];
    line += digits[byte & 0xfU];
  } else {
    line += character;
  }
}

void append_text(std::string& line, std::string_view text) {
  for (const char character : text)
    append_character(line, character);
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char character : text) {
    if (character == '"' || character == '\\') line += '\\';
    append_character(line, character);
  }
  line += '"';
}

void append_value(std::string& line, std::string_view value) {
  const bool needs_quotes =
      value.empty() || std::any_of(value.begin(), value.end(), [](char character) {
        return character == ' ' || character == '"' || character == '=' || is_control(character);
      });
  if (needs_quotes) {
    append_quoted(line, value);
  } else {
    line += value;
  }
}

void append_member(std::string& line, std::string_view key, std::string_view value) {
  if (!line.empty()) line += ',';
  append_quoted(line, valid_utf8(key));
  line += ':';
  append_quoted(line, valid_utf8(value));
}

}  // namespace

std::string capnslog_text(const LogRecord& record) {
  std::string line;
  append_text(line, record.event);
  if (!record.event.empty() && !record.text.empty()) line += ": ";
  append_text(line, record.text);
  for (const LogField& field : record.fields) {
    line += ' ';
    append_text(line, field.key);
    line += '=';
    append_value(line, field.value);
  }
  return line;
}

std::string zap_members(const LogRecord& record) {
  std::string line;
  append_member(line, "msg", record.text.empty() ? record.event : record.text);
  append_member(line, "event", record.event);
  for (const LogField& field : record.fields)
    append_member(line, field.key, field.value);
  return line;
}

}  // namespace raftkit::logging
