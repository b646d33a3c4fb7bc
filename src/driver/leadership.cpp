// What a leader does beside replicating: leases, promotions, changes of the membership, handing
// over.
#include <algorithm>

#include "core/membership_changer.hpp"
#include "driver/driver.hpp"
#include "driver/erase.hpp"

namespace raftkit::driver {

// --- handing over

std::optional<NodeId> Driver::best_transfer_target() const {
  const RaftStatus status = node_.status();
  const auto is_better = [](const ProgressStatus& left, const ProgressStatus& right) {
    return std::pair(left.recently_active, left.match) >
           std::pair(right.recently_active, right.match);
  };
  const ProgressStatus* best = nullptr;
  for (const ProgressStatus& progress : status.progress) {
    // The quorum check forgets who was heard of; whoever takes entries was there a moment ago.
    const bool is_there = progress.recently_active || progress.state == ProgressState::replicate;
    const bool may_lead =
        progress.node != options_.raft.id && is_there && status.membership->is_voter(progress.node);
    if (may_lead && (best == nullptr || is_better(progress, *best))) best = &progress;
  }
  return best == nullptr ? std::nullopt : std::optional(best->node);
}

void Driver::transfer_leadership(std::optional<NodeId> target, TransferHandler handler) {
  if (life_ != Life::running || failure_) return handler(Errc::stopped);
  if (soft_state().role != Role::leader) return handler(Errc::not_leader);
  if (target == options_.raft.id) return handler({});
  if (!target) target = best_transfer_target();
  if (!target) return handler(Errc::transfer_aborted);
  if (!membership_->is_voter(*target)) return handler(Errc::peer_not_found);
  node_.transfer_leadership(*target);
  transfers_.push_back(
      {target, now_ + options_.raft.election_timeout_ticks + 1, std::move(handler)});
}

void Driver::settle_transfers() {
  const SoftState state = soft_state();
  erase_over(transfers_, [&](Transfer& transfer) {
    const bool has_moved = state.role != Role::leader && state.leader.has_value();
    if (!has_moved && now_ < transfer.deadline) return false;
    const bool is_there = has_moved && state.leader == transfer.target;
    transfer.handler(is_there ? error_code{} : make_error_code(Errc::transfer_aborted));
    return true;
  });
  if (life_ == Life::stopping && stop_done_) {
    if (state.role != Role::leader || now_ >= stop_deadline_) stop_done_();
  }
}

/// When the others have committed all there is, and so what this node could not write, they can do
/// without it: one of them should lead. As long as too many are full for that, nobody could be
/// elected either.
void Driver::tick_without_room() {
  if (now_ % options_.raft.election_timeout_ticks != 0) return;
  if (log_room_ == LogRoom::none) {
    log_room_ = LogRoom::tried;
    ports_.try_held();
  }
  if (soft_state().role != Role::leader || life_ != Life::running) return;
  const RaftStatus status = node_.status();
  if (status.commit < status.last || status.stable == status.last || status.transfer_target) return;
  if (const auto target = best_transfer_target()) node_.transfer_leadership(*target);
}

// --- membership

void Driver::change_membership(const MembershipChange& change, ProposeHandler handler) {
  if (const auto refused = refusal()) {
    proposals_.refuse(std::move(handler), *refused);
    return;
  }
  // Before a joint phase has begun or ended, as the case may be, or a member has joined that the
  // change is about, only the leader can tell.
  const auto is_strict = [](const MemberStep& step) { return step.must_be_member; };
  const bool can_tell = soft_state().role == Role::leader ||
                        std::none_of(change.steps.begin(), change.steps.end(), is_strict);
  if (can_tell && membership_->is_joint() == change.steps.empty()) {
    if (auto changed = core::change_membership(*membership_, change); !changed) {
      proposals_.refuse(std::move(handler), changed.error().code());
      return;
    }
  }
  proposals_.add({EntryType::membership, encode(change)}, std::move(handler));
}

/// A learner that got within an election timeout all that was committed at its beginning will, as a
/// voter, not hold up the others. [thesis §4.2.1]
void Driver::promote_learners() {
  if (soft_state().role != Role::leader || refusal()) return;
  const RaftStatus status = node_.status();
  const auto goal = std::exchange(promotion_goal_, status.commit);
  if (!goal || status.membership->is_joint()) return;
  for (const ProgressStatus& progress : status.progress) {
    // One that died with a complete log would hold up the others all the same.
    const bool is_there =
        progress.state == ProgressState::replicate && connected_.contains(progress.node);
    if (!progress.learner || !is_there || progress.match < *goal) continue;
    MembershipChange change;
    change.steps.push_back({MemberOperation::make_voter, {progress.node, "", {}, {}, {}}, true});
    static_cast<void>(node_.propose_membership_change(change));  // refused: the next time
    return;
  }
}

// --- leases [thesis §6.4.1]

/// Before they leave: a lease that begins too early only ends too early.
void Driver::stamp_heartbeats(const std::vector<Envelope>& envelopes) {
  if (!lease_.is_used()) return;
  std::uint64_t newest = 0;
  for (const Envelope& envelope : envelopes) {
    const auto* heartbeat = std::get_if<HeartbeatRequest>(&envelope.message);
    if (heartbeat != nullptr) newest = std::max(newest, heartbeat->read_round);
  }
  if (newest > 0) lease_.sending(newest, ports_.now());
}

/// For the reads that come next. A process that was stopped meanwhile finds its lease over.
void Driver::check_lease() {
  if (lease_.is_used()) node_.hold_lease(lease_.is_held(ports_.now()));
}

/// The answer to a heartbeat is a promise to support nobody else for an election timeout, by this
/// node's ticks. It holds when the leader is forgotten over a higher term, too, and over a restart:
/// perhaps the answer was the last that this node did before.
void Driver::note_promise(const Envelope& envelope) {
  if (std::holds_alternative<HeartbeatRequest>(envelope.message) && envelope.term >= node_.term())
    promised_until_ = now_ + promise_ticks();
}

bool Driver::is_refused_by_promise(const Envelope& envelope) const {
  const auto* request = std::get_if<VoteRequest>(&envelope.message);
  return request != nullptr && request->kind != VoteKind::transfer && lease_.is_used() &&
         now_ < promised_until_;
}

}  // namespace raftkit::driver
