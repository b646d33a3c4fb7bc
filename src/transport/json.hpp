// JSON as far as GET /members needs it. Does no I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/result.hpp"

namespace raftkit::transport {

/// Any JSON value. Numbers stay text, because member IDs do not fit a double.
struct JsonValue {
  enum class Kind : std::uint8_t { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  std::string text;  ///< of a string, decoded; of a number or boolean, as it stands
  std::vector<JsonValue> items;
  struct Field;
  std::vector<Field> fields;

  /// A field of an object, or nullptr.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;
  /// As an unsigned number; empty if it is none.
  [[nodiscard]] std::optional<std::uint64_t> number() const;
};

struct JsonValue::Field {
  std::string name;
  JsonValue value;
};

/// Errors: malformed, saying where; also for values nested deeper than anything sensible.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text);

/// With quotes and escapes.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace raftkit::transport
