// What happened inside, for logs, metrics and traces. Nothing depends on an Event being looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "raftkit/types.hpp"

namespace raftkit {

enum class Role : std::uint8_t { follower, pre_candidate, candidate, leader };

[[nodiscard]] std::string_view to_string(Role role);

namespace event {

/// This node's role, term or known leader changed.
struct RoleChanged {
  Role role = Role::follower;
  Term term;
  std::optional<NodeId> leader;
  std::string_view reason;  ///< a literal, e.g. "election timeout"
};

/// A vote was given or refused by this node.
struct VoteCast {
  NodeId candidate;
  Term term;
  bool pre_vote = false;
  bool granted = false;
  std::string_view reason;
};

/// Entries that nobody had committed were replaced by the leader's.
struct SuffixReplaced {
  Index from;
  Index old_last;
};

/// The leader gave up on the log and sends its snapshot.
struct SnapshotNeeded {
  NodeId peer;
  Index snapshot;
};

/// A snapshot from the leader was accepted; the state machine will be replaced.
struct SnapshotAccepted {
  EntryId last;
  NodeId from;
};

/// A leadership transfer began, or ended without success.
struct TransferStarted {
  NodeId target;
};
struct TransferAborted {
  NodeId target;
  std::string_view reason;
};

/// A proposed membership change became an empty entry: it could not start from here.
struct MembershipChangeRefused {
  EntryId entry;
  std::string_view reason;
};

/// The log has no room on its device. What is to be written waits, and this node takes no
/// proposals, until there is.
struct LogFull {
  std::string detail;
};
struct LogHasRoom {};

/// A defect was noticed; the node does nothing more.
struct InvariantViolated {
  std::string id;
  std::string what;
};

}  // namespace event

using Event = std::variant<event::RoleChanged,
                           event::VoteCast,
                           event::SuffixReplaced,
                           event::SnapshotNeeded,
                           event::SnapshotAccepted,
                           event::TransferStarted,
                           event::TransferAborted,
                           event::MembershipChangeRefused,
                           event::LogFull,
                           event::LogHasRoom,
                           event::InvariantViolated>;

/// One line for a log: name and key=value fields.
[[nodiscard]] std::string to_string(const Event& event);

}  // namespace raftkit
