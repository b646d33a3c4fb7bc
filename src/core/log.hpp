// The replicated log as the protocol sees it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <vector>

#include "raftkit/raft_options.hpp"
#include "raftkit/ready.hpp"

#include "core/entry_window.hpp"

namespace raftkit::core {

/// Positions, ascending:
///
///   base        what is up to here was compacted away (base is its last entry's id)
///   applied     the state machine holds it
///   applying    handed out for application
///   commit      a quorum holds it
///   stable      durable on this node        } these two are apart from the three
///   handed_out  given out for writing       } above: 0 <= stable <= handed_out <= last
///   last        end of the log
///
/// Entries near the end are in memory, at least those that are not yet applied or not yet durable.
/// Of older ones the log knows only the terms; whoever needs them reads them from the store.
class Log {
 public:
  struct Limits {
    std::size_t window_bytes = 0;  ///< kept in memory although durable and applied
    std::size_t apply_bytes = 0;   ///< handed out and not yet applied
    StorageMode mode = StorageMode::asynchronous;
  };

  /// Throws InvariantViolation if `initial` contradicts itself.
  Log(const InitialState& initial, Limits limits);

  // --- queries

  [[nodiscard]] Index first() const { return base_.index + 1; }
  [[nodiscard]] Index last() const { return last_; }
  [[nodiscard]] EntryId last_id() const { return {last_term(), last_}; }
  [[nodiscard]] Index commit() const { return commit_; }
  [[nodiscard]] EntryId commit_id() const { return {term_at(commit_), commit_}; }
  [[nodiscard]] Index applied() const { return applied_; }
  [[nodiscard]] Index stable() const { return stable_; }
  [[nodiscard]] bool has_pending_snapshot() const { return pending_snapshot_.has_value(); }

  /// Terms are known from the base to the last entry.
  [[nodiscard]] bool knows_term_at(Index index) const {
    return base_.index <= index && index <= last_;
  }
  /// Only where it is known.
  [[nodiscard]] Term term_at(Index index) const {
    return !runs_.empty() && index >= runs_.back().first ? runs_.back().term : older_term_at(index);
  }
  [[nodiscard]] bool matches(const EntryId& id) const {
    return knows_term_at(id.index) && term_at(id.index) == id.term;
  }
  /// The election restriction: whether a log that ends in `id` is at least as good as this one.
  /// [thesis §3.6.1]
  [[nodiscard]] bool is_up_to_date(EntryId id) const { return id >= last_id(); }
  /// The largest index <= `from.index` whose term is <= `from.term`; term 0 where it is not known.
  [[nodiscard]] EntryId find_conflict_by_term(EntryId from) const;

  /// Whether entries from `from` (<= last) on can be copied.
  [[nodiscard]] bool in_memory(Index from) const { return window_.holds(from); }
  /// Appends to `entries` those from `from` on, up to `max_bytes` but at least one; returns their
  /// bytes.
  std::size_t copy(Index from, std::size_t max_bytes, EntryList& entries) const;
  /// Whether a membership change, or what a member publishes about itself, lies among the committed
  /// entries that are not applied.
  [[nodiscard]] bool has_unapplied_membership() const;
  /// Of the committed entries that are not applied.
  [[nodiscard]] std::size_t unapplied_bytes() const { return unapplied_bytes_; }

  // --- growth

  /// The next entry.
  void append(Entry&& entry);
  struct AppendOutcome {
    bool matched = false;  ///< the log holds `previous`; if not, nothing changed
    Index agreed;          ///< the log equals the leader's up to here
    Index replaced_from;   ///< entries from here on were another leader's, and went; 0: none
  };
  /// A follower's step: if the log holds `previous`, makes it agree with the leader's.
  /// [thesis §3.5]
  [[nodiscard]] AppendOutcome try_append(const EntryId& previous,
                                         EntryList& entries,
                                         Index leader_commit);
  /// Forward only.
  void commit_to(Index index);
  /// Starts anew after a snapshot: everything before is gone, the membership came with it.
  void restore(const SnapshotMeta& snapshot);
  /// The store no longer holds `index` and what is before it.
  void compact(Index index);

  // --- hand-out and acknowledgement

  [[nodiscard]] bool has_unwritten() const {
    return handed_out_ < last_ || (pending_snapshot_ && !snapshot_handed_out_);
  }
  /// Moves everything not yet given out for writing into `batch`, with the stamp it vouches for.
  void hand_out_writes(PersistBatch& batch, Term current_term);
  void stable_to(const EntryId& id);
  void stable_snapshot_to(Index index);

  [[nodiscard]] bool has_next_committed() const {
    return !pending_snapshot_ && !apply_paused_ && applying_ < appliable();
  }
  void hand_out_committed(std::vector<Entry>& apply);
  /// Returns the bytes of the entries that are newly applied.
  std::size_t applied_to(Index index);

 private:
  [[nodiscard]] Term last_term() const { return runs_.empty() ? base_.term : runs_.back().term; }
  /// Before the last run.
  [[nodiscard]] Term older_term_at(Index index) const;
  [[nodiscard]] Index appliable() const {
    return limits_.mode == StorageMode::asynchronous ? std::min(commit_, stable_) : commit_;
  }
  [[nodiscard]] std::size_t bytes_of(Index first, Index last) const;
  void truncate(Index from);
  void evict();

  Limits limits_;
  EntryId base_;
  Index last_;
  std::vector<TermRun> runs_;  // terms of (base, last]
  EntryWindow window_;         // the entries of (some index, last]

  Index commit_;
  Index applying_;
  Index applied_;
  std::size_t applying_bytes_ = 0;   // of (applied, applying]
  std::size_t unapplied_bytes_ = 0;  // of (applied, commit]
  bool apply_paused_ = false;  // the limit was reached; more follows when something was applied

  Index stable_;
  Index handed_out_;
  Index store_last_;  // the last index in the store once everything handed out is written
  std::optional<SnapshotMeta> pending_snapshot_;  // restored, not yet durable
  bool snapshot_handed_out_ = false;
};

}  // namespace raftkit::core
