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

TEST_CASE("Who has campaigned in vain votes for anybody until a leader was there",
          "[core][priority]") {
  CoreBench voter(with_priority(5));
  voter.node().campaign();
  voter.run();
  voter.take_sent();
  REQUIRE(voter.receive(2, 3, request(VoteKind::election, at(2, 3), 0)));
  voter.run();
  CHECK(voter.take_sent<VoteResponse>(2).at(0).granted);

  REQUIRE(voter.receive(2, 3, HeartbeatRequest{}));
  voter.run();
  voter.node().set_randomized_election_timeout(2 * RaftOptions{}.election_timeout_ticks - 1);
  voter.tick(RaftOptions{}.election_timeout_ticks);
  voter.run();
  voter.take_sent();
  CHECK(voter.status().leader == NodeId{2});
  REQUIRE(voter.receive(3, 4, request(VoteKind::election, at(2, 3), 0)));
  voter.run();
  CHECK_FALSE(voter.take_sent<VoteResponse>(3).at(0).granted);
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
  for (const bool pre_vote : {true, false}) {
    for (const std::uint64_t first : {1U, 2U}) {
      CAPTURE(pre_vote, first);
      CoreGroup group({.voters = 3, .tune = [pre_vote](RaftOptions& options) {
                         options.priority = static_cast<std::uint32_t>(options.id.value);
                         options.pre_vote = pre_vote;
                       }});
      group.isolate(3 - first);  // only the first and the third decide
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
  group.tick(3, 1);
  group.elect(1);

  CHECK(group.member(1).node.soft_state().role == Role::leader);
}
