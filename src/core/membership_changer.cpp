#include "core/membership_changer.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace raftkit::core {

namespace {

using Nodes = std::vector<NodeId>;

bool has(const Nodes& nodes, NodeId node) {
  return std::binary_search(nodes.begin(), nodes.end(), node);
}

void insert(Nodes& nodes, NodeId node) {
  const auto place = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (place == nodes.end() || *place != node) nodes.insert(place, node);
}

void erase(Nodes& nodes, NodeId node) {
  const auto place = std::lower_bound(nodes.begin(), nodes.end(), node);
  if (place != nodes.end() && *place == node) nodes.erase(place);
}

std::size_t differences(const Nodes& left, const Nodes& right) {
  Nodes apart;
  std::set_symmetric_difference(
      left.begin(), left.end(), right.begin(), right.end(), std::back_inserter(apart));
  return apart.size();
}

Error refused(const char* why) {
  return {Errc::invalid_argument, why};
}

/// Carries out steps on a copy.
class Changer {
 public:
  explicit Changer(const Membership& before) { changed_.membership = before; }

  Result<ChangedMembership> apply(std::span<const MemberStep> steps) && {
    for (const MemberStep& step : steps) {
      const NodeId node = step.member.id;
      if (node == NodeId{0}) continue;
      if (step.must_be_member && !now().contains(node))
        return Error(Errc::invalid_argument, "node " + to_string(node) + " is no member");
      apply(step);
    }
    if (now().voters.empty()) return refused("removed all voters");
    describe();
    return std::move(changed_);
  }

 private:
  Membership& now() { return changed_.membership; }

  void apply(const MemberStep& step) {
    const NodeId node = step.member.id;
    const bool was_member = now().contains(node);
    switch (step.operation) {
      case MemberOperation::make_voter:
        erase(now().learners, node);
        erase(now().learners_next, node);
        insert(now().voters, node);
        break;
      case MemberOperation::make_learner:
        make_learner(node);
        break;
      case MemberOperation::remove:
        remove(node);
        break;
      case MemberOperation::update:
        if (was_member) set_peer_urls(step.member);
        return;
    }
    if (was_member && !now().contains(node)) removed_.push_back(node);
    if (!was_member && now().contains(node)) {
      if (std::find(removed_.begin(), removed_.end(), node) != removed_.end())
        changed_.renewed.push_back(node);
      set_peer_urls(step.member);
    }
  }

  void make_learner(NodeId node) {
    if (now().is_learner(node)) return;
    remove(node);
    // An outgoing voter still decides, and becomes a learner when it does no more.
    insert(has(now().voters_outgoing, node) ? now().learners_next : now().learners, node);
  }

  void remove(NodeId node) {
    erase(now().voters, node);
    erase(now().learners, node);
    erase(now().learners_next, node);
  }

  /// Of a member that is described or not.
  void set_peer_urls(const Member& from) {
    auto& members = now().members;
    const auto place = std::lower_bound(
        members.begin(), members.end(), from.id, [](const Member& member, NodeId id) {
          return member.id < id;
        });
    if (place != members.end() && place->id == from.id) {
      place->peer_urls = from.peer_urls;
    } else {
      Member added;
      added.id = from.id;
      added.peer_urls = from.peer_urls;
      members.insert(place, std::move(added));
    }
  }

  /// Descriptions of those who have gone go, too.
  void describe() {
    std::erase_if(now().members,
                  [this](const Member& member) { return !now().contains(member.id); });
  }

  ChangedMembership changed_;
  Nodes removed_;
};

/// What a member publishes about itself.
MembershipPtr after_update(const MembershipPtr& before, const Entry& entry) {
  const auto update = decode_member(entry.payload);
  const Member* known = update ? before->find(update->id) : nullptr;
  if (known == nullptr) return before;
  // Another directory under the same ID has forgotten what this member promised: it must not pass
  // for it.
  if (known->store != StoreId{0} && known->store != update->store) return before;
  auto after = std::make_shared<Membership>(*before);
  Member& member = after->members[static_cast<std::size_t>(known - before->members.data())];
  member.name = update->name;
  member.store = update->store;
  member.attributes = update->attributes;  // its peer URLs change only through a membership change
  return after;
}

}  // namespace

