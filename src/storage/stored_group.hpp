// A group of the log in a key-value store: what counts, and what is only not deleted yet.
#pragma once

#include <algorithm>
#include <vector>

#include "storage/log_records.hpp"
#include "storage/log_shape.hpp"

namespace raftkit::storage {

/// The state record as it is in memory. Owner: the store's writer.
class StoredGroup {
 public:
  StoredGroup() = default;
  StoredGroup(LoadedLog log, const StateRecord& state)
      : log_(std::move(log)), top_(state.top), garbage_(state.garbage) {}

  /// Errors: as storage::apply; the object is worthless then.
  [[nodiscard]] Result<void> apply(const PersistBatch& batch) {
    const Index old_base = log_.base.index;
    if (auto applied = storage::apply(log_, batch); !applied) return applied;
    if (batch.snapshot) discard({old_base + 1, std::min(top_, log_.base.index)});
    top_ = std::max(top_, log_.last);
    return {};
  }

  /// As storage::compact.
  [[nodiscard]] Result<bool> compact(const SnapshotMeta& snapshot, Index keep_from) {
    const Index old_base = log_.base.index;
    auto compacted = storage::compact(log_, snapshot, keep_from);
    if (compacted) discard({old_base + 1, log_.base.index});
    return compacted;
  }

  /// Calls `remove` for up to `limit` indexes of entries that do not count, and forgets them.
  template <class Remove>
  void collect(std::size_t limit, const Remove& remove) {
    for (; limit > 0 && top_ > log_.last; --limit) {
      remove(top_);
      top_ = top_ - 1;
    }
    for (; limit > 0 && !garbage_.empty(); --limit) {
      IndexRange& range = garbage_.front();
      remove(range.first);
      if (range.first == range.last) {
        garbage_.erase(garbage_.begin());
      } else {
        ++range.first;
      }
    }
  }

  [[nodiscard]] const LoadedLog& log() const { return log_; }
  [[nodiscard]] StateRecord state() const {
    return {
        log_.hard_state, log_.base, log_.last, top_, garbage_, log_.snapshot.last.index > Index{}};
  }

 private:
  void discard(const IndexRange& range) {
    if (range.first > range.last) return;
    if (!garbage_.empty() && garbage_.back().last + 1 == range.first) {
      garbage_.back().last = range.last;
    } else {
      garbage_.push_back(range);
    }
  }

  LoadedLog log_ = empty_log();
  Index top_;
  std::vector<IndexRange> garbage_;
};

}  // namespace raftkit::storage
