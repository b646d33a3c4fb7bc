// What only a leader does: proposals, commit, reads, handing over.
#include <algorithm>

#include "core/raft.hpp"

namespace raftkit::core {

void Raft::tick_leader(Leader& self) {
  ++timer_.elapsed;
  ++self.heartbeat_elapsed;
  if (timer_.elapsed >= options_.election_timeout_ticks) {
    timer_.elapsed = 0;
    // Cut off from its quorum, it could neither commit nor know that another leader does. [thesis
    // §6.2]
    if (options_.check_quorum && !self.tracker.take_quorum_active(options_.id)) {
      become_follower(ballot_.term, std::nullopt, "lost contact with a quorum");
      return;
    }
    // The target did not take over in time; go on leading. [thesis §3.10]
    abort_transfer(self, "the target did not take over in time");
    leave_joint_if_due(self);  // refused while the transfer ran
  }
  if (self.heartbeat_elapsed >= options_.heartbeat_interval_ticks) {
    self.heartbeat_elapsed = 0;
    broadcast_heartbeat(self);
  }
}

Result<void> Raft::step_leader(Leader& self, const Envelope& envelope) {
  const Message& message = envelope.message;
  if (const auto* request = std::get_if<ReadIndexRequest>(&message)) {
    on_read_index(self, {request->read, envelope.from});
    return {};
  }
  if (const auto* transfer = std::get_if<TransferRequest>(&message)) {
    on_transfer(self, transfer->target);
    return {};
  }
  if (std::holds_alternative<AppendRequest>(message) ||
      std::holds_alternative<HeartbeatRequest>(message) ||
      std::holds_alternative<SnapshotRequest>(message)) {
    return Error(
        Errc::invariant_violated,
        to_string(envelope.from) + " and this node both lead term " + to_string(ballot_.term));
  }
  Progress* progress = self.tracker.find(envelope.from);
  if (progress == nullptr) return {};
  if (const auto* response = std::get_if<AppendResponse>(&message)) {
    return on_append_response(self, *progress, *response);
  }
  if (const auto* response = std::get_if<HeartbeatResponse>(&message)) {
    on_heartbeat_response(self, *progress, *response);
  }
  return {};
}

Result<ProposeOutcome> Raft::append_proposals(Leader& self, SmallVector<Proposal, 1>& proposals) {
  if (proposals.empty()) return Errc::invalid_argument;
  if (self.tracker.find(options_.id) == nullptr || self.transfer_target)
    return Errc::proposal_dropped;
  if (auto settled = settle_changes(self, proposals); !settled) return std::move(settled).error();
  std::size_t payload_bytes = 0;
  std::size_t bytes = 0;
  for (const Proposal& proposal : proposals) {
    payload_bytes += proposal.payload.size();
    bytes += proposal.payload.size() + Entry::kOverheadBytes;
  }
  // A single oversized batch passes when nothing waits, and empty payloads always: progress is
  // never lost.
  const bool over_limit = self.uncommitted_bytes + bytes > options_.max_uncommitted_bytes;
  if (over_limit && self.uncommitted_bytes > 0 && payload_bytes > 0) return Errc::overloaded;

  const EntryId first = append_own(self, {proposals.data(), proposals.size()});
  broadcast_append(self);
  return ProposeOutcome{first};
}

EntryId Raft::append_own(Leader& self, std::span<Proposal> proposals) {
  const EntryId first{ballot_.term, log_.last() + 1};
  for (Proposal& proposal : proposals) {
    Entry entry{{ballot_.term, log_.last() + 1}, proposal.type, std::move(proposal.payload)};
    if (entry.type == EntryType::membership) self.pending_membership = entry.id.index;
    self.uncommitted_bytes += entry.size_bytes();
    log_.append(std::move(entry));
  }
  // The own copy counts toward the commit like any other: once it is durable. [thesis §10.2.1]
  compose<AppendResponse>(options_.id).index = log_.last();
  return first;
}

bool Raft::maybe_commit(Leader& self) {
  const Index index = self.tracker.quorum_match();
  if (index <= log_.commit()) return false;
  // Counting replicas commits only entries of this term; older ones follow through Log Matching.
  // Otherwise a leader can commit an entry that a later leader overwrites (the paper's figure 8).
  // [thesis §3.6.2]
  if (log_.term_at(index) != ballot_.term) return false;
  log_.commit_to(index);
  for (const ReadIndexQueue::Read read : self.reads.take_postponed())
    start_read(self, read);
  return true;
}

void Raft::on_read_index(Leader& self, ReadIndexQueue::Read read) {
  // A new leader knows that it holds all committed entries, but not which these are, until it has
  // committed one of its own. [thesis §6.4]
  if (log_.term_at(log_.commit()) != ballot_.term) {
    self.reads.postpone(read);
    return;
  }
  if (options_.lease_reads == LeaseReads::by_clock && lease_held_ && !self.has_lost_lease) {
    answer_read({read, log_.commit()});
    return;
  }
  start_read(self, read);
}

void Raft::start_read(Leader& self, ReadIndexQueue::Read read) {
  const bool is_quorum_alone = self.tracker.quorum_read_round(options_.id) == kNoLimit;
  const bool has_lease = options_.lease_reads == LeaseReads::by_ticks && !self.has_lost_lease;
  if (has_lease || is_quorum_alone) {
    answer_read({read, log_.commit()});
    return;
  }
  self.reads.add(read, log_.commit());
  broadcast_heartbeat(self);
}

void Raft::answer_read(const ReadIndexQueue::Answer& answer) {
  if (answer.read.origin == options_.id) {
    reads_.push_back({answer.read.id, answer.index});
  } else {
    send(answer.read.origin, ReadIndexResponse{answer.read.id, answer.index});
  }
}

void Raft::on_transfer(Leader& self, NodeId target) {
  Progress* progress = self.tracker.find(target);
  if (progress == nullptr || progress->is_learner() || self.transfer_target == target) return;
  abort_transfer(self, "another target was named");
  if (target == options_.id) return;
  // It must be over within one election timeout. [thesis §3.10]
  timer_.elapsed = 0;
  self.transfer_target = target;
  emit(event::TransferStarted{target});
  if (progress->match() == log_.last()) {
    tell_to_take_over(self, target);
  } else {
    send_append(self, *progress, IfEmpty::send);
  }
}

void Raft::tell_to_take_over(Leader& self, NodeId target) {
  self.has_lost_lease = true;
  send(target, TimeoutNow{});
}

void Raft::abort_transfer(Leader& self, std::string_view reason) {
  if (!self.transfer_target) return;
  emit(event::TransferAborted{*self.transfer_target, reason});
  self.transfer_target.reset();
}

}  // namespace raftkit::core
