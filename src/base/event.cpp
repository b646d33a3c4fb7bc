#include "raftkit/event.hpp"

namespace raftkit {

namespace {

std::string show(const std::optional<NodeId>& node) {
  return node ? to_string(*node) : "none";
}

struct Describe {
  std::string operator()(const event::RoleChanged& e) const {
    return "role_changed role=" + std::string(to_string(e.role)) + " term=" + to_string(e.term) +
           " leader=" + show(e.leader) + " reason=\"" + std::string(e.reason) + "\"";
  }
  std::string operator()(const event::VoteCast& e) const {
    return "vote_cast candidate=" + to_string(e.candidate) + " term=" + to_string(e.term) +
           (e.pre_vote ? " pre_vote" : "") + (e.granted ? " granted" : " refused") + " reason=\"" +
           std::string(e.reason) + "\"";
  }
  std::string operator()(const event::SuffixReplaced& e) const {
    return "suffix_replaced from=" + to_string(e.from) + " old_last=" + to_string(e.old_last);
  }
  std::string operator()(const event::SnapshotNeeded& e) const {
    return "snapshot_needed peer=" + to_string(e.peer) + " snapshot=" + to_string(e.snapshot);
  }
  std::string operator()(const event::SnapshotAccepted& e) const {
    return "snapshot_accepted last=" + to_string(e.last) + " from=" + to_string(e.from);
  }
  std::string operator()(const event::TransferStarted& e) const {
    return "transfer_started target=" + to_string(e.target);
  }
  std::string operator()(const event::MembershipChangeRefused& e) const {
    return "membership_change_refused entry=" + to_string(e.entry) + " reason=\"" +
           std::string(e.reason) + "\"";
  }
  std::string operator()(const event::TransferAborted& e) const {
    return "transfer_aborted target=" + to_string(e.target) + " reason=\"" + std::string(e.reason) +
           "\"";
  }
  std::string operator()(const event::LogFull& e) const {
    return "log_full detail=\"" + e.detail + "\"";
  }
  std::string operator()(const event::LogHasRoom&) const { return "log_has_room"; }
  std::string operator()(const event::InvariantViolated& e) const {
    return "invariant_violated id=" + e.id + " what=\"" + e.what + "\"";
  }
};

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::follower:
      return "follower";
    case Role::pre_candidate:
      return "pre_candidate";
    case Role::candidate:
      return "candidate";
    case Role::leader:
      return "leader";
  }
  return "unknown";
}

std::string to_string(const Event& event) {
  return std::visit(Describe{}, event);
}

}  // namespace raftkit
