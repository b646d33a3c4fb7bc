// Where the log lives.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "raftkit/raft_options.hpp"
#include "raftkit/ready.hpp"
#include "raftkit/result.hpp"

namespace raftkit {

/// What a store holds after a restart.
struct LoadedLog {
  HardState hard_state;
  SnapshotMeta snapshot;  ///< the newest one installed or compacted to; if none, index 0 and an
                          ///< empty membership
  EntryId base;           ///< the entry before the first one held; its index <= snapshot.last.index
  Index last;             ///< of the log; == base.index if it holds no entry
  std::vector<TermRun> terms;  ///< of all entries held
};

/// Entries [first, last].
struct LogRange {
  GroupId group;
  Index first;
  Index last;
  std::size_t max_bytes = 0;  ///< by Entry::size_bytes; the first entry always fits
};

/// A durable log. Implement it to bring your own; `raftkit::testing` has a conformance suite for
/// it.
///
/// Threads: load first, alone. Then write and compact are called by one thread at a time, read by
/// any, also while a write runs. After a call failed with storage_failed, every later call fails
/// too. A store may serve several groups; the group is part of every record.
class LogStorage {
 public:
  virtual ~LogStorage() = default;

  /// Reads and verifies what is there. Empty: this group was never written.
  /// Errors: corrupt_data (what, where) · io_error.
  [[nodiscard]] virtual Result<std::optional<LoadedLog>> load(GroupId group) = 0;

  /// Writes the batches in order, each atomically: after a crash a batch is there entirely or not
  /// at all, and never without its predecessors. Durable on return if any batch has needs_sync();
  /// one sync serves the whole group. May block for as long as the disk does.
  ///
  /// Each batch continues the log: a snapshot is not older than the base, `truncate_from` lies
  /// after the base (behind the end it does nothing), entries follow the end without a gap and
  /// without going back in term. What they are to replace is truncated first, by the same batch.
  ///
  /// Errors: storage_failed: nothing is known about the batches, and the log must not be used again
  /// before a restart · out_of_space: nothing was written, room may come back · invalid_argument: a
  /// batch does not continue the log; nothing was written.
  [[nodiscard]] virtual Result<void> write(std::span<const PersistBatch> batches) = 0;

  /// A non-empty prefix of the range, verified.
  /// Errors: compacted · unavailable (not written yet) · invalid_argument (an empty range) ·
  /// corrupt_data (what, where) · io_error.
  [[nodiscard]] virtual Result<std::vector<Entry>> read(const LogRange& range) = 0;

  /// Remembers `snapshot` as the newest, and forgets all entries before `keep_from`, durably and
  /// atomically. The caller has made the snapshot, or the state it stands for, durable; it lies
  /// within the log, and keep_from is at most its index + 1. With an older snapshot than the one
  /// remembered nothing happens. Errors: as write.
  [[nodiscard]] virtual Result<void> compact(GroupId group,
                                             const SnapshotMeta& snapshot,
                                             Index keep_from) = 0;
};

}  // namespace raftkit
