// The entries that are in memory: a queue that is appended and truncated at one end and evicted at
// the other.
#pragma once

#include <cstddef>
#include <vector>

#include "raftkit/entry.hpp"
#include "raftkit/types.hpp"

namespace raftkit::core {

/// A ring of contiguous entries. In steady state nothing is allocated: what is evicted makes room
/// for what is appended.
class EntryWindow {
 public:
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Only if not empty.
  [[nodiscard]] Index first() const { return ring_[start_].id.index; }
  [[nodiscard]] Index last() const { return at_offset(count_ - 1).id.index; }
  [[nodiscard]] bool holds(Index index) const {
    return count_ > 0 && index >= first() && index - first() < count_;
  }
  /// Only if held.
  [[nodiscard]] const Entry& at(Index index) const { return at_offset(index - first()); }

  void push_back(Entry entry);
  /// Drops `from` and everything after it.
  void truncate(Index from);
  /// Drops `to` and everything before it.
  void evict(Index to);
  void clear();

 private:
  [[nodiscard]] const Entry& at_offset(std::size_t offset) const {
    return ring_[(start_ + offset) & (ring_.size() - 1)];
  }
  void grow();

  std::vector<Entry> ring_;  // its size is a power of two
  std::size_t start_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace raftkit::core
