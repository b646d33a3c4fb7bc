// The ways a membership can change, one after the other.
#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

MembershipChange change_to(Transition transition,
                           std::initializer_list<std::pair<MemberOperation, std::uint64_t>> steps) {
  MembershipChange change{transition, {}, {}};
  for (const auto& [operation, node] : steps) {
    MemberStep& step = change.steps.emplace_back();
    step.operation = operation;
    step.member.id = NodeId{node};
  }
  return change;
}

constexpr auto kVoter = MemberOperation::make_voter;
constexpr auto kLearner = MemberOperation::make_learner;

/// A single voter that leads; what it proposes is at index 3.
CoreBench single_leader() {
  CoreBench bench({.voters = 1});
  bench.lead();
  return bench;
}

/// Proposes a change, and everybody acknowledges what is in the log. Returns what its entry became.
EntryType carry_out(CoreBench& bench, const MembershipChange& change) {
  const auto outcome = bench.node().propose_membership_change(change);
  REQUIRE(outcome);
  bench.run();
  for (const NodeId node : bench.status().membership->all()) {
    if (node != NodeId{1}) bench.acknowledge(node.value, bench.status().last.value);
  }
  for (const Entry& entry : bench.applied) {
    if (entry.id == *outcome->first) return entry.type;
  }
  throw std::runtime_error("the change was not applied");
}

std::vector<NodeId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<NodeId> nodes;
  for (const std::uint64_t number : numbers)
    nodes.emplace_back(number);
  return nodes;
}

}  // namespace

TEST_CASE("A change of one step takes effect at once and leaves the way free for the next",
          "[core][membership][thesis:4.1][b107][b110]") {
  CoreBench bench = single_leader();

  CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 2}})) == EntryType::membership);
  CHECK(bench.status().membership->voters == ids({1, 2}));
  CHECK_FALSE(bench.status().membership->is_joint());
  CHECK(carry_out(bench, change_to(Transition::automatic, {{kLearner, 3}})) ==
        EntryType::membership);
  CHECK(bench.status().membership->learners == ids({3}));
  CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 3}})) == EntryType::membership);
  CHECK(bench.status().membership->voters == ids({1, 2, 3}));
  CHECK_FALSE(bench.progress(3).learner);
  CHECK(carry_out(bench, change_to(Transition::automatic, {{kLearner, 2}})) ==
        EntryType::membership);
  CHECK(bench.progress(2).learner);
  CHECK(carry_out(bench, change_to(Transition::automatic, {{MemberOperation::remove, 2}})) ==
        EntryType::membership);
  CHECK(bench.status().membership->all() == ids({1, 3}));
}

TEST_CASE("An implicit joint phase is over only when its end is applied",
          "[core][membership][thesis:4.3][b110]") {
  const auto change = GENERATE(as<MembershipChange>{},
                               change_to(Transition::joint_implicit, {{kVoter, 2}}),
                               change_to(Transition::automatic, {{kVoter, 2}, {kLearner, 3}}));
  CoreBench bench = single_leader();
  REQUIRE(bench.node().propose_membership_change(change));
  bench.run();
  REQUIRE(bench.status().membership->is_joint());
  CHECK(bench.status().membership->voters_outgoing == ids({1}));
  REQUIRE(bench.status().last == Index{4});  // the end is on its way

  CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 5}})) == EntryType::normal);
  CHECK_FALSE(bench.status().membership->is_joint());
  CHECK(bench.status().membership->voters == ids({1, 2}));
  CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 5}})) == EntryType::membership);
}

TEST_CASE("An explicit joint phase is ended by an empty change, which may carry a context",
          "[core][membership][thesis:4.3][b110][b111][b114]") {
  CoreBench bench = single_leader();
  CHECK(carry_out(bench, change_to(Transition::joint_explicit, {{kVoter, 2}})) ==
        EntryType::membership);
  CHECK(bench.status().membership->is_joint());
  REQUIRE(bench.status().last == Index{3});  // nobody ends it unasked

  const MembershipChange leave{Transition::automatic, {}, Bytes::copy_of("why")};
  CHECK(carry_out(bench, leave) == EntryType::membership);

  CHECK_FALSE(bench.status().membership->is_joint());
  CHECK(bench.status().membership->voters == ids({1, 2}));
  CHECK(decode_membership_change(bench.applied.back().payload)->context == Bytes::copy_of("why"));
}

TEST_CASE("Adding a member twice is harmless, and the next change works",
          "[core][membership][b109]") {
  CoreBench bench = single_leader();

  for (int time = 0; time < 2; ++time) {
    CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 2}})) ==
          EntryType::membership);
    CHECK(bench.status().membership->voters == ids({1, 2}));
    CHECK(bench.progress(2).match == bench.status().last);
  }
  CHECK(carry_out(bench, change_to(Transition::automatic, {{kVoter, 3}})) == EntryType::membership);
  CHECK(bench.status().membership->voters == ids({1, 2, 3}));
}
