#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

void all_peers_answer(CoreBench& bench, std::initializer_list<std::uint64_t> peers) {
  for (const std::uint64_t peer : peers)
    bench.answer(peer, HeartbeatResponse{});
}

}  // namespace

TEST_CASE("A leader steps down after an election timeout without a quorum",
          "[core][check-quorum][thesis:6.2][b35]") {
  CoreBench bench({.voters = 5});
  bench.lead();
  all_peers_answer(bench, {2, 3});
  bench.tick(10);
  all_peers_answer(bench, {2});
  REQUIRE(bench.status().role == Role::leader);

  bench.tick(9);
  CHECK(bench.status().role == Role::leader);
  bench.tick(1);

  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().leader == std::nullopt);
}

TEST_CASE("A leader stays for as long as a quorum answers",
          "[core][check-quorum][thesis:6.2][b34]") {
  CoreBench bench({.voters = 5});
  bench.lead();

  for (int period = 0; period < 5; ++period) {
    all_peers_answer(bench, {2, 5});
    bench.tick(10);
    bench.run();
  }

  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("Without check-quorum a leader stays when it hears nobody", "[core][check-quorum]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.check_quorum = false; }});
  bench.lead();

  bench.tick(100);

  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("A learner's answers do not keep a leader", "[core][check-quorum][b36]") {
  auto membership = std::make_shared<Membership>(*voters(4));
  membership->voters.pop_back();
  membership->learners.emplace_back(4);
  CoreBench bench({.id = NodeId{1}}, bootstrapped(membership));
  bench.lead();
  all_peers_answer(bench, {2, 4});
  bench.tick(10);
  REQUIRE(bench.status().role == Role::leader);

  all_peers_answer(bench, {4});
  bench.tick(10);

  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("A voter that heard its leader within the fixed election timeout ignores candidates",
          "[core][check-quorum][thesis:4.2.3][b37]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();
  bench.node().set_randomized_election_timeout(19);

  bench.tick(9);
  REQUIRE(bench.receive(3, 5, VoteRequest{VoteKind::election, at(1, 1)}));
  bench.run();
  CHECK(bench.take_sent().empty());
  CHECK(bench.status().term == Term{2});

  bench.tick(1);
  REQUIRE(bench.receive(3, 5, VoteRequest{VoteKind::election, at(1, 1)}));
  bench.run();
  CHECK(bench.status().term == Term{5});
  CHECK(bench.status().voted_for == NodeId{3});
}

TEST_CASE("A leader is loyal to itself", "[core][check-quorum][thesis:4.2.3]") {
  CoreBench bench;
  bench.lead();

  REQUIRE(bench.receive(3, 9, VoteRequest{VoteKind::election, at(9, 9)}));
  bench.run();

  CHECK(bench.status().role == Role::leader);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.take_sent<VoteResponse>().empty());
}

TEST_CASE("Without check-quorum a voter is disloyal", "[core][check-quorum]") {
  CoreBench bench({.term = 2, .tune = [](RaftOptions& options) { options.check_quorum = false; }});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));

  REQUIRE(bench.receive(3, 5, VoteRequest{VoteKind::election, at(1, 1)}));

  CHECK(bench.status().voted_for == NodeId{3});
}

TEST_CASE("A vote that the leader asked for overrides loyalty",
          "[core][check-quorum][thesis:3.10][b45]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));

  REQUIRE(bench.receive(3, 3, VoteRequest{VoteKind::transfer, at(1, 1)}));

  CHECK(bench.status().voted_for == NodeId{3});
  CHECK(bench.status().term == Term{3});
}

TEST_CASE("A node that got stuck in a higher term deposes the leader by answering it",
          "[core][check-quorum][b38]") {
  CoreBench bench({.term = 7});

  REQUIRE(bench.receive(2, 3, HeartbeatRequest{}));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].term == Term{7});
  CHECK(std::get<AppendResponse>(sent[0].message) == AppendResponse{});

  CoreBench leader;
  leader.lead();
  REQUIRE(leader.receive(2, 7, AppendResponse{}));
  CHECK(leader.status().role == Role::follower);
  CHECK(leader.status().term == Term{7});
}

