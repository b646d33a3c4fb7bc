// The changer of memberships, against sets.
#include <algorithm>
#include <map>
#include <set>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "core/membership_changer.hpp"
#include "support/core_group.hpp"

namespace raftkit::test {

namespace {

using Ids = std::set<std::uint64_t>;

/// What a membership is, said in the simplest way: everybody has a role in each half.
struct Model {
  Ids voters;
  Ids outgoing;
  Ids learners;
  Ids demoted;  // outgoing voters, learners later

  void apply(MemberOperation operation, std::uint64_t id) {
    if (operation == MemberOperation::update) return;
    if (operation == MemberOperation::make_learner && learners.contains(id)) return;
    for (Ids* set : {&voters, &learners, &demoted})
      set->erase(id);
    if (operation == MemberOperation::make_voter) voters.insert(id);
    if (operation == MemberOperation::make_learner)
      (outgoing.contains(id) ? demoted : learners).insert(id);
  }

  friend bool operator==(const Model&, const Model&) = default;
};

Ids ids_of(const std::vector<NodeId>& nodes) {
  Ids ids;
  for (const NodeId node : nodes)
    ids.insert(node.value);
  return ids;
}

Model model_of(const Membership& membership) {
  return {ids_of(membership.voters),
          ids_of(membership.voters_outgoing),
          ids_of(membership.learners),
          ids_of(membership.learners_next)};
}

std::vector<MemberStep> some_steps() {
  std::vector<MemberStep> steps;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    MemberStep step;
    step.operation = static_cast<MemberOperation>(*rc::gen::inRange(0, 4));
    step.member.id = NodeId{*rc::gen::inRange<std::uint64_t>(1, 7)};
    steps.push_back(step);
  }
  return steps;
}

bool differ_by_at_most_one(const Ids& left, const Ids& right) {
  Ids apart;
  std::set_symmetric_difference(
      left.begin(), left.end(), right.begin(), right.end(), std::inserter(apart, apart.end()));
  return apart.size() <= 1;
}

/// Voters 1..n, reached by steps.
Membership some_membership() {
  Membership membership;
  std::vector<MemberStep> steps(1);
  steps.front().member.id = NodeId{1};
  membership = core::change_simply(membership, steps)->membership;
  for (const MemberStep& step : some_steps()) {
    const auto changed = core::change_simply(membership, {&step, 1});
    if (changed) membership = changed->membership;
  }
  return membership;
}

/// Its first voter, elected by all others.
RawNode leader_of(const MembershipPtr& membership) {
  const NodeId self = membership->voters.front();
  auto node = *RawNode::create({.id = self, .pre_vote = false}, bootstrapped(membership));
  node.campaign();
  for (Ready ready; node.has_ready();) {
    node.take_ready(ready);
    for (Envelope& envelope : ready.persist->send_after)
      RC_ASSERT(node.step(std::move(envelope)).has_value());
    node.persisted(ready.persist->id);
  }
  for (const NodeId member : membership->all()) {
    if (member == self || node.soft_state().role == Role::leader) continue;
    const auto taken =
        node.step({{}, member, self, node.term(), VoteResponse{VoteKind::election, true}});
    RC_ASSERT(taken.has_value());
  }
  RC_ASSERT(node.soft_state().role == Role::leader);
  return node;
}

}  // namespace

TEST_CASE("Simple changes agree with a model of sets", "[property][membership][b115]") {
  rc::prop("the same lists, and refused for the same reasons", [] {
    const Membership before = some_membership();
    const auto steps = some_steps();
    Model model = model_of(before);
    for (const MemberStep& step : steps)
      model.apply(step.operation, step.member.id.value);
    const bool is_possible =
        !model.voters.empty() && differ_by_at_most_one(ids_of(before.voters), model.voters);

    const auto changed = core::change_simply(before, steps);
    RC_ASSERT(changed.has_value() == is_possible);
    if (!changed) return;
    RC_ASSERT(model_of(changed->membership) == model);
    RC_ASSERT(core::check(changed->membership).has_value());
  });
}

