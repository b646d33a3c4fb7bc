// "Never again": what a store becomes when a write failed and nobody knows what is durable.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <utility>

#include "raftkit/result.hpp"

namespace raftkit::storage {

/// Keeps the first failure. Thread-safe.
class FailureLatch {
 public:
  /// Remembers `error` unless there was one before; returns the one that is remembered.
  Error fail(Error error) {
    const std::lock_guard lock(mutex_);
    if (!first_) first_ = std::move(error);
    failed_.store(true, std::memory_order_release);
    return *first_;
  }

  /// The first failure, if there was one.
  [[nodiscard]] std::optional<Error> first() const {
    if (!failed_.load(std::memory_order_acquire)) return std::nullopt;
    const std::lock_guard lock(mutex_);
    return first_;
  }

 private:
  mutable std::mutex mutex_;  // guards first_
  std::optional<Error> first_;
  std::atomic<bool> failed_ = false;  // spares the lock where all is well
};

}  // namespace raftkit::storage
