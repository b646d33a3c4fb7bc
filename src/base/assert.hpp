// Assertions that stay on in release builds.
#pragma once

#include <concepts>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "raftkit/types.hpp"

namespace raftkit::base {

/// Thrown by RAFTKIT_ASSERT and caught where the pure layers are entered (RawNode, Driver), which
/// then refuse to do anything more: a replica that has left the protocol must neither write nor
/// speak. It never crosses raftkit's API.
class InvariantViolation : public std::logic_error {
 public:
  InvariantViolation(std::string_view id, std::string_view expression, const std::string& values);

  [[nodiscard]] const std::string& id() const { return id_; }

 private:
  std::string id_;
};

namespace detail {

inline std::string show(std::string_view text) {
  return std::string(text);
}
inline std::string show(bool value) {
  return value ? "true" : "false";
}
template <std::integral Number>
requires(!std::same_as<Number, bool>) std::string show(Number value) {
  return std::to_string(value);
}
template <class T>
requires requires(const T& value) {
  raftkit::to_string(value);
}
std::string show(const T& value) {
  return raftkit::to_string(value);
}
template <class T>
std::string show(const std::optional<T>& value) {
  return value ? show(*value) : "none";
}

template <class... Values>
[[noreturn, gnu::cold, gnu::noinline]] void violated(std::string_view expression,
                                                     std::string_view id,
                                                     const Values&... values) {
  std::string shown;
  ((shown += shown.empty() ? "" : ", ", shown += show(values)), ...);
  throw InvariantViolation(id, expression, shown);
}

}  // namespace detail

}  // namespace raftkit::base

/// RAFTKIT_ASSERT(condition, "INV-NAME", values...): what must hold, its name in docs/protocol.md,
/// and the values to look at when it does not.
#define RAFTKIT_ASSERT(condition, ...)                            \
  do {                                                            \
    if (!(condition)) [[unlikely]]                                \
      ::raftkit::base::detail::violated(#condition, __VA_ARGS__); \
  } while (false)
