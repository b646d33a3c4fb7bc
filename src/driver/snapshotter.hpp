// When to take a snapshot, and how much of the log to keep behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::driver {

/// Followers that are a little behind should be served from the log, so a tail of it is kept behind
/// the snapshot; and what a follower needs after the snapshot that it is being sent must not vanish
/// before it has that, or it would be sent snapshots for ever.
///
/// Owner: driver.
class Snapshotter {
 public:
  struct Limits {
    std::uint64_t snapshot_count = 0;  ///< applied entries between snapshots: taken after count + 1
    std::uint64_t snapshot_bytes = 0;  ///< the same by size; whichever comes first
    std::uint64_t retained_entries = 0;  ///< kept behind a snapshot: this many entries
    /// Or this many bytes, whichever keeps more. While their sizes are not known, as after a start:
    /// kUnknownFactor times as many entries.
    std::uint64_t retained_bytes = 0;
    /// How far a transfer may hold back compaction, until its follower has caught up.
    std::uint64_t transfer_retained_entries = 0;
  };

  Snapshotter(Limits limits, Index last_snapshot)
      : limits_(limits), last_snapshot_(last_snapshot) {}

  /// Entries up to `index` were handed to the state machine.
  void on_dispatched(Index index, std::size_t bytes);

  /// Whether it is time for one; then it counts as begun until saved() or failed().
  [[nodiscard]] bool should_begin(Index dispatched) const;
  void begun(Index snapshot);
  /// The next one is due at once, if anything was dispatched since the last one.
  void want() { is_wanted_ = true; }
  /// The next attempt is due as far from this one as it would be from a success.
  void failed() { is_saving_ = false; }
  void saved(Index snapshot);
  /// A snapshot from the leader takes the place of an own one.
  void installed(Index snapshot);

  /// The first entry to keep, given a snapshot at `snapshot`.
  [[nodiscard]] Index keep_from(Index snapshot) const;

  /// A snapshot goes to `peer`, and at `snapshot` the log has to go on for it.
  void transfer_started(NodeId peer, Index snapshot) { transfers_[peer] = {snapshot}; }
  /// It has arrived, so that `peer` needs the log behind it; or it has not, as far as is known.
  void transfer_ended(NodeId peer);
  /// Those to which a transfer has ended, and that have not caught up yet.
  [[nodiscard]] std::vector<NodeId> catching_up() const;
  /// Before the log is cut: how far such a one has got. One that does not get further is given up
  /// after kMostIdleCuts cuts, and sooner if it is not there.
  void follow(NodeId peer, Index match, bool is_connected);
  /// It has caught up, or is no follower any more.
  void forget(NodeId peer) { transfers_.erase(peer); }
  /// Nobody is waited for; whoever needs what is cut now gets another snapshot.
  void forget_all() { transfers_.clear(); }

 private:
  struct Transfer {
    Index held;  // what follows it is kept
    bool has_ended = false;
    std::uint32_t idle_cuts = 0;
  };
  struct Mark {
    Index index;
    std::uint64_t bytes = 0;  // handed to the state machine before this index
  };
  static constexpr std::uint64_t kMarkEvery = std::uint64_t{1} << 20;
  static constexpr std::uint64_t kUnknownFactor = 20;
  static constexpr std::uint32_t kMostIdleCuts = 10;

  Limits limits_;
  Index last_snapshot_;
  Index last_attempt_;
  bool is_saving_ = false;
  bool is_wanted_ = false;
  std::uint64_t bytes_ = 0;  // handed to the state machine since the start
  std::uint64_t bytes_at_attempt_ = 0;
  std::deque<Mark> marks_;  // about one per MiB, covering the retained bytes
  std::map<NodeId, Transfer> transfers_;
};

}  // namespace raftkit::driver
