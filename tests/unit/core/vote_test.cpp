#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

VoteRequest vote(EntryId last) {
  return {VoteKind::election, last};
}

/// The answers this node gave, oldest first.
std::vector<bool> answers(CoreBench& bench) {
  bench.run();
  std::vector<bool> granted;
  for (const VoteResponse& response : bench.take_sent<VoteResponse>())
    granted.push_back(response.granted);
  return granted;
}

using Answers = std::vector<bool>;

}  // namespace

TEST_CASE("A node gives one vote in a term, to whoever asks first",
          "[core][vote][thesis:3.4][b13]") {
  CoreBench bench;

  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));
  REQUIRE(bench.receive(3, 2, vote(at(1, 1))));

  CHECK(answers(bench) == Answers{true, false});
  CHECK(bench.status().voted_for == NodeId{2});
}

TEST_CASE("A vote is given again to the same candidate", "[core][vote][thesis:3.4][b13]") {
  CoreBench bench;

  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));
  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));

  CHECK(answers(bench) == Answers{true, true});
}

TEST_CASE("A new term brings a new vote", "[core][vote][thesis:3.4]") {
  CoreBench bench({.term = 2, .voted_for = NodeId{2}});

  REQUIRE(bench.receive(3, 3, vote(at(1, 1))));

  CHECK(answers(bench) == Answers{true});
  CHECK(bench.status().voted_for == NodeId{3});
}

TEST_CASE("Only a log that is at least as up to date as the voter's gets the vote",
          "[core][vote][thesis:3.6.1][b14]") {
  struct Case {
    EntryId last;
    bool granted = false;
  };
  const auto [last, granted] = GENERATE(Case{at(3, 3), true},
                                        Case{at(3, 4), true},
                                        Case{at(4, 1), true},
                                        Case{at(3, 2), false},
                                        Case{at(2, 3), false},
                                        Case{at(2, 99), false},
                                        Case{at(0, 0), false});
  CoreBench bench({.term = 4, .log = {2, 3}});

  REQUIRE(bench.receive(2, 5, vote(last)));

  CAPTURE(last);
  CHECK(answers(bench) == Answers{granted});
  CHECK(bench.status().voted_for == (granted ? std::optional(NodeId{2}) : std::nullopt));
  CHECK(bench.status().term == Term{5});
}

TEST_CASE("A vote leaves with the write that makes it durable", "[core][vote][thesis:3.8][b130]") {
  CoreBench bench;

  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));
  const Ready ready = bench.take();

  CHECK(ready.send_now.empty());
  REQUIRE(ready.persist);
  CHECK(ready.persist->hard_state == HardState{Term{2}, NodeId{2}, Index{1}});
  CHECK(ready.persist->needs_sync());
  CHECK(CoreBench::only<VoteResponse>(ready.persist->send_after, 2) ==
        std::vector{VoteResponse{VoteKind::election, true}});
}

TEST_CASE("A vote that is repeated waits for the write of the first one",
          "[core][vote][thesis:3.8]") {
  CoreBench bench;
  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));
  const Ready first = bench.take();

  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));
  const Ready second = bench.take();

  CHECK(second.send_now.empty());
  REQUIRE(second.persist);
  CHECK(second.persist->id > first.persist->id);
  CHECK(second.persist->send_after.size() == 1);
}

TEST_CASE("A vote survives a restart", "[core][vote][thesis:3.8]") {
  CoreBench bench({.term = 2, .voted_for = NodeId{2}});

  REQUIRE(bench.receive(3, 2, vote(at(1, 1))));
  REQUIRE(bench.receive(2, 2, vote(at(1, 1))));

  CHECK(answers(bench) == Answers{false, true});
}

TEST_CASE("A candidate's own vote counts once it is durable", "[core][vote][thesis:3.8][b17]") {
  CoreBench bench({.voters = 1, .tune = [](RaftOptions& options) { options.pre_vote = false; }});

  bench.node().campaign();
  Ready ready = bench.take();
  CHECK(bench.status().role == Role::candidate);
  REQUIRE(ready.persist);
  CHECK(ready.persist->hard_state == HardState{Term{2}, NodeId{1}, Index{1}});
  bench.persist(*std::move(ready.persist));

  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("A candidate's own vote does not count after it has lost", "[core][vote][b18]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.pre_vote = false; }});
  bench.node().campaign();
  Ready ready = bench.take();
  REQUIRE(bench.receive(2, 2, VoteResponse{VoteKind::election, false}));
  REQUIRE(bench.receive(3, 2, VoteResponse{VoteKind::election, false}));
  REQUIRE(bench.status().role == Role::follower);

  bench.persist(*std::move(ready.persist));

  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("A candidate's own vote does not count in its next election", "[core][vote][b18]") {
  CoreBench bench({.voters = 3, .tune = [](RaftOptions& options) { options.pre_vote = false; }});
  bench.node().campaign();
  Ready first = bench.take();
  bench.node().campaign();
  Ready second = bench.take();
  REQUIRE(bench.receive(2, 3, VoteResponse{VoteKind::election, true}));

  bench.persist(*std::move(first.persist));
  CHECK(bench.status().role == Role::candidate);
  bench.persist(*std::move(second.persist));

  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("A candidate refuses to vote for another one", "[core][vote][thesis:3.4][b13]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.pre_vote = false; }});
  bench.node().campaign();
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 2, vote(at(1, 9))));

  CHECK(answers(bench) == Answers{false});
  CHECK(bench.status().role == Role::candidate);
}

TEST_CASE("A follower of this term's leader votes for nobody else", "[core][vote]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));

  REQUIRE(bench.receive(3, 2, vote(at(1, 9))));

  CHECK(answers(bench) == Answers{false});
}

TEST_CASE("Giving a vote puts off the voter's own election, refusing one does not",
          "[core][vote][thesis:3.4]") {
  const bool up_to_date = GENERATE(true, false);
  CoreBench bench({.term = 3, .log = {3}});
  bench.node().set_randomized_election_timeout(10);
  bench.tick(9);

  REQUIRE(bench.receive(2, 3, vote(up_to_date ? at(3, 2) : at(1, 2))));
  bench.tick(1);

  CHECK(bench.status().role == (up_to_date ? Role::follower : Role::pre_candidate));
}
