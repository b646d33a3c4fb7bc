// What a replica knows only while it plays a role.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>

#include "raftkit/types.hpp"

#include "core/read_index.hpp"
#include "core/tracker.hpp"
#include "core/vote_tally.hpp"

namespace raftkit::core {

struct Follower {
  std::optional<NodeId> leader{};  // whom it heard of in this term
  /// Ticks since the leader told this node to take over, which it does as soon as it has applied
  /// what is committed of the membership. The leader says so once. [thesis §3.10]
  std::optional<std::uint32_t> order_elapsed{};
};

struct PreCandidate {
  VoteTally tally;
};

struct Candidate {
  VoteTally tally;
  bool is_by_order = false;  // of the leader, who hands over
};

struct Leader {
  Leader(Tracker members, bool confirms_heartbeats)
      : tracker(std::move(members)), reads(confirms_heartbeats) {}

  Tracker tracker;
  ReadIndexQueue reads;
  std::uint32_t heartbeat_elapsed = 0;  // ticks
  std::optional<NodeId>
      transfer_target;  // leadership is being handed to it; no new proposals meanwhile
  /// The newest membership change in the log, or a later index. Until it is applied nobody knows
  /// what the next one would start from. [thesis §4.1]
  Index pending_membership;
  std::size_t uncommitted_bytes = 0;  // appended here and not yet applied
  /// Whoever was told to take over gets votes whatever the voters heard of this leader: until the
  /// term ends no time without an election is promised any more. [thesis §6.4.1]
  bool has_lost_lease = false;
  std::uint64_t confirmed_round = 0;  // of heartbeats, by a quorum
  std::uint64_t next_fetch = 1;
};

/// A follower has no tracker to misuse.
using RoleState = std::variant<Follower, PreCandidate, Candidate, Leader>;

}  // namespace raftkit::core
