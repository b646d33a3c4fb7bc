// A callable that is called at most once and owned by one holder (C++23 has
// std::move_only_function).
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace raftkit::base {

template <class Signature>
class UniqueFunction;

/// Holds any callable, also one that can only be moved. Calling an empty one does nothing.
template <class... Args>
class UniqueFunction<void(Args...)> {
 public:
  UniqueFunction() = default;
  template <class Callable>
  requires(!std::is_same_v<std::remove_cvref_t<Callable>, UniqueFunction>) &&
      std::is_invocable_v<Callable&, Args...> UniqueFunction(
          Callable callable)  // NOLINT(google-explicit-constructor): as std::function
      : held_(std::make_unique<Model<Callable>>(std::move(callable))) {}

  void operator()(Args... args) {
    if (held_) std::exchange(held_, nullptr)->call(std::forward<Args>(args)...);
  }
  [[nodiscard]] explicit operator bool() const { return held_ != nullptr; }

 private:
  struct Held {
    Held() = default;
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    virtual ~Held() = default;
    virtual void call(Args... args) = 0;
  };
  template <class Callable>
  struct Model final : Held {
    explicit Model(Callable held) : callable(std::move(held)) {}
    void call(Args... args) override { callable(std::forward<Args>(args)...); }
    Callable callable;
  };

  std::unique_ptr<Held> held_;
};

}  // namespace raftkit::base
