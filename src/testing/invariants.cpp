// Inputs, and the state after each of them. What a Ready may hold is in invariants_ready.cpp.
#include "raftkit/testing/invariants.hpp"

#include <algorithm>

#include "core/membership_changer.hpp"
#include "testing/invariants_require.hpp"

namespace raftkit::testing {

namespace {

/// More than half of `voters`, or nobody was asked.
template <class Agrees>
bool is_majority(const std::vector<NodeId>& voters, Agrees&& agrees) {
  const auto count = std::count_if(voters.begin(), voters.end(), agrees);
  return voters.empty() || 2 * static_cast<std::size_t>(count) > voters.size();
}

/// Counted out on purpose, and not with the core's own functions.
template <class Agrees>
bool is_quorum(const Membership& membership, Agrees&& agrees) {
  return !membership.voters.empty() && is_majority(membership.voters, agrees) &&
         is_majority(membership.voters_outgoing, agrees);
}

/// Whether any two quorums of the one and of the other share a voter, as far as the rules of single
/// and joint changes ensure it. [thesis §4.1, §4.3]
bool quorums_overlap(const Membership& before, const Membership& after) {
  if (before.is_joint() && after.is_joint())
    return before.voters == after.voters && before.voters_outgoing == after.voters_outgoing;
  if (before.is_joint()) return before.voters == after.voters;
  if (after.is_joint()) return before.voters == after.voters_outgoing;
  std::vector<NodeId> apart;
  std::set_symmetric_difference(before.voters.begin(),
                                before.voters.end(),
                                after.voters.begin(),
                                after.voters.end(),
                                std::back_inserter(apart));
  return apart.size() <= 1;
}

std::string show(const RaftStatus& status) {
  return to_string(status.id) + " as " + std::string(to_string(status.role)) + " of term " +
         to_string(status.term) + ", log " + to_string(status.first) + ".." +
         to_string(status.last) + ", stable " + to_string(status.stable) + ", commit " +
         to_string(status.commit) + ", applied " + to_string(status.applied);
}

std::string from_to(const RaftStatus& before, const RaftStatus& now) {
  return show(before) + " -> " + show(now);
}

bool is_campaigning(Role role) {
  return role == Role::pre_candidate || role == Role::candidate;
}

}  // namespace

Invariants::Invariants(const RaftOptions& options, const InitialState& initial, Peers peers)
    : options_(options),
      peers_(peers),
      base_(initial.base),
      hard_(initial.hard_state),
      applying_(initial.applied) {
  const Index first = base_.index + 1;
  hard_.commit = std::max({hard_.commit, initial.applied, base_.index});
  for (std::size_t i = 0; i < initial.older_terms.size(); ++i) {
    const bool is_last = i + 1 == initial.older_terms.size();
    const Index end = is_last ? initial.entries.front().id.index : initial.older_terms[i + 1].first;
    log_.resize(end - first, {initial.older_terms[i].term, EntryType::normal});
  }
  for (const Entry& entry : initial.entries) {
    if (entry.type == EntryType::membership) changes_.push_back(entry.id.index);
    log_.push_back({entry.id.term, entry.type});
  }
}

std::optional<Term> Invariants::term_at(Index index) const {
  if (index == base_.index) return base_.term;
  if (index < base_.index || index > last()) return std::nullopt;
  return place(index).term;
}

// --- inputs

void Invariants::step(const Envelope& envelope) {
  const Message& message = envelope.message;
  const auto told = [this](Index commit) { told_commit_ = std::max(told_commit_, commit); };
  if (const auto* append = std::get_if<AppendRequest>(&message)) told(append->commit);
  if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&message)) told(heartbeat->commit);
  if (const auto* snapshot = std::get_if<SnapshotRequest>(&message))
    told(snapshot->snapshot.last.index);
  if (const auto* vote = std::get_if<VoteResponse>(&message)) told(vote->commit.index);

  if (!before_ || envelope.term != before_->term || !before_->membership->contains(envelope.from))
    return;
  const auto* vote = std::get_if<VoteResponse>(&message);
  if (vote != nullptr && vote->kind != VoteKind::pre_vote && before_->role == Role::candidate)
    votes_.emplace(envelope.from, vote->granted);
  const auto* append = std::get_if<AppendResponse>(&message);
  if (append != nullptr && !append->rejection && before_->role == Role::leader &&
      append->index <= before_->last) {
    Index& agreed = agreed_[envelope.from];
    agreed = std::max(agreed, append->index);
  }
}

