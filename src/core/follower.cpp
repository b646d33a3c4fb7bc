// What a follower does with its leader's messages. Candidates become followers first.
#include <algorithm>
#include <limits>

#include "core/membership_changer.hpp"
#include "core/raft.hpp"

namespace raftkit::core {

namespace {

/// No log gets here by appending; a snapshot could bring it so far that counting begins anew.
constexpr Index kLastPossible{std::numeric_limits<std::uint64_t>::max() / 2};

/// Contiguous after `previous`, terms ascending and not above the leader's.
bool is_well_formed(const AppendRequest& request, Term leader_term) {
  EntryId before = request.previous;
  for (const Entry& entry : request.entries) {
    if (entry.id.index != before.index + 1 || entry.id.term < before.term) return false;
    before = entry.id;
  }
  return before.term <= leader_term;
}

}  // namespace

Result<void> Raft::step_from_leader(Envelope& envelope) {
  follow(envelope.from);
  if (auto* append = std::get_if<AppendRequest>(&envelope.message))
    return on_append(envelope, *append);
  if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&envelope.message)) {
    return on_heartbeat(envelope.from, *heartbeat);
  }
  return on_snapshot(envelope.from, std::get<SnapshotRequest>(envelope.message).snapshot);
}

void Raft::follow(NodeId leader) {
  turn_elapsed_.reset();
  auto* follower = std::get_if<Follower>(&state_);
  if (follower == nullptr) {
    become_follower(ballot_.term, leader, "another node leads this term");
    return;
  }
  timer_.elapsed = 0;
  if (follower->leader != leader) {
    follower->leader = leader;
    role_changed("heard of a leader");
  }
}

Result<void> Raft::on_append(const Envelope& envelope, AppendRequest& request) {
  if (!is_well_formed(request, envelope.term)) return Errc::malformed;
  const NodeId from = envelope.from;
  const EntryId& previous = request.previous;
  if (previous.index < log_.commit()) {
    compose<AppendResponse>(from).index = log_.commit();
    return {};
  }
  if (!request.entries.empty() && log_.unapplied_bytes() >= options_.max_uncommitted_bytes) {
    return {};  // as if lost: the leader tries again after its next heartbeat
  }
  const Index old_last = log_.last();
  const auto outcome = log_.try_append(previous, request.entries, request.commit);
  if (outcome.matched) {
    if (outcome.replaced_from > Index{0})
      emit(event::SuffixReplaced{outcome.replaced_from, old_last});
    if (log_.last() > old_last) forget_order();
    compose<AppendResponse>(from).index = outcome.agreed;
    return {};
  }
  // The hint lets the leader skip all entries of terms that cannot match. [thesis §3.5]
  const EntryId hint =
      log_.find_conflict_by_term({previous.term, std::min(previous.index, log_.last())});
  send(from, AppendResponse{previous.index, AppendResponse::Rejection{hint}});
  return {};
}

Result<void> Raft::on_heartbeat(NodeId from, const HeartbeatRequest& request) {
  if (request.commit > log_.last()) {
    return Error(
        Errc::corrupt_data,
        "the leader knows index " + to_string(request.commit) +
            " to be durable here, but this log ends at " + to_string(log_.last()) +
            ": acknowledged entries were lost, e.g. by removing or restoring the data directory");
  }
  log_.commit_to(request.commit);
  send(from, HeartbeatResponse{request.read_round});
  return {};
}

Result<void> Raft::on_snapshot(NodeId from, const SnapshotMeta& snapshot) {
  if (snapshot.membership == nullptr || snapshot.last.term > ballot_.term ||
      snapshot.last.index > kLastPossible)
    return Errc::malformed;
  if (auto fits = check(*snapshot.membership); !fits) return fits;
  if (!accepts(snapshot)) {
    send(from, AppendResponse{log_.commit(), std::nullopt});
    return {};
  }
  if (overtaken_ == nullptr) overtaken_ = membership_;
  forget_order();
  log_.restore(snapshot);
  switch_membership(snapshot.membership, {});
  restore_ = snapshot;
  emit(event::SnapshotAccepted{snapshot.last, from});
  send(from, AppendResponse{log_.last(), std::nullopt});
  return {};
}

bool Raft::accepts(const SnapshotMeta& snapshot) {
  if (snapshot.last.index <= log_.commit()) return false;
  if (!snapshot.membership->contains(options_.id)) return false;
  if (log_.matches(snapshot.last)) {
    // All of it is here already; it only tells that it is committed.
    log_.commit_to(snapshot.last.index);
    return false;
  }
  return true;
}

void Raft::take_over_if_ordered() {
  const auto* self = std::get_if<Follower>(&state_);
  const bool is_ordered = self != nullptr && self->order_elapsed;
  if (is_ordered && is_promotable() && !log_.has_unapplied_membership())
    start_campaign(Campaign::transfer);
}

/// While a leader hands over it appends nothing, and whoever is told to take over has all of its
/// log. So a leader that appends has given up handing over, and must not be deposed.
void Raft::forget_order() {
  if (auto* self = std::get_if<Follower>(&state_)) self->order_elapsed.reset();
}

Result<void> Raft::step_follower(const Envelope& envelope) {
  auto* self = std::get_if<Follower>(&state_);
  if (self == nullptr) return {};  // candidates wait for votes and for leaders, nothing else
  if (std::holds_alternative<TimeoutNow>(envelope.message)) {
    self->order_elapsed = 0;
    take_over_if_ordered();
  } else if (const auto* transfer = std::get_if<TransferRequest>(&envelope.message)) {
    transfer_leadership(transfer->target);
  } else if (std::holds_alternative<ReadIndexRequest>(envelope.message)) {
    if (!self->leader) return Errc::no_leader;
    Envelope forwarded = envelope;
    forwarded.to = *self->leader;
    outbox_.now.push_back(std::move(forwarded));
  } else if (const auto* read = std::get_if<ReadIndexResponse>(&envelope.message)) {
    reads_.push_back({read->read, read->index});
  }
  return {};
}

}  // namespace raftkit::core