TEST_CASE(
    "Whoever is in a higher term tells an older leader, if that could not be deposed otherwise",
    "[core][check-quorum][b38]") {
  const bool pre_vote = GENERATE(false, true);
  const bool check_quorum = GENERATE(false, true);
  CoreBench bench({.term = 7, .tune = [=](RaftOptions& options) {
                     options.pre_vote = pre_vote;
                     options.check_quorum = check_quorum;
                   }});

  REQUIRE(bench.receive(2, 3, HeartbeatRequest{}));
  REQUIRE(bench.receive(2, 3, append_of(at(1, 1), {3})));
  bench.run();

  const std::size_t answers = pre_vote || check_quorum ? 2 : 0;
  CHECK(bench.take_sent<AppendResponse>(2) == std::vector<AppendResponse>(answers));
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("A learner in a higher term tells an older leader, for it cannot campaign",
          "[core][check-quorum][b38]") {
  // Whoever was removed may have asked it for its vote, and be gone.
  auto with_learner = std::make_shared<Membership>(*voters(3));
  with_learner->voters.erase(with_learner->voters.begin());
  with_learner->learners = {NodeId{1}};
  CoreBench bench({.id = NodeId{1}, .pre_vote = false, .check_quorum = false},
                  bootstrapped(with_learner));
  REQUIRE(bench.receive(3, 7, VoteRequest{VoteKind::election, at(0, 0)}));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{7}, AppendResponse{}});
}

TEST_CASE("A node that does not know itself to be a member follows and votes all the same",
          "[core][check-quorum][b39]") {
  auto others = std::make_shared<Membership>(*voters(3));
  others->voters.erase(others->voters.begin());
  CoreBench bench({.id = NodeId{1}}, bootstrapped(others));

  REQUIRE(bench.receive(2, 2, VoteRequest{VoteKind::election, at(1, 1)}));
  bench.run();
  CHECK(bench.take_sent<VoteResponse>(2) == std::vector{VoteResponse{VoteKind::election, true}});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2}, 2)));
  bench.tick(9);
  REQUIRE(bench.receive(3, 3, VoteRequest{VoteKind::election, at(9, 9)}));

  CHECK(bench.status().leader == NodeId{2});
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().commit == Index{2});
  bench.tick(100);
  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("A new member counts as heard of until the next check", "[core][check-quorum][b40]") {
  CoreBench bench({.voters = 1});
  bench.lead();
  MembershipChange change;
  change.steps.emplace_back().member.id = NodeId{2};
  REQUIRE(bench.node().propose_membership_change(change));
  bench.run();
  REQUIRE(bench.status().membership->voters.size() == 2);

  bench.tick(10);
  CHECK(bench.status().role == Role::leader);
  bench.tick(10);
  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("Forgetting the leader does not put off the own election", "[core][check-quorum][b41]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.node().set_randomized_election_timeout(10);

  bench.tick(6);
  bench.node().forget_leader();
  bench.tick(3);
  CHECK(bench.status().role == Role::follower);
  bench.tick(1);

  CHECK(bench.status().role == Role::pre_candidate);
}

TEST_CASE("A follower that forgets its leader keeps term and vote, and may vote at once",
          "[core][check-quorum][b41]") {
  CoreBench bench({.term = 2, .voted_for = NodeId{2}});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));

  bench.node().forget_leader();
  CHECK(bench.status().leader == std::nullopt);
  CHECK(bench.status().term == Term{2});
  CHECK(bench.status().voted_for == NodeId{2});
  REQUIRE(bench.receive(3, 3, VoteRequest{VoteKind::election, at(1, 1)}));

  CHECK(bench.status().voted_for == NodeId{3});
}

TEST_CASE("A leader does not forget itself", "[core][check-quorum][b41]") {
  CoreBench bench;
  bench.lead();

  bench.node().forget_leader();

  CHECK(bench.status().leader == NodeId{1});
  CHECK(bench.status().role == Role::leader);
}