TEST_CASE("Joint changes agree with a model of sets, and end like one step after the other",
          "[property][membership][b115]") {
  rc::prop("entered, left, and the same as without a joint phase", [] {
    const Membership before = some_membership();
    const auto steps = some_steps();
    Model joint = model_of(before);
    joint.outgoing = joint.voters;
    Model simple = model_of(before);
    for (const MemberStep& step : steps) {
      joint.apply(step.operation, step.member.id.value);
      simple.apply(step.operation, step.member.id.value);
    }

    const auto entered = core::enter_joint(before, steps, false);
    RC_ASSERT(entered.has_value() == !joint.voters.empty());
    if (!entered) return;
    RC_ASSERT(model_of(entered->membership) == joint);
    RC_ASSERT(core::check(entered->membership).has_value());

    const auto left = core::leave_joint(entered->membership);
    RC_ASSERT(left.has_value());
    RC_ASSERT(model_of(left->membership) == simple);
    RC_ASSERT(core::check(left->membership).has_value());
    RC_ASSERT(!left->membership.is_joint());
  });
}

TEST_CASE(
    "A membership comes back as it was given, from the disk, a snapshot or a leader's progress",
    "[property][membership][b116]") {
  rc::prop("nobody is lost, and nobody changes sides", [] {
    const auto entered =
        core::enter_joint(some_membership(), some_steps(), *rc::gen::arbitrary<bool>());
    if (!entered) return;
    const bool is_over = *rc::gen::arbitrary<bool>();
    const auto given = std::make_shared<const Membership>(
        is_over ? core::leave_joint(entered->membership)->membership : entered->membership);

    const RaftStatus leader = leader_of(given).status();
    RC_ASSERT(*leader.membership == *given);
    std::vector<NodeId> followed;
    for (const ProgressStatus& progress : leader.progress) {
      followed.push_back(progress.node);
      RC_ASSERT(progress.learner == given->is_learner(progress.node));
    }
    RC_ASSERT(followed == given->all());

    auto other = *RawNode::create({.id = given->all().back()}, bootstrapped(voters(1)));
    const auto taken = other.step(
        {{}, leader.id, given->all().back(), Term{2}, SnapshotRequest{{at(1, 9), given}}});
    RC_ASSERT(taken.has_value());
    RC_ASSERT(*other.status().membership == *given);
  });
}

TEST_CASE("Everybody who takes part is described, and nobody else", "[property][membership]") {
  rc::prop("the descriptions follow the lists", [] {
    const auto entered = core::enter_joint(some_membership(), some_steps(), true);
    if (!entered) return;
    for (const Membership& membership :
         {entered->membership, core::leave_joint(entered->membership)->membership}) {
      std::vector<NodeId> described;
      for (const Member& member : membership.members)
        described.push_back(member.id);
      RC_ASSERT(described == membership.all());
    }
  });
}

TEST_CASE("One simple change keeps a member in common between any majorities",
          "[property][membership][thesis:4.1]") {
  rc::prop("no majority of before is apart from one of after", [] {
    const Membership before = some_membership();
    const auto changed = core::change_simply(before, some_steps());
    if (!changed) return;
    const Ids old_voters = ids_of(before.voters);
    const Ids new_voters = ids_of(changed->membership.voters);
    const auto is_majority = [](std::uint32_t mask, const Ids& voters) {
      const auto count = std::count_if(
          voters.begin(), voters.end(), [&](std::uint64_t id) { return (mask >> id & 1U) != 0; });
      return 2 * static_cast<std::size_t>(count) > voters.size();
    };
    for (std::uint32_t mask = 0; mask < 1U << 8; ++mask)
      RC_ASSERT(!(is_majority(mask, old_voters) && is_majority(~mask, new_voters)));
  });
}

}  // namespace raftkit::test
