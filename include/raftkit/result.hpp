// A value or the reason why there is none. Member names are those of C++23's std::expected, so that
// one day it can be an alias.
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "raftkit/error.hpp"

namespace raftkit {

/// Holds either a T or an Error. Reading the one that is not there throws std::bad_variant_access,
/// which is a defect of the caller.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  using error_type = Error;

  template <class U = T>
  requires std::is_constructible_v<T, U&&> &&(!std::is_same_v<std::remove_cvref_t<U>, Result>)&&(
      !std::is_same_v<std::remove_cvref_t<U>, Error>)&&(!std::is_same_v<std::remove_cvref_t<U>,
                                                                        Errc>)
      Result(U&& value)  // NOLINT(google-explicit-constructor): returning the value is the point
      : state_(std::in_place_index<0>, std::forward<U>(value)) {}
  Result(Error error)  // NOLINT(google-explicit-constructor): returning the error is the point
      : state_(std::in_place_index<1>, std::move(error)) {}
  Result(Errc code)  // NOLINT(google-explicit-constructor): as above
      : state_(std::in_place_index<1>, Error(code)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  [[nodiscard]] explicit operator bool() const { return has_value(); }

  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T& operator*() & { return std::get<0>(state_); }
  [[nodiscard]] const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& operator*() && { return std::get<0>(std::move(state_)); }
  [[nodiscard]] T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(state_); }

  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or the reason why not.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  using error_type = Error;

  Result() = default;
  Result(Error error)  // NOLINT(google-explicit-constructor): returning the error is the point
      : error_(std::move(error)), failed_(true) {}
  Result(Errc code) : Result(Error(code)) {}  // NOLINT(google-explicit-constructor): as above

  [[nodiscard]] bool has_value() const { return !failed_; }
  [[nodiscard]] explicit operator bool() const { return !failed_; }
  void value() const {
    if (failed_) throw std::bad_variant_access();
  }

  [[nodiscard]] const Error& error() const& { return error_; }
  [[nodiscard]] Error&& error() && { return std::move(error_); }

 private:
  Error error_{error_code{}};
  bool failed_ = false;
};

}  // namespace raftkit
