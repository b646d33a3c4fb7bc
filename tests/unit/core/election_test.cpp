#include <set>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

void without_pre_vote(RaftOptions& options) {
  options.pre_vote = false;
}

/// Lets ticks pass until the node asks for votes; returns how many it took.
std::uint32_t ticks_to_campaign(CoreBench& bench) {
  std::uint32_t ticks = 0;
  while (bench.take_sent<VoteRequest>().empty()) {
    bench.tick(1);
    bench.run();
    ++ticks;
  }
  return ticks;
}

}  // namespace

TEST_CASE("A node starts as a follower without a leader, in the term it had",
          "[core][election][b1]") {
  const CoreBench bench({.term = 4, .voted_for = NodeId{2}});

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{4});
  CHECK(bench.status().voted_for == NodeId{2});
  CHECK(bench.status().leader == std::nullopt);
}

TEST_CASE("A follower that hears nobody for its randomised timeout asks all others for their votes",
          "[core][election][thesis:3.4][b9][b15]") {
  CoreBench bench({.term = 2, .log = {1, 2}, .tune = without_pre_vote});
  bench.node().set_randomized_election_timeout(13);

  bench.tick(12);
  bench.run();
  CHECK(bench.take_sent().empty());
  CHECK(bench.status().role == Role::follower);
  bench.tick(1);
  bench.run();

  CHECK(bench.status().role == Role::candidate);
  CHECK(bench.status().term == Term{3});
  CHECK(bench.status().voted_for == NodeId{1});
  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 2);
  for (const std::uint64_t peer : {2U, 3U}) {
    CHECK(
        sent[peer - 2] ==
        Envelope{{}, NodeId{1}, NodeId{peer}, Term{3}, VoteRequest{VoteKind::election, at(2, 3)}});
  }
}

