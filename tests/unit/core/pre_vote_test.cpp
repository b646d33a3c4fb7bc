#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

VoteRequest pre_vote(EntryId last) {
  return {VoteKind::pre_vote, last};
}

constexpr VoteResponse kYes{VoteKind::pre_vote, true};
constexpr VoteResponse kNo{VoteKind::pre_vote, false};

/// With what the voter knows to be committed: an index of term 1.
VoteResponse refusal(std::uint64_t commit) {
  return {VoteKind::pre_vote, false, at(1, commit)};
}

}  // namespace

TEST_CASE("A pre-candidate asks about the next term and keeps its own",
          "[core][pre-vote][thesis:9.6][b28]") {
  CoreBench bench({.term = 2, .voted_for = NodeId{3}});

  bench.node().campaign();
  const Ready ready = bench.take();

  CHECK(bench.status().role == Role::pre_candidate);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().voted_for == NodeId{3});
  REQUIRE(ready.send_now.size() == 2);
  CHECK(ready.send_now[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{3}, pre_vote(at(1, 1))});
  REQUIRE(ready.persist);  // for its own answer only
  CHECK(ready.persist->hard_state == std::nullopt);
  CHECK_FALSE(ready.persist->needs_sync());
}

TEST_CASE("A majority of pre-votes starts the election", "[core][pre-vote][thesis:9.6][b28]") {
  CoreBench bench({.voters = 5});
  bench.node().campaign();
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 2, kYes));
  CHECK(bench.status().role == Role::pre_candidate);
  REQUIRE(bench.receive(3, 2, kYes));
  bench.run();

  CHECK(bench.status().role == Role::candidate);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.take_sent<VoteRequest>() ==
        std::vector<VoteRequest>(4, {VoteKind::election, at(1, 1)}));
}

TEST_CASE("A pre-candidate that a majority refuses follows again and keeps its term",
          "[core][pre-vote][thesis:9.6][b28]") {
  CoreBench bench({.term = 2});
  bench.node().campaign();
  bench.run();

  bench.answer(2, kNo);
  bench.answer(3, kNo);

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{2});
}

TEST_CASE("Pre-votes do not count in the election that they lead to", "[core][pre-vote][b19]") {
  CoreBench bench({.voters = 5});
  bench.node().campaign();
  Ready ready = bench.take();
  REQUIRE(bench.receive(2, 2, kYes));
  REQUIRE(bench.receive(3, 2, kYes));
  REQUIRE(bench.receive(4, 2, kYes));
  REQUIRE(bench.status().role == Role::candidate);

  bench.persist(*std::move(ready.persist));  // its own pre-vote comes late
  for (const std::uint64_t voter : {2U, 3U, 4U, 5U})
    bench.answer(voter, kYes);

  CHECK(bench.status().role == Role::candidate);
}

TEST_CASE("A pre-candidate's own answer does not count after it has lost",
          "[core][pre-vote][b18]") {
  CoreBench bench;
  bench.node().campaign();
  Ready ready = bench.take();
  REQUIRE(bench.receive(2, 1, kNo));
  REQUIRE(bench.receive(3, 1, kNo));
  REQUIRE(bench.status().role == Role::follower);

  bench.persist(*std::move(ready.persist));

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{1});
}

TEST_CASE("A pre-vote leaves no trace at the voter", "[core][pre-vote][thesis:9.6][b30]") {
  CoreBench bench({.term = 2});
  bench.node().set_randomized_election_timeout(10);
  bench.tick(9);

  REQUIRE(bench.receive(2, 7, pre_vote(at(1, 1))));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{7}, kYes});
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().voted_for == std::nullopt);
  bench.tick(1);
  CHECK(bench.status().role == Role::pre_candidate);  // nor did it put off the own election
}

TEST_CASE("A pre-vote may be given to several, since it is no promise", "[core][pre-vote]") {
  CoreBench bench({.term = 2, .voted_for = NodeId{2}});

  REQUIRE(bench.receive(2, 3, pre_vote(at(1, 1))));
  REQUIRE(bench.receive(3, 3, pre_vote(at(1, 1))));
  bench.run();

  CHECK(bench.take_sent<VoteResponse>() == std::vector<VoteResponse>{kYes, kYes});
}

TEST_CASE("A log that is not up to date gets no pre-vote; the answer carries the voter's term",
          "[core][pre-vote][thesis:9.6][b30]") {
  CoreBench bench({.term = 3, .log = {3}});

  REQUIRE(bench.receive(2, 4, pre_vote(at(2, 9))));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{3}, refusal(1)});
}

TEST_CASE("A voter that hears its leader does not answer a pre-vote",
          "[core][pre-vote][thesis:9.6][b37]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  bench.tick(9);
  REQUIRE(bench.receive(3, 3, pre_vote(at(1, 1))));
  bench.run();
  CHECK(bench.take_sent().empty());

  bench.node().set_randomized_election_timeout(19);
  bench.tick(1);
  REQUIRE(bench.receive(3, 3, pre_vote(at(1, 1))));
  bench.run();
  CHECK(bench.take_sent<VoteResponse>() == std::vector<VoteResponse>{kYes});
}

TEST_CASE("A pre-vote of an older term is refused aloud", "[core][pre-vote][b31]") {
  // Silence would leave a group without progress whose members are in different terms.
  CoreBench bench({.term = 5});

  REQUIRE(bench.receive(2, 3, pre_vote(at(1, 1))));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{5}, refusal(1)});
}

TEST_CASE("A refusal of a higher term takes the pre-candidate to that term", "[core][pre-vote]") {
  CoreBench bench;
  bench.node().campaign();
  bench.run();

  REQUIRE(bench.receive(2, 6, kNo));

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{6});
}

TEST_CASE("A node that was cut off does not disturb the leader when it returns",
          "[core][pre-vote][thesis:9.6][b29]") {
  const bool check_quorum = GENERATE(false, true);
  CoreGroup group({.tune = [=](RaftOptions& options) { options.check_quorum = check_quorum; }});
  group.elect(1);
  group.isolate(3);
  group.tick(3, 100);
  group.propose(1, "a");
  group.settle();
  group.heal();

  group.tick(3, 20);
  group.tick(1, 3);
  group.tick(3, 5);

  CHECK(group.node(1).status().role == Role::leader);
  CHECK(group.node(1).status().term == Term{2});
  CHECK(group.node(3).status().term == Term{2});
  CHECK(group.node(3).status().leader == NodeId{1});
  CHECK(commands(group.member(3).applied) == std::vector<std::string>{"a"});
}

TEST_CASE("A split pre-vote is decided in the next round", "[core][pre-vote][b32]") {
  CoreGroup group({});
  group.isolate(1);
  group.node(2).campaign();
  group.node(3).campaign();
  group.settle();
  // Each would vote for the other, and then both voted for themselves.
  REQUIRE(group.node(2).status().role == Role::candidate);
  REQUIRE(group.node(3).status().role == Role::candidate);

  group.elect(3);

  CHECK(group.node(3).status().role == Role::leader);
  CHECK(group.node(2).status().leader == NodeId{3});
}
