// Protocol-buffer encoding for the few values that the pure layers must read and write themselves.
// The messages are those of src/wire/raftkit.proto, where a test compares both encoders.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "raftkit/bytes.hpp"

namespace raftkit::base {

/// Appends fields to a growing message. Zero numbers and empty strings are written only where asked
/// for, as proto3 does.
class ProtoWriter {
 public:
  void varint(std::uint32_t field, std::uint64_t value) {
    if (value != 0) always_varint(field, value);
  }
  void always_varint(std::uint32_t field, std::uint64_t value);
  void text(std::uint32_t field, std::string_view value) {
    if (!value.empty()) always_text(field, value);
  }
  void always_text(std::uint32_t field, std::string_view value);
  /// Begins a text of `size` bytes, which must follow.
  void text_head(std::uint32_t field, std::size_t size);

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void raw_varint(std::uint64_t value);
  std::string bytes_;
};

/// Walks over the fields of a message. A malformed message ends the walk with failed() set.
class ProtoReader {
 public:
  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}

  /// The number of the next field; empty at the end, or when failed.
  std::optional<std::uint32_t> next();
  /// The value of the current field, whatever type of number; 0 if it is none.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// The value of the current field; empty if it is a number.
  [[nodiscard]] std::string_view text() const { return text_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::optional<std::uint64_t> raw_varint();
  std::optional<std::uint64_t> fixed(std::size_t width);

  std::string_view rest_;
  std::uint64_t number_ = 0;
  std::string_view text_;
  bool failed_ = false;
};

}  // namespace raftkit::base
