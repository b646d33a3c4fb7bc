// Priority elections: the higher one first, and nobody for ever.
#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

CoreBench::Options with_priority(std::uint32_t priority) {
  return {.term = 2, .log = {1, 2}, .commit = 3, .tune = [priority](RaftOptions& options) {
            options.priority = priority;
          }};
}

VoteRequest request(VoteKind kind, EntryId last, std::uint32_t priority) {
  return {kind, last, priority};
}

/// The answer of a fresh node of priority 5 to a candidate of term 3.
bool grants(const VoteRequest& asked) {
  CoreBench voter(with_priority(5));
  REQUIRE(voter.receive(2, 3, asked));
  voter.run();
  const auto answers = voter.take_sent<VoteResponse>(2);
  REQUIRE(answers.size() == 1);
  return answers[0].granted;
}

/// Whether the member campaigns with the next tick.
bool campaigns_next(CoreBench& bench) {
  bench.take_sent();
  bench.tick(1);
  bench.run();
  return !bench.take_sent<VoteRequest>().empty();
}

}  // namespace

TEST_CASE("Between equal logs a voter refuses a candidate of lower priority and campaigns itself",
          "[core][priority]") {
  for (const VoteKind kind : {VoteKind::pre_vote, VoteKind::election}) {
    CoreBench voter(with_priority(5));
    REQUIRE(voter.receive(2, 3, request(kind, at(2, 3), 4)));
    voter.run();

    const auto answers = voter.take_sent<VoteResponse>(2);
    REQUIRE(answers.size() == 1);
    CHECK_FALSE(answers[0].granted);
    CHECK(answers[0].outranks);
    CHECK(campaigns_next(voter));
  }
}

TEST_CASE("A candidate of the same or a higher priority gets the vote", "[core][priority]") {
  CHECK(grants(request(VoteKind::election, at(2, 3), 5)));
  CHECK(grants(request(VoteKind::pre_vote, at(2, 3), 6)));
}

TEST_CASE("A longer log and an order to take over override priorities", "[core][priority]") {
  CHECK(grants(request(VoteKind::election, at(2, 4), 0)));
  CHECK(grants(request(VoteKind::pre_vote, at(2, 4), 0)));
  CHECK(grants(request(VoteKind::transfer, at(2, 3), 0)));
}

TEST_CASE("A voter of higher priority and with a longer log campaigns itself", "[core][priority]") {
  CoreBench voter(with_priority(5));
  REQUIRE(voter.receive(2, 3, request(VoteKind::pre_vote, at(2, 2), 4)));
  voter.run();
  CHECK(voter.take_sent<VoteResponse>(2).at(0).outranks);
  CHECK(campaigns_next(voter));
}

TEST_CASE("After its turn a voter votes for anybody until a leader was there", "[core][priority]") {
  const std::uint32_t timeout = RaftOptions{}.election_timeout_ticks;
  CoreBench voter(with_priority(5));
  const auto answer_to = [&voter](std::uint64_t candidate, std::uint64_t term) {
    voter.run();
    voter.take_sent();
    REQUIRE(voter.receive(candidate, term, request(VoteKind::pre_vote, at(2, 3), 0)));
    voter.run();
    return voter.take_sent<VoteResponse>(candidate).at(0);
  };
  CHECK(answer_to(2, 3).outranks);
  voter.tick(timeout - 1);
  CHECK(answer_to(2, 3).outranks);
  voter.tick(1);
  CHECK(answer_to(2, 3).granted);

  REQUIRE(voter.receive(2, 3, HeartbeatRequest{}));
  voter.run();
  voter.node().set_randomized_election_timeout(2 * timeout - 1);
  voter.tick(timeout);
  CHECK(voter.status().leader == NodeId{2});
  CHECK(answer_to(3, 4).outranks);
}

TEST_CASE("A candidate that is outranked stands back, also when it has a majority's promise",
          "[core][priority]") {
  const VoteResponse outranked{VoteKind::pre_vote, false, {}, true};
  CoreBench candidate(with_priority(0));
  candidate.node().campaign();
  candidate.run();
  REQUIRE(candidate.status().role == Role::pre_candidate);
  SECTION("before it") {
    REQUIRE(candidate.receive(3, 3, outranked));
    CHECK(candidate.status().term == Term{2});
  }
  SECTION("after it") {
    REQUIRE(candidate.receive(2, 3, VoteResponse{VoteKind::pre_vote, true}));
    REQUIRE(candidate.status().role == Role::candidate);
    REQUIRE(candidate.receive(3, 3, outranked));
  }
  CHECK(candidate.status().role == Role::follower);
}

