// How a core is tuned and what it wakes up with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "raftkit/ready.hpp"
#include "raftkit/result.hpp"

namespace raftkit {

/// When the embedder reports a write as durable, relative to handing on the messages it made true.
enum class StorageMode : std::uint8_t {
  /// One Ready at a time; committed entries may be handed out before this node itself holds them
  /// durably.
  synchronous,
  /// Several batches in flight; only locally durable entries are handed out for application.
  /// raftkit::Node
  /// works this way.
  asynchronous,
};

/// How linearizable reads are answered.
enum class LeaseReads : std::uint8_t {
  /// A quorum confirms the leader after each read came in. [thesis §6.4]
  off,
  /// etcd's lease, and weaker than linearizable: the leader answers at once as long as check_quorum
  /// has not deposed it. The quorum is looked at once per election timeout, so a leader that was
  /// cut off may give stale answers for up to one election timeout after its successor was elected,
  /// and longer if its ticks are late. Needs check_quorum.
  by_ticks,
  /// The embedder holds the lease by its own clock: all heartbeats ask for confirmation, Ready says
  /// which round a quorum has confirmed, and RawNode::hold_lease() what follows. raftkit::Node does
  /// it. Needs check_quorum. [thesis §6.4.1]
  by_clock,
};

/// All times in ticks; a tick is whatever the embedder makes of it (Node: one heartbeat interval).
struct RaftOptions {
  NodeId id;               ///< never 0
  std::uint64_t seed = 0;  ///< of the election jitter; equal seeds and inputs give equal behaviour

  /// A follower waits a random time in [election_timeout_ticks, 2 * election_timeout_ticks - 1] for
  /// its leader. At least 2 and more than heartbeat_interval_ticks.
  std::uint32_t election_timeout_ticks = 10;
  std::uint32_t heartbeat_interval_ticks = 1;

  bool pre_vote = true;  ///< ask before campaigning, so that a returning node does not disturb
  bool check_quorum =
      true;  ///< a leader that hears from no majority steps down; followers are loyal
  bool forward_proposals = true;  ///< a follower passes proposals on to its leader
  /// Of whichever kind, a lease ends when the leader tells a member to take over: until the term
  /// ends it asks its quorum again. All members must have the same, for each promises to support
  /// nobody else meanwhile.
  LeaseReads lease_reads = LeaseReads::off;
  /// A voter that is asked for its vote by a candidate of lower priority, and whose log is no
  /// older, refuses, campaigns itself with its next tick, and makes the candidate stand back. It
  /// has one election timeout for that after a leader was there; then it votes for anybody, so that
  /// no priority keeps a group without a leader. An order to take over, and a newer log, override
  /// priorities; a leader that was elected while a higher one was away goes on leading.
  /// With pre_vote the higher one wins whenever it can; without, the candidate may have its
  /// majority before it hears of it.
  std::uint32_t priority = 0;
  /// A leader that is removed or demoted stops leading once it has applied that, so that the others
  /// elect at once. [thesis §4.2.2]
  bool step_down_on_removal = true;
  /// A leader appends a membership change only when it has applied the one before it, and only if
  /// it can be carried out. Off: for tests.
  bool check_membership_changes = true;
  StorageMode storage_mode = StorageMode::asynchronous;

  std::size_t max_append_bytes = std::size_t{1}
                                 << 20;  ///< per AppendRequest; one entry always fits
  std::size_t max_apply_bytes = std::size_t{16} << 20;  ///< handed out and not yet applied
  std::size_t max_inflight_messages = 512;              ///< unanswered appends per follower
  std::size_t max_inflight_bytes = std::size_t{64}
                                   << 20;  ///< same, by size; the last one may overshoot
  /// Entries appended by this leader and not yet applied; beyond it proposals are refused with
  /// `overloaded`, unless nothing is outstanding. A follower whose committed but unapplied entries
  /// exceed it answers heartbeats but takes no appends.
  std::size_t max_uncommitted_bytes = std::size_t{256} << 20;
  /// Recent entries kept in memory although they are durable and applied; slower followers are
  /// served from the log on disk.
  std::size_t log_window_bytes = std::size_t{16} << 20;

  /// Errors: invalid_option, naming the field and the value.
  [[nodiscard]] Result<void> validate() const;

  static constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();
};

/// Entries [first, next run's first) have this term.
struct TermRun {
  Index first;
  Term term;

  friend bool operator==(const TermRun&, const TermRun&) = default;
};

/// What a core wakes up with: what was durable, and what the state machine holds.
struct InitialState {
  HardState hard_state;
  MembershipPtr membership;  ///< as of `applied`
  Index applied;             ///< in [base.index, last index]; the commit index is at least this
  EntryId base;              ///< the entry before the first one the log holds
  /// Terms of the entries after `base` that are not in `entries`; ascending, without gaps.
  std::vector<TermRun> older_terms;
  /// The newest entries, contiguous to the end of the log: at least the last one, if there is any,
  /// and all after `applied`.
  std::vector<Entry> entries;
};

}  // namespace raftkit
