#include "transport/json.hpp"

#include <algorithm>

#include "transport/parse_number.hpp"

namespace raftkit::transport {

namespace {

constexpr int kMaxDepth = 16;

void append_utf8(std::string& text, std::uint32_t code) {
  const auto byte = [&](std::uint32_t value) {
    text.push_back(static_cast<char>(static_cast<unsigned char>(value)));
  };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xc0U | (code >> 6));
    byte(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    byte(0xe0U | (code >> 12));
    byte(0x80U | ((code >> 6) & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  } else {
    byte(0xf0U | (code >> 18));
    byte(0x80U | ((code >> 12) & 0x3fU));
    byte(0x80U | ((code >> 6) & 0x3fU));
    byte(0x80U | (code & 0x3fU));
  }
}

/// Recursive descent; the first error stops everything.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<JsonValue> document() {
    JsonValue value = any(0);
    skip_space();
    if (position_ != text_.size()) fail();
    if (failed_)
      return Error(Errc::malformed, "JSON: not understood at byte " + std::to_string(position_));
    return value;
  }

 private:
  void fail() { failed_ = true; }

  void skip_space() {
    constexpr std::string_view kSpace = " \t\r\n";
    position_ = std::min(text_.find_first_not_of(kSpace, position_), text_.size());
  }
  /// Takes `expected` if it comes next.
  bool take(std::string_view expected) {
    if (text_.substr(position_, expected.size()) != expected) return false;
    position_ += expected.size();
    return true;
  }

  JsonValue any(int depth) {
    skip_space();
    JsonValue value;
    if (depth > kMaxDepth || position_ == text_.size()) {
      fail();
    } else if (take("{")) {
      object(value, depth);
    } else if (take("[")) {
      array(value, depth);
    } else if (take("\"")) {
      value.kind = JsonValue::Kind::string;
      value.text = string();
    } else if (take("true") || take("false")) {
      value.kind = JsonValue::Kind::boolean;
      value.text = text_[position_ - 2] == 'u' ? "true" : "false";
    } else if (!take("null")) {
      number(value);
    }
    return value;
  }

  void object(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::object;
    skip_space();
    if (take("}")) return;
    while (!failed_) {
      skip_space();
      if (!take("\"")) return fail();
      std::string name = string();
      skip_space();
      if (!take(":")) return fail();
      value.fields.push_back({std::move(name), any(depth + 1)});
      skip_space();
      if (take("}")) return;
      if (!take(",")) return fail();
    }
  }

  void array(JsonValue& value, int depth) {
    value.kind = JsonValue::Kind::array;
    skip_space();
    if (take("]")) return;
    while (!failed_) {
      value.items.push_back(any(depth + 1));
      skip_space();
      if (take("]")) return;
      if (!take(",")) return fail();
    }
  }

  void number(JsonValue& value) {
    const std::size_t end =
        std::min(text_.find_first_not_of("+-.0123456789eE", position_), text_.size());
    value.kind = JsonValue::Kind::number;
    value.text = text_.substr(position_, end - position_);
    if (value.text.empty()) fail();
    position_ = end;
  }

  std::string string() {
    std::string value;
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c == '"') return value;
      if (static_cast<unsigned char>(c) < 0x20) break;
      if (c != '\\') {
        value.push_back(c);
      } else if (!escape(value)) {
        break;
      }
    }
    fail();
    return value;
  }

  bool escape(std::string& value) {
    if (position_ == text_.size()) return false;
    const char c = text_[position_++];
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const auto at = kNames.find(c); at != std::string_view::npos) {
      value.push_back(kValues[at]);
      return true;
    }
    if (c != 'u') return false;
    const auto first = code_unit();
    if (!first || (*first >= 0xdc00 && *first < 0xe000)) return false;
    if (*first < 0xd800 || *first >= 0xe000) {
      append_utf8(value, *first);
      return true;
    }
    if (!take("\\u")) return false;
    const auto second = code_unit();
    if (!second || *second < 0xdc00 || *second >= 0xe000) return false;
    append_utf8(value, 0x10000U + ((*first - 0xd800U) << 10) + (*second - 0xdc00U));
    return true;
  }

  std::optional<std::uint32_t> code_unit() {
    const std::string_view digits = text_.substr(position_, 4);
    position_ += digits.size();
    return digits.size() == 4 ? parse_number<std::uint32_t>(digits, 16) : std::nullopt;
  }

  std::string_view text_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace

const JsonValue* JsonValue::find(std::string_view name) const {
  const auto at = std::find_if(
      fields.begin(), fields.end(), [&](const auto& field) { return field.name == name; });
  return at == fields.end() ? nullptr : &at->value;
}

std::optional<std::uint64_t> JsonValue::number() const {
  return kind == Kind::number ? parse_number<std::uint64_t>(text) : std::nullopt;
}

Result<JsonValue> parse_json(std::string_view text) {
  return Parser(text).document();
}

std::string json_string(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted.push_back('\\');
      quoted.push_back(c);
    } else if (code < 0x20) {
      quoted += "\\u00";
      quoted.push_back(kHex[code >> 4]);
      quoted.push_back(kHex[code & 0xfU]);
    } else {
      quoted.push_back(c);
    }
  }
  return quoted + "\"";
}

}  // namespace raftkit::transport
