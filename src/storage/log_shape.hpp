// A log without its entries: which indexes it holds and of which terms. Stores keep it in memory to
// check what they are asked for, so that a caller's mistake cannot become a hole on the disk.
#pragma once

#include <optional>

#include "raftkit/log_storage.hpp"

namespace raftkit::storage {

/// Of a group that was never written. Its snapshot is the empty state before the first entry.
[[nodiscard]] LoadedLog empty_log();

/// The term of the entry at `index`, which is held or is the base.
[[nodiscard]] std::optional<Term> term_at(const LoadedLog& log, Index index);

/// Whether it can be: whatever others do with it relies on that.
[[nodiscard]] bool is_consistent(const LoadedLog& log);

/// Whether they hold the same state, members and entries. No membership is like an empty one.
[[nodiscard]] bool is_same(const LoadedLog& left, const LoadedLog& right);

/// Adds the next entry. Errors: corrupt_data, with a reason but no place, if it does not follow.
[[nodiscard]] Result<void> append(LoadedLog& log, const EntryId& next);

/// Whether there is nothing in `batch` to write: it may hold nothing but messages.
[[nodiscard]] bool is_empty(const PersistBatch& batch);

/// What `log` is after `batch`. Errors: invalid_argument: the batch does not continue this log;
/// then `log` is worthless.
[[nodiscard]] Result<void> apply(LoadedLog& log, const PersistBatch& batch);

/// What `log` is after LogStorage::compact. False: nothing changed, a newer snapshot is known.
/// Errors: invalid_argument, as above.
[[nodiscard]] Result<bool> compact(LoadedLog& log, const SnapshotMeta& snapshot, Index keep_from);

/// The same, but terms of what it forgets may stay in `log` until settle(): one of many such calls
/// costs no more for a long log. Meanwhile nothing else here but is_same and is_consistent differs.
[[nodiscard]] Result<bool> compact_lazily(LoadedLog& log,
                                          const SnapshotMeta& snapshot,
                                          Index keep_from);
void settle(LoadedLog& log);

/// The last index of `range` that a log of (base, last] holds.
/// Errors: compacted · unavailable · invalid_argument: the range is empty.
[[nodiscard]] Result<Index> readable_end(Index base, Index last, const LogRange& range);

/// Takes entries as long as they fit into LogRange::max_bytes; the first always does.
class ReadBudget {
 public:
  explicit ReadBudget(std::size_t bytes) : left_(bytes) {}

  [[nodiscard]] bool takes(const Entry& entry) {
    const std::size_t size = entry.size_bytes();
    const bool fits = is_first_ || size <= left_;
    is_first_ = false;
    left_ -= fits && size <= left_ ? size : left_;
    return fits;
  }

 private:
  std::size_t left_;
  bool is_first_ = true;
};

}  // namespace raftkit::storage
