// What one node's disk holds.
#pragma once

#include <optional>
#include <vector>

#include "raftkit/raft_options.hpp"

#include "testing/check.hpp"

namespace raftkit::testing {

/// Stands for a log up to some entry: equal for equal histories.
using HistoryHash = std::uint64_t;
[[nodiscard]] HistoryHash after(HistoryHash before, const Entry& entry);

/// A log in a vector, as PersistBatches build it up. Knows for each entry the hash of all up to it.
class LogImage {
 public:
  explicit LogImage(SnapshotMeta bootstrap)
      : hard{bootstrap.last.term, std::nullopt, bootstrap.last.index},
        snapshot(std::move(bootstrap)),
        base_(snapshot.last) {}

  /// `installed` is the hash of the state that the batch's snapshot stands for, if it has one.
  void apply(const PersistBatch& batch, HistoryHash installed);
  void compact(Index index);

  [[nodiscard]] EntryId base() const { return base_; }
  [[nodiscard]] Index last() const { return base_.index + entries_.size(); }
  [[nodiscard]] bool holds(Index index) const { return index > base_.index && index <= last(); }
  /// Only from the base to the last.
  [[nodiscard]] EntryId id_at(Index index) const;
  [[nodiscard]] HistoryHash hash_at(Index index) const;
  /// Only if held.
  [[nodiscard]] const Entry& at(Index index) const {
    require(holds(index), "log: index ", index, " is not in it");
    return entries_[index - base_.index - 1];
  }
  /// Whether the entry is here, or was and is covered by a snapshot.
  [[nodiscard]] bool covers(EntryId id) const {
    return id.index <= base_.index || (holds(id.index) && id_at(id.index) == id);
  }
  [[nodiscard]] std::vector<Entry> read(Index first, Index last, std::size_t max_bytes) const;
  /// What a node wakes up with that has applied `applied`, when these were the members; `kept`
  /// older entries are in memory.
  [[nodiscard]] InitialState initial(Index applied,
                                     MembershipPtr membership,
                                     std::size_t kept) const;

  HardState hard;
  SnapshotMeta snapshot;

 private:
  EntryId base_;
  HistoryHash base_hash_ = 0;
  std::vector<Entry> entries_;
  std::vector<HistoryHash> hashes_;
};

}  // namespace raftkit::testing
