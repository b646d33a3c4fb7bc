#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

bool was_told_to_campaign(CoreBench& bench, std::uint64_t node) {
  bench.run();
  return !bench.take_sent<TimeoutNow>(node).empty();
}

}  // namespace

TEST_CASE("A member that has everything is told to campaign at once",
          "[core][transfer][thesis:3.10][b42]") {
  CoreBench bench;
  bench.lead_all();

  bench.node().transfer_leadership(NodeId{2});

  CHECK(bench.status().transfer_target == NodeId{2});
  CHECK(was_told_to_campaign(bench, 2));
}

TEST_CASE("A member that lags gets the rest of the log first",
          "[core][transfer][thesis:3.10][b43]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  bench.run();
  bench.take_sent();

  bench.node().transfer_leadership(NodeId{2});
  CHECK_FALSE(was_told_to_campaign(bench, 2));
  bench.acknowledge(3, 4);
  CHECK_FALSE(was_told_to_campaign(bench, 2));
  bench.acknowledge(2, 3);
  CHECK_FALSE(was_told_to_campaign(bench, 2));
  bench.acknowledge(2, 4);

  CHECK(was_told_to_campaign(bench, 2));
}

TEST_CASE("Who is told to campaign skips the pre-vote and overrides loyalty",
          "[core][transfer][thesis:3.10][b45][b46]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  bench.answer(2, TimeoutNow{});

  CHECK(bench.status().role == Role::candidate);
  CHECK(bench.status().term == Term{3});
  CHECK(bench.take_sent<VoteRequest>() ==
        std::vector<VoteRequest>(2, {VoteKind::transfer, at(1, 1)}));
}

TEST_CASE("An old order to campaign is ignored", "[core][transfer]") {
  CoreBench bench({.term = 3});

  REQUIRE(bench.receive(2, 2, TimeoutNow{}));

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{3});
}

TEST_CASE("Who is no voter does not campaign, ordered or not", "[core][transfer][b26]") {
  const bool is_learner = GENERATE(false, true);
  auto membership = std::make_shared<Membership>(*voters(3));
  membership->voters.erase(membership->voters.begin());
  if (is_learner) membership->learners.emplace_back(1);
  CoreBench bench({.id = NodeId{1}}, bootstrapped(membership));

  REQUIRE(bench.receive(2, 1, TimeoutNow{}));
  bench.node().campaign();
  bench.tick(100);

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{1});
}

