// The entries that are in memory: a queue that is appended and truncated at one end and evicted at
// the other.
#pragma once

#include <cstddef>

#include "raftkit/entry.hpp"
#include "raftkit/types.hpp"

#include "core/ring.hpp"

namespace raftkit::core {

/// Contiguous entries. In steady state nothing is allocated: what is evicted makes room for what is
/// appended.
class EntryWindow {
 public:
  [[nodiscard]] bool empty() const { return ring_.empty(); }
  [[nodiscard]] std::size_t count() const { return ring_.size(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Only if not empty.
  [[nodiscard]] Index first() const { return first_; }
  [[nodiscard]] Index last() const { return first_ + ring_.size() - 1; }
  [[nodiscard]] bool holds(Index index) const {
    return index >= first_ && index - first_ < ring_.size();
  }
  /// Only if held.
  [[nodiscard]] const Entry& at(Index index) const { return ring_[index - first_]; }

  void push_back(Entry&& entry) {
    if (empty()) first_ = entry.id.index;
    bytes_ += entry.size_bytes();
    ring_.emplace_back() = std::move(entry);
  }
  /// Drops `from` and everything after it.
  void truncate(Index from) {
    while (!empty() && last() >= from) {
      bytes_ -= ring_.back().size_bytes();
      ring_.pop_back();
    }
  }
  /// Drops `to` and everything before it.
  void evict(Index to) {
    while (!empty() && first_ <= to) {
      bytes_ -= ring_.front().size_bytes();
      ring_.pop_front();
      ++first_;
    }
  }
  void clear() {
    ring_.clear();
    bytes_ = 0;
  }

 private:
  Ring<Entry> ring_;
  Index first_;  // of the front entry
  std::size_t bytes_ = 0;
};

}  // namespace raftkit::core