void Invariants::read_index(ReadId read) {
  const bool leads = before_->role == Role::leader;
  reads_.emplace(read, Asked{before_->commit, leads ? std::optional(before_->term) : std::nullopt});
}

void Invariants::persisted(PersistId id) {
  done_ = id;
  if (done_ >= installing_) is_installing_ = false;
}

void Invariants::compact(Index index) {
  if (index <= base_.index || index > last()) return;
  const EntryId base{*term_at(index), index};
  log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(index - base_.index));
  base_ = base;
}

// --- the state

void Invariants::look(RaftStatus now, bool has_ready) {
  check_positions(now);
  if (before_) {
    check_ballot(now);
    check_role(now);
    check_campaign(now);
    check_members(now);
    check_progress(now);
    check_commit(now);
  }
  check_durable(now);
  // A new node tells its role only when that changes.
  if (!before_) soft_ = {now.leader, now.role};
  if (!has_ready) check_nothing_withheld(now);
  remember(std::move(now));
}

void Invariants::remember(RaftStatus now) {
  if (before_ && before_->term != now.term) {
    votes_.clear();
    leader_.reset();
  }
  if (now.leader) leader_ = now.leader;
  for (const ProgressStatus& progress : now.progress)
    matched_[progress.node] = std::max(matched_[progress.node], progress.match);
  may_change_members_ = false;
  before_ = std::move(now);
}

void Invariants::check_positions(const RaftStatus& now) {
  const auto shown = [&] { return show(now); };
  require(now.applied <= now.commit, "INV-APPLIED-IS-COMMITTED", shown);
  require(now.commit <= now.last, "INV-COMMIT-IN-LOG", shown);
  require(now.stable <= now.last, "INV-STABLE-IN-LOG", shown);
  require(now.first <= now.commit + 1, "INV-COMPACT-COMMITTED", shown);
  require(now.id == options_.id, "INV-ONE-IDENTITY", shown);
  if (!before_) return;
  const auto moved = [&] { return from_to(*before_, now); };
  require(now.commit >= before_->commit, "INV-COMMIT-FORWARD", moved);
  require(now.applied >= before_->applied, "INV-APPLIED-FORWARD", moved);
  require(now.first >= before_->first, "INV-COMPACT-FORWARD", moved);
}

void Invariants::check_ballot(const RaftStatus& now) {
  const auto moved = [&] {
    return from_to(*before_, now) + ", vote " + to_string(before_->voted_for.value_or(NodeId{0})) +
           " -> " + to_string(now.voted_for.value_or(NodeId{0}));
  };
  require(now.term >= before_->term, "INV-TERM-FORWARD", moved);
  if (now.term != before_->term) return;
  require(!before_->voted_for || now.voted_for == before_->voted_for, "INV-ONE-VOTE", moved);
  require(peers_ == Peers::any || !leader_ || !now.leader || now.leader == leader_,
          "INV-ONE-LEADER-PER-TERM",
          moved);
}