TEST_CASE("Who leads does not stand back, nor who campaigns in a later term", "[core][priority]") {
  CoreBench bench(with_priority(0));
  bench.lead();
  REQUIRE(bench.receive(3, 3, VoteResponse{VoteKind::election, false, {}, true}));
  CHECK(bench.status().role == Role::leader);

  CoreBench candidate({.tune = [](RaftOptions& options) { options.pre_vote = false; }});
  candidate.node().campaign();
  candidate.node().campaign();
  REQUIRE(candidate.status().term == Term{3});
  REQUIRE(candidate.receive(3, 2, VoteResponse{VoteKind::pre_vote, false, {}, true}));
  CHECK(candidate.status().role == Role::candidate);
}

TEST_CASE("Whoever hears a leader does not campaign in its place", "[core][priority]") {
  CoreBench voter({.term = 2, .log = {1, 2}, .commit = 3, .tune = [](RaftOptions& options) {
                     options.priority = 5;
                     options.check_quorum = false;
                   }});
  REQUIRE(voter.receive(2, 2, HeartbeatRequest{}));
  voter.run();
  voter.take_sent();
  REQUIRE(voter.receive(3, 3, request(VoteKind::pre_vote, at(2, 2), 0)));
  voter.run();
  CHECK_FALSE(voter.take_sent<VoteResponse>(3).at(0).outranks);
  CHECK_FALSE(campaigns_next(voter));
}

TEST_CASE("Who was told to take over does not stand back", "[core][priority]") {
  CoreBench target(with_priority(0));
  REQUIRE(target.receive(2, 2, HeartbeatRequest{}));
  REQUIRE(target.receive(2, 2, TimeoutNow{}));
  target.run();
  REQUIRE(target.status().role == Role::candidate);
  REQUIRE(target.receive(3, 3, VoteResponse{VoteKind::pre_vote, false, {}, true}));
  CHECK(target.status().role == Role::candidate);
}

TEST_CASE("A learner of a high priority stands in nobody's way", "[core][priority]") {
  Membership membership = *voters(3);
  membership.voters = {NodeId{2}, NodeId{3}};
  membership.learners = {NodeId{1}};
  CoreBench learner(RaftOptions{.id = NodeId{1}, .priority = 5},
                    bootstrapped(std::make_shared<const Membership>(membership)));

  REQUIRE(learner.receive(2, 3, request(VoteKind::election, at(1, 1), 0)));
  learner.run();

  CHECK(learner.take_sent<VoteResponse>(2).at(0).granted);
}

TEST_CASE("Of equal logs the highest priority leads, whoever campaigns first", "[core][priority]") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    CoreGroup group({.voters = 5, .tune = [seed](RaftOptions& options) {
                       options.seed = seed;
                       options.priority = static_cast<std::uint32_t>(options.id.value % 4);
                     }});
    std::optional<NodeId> leader;
    for (int round = 0; !leader && round < 40; ++round) {
      for (std::uint64_t id = 1; id <= 5 && !leader; ++id) {
        group.tick(id);
        leader = group.member(id).node.soft_state().leader;
      }
    }
    CAPTURE(seed);
    CHECK(leader == NodeId{3});
  }
}

TEST_CASE("Of two that can elect each other the higher priority leads", "[core][priority]") {
  for (const bool pre_vote : {true, false}) {
    for (const std::uint64_t first : {1U, 2U}) {
      CAPTURE(pre_vote, first);
      CoreGroup group({.voters = 3, .tune = [pre_vote](RaftOptions& options) {
                         options.priority = static_cast<std::uint32_t>(options.id.value);
                         options.pre_vote = pre_vote;
                       }});
      group.isolate(3 - first);
      group.elect(first);
      group.tick(3, 1);

      CHECK(group.member(3).node.soft_state().role == Role::leader);
    }
  }
}

TEST_CASE("A high priority whose campaigns reach nobody does not keep the others from a leader",
          "[core][priority]") {
  CoreGroup group({.voters = 3, .tune = [](RaftOptions& options) {
                     options.priority = options.id == NodeId{3} ? 9 : 0;
                   }});
  group.isolate(2);
  group.cut_if([](const Envelope& envelope) {
    return envelope.from == NodeId{3} && std::holds_alternative<VoteRequest>(envelope.message);
  });

  group.elect(1);
  CHECK(group.member(1).node.soft_state().role != Role::leader);
  group.tick(3, RaftOptions{}.election_timeout_ticks);
  group.elect(1);

  CHECK(group.member(1).node.soft_state().role == Role::leader);
}
