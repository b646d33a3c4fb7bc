// The appends that were sent to one follower and not yet answered.
#pragma once

#include <cstddef>

#include "raftkit/types.hpp"

#include "base/assert.hpp"
#include "core/ring.hpp"

namespace raftkit::core {

/// A sliding window, bounded by messages and by bytes. The byte bound may be overshot by one
/// message, so that any message fits an empty window. Memory grows on demand: most followers never
/// fill their window.
class Inflights {
 public:
  struct Limits {
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };

  explicit Inflights(Limits limits) : limits_(limits) {}

  /// One more append, whose last entry is `last`. Must not be full.
  void add(Index last, std::size_t bytes) {
    RAFTKIT_ASSERT(!full(), "INV-INFLIGHT-BOUND", count(), bytes_);
    Append& append = appends_.emplace_back();
    append.last = last;
    append.bytes = bytes;
    bytes_ += bytes;
  }
  /// All appends up to `index` were answered.
  void free_to(Index index) {
    while (!appends_.empty() && appends_.front().last <= index) {
      bytes_ -= appends_.front().bytes;
      appends_.pop_front();
    }
  }
  void clear() {
    appends_.clear();
    bytes_ = 0;
  }

  [[nodiscard]] bool full() const { return count() >= limits_.messages || bytes_ >= limits_.bytes; }
  [[nodiscard]] std::size_t count() const { return appends_.size(); }

 private:
  struct Append {
    Index last;
    std::size_t bytes = 0;
  };

  Limits limits_;
  Ring<Append> appends_;
  std::size_t bytes_ = 0;
};

}  // namespace raftkit::core