void Invariants::check_role(const RaftStatus& now) {
  const RaftStatus& before = *before_;
  const auto moved = [&] { return from_to(before, now); };
  const bool stays = now.role == before.role && now.term == before.term;
  switch (now.role) {
    case Role::follower:
      require(peers_ == Peers::any || now.leader != now.id, "INV-FOLLOWS-ANOTHER", moved);
      return;
    case Role::pre_candidate:
      require(!now.leader, "INV-CANDIDATE-FOLLOWS-NOBODY", moved);
      // Having begun, it may vote for another of the same term.
      require(now.term == before.term && before.role != Role::leader &&
                  (stays || now.voted_for == before.voted_for),
              "INV-PRE-VOTE-LEAVES-NO-TRACE",
              moved);
      return;
    case Role::candidate:
      require(!now.leader, "INV-CANDIDATE-FOLLOWS-NOBODY", moved);
      require(now.voted_for == now.id, "INV-CANDIDATE-VOTES-FOR-ITSELF", moved);
      // A leader campaigns only if somebody of a later term asks for it.
      require(stays || now.term.value > before.term.value + (before.role == Role::leader ? 1 : 0),
              "INV-CANDIDATE-IN-NEW-TERM",
              moved);
      return;
    case Role::leader:
      require(now.leader == now.id && now.voted_for == now.id, "INV-LEADER-KNOWS-ITSELF", moved);
      if (stays) {
        require(now.last >= before.last, "INV-LEADER-APPENDS-ONLY", moved);
        return;
      }
      require(before.role == Role::candidate && now.term == before.term,
              "INV-LEADER-WAS-CANDIDATE",
              moved);
      require(is_quorum(*now.membership,
                        [this](NodeId voter) {
                          const auto vote = votes_.find(voter);
                          return vote != votes_.end() && vote->second;
                        }),
              "INV-ELECTED-BY-QUORUM",
              moved);
      require(now.last == before.last + 1, "INV-LEADER-BEGINS-WITH-ITS-TERM", moved);
      led_ = now.term;
      led_from_ = now.last;
      matched_.clear();
      agreed_ = {{now.id, before.last}};
      return;
  }
}

/// Whoever has a committed change before it counts votes by a membership that may be too old.
void Invariants::check_campaign(const RaftStatus& now) {
  if (before_->role != Role::follower || !is_campaigning(now.role)) return;
  const auto moved = [&] { return from_to(*before_, now); };
  require(before_->membership->is_voter(now.id), "INV-ONLY-VOTERS-CAMPAIGN", moved);
  require(!is_installing_ && !is_restoring(*before_), "INV-CAMPAIGN-WITH-A-LOG", moved);
  // Who was ordered to take over does so in the step that tells it of the last of them.
  const auto change = std::upper_bound(changes_.begin(), changes_.end(), now.applied);
  require(change == changes_.end() || *change > before_->commit,
          "INV-CHANGE-APPLIED-BEFORE-CAMPAIGN",
          moved);
}

void Invariants::check_members(const RaftStatus& now) {
  if (now.membership == before_->membership) return;
  const auto moved = [&] { return from_to(*before_, now); };
  require(now.membership != nullptr && core::check(*now.membership).has_value(),
          "INV-MEMBERSHIP-CONSISTENT",
          moved);
  const bool is_restored = now.first > before_->first && is_restoring(now);
  require(is_restored || may_change_members_, "INV-MEMBERSHIP-CHANGES-WHEN-APPLIED", moved);
  require(is_restored || quorums_overlap(*before_->membership, *now.membership),
          "INV-QUORUMS-OVERLAP",
          moved);
}

/// Everybody and nobody else, ascending.
void Invariants::check_tracked(const RaftStatus& now) {
  std::vector<NodeId> nodes;
  for (const ProgressStatus& progress : now.progress)
    nodes.push_back(progress.node);
  require(nodes == now.membership->all(), "INV-TRACKER-COMPLETE", [&] { return show(now); });
}