TEST_CASE("A removed node that is told to campaign does not lead, whatever votes come",
          "[core][transfer][b52]") {
  auto others = std::make_shared<Membership>(*voters(3));
  others->voters.erase(others->voters.begin());
  CoreBench bench({.id = NodeId{1}}, bootstrapped(others));

  bench.answer(2, TimeoutNow{});
  CHECK(bench.take_sent<VoteRequest>().empty());
  for (const std::uint64_t term : {1U, 2U}) {
    for (const std::uint64_t voter : {2U, 3U})
      REQUIRE(bench.receive(voter, term, VoteResponse{VoteKind::transfer, true}));
  }

  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("Leadership moves to the target while the old leader is alive",
          "[core][transfer][thesis:3.10][b42]") {
  const std::uint64_t asked = GENERATE(1U, 2U, 3U);
  CoreGroup group({});
  group.elect(1);
  group.tick(1, 2);

  group.node(asked).transfer_leadership(NodeId{2});
  group.settle();

  CHECK(group.node(2).status().role == Role::leader);
  CHECK(group.node(2).status().term == Term{3});
  CHECK(group.node(1).status().leader == NodeId{2});
  CHECK(group.node(3).status().leader == NodeId{2});
}

TEST_CASE("A target that needs a snapshot takes over after it", "[core][transfer][b44]") {
  CoreGroup group({});
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  group.settle();
  group.compact(1, 3);
  group.heal();

  group.node(1).transfer_leadership(NodeId{3});
  group.settle();
  group.tick(1, 2);

  CHECK(group.member(3).restored.size() == 1);
  CHECK(group.node(3).status().role == Role::leader);
}

TEST_CASE("During a transfer proposals are refused", "[core][transfer][thesis:3.10][b48]") {
  CoreBench bench;
  bench.lead_all();
  bench.node().transfer_leadership(NodeId{2});

  const auto refused = bench.propose("a");

  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Errc::proposal_dropped);
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("A transfer is given up after an election timeout",
          "[core][transfer][thesis:3.10][b49]") {
  CoreBench bench;
  bench.lead_all();
  bench.tick(5);
  bench.node().transfer_leadership(NodeId{2});

  bench.tick(9);
  CHECK(bench.status().transfer_target == NodeId{2});
  bench.tick(1);

  CHECK(bench.status().transfer_target == std::nullopt);
  CHECK(bench.status().role == Role::leader);
  CHECK(bench.propose("a"));
}

TEST_CASE("Leadership is not handed to oneself, a stranger or a learner", "[core][transfer][b47]") {
  const std::uint64_t target = GENERATE(1U, 4U, 9U);
  auto membership = std::make_shared<Membership>(*voters(4));
  membership->voters.pop_back();
  membership->learners.emplace_back(4);
  CoreBench bench({.id = NodeId{1}}, bootstrapped(membership));
  bench.lead_all();
  bench.acknowledge(4, 2);
  bench.take_sent();

  bench.node().transfer_leadership(NodeId{target});

  CHECK(bench.status().transfer_target == std::nullopt);
  CHECK_FALSE(was_told_to_campaign(bench, target));
}

TEST_CASE("Asking again for the same target does not prolong the transfer",
          "[core][transfer][b50]") {
  CoreBench bench;
  bench.lead_all();
  bench.node().transfer_leadership(NodeId{2});

  bench.tick(9);
  bench.node().transfer_leadership(NodeId{2});
  bench.tick(1);

  CHECK(bench.status().transfer_target == std::nullopt);
}

TEST_CASE("Another target replaces the first one, naming oneself cancels the transfer",
          "[core][transfer][b50]") {
  CoreBench bench;
  bench.lead_all();
  bench.node().transfer_leadership(NodeId{2});

  bench.node().transfer_leadership(NodeId{3});
  CHECK(bench.status().transfer_target == NodeId{3});
  CHECK(was_told_to_campaign(bench, 3));
  bench.node().transfer_leadership(NodeId{1});

  CHECK(bench.status().transfer_target == std::nullopt);
  CHECK(bench.propose("a"));
}

TEST_CASE("A transfer ends with the leadership", "[core][transfer][b51]") {
  CoreBench bench;
  bench.lead_all();
  bench.node().transfer_leadership(NodeId{2});

  REQUIRE(bench.receive(2, 3, VoteRequest{VoteKind::transfer, at(2, 2)}));
  bench.run();

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().transfer_target == std::nullopt);
  CHECK(bench.status().voted_for == NodeId{2});
}

TEST_CASE("A follower passes the wish for another leader on to its leader",
          "[core][transfer][b42]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  bench.node().transfer_leadership(NodeId{3});
  bench.run();

  CHECK(bench.take_sent<TransferRequest>(2) == std::vector{TransferRequest{NodeId{3}}});
}

TEST_CASE("A transfer ends when its target goes, even if the leader goes with it and leads on",
          "[core][transfer]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.step_down_on_removal = false; }});
  bench.lead();
  bench.node().transfer_leadership(NodeId{2});
  REQUIRE(bench.status().transfer_target == NodeId{2});

  MembershipChange both_go;
  both_go.transition = Transition::joint_explicit;
  for (const NodeId node : {NodeId{1}, NodeId{2}}) {
    both_go.steps.push_back({.operation = MemberOperation::remove, .member = {}});
    both_go.steps.back().member.id = node;
  }
  bench.node().membership_applied({at(2, 3), EntryType::membership, encode(both_go)});
  CHECK(bench.status().transfer_target == NodeId{2});  // both still count
  bench.node().membership_applied({at(2, 4), EntryType::membership, encode(MembershipChange{})});

  CHECK(bench.status().role == Role::leader);
  CHECK_FALSE(bench.status().transfer_target);
}
