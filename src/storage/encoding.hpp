// Fixed-width numbers in files: little-endian. Only keys are big-endian, so that they sort.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace raftkit::storage {

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <class Number>
requires std::is_unsigned_v<Number>
void put(std::string& target, std::type_identity_t<Number> value) {
  for (std::size_t at = 0; at < sizeof(Number); ++at)
    target.push_back(static_cast<char>(value >> (8 * at)));
}

/// Takes a record apart from the front. Reading past its end yields zeros and sets failed().
class RecordReader {
 public:
  explicit RecordReader(std::string_view bytes) : rest_(bytes) {}

  template <class Number>
  requires std::is_unsigned_v<Number> Number take() {
    if (rest_.size() < sizeof(Number)) {
      rest_ = {};
      failed_ = true;
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t at = 0; at < sizeof(Number); ++at)
      value |= std::uint64_t{static_cast<unsigned char>(rest_[at])} << (8 * at);
    rest_.remove_prefix(sizeof(Number));
    return static_cast<Number>(value);
  }

  std::string_view take_bytes(std::size_t size) {
    if (rest_.size() < size) {
      rest_ = {};
      failed_ = true;
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace raftkit::storage
