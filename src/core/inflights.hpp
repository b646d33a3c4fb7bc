// The appends that were sent to one follower and not yet answered.
#pragma once

#include <cstddef>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::core {

/// A sliding window, bounded by messages and by bytes. The byte bound may be overshot by one
/// message, so that any message fits an empty window.
class Inflights {
 public:
  struct Limits {
    std::size_t messages = 0;
    std::size_t bytes = 0;
  };

  explicit Inflights(Limits limits) : limits_(limits) {}

  /// One more append, whose last entry is `last`. Must not be full.
  void add(Index last, std::size_t bytes);
  /// All appends up to `index` were answered.
  void free_to(Index index);
  void clear();

  [[nodiscard]] bool full() const { return count_ >= limits_.messages || bytes_ >= limits_.bytes; }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  struct Append {
    Index last;
    std::size_t bytes = 0;
  };

  void grow();

  Limits limits_;
  std::vector<Append> ring_;  // grows on demand: most followers never fill their window
  std::size_t start_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace raftkit::core
