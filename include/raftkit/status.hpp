// What a replica looks like from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/event.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

enum class SnapshotOutcome : std::uint8_t { sent, failed };

enum class ProgressState : std::uint8_t { probe, replicate, snapshot };

[[nodiscard]] std::string_view to_string(ProgressState state);

/// How far one member's log is known to agree with the leader's.
struct ProgressStatus {
  NodeId node;
  ProgressState state = ProgressState::probe;
  Index match;  ///< durable on that member
  Index next;   ///< sent next
  bool learner = false;
  bool paused = false;
  bool recently_active = false;
  Index pending_snapshot;  ///< 0: none
  std::size_t inflight_messages = 0;
  bool inflight_full = false;
};

struct RaftStatus {
  NodeId id;
  Role role = Role::follower;
  Term term;
  std::optional<NodeId> voted_for;
  std::optional<NodeId> leader;
  Index first;   ///< of the log on disk
  Index last;    ///< of the log
  Index stable;  ///< durable here
  Index commit;
  Index applied;
  MembershipPtr membership;
  std::optional<NodeId> transfer_target;  ///< on a leader that hands over
  std::vector<ProgressStatus> progress;   ///< on leaders; ascending by node
};

}  // namespace raftkit
