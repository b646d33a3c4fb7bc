// Campaigns and votes. [thesis §3.4, §9.6]
#include <algorithm>
#include <iterator>
#include <limits>

#include "core/raft.hpp"

namespace raftkit::core {

namespace {

constexpr Term kLastTerm{std::numeric_limits<std::uint64_t>::max()};

/// The voters of both halves, ascending, each once.
std::vector<NodeId> all_voters(const Membership& membership) {
  std::vector<NodeId> voters;
  std::set_union(membership.voters.begin(),
                 membership.voters.end(),
                 membership.voters_outgoing.begin(),
                 membership.voters_outgoing.end(),
                 std::back_inserter(voters));
  return voters;
}

}  // namespace

void Raft::campaign() {
  start_campaign(Campaign::regular);
}

void Raft::start_campaign(Campaign campaign) {
  if (role() == Role::leader || !is_promotable()) return;
  // No group gets there by itself; a peer may have said it. After it terms would begin anew, and
  // with them votes.
  if (ballot_.term == kLastTerm) return;
  // Until a committed change is applied this node counts votes by a membership that may be two
  // changes old, whose majorities need not overlap with those of today.
  if (log_.has_unapplied_membership()) return;
  if (!turn_elapsed_) turn_elapsed_ = 0;
  if (campaign == Campaign::regular && options_.pre_vote) {
    become_pre_candidate();
    ask_for_votes(VoteKind::pre_vote, Term{ballot_.term.value + 1});
    return;
  }
  const bool is_transfer = campaign == Campaign::transfer;
  become_candidate(is_transfer ? "leadership is handed over" : "election timeout");
  std::get<Candidate>(state_).is_by_order = is_transfer;
  ask_for_votes(is_transfer ? VoteKind::transfer : VoteKind::election, ballot_.term);
}

void Raft::ask_for_votes(VoteKind kind, Term term) {
  for (const NodeId voter : all_voters(*membership_)) {
    if (voter == options_.id) {
      // Even the own vote counts only once it is durable: forgotten in a crash, it could be given
      // twice. [thesis §3.8]
      send(voter, term, VoteResponse{kind, true});
    } else {
      send(voter, term, VoteRequest{kind, log_.last_id(), options_.priority});
    }
  }
}

/// Never before a newer log, whose owner may be the only one that can win; not while a leader is
/// heard; and only for one turn between two leaders, which is over before who stood back tries
/// again.
bool Raft::outranks(const VoteRequest& request) const {
  const bool has_turn = !turn_elapsed_ || *turn_elapsed_ < options_.election_timeout_ticks;
  return has_turn && !hears_leader() && request.kind != VoteKind::transfer &&
         request.priority < options_.priority && request.last <= log_.last_id() &&
         is_promotable() && !log_.has_unapplied_membership();
}

/// A majority may be about to vote for the candidate without this node. So it is told to stand
/// back, and is spoken to in the term it asked about, which it may have begun already.
void Raft::take_turn(const Envelope& envelope, const VoteRequest& request) {
  send(envelope.from, envelope.term, VoteResponse{request.kind, false, log_.commit_id(), true});
  if (!turn_elapsed_) turn_elapsed_ = 0;
  if (role() == Role::follower) timer_.elapsed = timer_.randomized_timeout;  // campaigns next tick
}

void Raft::on_vote_request(const Envelope& envelope, const VoteRequest& request) {
  const bool is_pre_vote = request.kind == VoteKind::pre_vote;
  const bool may_vote = ballot_.voted_for == envelope.from || (!ballot_.voted_for && !leader()) ||
                        (is_pre_vote && envelope.term > ballot_.term);
  const bool up_to_date = log_.is_up_to_date(request.last);
  // A vote that was given is not taken back.
  const bool is_own_turn = may_vote && ballot_.voted_for != envelope.from && outranks(request);
  const bool granted = may_vote && up_to_date && !is_own_turn;
  emit(event::VoteCast{envelope.from,
                       envelope.term,
                       is_pre_vote,
                       granted,
                       granted       ? "log is up to date"
                       : is_own_turn ? "its priority is lower"
                       : up_to_date  ? "already voted or following a leader"
                                     : "its log is older"});
  if (is_own_turn) {
    take_turn(envelope, request);
    return;
  }
  if (!granted) {
    refuse_vote(envelope.from, request.kind);
    return;
  }
  send(envelope.from, envelope.term, VoteResponse{request.kind, true});
  if (!is_pre_vote) {
    timer_.elapsed = 0;
    ballot_.voted_for = envelope.from;
  }
}

void Raft::refuse_vote(NodeId candidate, VoteKind kind) {
  send(candidate, VoteResponse{kind, false, log_.commit_id()});
}

/// A leader that is no member any more may be the only one who knows that its removal is committed,
/// and have entries behind it that nobody else has. Then those who remain need its vote, by what
/// they know, and do not get it. So it tells them that they do not need it.
void Raft::learn_commit(const VoteResponse& refusal) {
  if (refusal.commit.index > log_.commit() && log_.matches(refusal.commit))
    log_.commit_to(refusal.commit.index);
}

void Raft::on_vote_response(const Envelope& envelope, const VoteResponse& response) {
  const auto* own = std::get_if<Candidate>(&state_);
  const bool may_stand_back = role() != Role::follower && (own == nullptr || !own->is_by_order);
  if (response.outranks && !response.granted && may_stand_back) {
    become_follower(ballot_.term, std::nullopt, "a member of higher priority campaigns");
    return;
  }
  const bool is_pre_vote = response.kind == VoteKind::pre_vote;
  if (auto* self = std::get_if<PreCandidate>(&state_); self != nullptr && is_pre_vote) {
    self->tally.record(envelope.from, response.granted);
    conclude_election(self->tally.outcome(*membership_));
  } else if (auto* candidate = std::get_if<Candidate>(&state_);
             candidate != nullptr && !is_pre_vote) {
    candidate->tally.record(envelope.from, response.granted);
    conclude_election(candidate->tally.outcome(*membership_));
  }
}

void Raft::conclude_election(VoteOutcome outcome) {
  switch (outcome) {
    case VoteOutcome::pending:
      return;
    case VoteOutcome::lost:
      become_follower(ballot_.term, std::nullopt, "lost the election");
      return;
    case VoteOutcome::won:
      break;
  }
  if (role() == Role::pre_candidate) {
    become_candidate("a majority would vote for this node");
    ask_for_votes(VoteKind::election, ballot_.term);
    return;
  }
  become_leader();
  broadcast_append(std::get<Leader>(state_));
}

}  // namespace raftkit::core