Result<ChangedMembership> change_simply(const Membership& before,
                                        std::span<const MemberStep> steps) {
  if (before.is_joint()) return refused("can't apply simple config change in joint config");
  auto changed = Changer(before).apply(steps);
  if (changed && differences(before.voters, changed->membership.voters) > 1)
    return refused("more than one voter changed without entering joint config");
  return changed;
}

Result<ChangedMembership> enter_joint(const Membership& before,
                                      std::span<const MemberStep> steps,
                                      bool auto_leave) {
  if (before.is_joint()) return refused("config is already joint");
  if (before.voters.empty()) return refused("can't make a zero-voter config joint");
  Membership joint = before;
  joint.voters_outgoing = joint.voters;
  joint.auto_leave = auto_leave;
  return Changer(joint).apply(steps);
}

Result<ChangedMembership> leave_joint(const Membership& before) {
  if (!before.is_joint()) return refused("can't leave a non-joint config");
  Membership after = before;
  for (const NodeId node : after.learners_next)
    insert(after.learners, node);
  after.learners_next.clear();
  after.voters_outgoing.clear();
  after.auto_leave = false;
  return Changer(after).apply(std::span<const MemberStep>());
}

Result<ChangedMembership> change_membership(const Membership& before,
                                            const MembershipChange& change) {
  const bool is_automatic = change.transition == Transition::automatic;
  if (is_automatic && change.steps.empty()) return leave_joint(before);
  if (is_automatic && change.steps.size() == 1) return change_simply(before, change.steps);
  return enter_joint(before, change.steps, change.transition != Transition::joint_explicit);
}

Result<void> check(const Membership& membership) {
  const auto wrong = [](const char* what) { return Error(Errc::malformed, what); };
  for (const Nodes* nodes : {&membership.voters,
                             &membership.voters_outgoing,
                             &membership.learners,
                             &membership.learners_next}) {
    // Everything that looks a member up relies on it.
    if (std::adjacent_find(nodes->begin(), nodes->end(), std::greater_equal<>()) != nodes->end())
      return wrong("a list of members is not ascending");
  }
  for (const NodeId node : membership.learners) {
    if (membership.is_voter(node)) return wrong("a member is both voter and learner");
  }
  for (const NodeId node : membership.learners_next) {
    if (!has(membership.voters_outgoing, node) || has(membership.voters, node))
      return wrong("a voter that becomes a learner is not just an outgoing one");
  }
  if (!membership.is_joint() && membership.auto_leave)
    return wrong("a membership that is not joint cannot be left");
  if (membership.is_joint() && membership.voters.empty())
    return wrong("a joint membership has no incoming voters");
  return {};
}

Result<void> check_known(const Entry& entry) {
  if (entry.type == EntryType::normal || entry.type == EntryType::member_update) return {};
  if (entry.type == EntryType::membership && decode_membership_change(entry.payload)) return {};
  return Error(Errc::not_supported,
               "the log's entry " + to_string(entry.id.index) +
                   " is of a kind that this version does not know: it was written by a newer "
                   "version");
}

Result<MembershipPtr> after_entry(const MembershipPtr& before,
                                  const Entry& entry,
                                  std::vector<NodeId>* renewed) {
  if (auto known = check_known(entry); !known) return std::move(known).error();
  if (entry.type != EntryType::membership) return after_update(before, entry);
  auto changed = change_membership(*before, *decode_membership_change(entry.payload));
  if (!changed) return before;
  if (renewed != nullptr) *renewed = std::move(changed->renewed);
  return std::make_shared<const Membership>(std::move(changed->membership));
}

}  // namespace raftkit::core
