// What the core wants done. The order of the fields is the only legal order of execution.
#pragma once

#include <optional>
#include <vector>

#include "raftkit/entry.hpp"
#include "raftkit/event.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/message.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// What a node must remember across a crash, written as one record with the entries of its batch.
struct HardState {
  Term term;
  std::optional<NodeId> voted_for;
  Index commit;

  friend bool operator==(const HardState&, const HardState&) = default;
};

/// Who leads, as far as this node knows.
struct SoftState {
  std::optional<NodeId> leader;
  Role role = Role::follower;

  friend bool operator==(const SoftState&, const SoftState&) = default;
};

/// Which log a write vouches for: when it is durable, so is everything up to `last`, provided that
/// the node still is in `term` then. The pair closes the race of overlapping appends of different
/// leaders, where an old write's completion would otherwise vouch for new entries at the same
/// index.
struct PersistStamp {
  Term term;
  EntryId last;

  friend bool operator==(const PersistStamp&, const PersistStamp&) = default;
};

/// One atomic write of the log. Batches complete in the order of their ids.
struct PersistBatch {
  GroupId group;
  PersistId id;
  std::optional<PersistStamp> stamp;
  std::optional<HardState> hard_state;
  std::optional<SnapshotMeta>
      snapshot;  ///< the log starts anew after it; before truncate_from and append
  std::optional<Index> truncate_from;  ///< this entry and all after it go; before append
  std::vector<Entry> append;           ///< contiguous
  std::vector<Envelope>
      send_after;  ///< made true by this write; those to the node itself go to step()

  /// A store must sync before it reports this batch durable. A commit index alone can be found
  /// again, so it may ride along with a later sync; but no batch is reported before its
  /// predecessors.
  [[nodiscard]] bool needs_sync() const {
    return !append.empty() || snapshot.has_value() || truncate_from.has_value() || sync_hard_state;
  }
  bool sync_hard_state = false;  ///< term or vote changed

  /// Forgets everything, keeps the vectors' memory for the next one.
  void clear();
};

/// Serve this read once the state machine has applied at least `index`.
struct ReadReady {
  ReadId read;
  Index index;

  friend bool operator==(const ReadReady&, const ReadReady&) = default;
};

/// Entries [first, last] that a follower needs and the core no longer holds in memory: read them
/// with LogStorage::read (any non-empty prefix will do) and answer with `fetched` or
/// `fetch_failed`.
struct FetchRequest {
  FetchId id;
  NodeId peer;
  Index first;
  Index last;
  std::size_t max_bytes = 0;

  friend bool operator==(const FetchRequest&, const FetchRequest&) = default;
};

struct Ready {
  std::optional<SoftState> soft_state;  ///< when changed
  /// When changed, else null; open links before send_now. By itself it makes no Ready: whoever gave
  /// membership_applied() knows it already.
  MembershipPtr membership;
  std::vector<Envelope> send_now;  ///< needs none of the writes below; but see the withholding rule
  std::optional<PersistBatch> persist;  ///< answered by persisted(id)
  std::optional<SnapshotMeta>
      restore;  ///< replace the state machine's content before `apply`, after `persist`
  std::vector<Entry> apply;  ///< committed, contiguous
  std::vector<ReadReady> reads;
  std::vector<FetchRequest> fetch;
  /// With LeaseReads::by_clock, when it has grown: HeartbeatRequests of this term up to this
  /// read_round were answered by a quorum, counting this node. Else 0.
  std::uint64_t confirmed_round = 0;
  /// A member needs a snapshot and the newest one is from before it belonged to the group: it would
  /// refuse that. Make another one soon, and say so with snapshot_available().
  bool snapshot_wanted = false;
  std::vector<Event> events;  ///< never make a Ready non-empty

  /// Forgets everything, keeps the vectors' memory for the next one.
  void clear();
};

}  // namespace raftkit
