// What happens, as log lines.
#include "runtime/node_impl.hpp"

namespace raftkit {

namespace {

std::string show(const std::optional<NodeId>& node) {
  return node ? to_string(*node) : "none";
}

struct LogEvent {
  LogSink& sink;

  void operator()(const event::RoleChanged& e) const {
    sink.log(LogLevel::info,
             "role_changed",
             e.reason,
             {{"role", std::string(to_string(e.role))},
              {"term", to_string(e.term)},
              {"leader", show(e.leader)}});
  }
  void operator()(const event::VoteCast& e) const {
    sink.log(e.pre_vote ? LogLevel::debug : LogLevel::info,
             e.granted ? "vote_granted" : "vote_refused",
             e.reason,
             {{"candidate", to_string(e.candidate)},
              {"term", to_string(e.term)},
              {"pre_vote", e.pre_vote ? "true" : "false"}});
  }
  void operator()(const event::SuffixReplaced& e) const {
    sink.log(LogLevel::info,
             "suffix_replaced",
             "uncommitted entries of an earlier leader were replaced",
             {{"from", to_string(e.from)}, {"old_last", to_string(e.old_last)}});
  }
  void operator()(const event::SnapshotNeeded& e) const {
    sink.log(LogLevel::info,
             "snapshot_needed",
             "a follower needs entries that were compacted away",
             {{"peer", to_string(e.peer)}, {"snapshot", to_string(e.snapshot)}});
  }
  void operator()(const event::SnapshotAccepted& e) const {
    sink.log(LogLevel::info,
             "snapshot_accepted",
             "the leader's snapshot replaces this log",
             {{"last", to_string(e.last)}, {"from", to_string(e.from)}});
  }
  void operator()(const event::TransferStarted& e) const {
    sink.log(LogLevel::info,
             "transfer_started",
             "handing leadership over",
             {{"target", to_string(e.target)}});
  }
  void operator()(const event::TransferAborted& e) const {
    sink.log(LogLevel::info, "transfer_ended", e.reason, {{"target", to_string(e.target)}});
  }
  void operator()(const event::MembershipChangeRefused& e) const {
    sink.log(
        LogLevel::warn, "membership_change_refused", e.reason, {{"entry", to_string(e.entry)}});
  }
  void operator()(const event::LogFull& e) const {
    sink.log(LogLevel::error,
             "log_full",
             "no room for the log: proposals are refused until there is",
             {{"error", e.detail}});
  }
  void operator()(const event::LogHasRoom&) const {
    sink.log(LogLevel::info, "log_has_room", "there is room for the log again", {});
  }
  void operator()(const event::InvariantViolated& e) const {
    sink.log(LogLevel::error, "invariant_violated", e.what, {{"id", e.id}});
  }
};

}  // namespace

void Node::Impl::observe(const Event& event) {
  std::visit(LogEvent{*log_sink_}, event);
}

void Node::Impl::log_saved(const SnapshotMeta& snapshot, const Result<void>& outcome) {
  if (outcome || outcome.error() == Errc::not_supported) return;
  log_sink_->log(LogLevel::warn,
                 "snapshot_not_saved",
                 "a snapshot could not be saved; the log grows until the next attempt succeeds",
                 {{"index", to_string(snapshot.last.index)}, {"error", outcome.error().message()}});
}

void Node::Impl::log_peer(const PeerReport& report) {
  const auto peer = to_string(report.peer);
  switch (report.state) {
    case PeerState::connecting:
    case PeerState::refused:
      log_sink_->log(LogLevel::debug, "peer_connecting", "no connection yet", {{"peer", peer}});
      break;
    case PeerState::connected:
      log_sink_->log(LogLevel::info, "peer_connected", "connected to a peer", {{"peer", peer}});
      break;
    case PeerState::disconnected:
      log_sink_->log(LogLevel::warn,
                     "peer_disconnected",
                     "lost the connection to a peer",
                     {{"peer", peer}, {"error", report.error.message()}});
      break;
    case PeerState::dropping:
      log_sink_->log(LogLevel::warn,
                     "peer_slow",
                     "messages to a peer were dropped",
                     {{"peer", peer}, {"error", report.error.message()}});
      break;
    case PeerState::rejected:
      log_sink_->log(LogLevel::warn,
                     report.by == PeerReport::By::peer ? "peer_rejected_us" : "peer_rejected",
                     report.error.message(),
                     {{"peer", peer}});
      break;
  }
}

}  // namespace raftkit
