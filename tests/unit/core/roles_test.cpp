// What each role makes of the messages that may reach it.
#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

/// Node 1 of three, disloyal to leaders; a candidate and a leader are in term 2, others in term 1.
CoreBench bench_in(Role role) {
  CoreBench bench({.tune = [](RaftOptions& options) { options.check_quorum = false; }});
  if (role == Role::leader) bench.lead_all();
  if (role == Role::pre_candidate || role == Role::candidate) bench.node().campaign();
  bench.run();
  if (role == Role::candidate) bench.answer(2, VoteResponse{VoteKind::pre_vote, true});
  bench.take_sent();
  if (bench.status().role != role) throw std::runtime_error("the role was missed");
  return bench;
}

/// What only the leader of a term sends.
std::vector<Message> of_a_leader() {
  return {append_of(at(1, 1), {1}), HeartbeatRequest{}, SnapshotRequest{{at(1, 9), voters(3)}}};
}

}  // namespace

TEST_CASE("Whoever leads a higher term is followed by every role",
          "[core][roles][thesis:3.3][b2][b3]") {
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);

  for (const Message& message : of_a_leader()) {
    CAPTURE(to_string(role), message_name(message));
    CoreBench bench = bench_in(role);

    REQUIRE(bench.receive(3, 8, message));

    CHECK(bench.status().role == Role::follower);
    CHECK(bench.status().term == Term{8});
    CHECK(bench.status().leader == NodeId{3});
  }
}

TEST_CASE("Who campaigns follows the leader of its own term instead",
          "[core][roles][thesis:3.4][b5]") {
  const Role role = GENERATE(Role::pre_candidate, Role::candidate);

  for (const Message& message : of_a_leader()) {
    CAPTURE(to_string(role), message_name(message));
    CoreBench bench = bench_in(role);
    const Term term = bench.status().term;

    REQUIRE(bench.receive(3, term.value, message));

    CHECK(bench.status().role == Role::follower);
    CHECK(bench.status().term == term);
    CHECK(bench.status().leader == NodeId{3});
  }
}

TEST_CASE("An older term's answers are not counted by anybody", "[core][roles][thesis:3.3][b4]") {
  CoreBench leader({.term = 4});
  leader.lead();
  REQUIRE(leader.receive(2, 4, AppendResponse{Index{2}, std::nullopt}));
  REQUIRE(leader.receive(3, 1, AppendResponse{Index{2}, std::nullopt}));
  REQUIRE(leader.receive(2, 4, HeartbeatResponse{}));
  REQUIRE(leader.receive(2, 4, TransferRequest{NodeId{3}}));
  CHECK(leader.status().commit == Index{1});
  CHECK(leader.progress(2).match == Index{0});
  CHECK_FALSE(leader.progress(2).recently_active);
  CHECK(leader.status().transfer_target == std::nullopt);

  CoreBench candidate = bench_in(Role::candidate);
  REQUIRE(candidate.receive(2, 1, VoteResponse{VoteKind::election, true}));
  REQUIRE(candidate.receive(3, 1, HeartbeatRequest{}));
  CHECK(candidate.status().role == Role::candidate);
}

TEST_CASE("Nobody leads who was not a candidate", "[core][roles][thesis:3.4][b6]") {
  const VoteKind kind = GENERATE(VoteKind::pre_vote, VoteKind::election, VoteKind::transfer);
  CoreBench follower = bench_in(Role::follower);
  CoreBench pre_candidate = bench_in(Role::pre_candidate);

  for (const std::uint64_t voter : {2U, 3U}) {
    REQUIRE(follower.receive(voter, 1, VoteResponse{kind, true}));
    if (kind != VoteKind::pre_vote)
      REQUIRE(pre_candidate.receive(voter, 1, VoteResponse{kind, true}));
  }

  CHECK(follower.status().role == Role::follower);
  CHECK(pre_candidate.status().role == Role::pre_candidate);
}

TEST_CASE("Within its term a leader stays leader", "[core][roles][thesis:3.4][b6][b21]") {
  CoreBench bench = bench_in(Role::leader);

  bench.node().campaign();
  REQUIRE(bench.receive(2, 2, TimeoutNow{}));
  REQUIRE(bench.receive(2, 2, VoteRequest{VoteKind::election, at(9, 9)}));
  REQUIRE(bench.receive(2, 2, VoteRequest{VoteKind::transfer, at(9, 9)}));
  REQUIRE(bench.receive(2, 2, VoteResponse{VoteKind::election, false}));
  REQUIRE(bench.receive(3, 2, VoteResponse{VoteKind::election, false}));
  bench.tick(50);
  bench.run();

  CHECK(bench.status().role == Role::leader);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.take_sent<VoteRequest>().empty());
}

TEST_CASE("Every role votes in a higher term, and gives up its own for it",
          "[core][roles][thesis:3.4][b2][b16]") {
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);
  CoreBench bench = bench_in(role);

  REQUIRE(bench.receive(3, 8, VoteRequest{VoteKind::election, at(9, 9)}));
  bench.run();

  CHECK(bench.take_sent<VoteResponse>(3) == std::vector{VoteResponse{VoteKind::election, true}});
  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{8});
  CHECK(bench.status().voted_for == NodeId{3});
  CHECK(bench.status().leader == std::nullopt);
}

TEST_CASE("Every role answers a pre-vote without giving up anything",
          "[core][roles][pre-vote][thesis:9.6][b16]") {
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);
  CoreBench bench = bench_in(role);
  const RaftStatus before = bench.status();

  REQUIRE(bench.receive(3, 8, VoteRequest{VoteKind::pre_vote, at(9, 9)}));
  bench.run();

  CHECK(bench.take_sent<VoteResponse>(3) == std::vector{VoteResponse{VoteKind::pre_vote, true}});
  CHECK(bench.status().role == role);
  CHECK(bench.status().term == before.term);
  CHECK(bench.status().voted_for == before.voted_for);
  CHECK(bench.status().leader == before.leader);
}

TEST_CASE("Only a leader sends heartbeats", "[core][roles][b76]") {
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);
  CoreBench bench = bench_in(role);

  bench.tick(5);
  bench.run();

  CHECK(bench.take_sent<HeartbeatRequest>().empty() == (role != Role::leader));
}
