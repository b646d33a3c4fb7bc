#include "core/raft.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "core/membership_changer.hpp"

namespace raftkit::core {

namespace {

bool is_response(const Message& message) {
  return std::holds_alternative<AppendResponse>(message) ||
         std::holds_alternative<VoteResponse>(message) ||
         std::holds_alternative<HeartbeatResponse>(message) ||
         std::holds_alternative<ReadIndexResponse>(message);
}

/// Messages that only the leader of their term sends.
bool is_from_leader(const Message& message) {
  return std::holds_alternative<AppendRequest>(message) ||
         std::holds_alternative<HeartbeatRequest>(message) ||
         std::holds_alternative<SnapshotRequest>(message);
}

bool has_no_term(const Message& message) {
  return std::holds_alternative<ProposeRequest>(message) ||
         std::holds_alternative<ReadIndexRequest>(message);
}

}  // namespace

Raft::Raft(const RaftOptions& options, InitialState initial)
    : options_(options),
      random_(options.seed ^ options.id.value),
      membership_(initial.membership),
      ballot_{initial.hard_state.term, initial.hard_state.voted_for},
      log_(initial, {options.log_window_bytes, options.max_apply_bytes, options.storage_mode}) {
  RAFTKIT_ASSERT(membership_ != nullptr, "INV-MEMBERSHIP-KNOWN");
  const auto fits = check(*membership_);
  RAFTKIT_ASSERT(fits, "INV-MEMBERSHIP-CONSISTENT", fits.error().message());
  // The base may be a bootstrap that no leader wrote, in a term that no ballot was held in.
  RAFTKIT_ASSERT(log_.last() < log_.first() || log_.last_id().term <= ballot_.term,
                 "INV-TERM-NOT-BELOW-LOG",
                 log_.last_id(),
                 ballot_.term);
  reset(ballot_.term);
  state_ = Follower{};
  reported_ = {{ballot_.term, ballot_.voted_for, log_.commit()}, soft_state(), membership_};
}

bool Raft::is_promotable() const {
  return membership_->is_voter(options_.id) && !log_.has_pending_snapshot();
}

bool Raft::hears_leader() const {
  // The fixed timeout, not the randomised one: the leader must have lost its quorum's loyalty by
  // the time that any of its voters grants another a vote. [thesis §4.2.3]
  return leader().has_value() && timer_.elapsed < options_.election_timeout_ticks;
}

void Raft::reset(Term term) {
  if (term != ballot_.term) ballot_ = {term, std::nullopt};
  timer_.elapsed = 0;
  // Spread over a whole timeout, so that candidates rarely split the vote. [thesis §3.4]
  timer_.randomized_timeout =
      options_.election_timeout_ticks + random_.below(options_.election_timeout_ticks);
}

void Raft::role_changed(std::string_view reason) {
  soft_state_touched_ = true;
  emit(event::RoleChanged{role(), ballot_.term, leader(), reason});
}

void Raft::become_follower(Term term, std::optional<NodeId> leader, std::string_view reason) {
  confirmed_round_ = 0;
  if (auto* self = std::get_if<Leader>(&state_)) abort_transfer(*self, "leadership lost");
  reset(term);
  state_ = Follower{leader};
  role_changed(reason);
}

void Raft::become_pre_candidate() {
  RAFTKIT_ASSERT(role() != Role::leader, "INV-LEADER-NEVER-CAMPAIGNS", ballot_.term);
  // Term, vote and timer stay: a pre-election leaves no trace. [thesis §9.6]
  state_ = PreCandidate{};
  role_changed("election timeout");
}

void Raft::become_candidate(std::string_view reason) {
  RAFTKIT_ASSERT(role() != Role::leader, "INV-LEADER-NEVER-CAMPAIGNS", ballot_.term);
  reset(Term{ballot_.term.value + 1});
  ballot_.voted_for = options_.id;
  state_ = Candidate{};
  role_changed(reason);
}

void Raft::become_leader() {
  RAFTKIT_ASSERT(role() == Role::candidate, "INV-LEADER-WAS-CANDIDATE", ballot_.term);
  reset(ballot_.term);
  turn_elapsed_.reset();
  auto& self =
      state_.emplace<Leader>(Tracker(membership_,
                                     log_.last() + 1,
                                     {options_.max_inflight_messages, options_.max_inflight_bytes}),
                             options_.lease_reads == LeaseReads::by_clock);
  // The own vote was durable before this moment, and writes complete in order: so is the whole log.
  if (Progress* own = self.tracker.find(options_.id)) {
    own->maybe_update(log_.last());
    own->become_replicate();
    own->set_recently_active(true);
  }
  // What the predecessors left in the log may hold a change.
  self.pending_membership = log_.last();
  role_changed("won the election");
  // Committing an entry of the new term commits all before it. [thesis §3.6.2, §6.4]
  Proposal empty;
  append_own(self, {&empty, 1});
}

void Raft::tick() {
  if (auto* self = std::get_if<Leader>(&state_)) {
    tick_leader(*self);
    return;
  }
  ++timer_.elapsed;
  if (turn_elapsed_ && *turn_elapsed_ < options_.election_timeout_ticks) ++*turn_elapsed_;
  if (auto* self = std::get_if<Follower>(&state_); self != nullptr && self->order_elapsed) {
    // By now the leader has given it up.
    if (++*self->order_elapsed >= options_.election_timeout_ticks) self->order_elapsed.reset();
  }
  if (is_promotable() && timer_.elapsed >= timer_.randomized_timeout) {
    timer_.elapsed = 0;
    start_campaign(Campaign::regular);
  }
}

bool Raft::is_member(NodeId node) {
  auto* self = std::get_if<Leader>(&state_);
  return self != nullptr ? self->tracker.find(node) != nullptr : membership_->contains(node);
}

Raft::TermCheck Raft::check_term(const Envelope& envelope) {
  if (envelope.term == ballot_.term || has_no_term(envelope.message)) return TermCheck::proceed;
  if (envelope.term < ballot_.term) {
    answer_stale(envelope);
    return TermCheck::done;
  }
  if (const auto* vote = std::get_if<VoteRequest>(&envelope.message)) {
    // Loyal to a live leader: a node that cannot hear it must not depose it. The leader itself
    // asked for a transfer. [thesis §4.2.3, §3.10]
    if (vote->kind != VoteKind::transfer && options_.check_quorum && hears_leader()) {
      emit(event::VoteCast{envelope.from,
                           envelope.term,
                           vote->kind == VoteKind::pre_vote,
                           false,
                           "a leader is alive"});
      return TermCheck::done;
    }
    if (vote->kind == VoteKind::pre_vote) return TermCheck::proceed;
  }
  const auto* answer = std::get_if<VoteResponse>(&envelope.message);
  if (answer != nullptr && answer->kind == VoteKind::pre_vote &&
      (answer->granted || answer->outranks)) {
    return TermCheck::proceed;  // it carries the term we asked about, which nobody is in yet
  }
  const bool from_leader = is_from_leader(envelope.message);
  become_follower(
      envelope.term, from_leader ? std::optional(envelope.from) : std::nullopt, "higher term seen");
  return TermCheck::proceed;
}

void Raft::answer_stale(const Envelope& envelope) {
  const bool from_leader = std::holds_alternative<AppendRequest>(envelope.message) ||
                           std::holds_alternative<HeartbeatRequest>(envelope.message);
  if (from_leader && (options_.check_quorum || options_.pre_vote || !is_promotable())) {
    // This node cannot depose that leader by campaigning, since loyal voters ignore it or it is no
    // voter, and would never hear from it again: so it tells the leader about the higher term.
    send(envelope.from, AppendResponse{});
    return;
  }
  const auto* vote = std::get_if<VoteRequest>(&envelope.message);
  if (vote != nullptr && vote->kind == VoteKind::pre_vote) {
    // Silence would leave a group without progress whose members are in different terms.
    refuse_vote(envelope.from, VoteKind::pre_vote);
  }
}

Result<void> Raft::step(Envelope&& envelope) {
  if (std::holds_alternative<ProposeResponse>(envelope.message)) return Errc::not_supported;
  if (is_response(envelope.message) && !is_member(envelope.from)) return Errc::peer_not_found;
  if (check_term(envelope) == TermCheck::done) return {};

  if (const auto* request = std::get_if<VoteRequest>(&envelope.message)) {
    on_vote_request(envelope, *request);
    return {};
  }
  if (auto* request = std::get_if<ProposeRequest>(&envelope.message)) {
    const auto outcome = propose_from(envelope.from, request->proposals, request->tag);
    return outcome ? Result<void>() : Result<void>(outcome.error());
  }
  if (auto* self = std::get_if<Leader>(&state_)) return step_leader(*self, envelope);
  if (is_from_leader(envelope.message)) return step_from_leader(envelope);
  if (const auto* response = std::get_if<VoteResponse>(&envelope.message)) {
    if (!response->granted) learn_commit(*response);
    on_vote_response(envelope, *response);
    return {};
  }
  return step_follower(envelope);
}

Result<ProposeOutcome> Raft::propose(SmallVector<Proposal, 1>&& proposals, ForwardTag tag) {
  return propose_from(options_.id, proposals, tag);
}

Result<ProposeOutcome> Raft::propose_from(NodeId origin,
                                          SmallVector<Proposal, 1>& proposals,
                                          ForwardTag tag) {
  if (auto* self = std::get_if<Leader>(&state_)) return append_proposals(*self, proposals);
  if (!leader()) return Errc::no_leader;
  if (!options_.forward_proposals) return Errc::not_leader;
  outbox_.add<ProposeRequest>(origin, *leader(), Term{0}) = {tag, std::move(proposals)};
  return ProposeOutcome{};
}

Result<void> Raft::read_index(ReadId read) {
  if (auto* self = std::get_if<Leader>(&state_)) {
    on_read_index(*self, {read, options_.id});
    return {};
  }
  if (!leader()) return Errc::no_leader;
  send(*leader(), Term{0}, ReadIndexRequest{read});
  return {};
}

void Raft::transfer_leadership(NodeId target) {
  if (auto* self = std::get_if<Leader>(&state_)) {
    on_transfer(*self, target);
  } else if (leader()) {
    send(*leader(), TransferRequest{target});
  }
}

void Raft::forget_leader() {
  // A lease rests on the promise not to support anybody else for an election timeout.
  if (options_.lease_reads != LeaseReads::off) return;
  if (auto* follower = std::get_if<Follower>(&state_); follower != nullptr && follower->leader) {
    follower->leader.reset();
    role_changed("leader forgotten");
  }
}

void Raft::persisted(PersistId id) {
  RAFTKIT_ASSERT(
      !in_flight_.empty() && in_flight_.front().id == id, "INV-WRITES-COMPLETE-IN-ORDER", id.value);
  const BatchInFlight& batch = in_flight_.front();
  // In a later term the log may hold another leader's entry of the same index and term is no proof
  // that it is the one this batch wrote: it may have been replaced and appended again since.
  if (batch.stamp.term > Term{0} && batch.stamp.term == ballot_.term)
    log_.stable_to(batch.stamp.last);
  if (batch.snapshot > Index{0}) {
    log_.stable_snapshot_to(batch.snapshot);
    log_.applied_to(std::min(batch.snapshot, log_.commit()));
    if (!log_.has_pending_snapshot()) overtaken_.reset();
  }
  in_flight_.pop_front();
}

void Raft::applied(Index index) {
  const std::size_t bytes = log_.applied_to(index);
  if (auto* self = std::get_if<Leader>(&state_)) {
    // Entries of earlier leaders were never counted in; they only make the count smaller than the
    // truth.
    self->uncommitted_bytes -= std::min(self->uncommitted_bytes, bytes);
    leave_joint_if_due(*self);
  }
  take_over_if_ordered();
}

void Raft::compact(Index index) {
  log_.compact(index);
}

void Raft::snapshot_available(SnapshotMeta snapshot) {
  RAFTKIT_ASSERT(snapshot.membership != nullptr, "INV-SNAPSHOT-HAS-MEMBERSHIP", snapshot.last);
  if (snapshot.last.index < snapshot_.last.index) return;
  snapshot_ = std::move(snapshot);
  snapshot_wanted_ = Wanted::no;
}

RaftStatus Raft::status() const {
  RaftStatus status{.id = options_.id,
                    .role = role(),
                    .term = ballot_.term,
                    .voted_for = ballot_.voted_for,
                    .leader = leader(),
                    .first = log_.first(),
                    .last = log_.last(),
                    .stable = log_.stable(),
                    .commit = log_.commit(),
                    .applied = log_.applied(),
                    .membership = membership_,
                    .transfer_target = std::nullopt,
                    .progress = {}};
  if (const auto* self = std::get_if<Leader>(&state_)) {
    status.transfer_target = self->transfer_target;
    for (const Progress& progress : self->tracker.all())
      status.progress.push_back(progress.status());
  }
  return status;
}

}  // namespace raftkit::core
