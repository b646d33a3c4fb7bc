// Membership changes. They take effect when they are applied, on every node alike. [thesis §4.1,
// §4.3]
#include <algorithm>

#include "base/assert.hpp"
#include "core/membership_changer.hpp"
#include "core/raft.hpp"

namespace raftkit::core {

MembershipPtr Raft::membership_applied(const Entry& entry) {
  std::vector<NodeId> renewed;
  // A snapshot may have come since the entry was handed out. Its membership knows of this entry
  // already; carried out once more, the change could bring somebody back who has left since.
  const bool is_overtaken = entry.id.index < log_.first();
  if (is_overtaken && overtaken_ == nullptr) return membership_;  // and it is durable already
  auto after = after_entry(is_overtaken ? overtaken_ : membership_, entry, &renewed);
  // An entry of a kind that this version does not know must not be skipped: other members act on
  // it.
  RAFTKIT_ASSERT(after, "INV-KNOWN-ENTRY-TYPE", after.error().message());
  if (is_overtaken) return overtaken_ = *std::move(after);
  if (*after != membership_) switch_membership(*std::move(after), renewed);
  return membership_;
}

void Raft::switch_membership(MembershipPtr membership, std::span<const NodeId> renewed) {
  membership_ = std::move(membership);
  auto* self = std::get_if<Leader>(&state_);
  if (self == nullptr) {
    // A candidate can learn of its own removal from a refusal, and win by the votes of those who
    // remain: they would be loyal to a leader that takes no proposals. [thesis §4.2.2]
    if (role() != Role::follower && !membership_->is_voter(options_.id))
      become_follower(ballot_.term, std::nullopt, "not a voter any more");
    return;
  }
  self->tracker.update(membership_, std::max(log_.last(), Index{1}), renewed);
  if (self->transfer_target && !membership_->is_voter(*self->transfer_target))
    abort_transfer(*self, "the target is no voter any more");
  const Progress* own = self->tracker.find(options_.id);
  if (own == nullptr || own->is_learner()) {
    // Until now it managed a cluster that it was leaving, and did not count itself. [thesis §4.2.2]
    if (options_.step_down_on_removal)
      become_follower(ballot_.term, std::nullopt, "not a voter any more");
    return;
  }
  follow_new_quorum(*self);
}

void Raft::follow_new_quorum(Leader& self) {
  if (maybe_commit(self)) {
    broadcast_append(self);
  } else {
    for (Progress& progress : self.tracker.all()) {
      if (progress.node() != options_.id) send_append(self, progress, IfEmpty::skip);
    }
  }
}

std::optional<std::string_view> Raft::unfit_now(const Leader& self,
                                                const MembershipChange& change) const {
  if (self.pending_membership > log_.applied())
    return "the membership change before it may not be applied yet";
  if (membership_->is_joint() && !change.steps.empty())
    return "the joint phase has to be left first";
  if (!membership_->is_joint() && change.steps.empty()) return "there is no joint phase to leave";
  return std::nullopt;
}

/// Turns changes that cannot start from here into empty entries, as etcd does: their places stay
/// theirs.
Result<void> Raft::settle_changes(Leader& self, SmallVector<Proposal, 1>& proposals) {
  EntryId place{ballot_.term, log_.last() + 1};
  bool has_change = false;
  for (Proposal& proposal : proposals) {
    if (proposal.type == EntryType::membership) {
      const auto change = decode_membership_change(proposal.payload);
      if (!change) return change.error();
      auto unfit = unfit_now(self, *change);
      if (!unfit && has_change) unfit = "another change comes before it";
      if (unfit && options_.check_membership_changes) {
        emit(event::MembershipChangeRefused{place, *unfit});
        proposal = {EntryType::normal, {}};
      } else {
        if (options_.check_membership_changes) {
          if (auto changed = change_membership(*membership_, *change); !changed)
            return std::move(changed).error();
        }
        has_change = true;
      }
    } else if (proposal.type != EntryType::normal && proposal.type != EntryType::member_update) {
      return Errc::not_supported;  // whoever had to apply it would stop
    }
    ++place.index;
  }
  return {};
}

/// The leader ends a joint phase by itself as soon as the change that began it is applied.
/// [thesis §4.3]
void Raft::leave_joint_if_due(Leader& self) {
  if (!membership_->auto_leave || log_.applied() < self.pending_membership) return;
  SmallVector<Proposal, 1> leave;
  leave.push_back({EntryType::membership, encode(MembershipChange{})});
  // Refused while leadership is being handed over: then the next leader does it, or this one when
  // the time for that is up.
  static_cast<void>(append_proposals(self, leave));
}

}  // namespace raftkit::core