TEST_CASE("A candidate without an answer starts over in a higher term",
          "[core][election][thesis:3.4][b9]") {
  CoreBench bench({.tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  bench.node().set_randomized_election_timeout(10);
  bench.tick(10);

  CHECK(bench.status().role == Role::candidate);
  CHECK(bench.status().term == Term{3});
}

TEST_CASE("The election timeout takes every value between one and two timeouts",
          "[core][election][thesis:3.4][b10]") {
  std::set<std::uint32_t> seen;

  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CoreBench bench({.tune = [seed](RaftOptions& options) {
      options.seed = seed;
      options.pre_vote = false;
    }});
    seen.insert(ticks_to_campaign(bench));
  }

  CHECK(seen == std::set<std::uint32_t>{10, 11, 12, 13, 14, 15, 16, 17, 18, 19});
}

TEST_CASE("The election timeout is drawn anew for each election",
          "[core][election][thesis:3.4][b10]") {
  CoreBench bench({.tune = without_pre_vote});
  std::set<std::uint32_t> seen;

  for (int election = 0; election < 50; ++election)
    seen.insert(ticks_to_campaign(bench));

  CHECK(seen.size() > 5);
}

TEST_CASE("Nodes with the same seed draw different timeouts", "[core][election][thesis:3.4]") {
  std::set<std::uint32_t> seen;

  for (std::uint64_t id = 1; id <= 5; ++id) {
    InitialState initial = bootstrapped(voters(5));
    CoreBench bench({.id = NodeId{id}, .seed = 7, .pre_vote = false}, std::move(initial));
    seen.insert(ticks_to_campaign(bench));
  }

  CHECK(seen.size() > 1);
}

TEST_CASE("A candidate wins with the last vote of a majority and not before",
          "[core][election][thesis:3.4]") {
  const std::size_t size = GENERATE(2U, 3U, 4U, 5U, 7U);
  CoreBench bench({.voters = size, .tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  const std::size_t others_needed = size / 2;
  for (std::size_t voter = 2; voter < 2 + others_needed; ++voter) {
    CHECK(bench.status().role == Role::candidate);
    bench.answer(voter, VoteResponse{VoteKind::election, true});
  }

  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("A candidate that a majority refuses follows again, in the term of its election",
          "[core][election][thesis:3.4][b12]") {
  CoreBench bench({.voters = 5, .tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  bench.answer(2, VoteResponse{VoteKind::election, false});
  bench.answer(3, VoteResponse{VoteKind::election, false});
  CHECK(bench.status().role == Role::candidate);
  bench.answer(4, VoteResponse{VoteKind::election, false});

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().voted_for == NodeId{1});
}

TEST_CASE("A voter's second answer does not count", "[core][election][thesis:3.4]") {
  CoreBench bench({.voters = 5, .tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  bench.answer(2, VoteResponse{VoteKind::election, true});
  bench.answer(2, VoteResponse{VoteKind::election, true});
  CHECK(bench.status().role == Role::candidate);
  bench.answer(3, VoteResponse{VoteKind::election, false});
  bench.answer(3, VoteResponse{VoteKind::election, true});

  CHECK(bench.status().role == Role::candidate);
}

TEST_CASE("Answers of somebody who is no member are refused", "[core][election][b8]") {
  CoreBench bench({.tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  const auto taken = bench.receive(9, 2, VoteResponse{VoteKind::election, true});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::peer_not_found);
  CHECK(bench.status().role == Role::candidate);
}

TEST_CASE("A vote from an earlier election does not count", "[core][election][thesis:3.4]") {
  CoreBench bench({.tune = without_pre_vote});
  bench.node().campaign();
  bench.run();
  bench.node().campaign();
  bench.run();
  REQUIRE(bench.status().term == Term{3});

  REQUIRE(bench.receive(2, 2, VoteResponse{VoteKind::election, true}));

  CHECK(bench.status().role == Role::candidate);
}

TEST_CASE("A higher term makes every role a follower of that term",
          "[core][election][thesis:3.3][b2][b3]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.check_quorum = false; }});
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);
  if (role == Role::leader) bench.lead();
  if (role == Role::pre_candidate || role == Role::candidate) bench.node().campaign();
  bench.run();
  if (role == Role::candidate) bench.answer(2, VoteResponse{VoteKind::pre_vote, true});
  REQUIRE(bench.status().role == role);

  SECTION("of the sender, if only a leader sends such a message") {
    REQUIRE(bench.receive(3, 8, HeartbeatRequest{}));
    CHECK(bench.status().leader == NodeId{3});
  }
  SECTION("of nobody, if the sender wants to be elected") {
    REQUIRE(bench.receive(3, 8, VoteRequest{VoteKind::election, at(1, 1)}));
    CHECK(bench.status().leader == std::nullopt);
  }

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{8});
}

TEST_CASE("A candidate follows the leader of its own term", "[core][election][thesis:3.4]") {
  CoreBench bench({.tune = without_pre_vote});
  bench.node().campaign();
  bench.run();

  bench.answer(3, append_of(at(1, 1), {2}));

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().leader == NodeId{3});
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("A message of an older term changes nothing", "[core][election][thesis:3.3][b4][b92]") {
  CoreBench bench({.term = 5, .log = {1}});

  REQUIRE(bench.receive(2, 4, append_of(at(1, 1), {4, 4}, 3)));
  REQUIRE(bench.receive(2, 4, VoteRequest{VoteKind::election, at(4, 9)}));
  bench.run();

  CHECK(bench.status().leader == std::nullopt);
  CHECK(bench.status().voted_for == std::nullopt);
  CHECK(bench.status().last == Index{2});
  CHECK(bench.status().commit == Index{1});
}

TEST_CASE("A leader that is told to campaign goes on leading in its term",
          "[core][election][b21]") {
  CoreBench bench;
  bench.lead();

  bench.node().campaign();
  bench.run();

  CHECK(bench.status().role == Role::leader);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.take_sent().empty());
}

TEST_CASE("A single voter elects itself", "[core][election][b20]") {
  const bool pre_vote = GENERATE(false, true);
  CoreBench bench(
      {.voters = 1, .tune = [=](RaftOptions& options) { options.pre_vote = pre_vote; }});

  bench.node().campaign();
  bench.run();

  CHECK(bench.status().role == Role::leader);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().commit == Index{2});
}

TEST_CASE("Each node of a group can be elected in turn", "[core][election][b22]") {
  const bool pre_vote = GENERATE(false, true);
  CoreGroup group({.tune = [=](RaftOptions& options) {
    options.pre_vote = pre_vote;
    options.check_quorum = false;
  }});

  for (const std::uint64_t id : {2U, 3U, 1U, 3U}) {
    group.elect(id);

    for (const std::uint64_t other : {1U, 2U, 3U}) {
      CHECK(group.node(other).status().leader == NodeId{id});
      CHECK((group.node(other).status().role == Role::leader) == (other == id));
    }
  }
}
