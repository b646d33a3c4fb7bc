// An input as a row of numbers and texts, and how to write one. Every row of bytes is one: where it
// ends, zeros and empty texts follow.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace raftkit::fuzz {

/// A number below this is one byte; this and those above say how many bytes of a number follow.
inline constexpr std::uint8_t kFirstLongNumber = 248;

/// What a number is that the input need not know: mostly the right one.
enum class Near : std::uint8_t { right = 0, one_more = 1, one_less = 2, other = 3 };

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(size == 0 ? std::string_view()
                        : std::string_view(reinterpret_cast<const char*>(data), size)) {}

  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  /// Small ones are short.
  std::uint64_t number() {
    const std::uint8_t first = byte();
    if (first < kFirstLongNumber) return first;
    std::uint64_t value = 0;
    for (int at = 0; at <= first - kFirstLongNumber; ++at)
      value |= std::uint64_t{byte()} << (8 * at);
    return value;
  }

  std::uint64_t below(std::uint64_t limit) { return number() % limit; }

  std::uint64_t near(std::uint64_t right) {
    switch (static_cast<Near>(byte() % 4)) {
      case Near::right:
        return right;
      case Near::one_more:
        return right + 1;
      case Near::one_less:
        return right - 1;
      case Near::other:
        return number();
    }
    return right;
  }

  std::string_view text() { return take(number()); }
  std::string_view rest() { return take(rest_.size()); }

 private:
  std::string_view take(std::uint64_t size) {
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

/// Writes what Input reads, for examples.
class Recipe {
 public:
  Recipe& byte(std::uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  Recipe& number(std::uint64_t value) {
    if (value < kFirstLongNumber) return byte(static_cast<std::uint8_t>(value));
    std::uint8_t size = 1;
    while (size < sizeof value && value >> (8 * size) != 0)
      ++size;
    byte(static_cast<std::uint8_t>(kFirstLongNumber + size - 1));
    for (int at = 0; at < size; ++at)
      byte(static_cast<std::uint8_t>(value >> (8 * at)));
    return *this;
  }
  Recipe& right() { return byte(static_cast<std::uint8_t>(Near::right)); }
  Recipe& other(std::uint64_t value) {
    return byte(static_cast<std::uint8_t>(Near::other)).number(value);
  }
  Recipe& text(std::string_view text) { return number(text.size()).rest(text); }
  Recipe& rest(std::string_view text) {
    bytes_ += text;
    return *this;
  }

  operator std::string() const { return bytes_; }  // NOLINT(google-explicit-constructor)

 private:
  std::string bytes_;
};

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

[[nodiscard]] inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace raftkit::fuzz