void Invariants::check_progress(const RaftStatus& now) {
  if (now.role != Role::leader) {
    require(now.progress.empty(), "INV-ONLY-LEADERS-TRACK", [&] { return show(now); });
    return;
  }
  const bool leads_on = before_->role == Role::leader && before_->term == now.term &&
                        before_->membership == now.membership &&
                        before_->progress.size() == now.progress.size();
  if (!leads_on) check_tracked(now);
  for (std::size_t i = 0; i < now.progress.size(); ++i) {
    const ProgressStatus& progress = now.progress[i];
    const auto shown = [&] {
      return show(now) + ": " + to_string(progress.node) + " " +
             std::string(to_string(progress.state)) + " match " + to_string(progress.match) +
             " next " + to_string(progress.next) + ", acknowledged " +
             to_string(agreed_[progress.node]);
    };
    require(progress.match < progress.next, "INV-PROGRESS-MATCH-BELOW-NEXT", shown);
    require(progress.next <= now.last + 1, "INV-PROGRESS-IN-LOG", shown);
    require(progress.match <= agreed_[progress.node], "INV-MATCH-IS-ACKNOWLEDGED", shown);
    require(!leads_on || progress.node == before_->progress[i].node, "INV-TRACKER-COMPLETE", shown);
    require(
        !leads_on || progress.match >= before_->progress[i].match, "INV-PROGRESS-FORWARD", shown);
    require(progress.learner == now.membership->is_learner(progress.node),
            "INV-PROGRESS-KNOWS-LEARNERS",
            shown);
    const bool is_snapshot = progress.state == ProgressState::snapshot;
    require(
        is_snapshot == (progress.pending_snapshot > Index{0}) && (!is_snapshot || progress.paused),
        "INV-PROGRESS-SNAPSHOT-SILENT",
        shown);
    const bool is_ahead = progress.state == ProgressState::replicate;
    require(progress.inflight_messages <= (is_ahead ? options_.max_inflight_messages : 0),
            "INV-INFLIGHT-BOUND",
            shown);
  }
  require(!now.transfer_target ||
              (now.transfer_target != now.id && now.membership->is_voter(*now.transfer_target)),
          "INV-TRANSFER-TO-VOTER",
          [&] { return show(now); });
}

void Invariants::check_commit(const RaftStatus& now) {
  if (now.commit == before_->commit) return;
  const auto moved = [&] { return from_to(*before_, now); };
  if (now.role != Role::leader) {
    require(now.commit <= told_commit_, "INV-COMMIT-IS-TOLD", moved);
    return;
  }
  // Counting replicas commits only entries of the own term. [thesis §3.6.2]
  require(now.commit >= led_from_, "INV-COMMIT-OWN-TERM", moved);
  require(is_quorum(
              *now.membership,
              [&](NodeId voter) {
                return std::any_of(
                    now.progress.begin(), now.progress.end(), [&](const ProgressStatus& progress) {
                      return progress.node == voter && progress.match >= now.commit;
                    });
              }),
          "INV-COMMIT-BY-QUORUM",
          moved);
}

void Invariants::check_durable(const RaftStatus& now) {
  if (is_restoring(now) || now.stable <= base_.index || now.stable > last()) return;
  if (peers_ == Peers::any && is_contradicted_) return;
  require(place(now.stable).batch <= done_, "INV-STABLE-IS-WRITTEN", [&] {
    return show(now) + ", which is in batch " + std::to_string(place(now.stable).batch.value) +
           ", but only " + std::to_string(done_.value) + " is done";
  });
}

/// Whoever waits for has_ready() must not wait for ever.
void Invariants::check_nothing_withheld(const RaftStatus& now) {
  const auto shown = [&] { return show(now) + ", handed out up to " + to_string(last()); };
  require(hard_ == HardState{now.term, now.voted_for, now.commit}, "INV-WRITES-HANDED-OUT", shown);
  require(last() == now.last && !is_restoring(now), "INV-WRITES-HANDED-OUT", shown);
  require(soft_ == SoftState{now.leader, now.role}, "INV-SOFT-STATE-HANDED-OUT", shown);
  if (is_installing_) return;
  require(done_ != last_batch_ || now.stable == now.last, "INV-WRITTEN-IS-STABLE", shown);
  const Index appliable = options_.storage_mode == StorageMode::asynchronous
                              ? std::min(now.commit, now.stable)
                              : now.commit;
  // While something is being applied there may be no room for more.
  require(applying_ != now.applied || applying_ >= appliable, "INV-COMMITTED-HANDED-OUT", shown);
}

}  // namespace raftkit::testing
