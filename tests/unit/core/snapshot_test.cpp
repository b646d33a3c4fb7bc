#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

SnapshotMeta snapshot_at(EntryId last, MembershipPtr membership = voters(3)) {
  return {last, std::move(membership)};
}

/// A leader of term 3 whose log begins behind index 3.
CoreBench compacted_leader() {
  CoreBench bench({.term = 2, .log = {2, 2}, .tune = [](RaftOptions& options) {
                     options.check_quorum = false;
                   }});
  bench.lead();
  bench.acknowledge(2, 4);
  bench.node().snapshot_available(snapshot_at(at(2, 3)));
  bench.node().compact(Index{3});
  bench.run();
  bench.take_sent();
  return bench;
}

AppendResponse refused(std::uint64_t index, std::uint64_t hint) {
  return {Index{index}, AppendResponse::Rejection{at(0, hint)}};
}

}  // namespace

TEST_CASE("A member that needs what was compacted gets the snapshot",
          "[core][snapshot][b61][b93]") {
  CoreBench bench = compacted_leader();

  bench.answer(3, refused(3, 1));

  CHECK(bench.take_sent<SnapshotRequest>(3) == std::vector{SnapshotRequest{snapshot_at(at(2, 3))}});
  CHECK(bench.progress(3).state == ProgressState::snapshot);
  CHECK(bench.progress(3).pending_snapshot == Index{3});
}

TEST_CASE("A silent member gets no snapshot", "[core][snapshot][b94]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  bench.run();
  bench.acknowledge(2, 3);
  bench.node().snapshot_available(snapshot_at(at(2, 3)));
  bench.node().compact(Index{3});
  bench.tick(10);
  bench.run();
  bench.answer(2, HeartbeatResponse{});
  REQUIRE_FALSE(bench.progress(3).recently_active);

  bench.node().report_unreachable(NodeId{3});
  REQUIRE_FALSE(bench.progress(3).paused);
  REQUIRE(bench.propose("b"));
  bench.run();
  CHECK(bench.take_sent<SnapshotRequest>(3).empty());

  bench.answer(3, HeartbeatResponse{});
  CHECK(bench.take_sent<SnapshotRequest>(3).size() == 1);
}

TEST_CASE("While a snapshot is on its way nothing is appended to the member",
          "[core][snapshot][b71][b79]") {
  CoreBench bench = compacted_leader();
  bench.answer(3, refused(3, 1));
  bench.take_sent();

  REQUIRE(bench.propose("a"));
  bench.run();
  bench.answer(3, HeartbeatResponse{});

  CHECK(bench.take_sent<AppendRequest>(3).empty());
  CHECK(bench.progress(3).paused);
}

TEST_CASE("After a snapshot was sent the member is probed behind it", "[core][snapshot][b95]") {
  CoreBench bench = compacted_leader();
  bench.answer(3, refused(3, 1));
  bench.take_sent();

  bench.node().report_snapshot(NodeId{3}, SnapshotOutcome::sent);

  CHECK(bench.progress(3).state == ProgressState::probe);
  CHECK(bench.progress(3).next == Index{4});
  CHECK(bench.progress(3).paused);
  bench.answer(3, HeartbeatResponse{});
  CHECK(bench.take_sent<AppendRequest>(3).size() == 1);
}

TEST_CASE("After a snapshot got lost the member gets another one, at the next sign of life",
          "[core][snapshot][b95]") {
  CoreBench bench = compacted_leader();
  bench.answer(3, refused(3, 1));
  bench.take_sent();

  bench.node().report_snapshot(NodeId{3}, SnapshotOutcome::failed);

  CHECK(bench.progress(3).state == ProgressState::probe);
  CHECK(bench.progress(3).next == Index{1});
  CHECK(bench.progress(3).paused);
  bench.answer(3, HeartbeatResponse{});
  CHECK(bench.take_sent<SnapshotRequest>(3).size() == 1);
}

TEST_CASE("An acknowledgement that connects to the log ends the wait for a snapshot",
          "[core][snapshot][b96]") {
  CoreBench bench = compacted_leader();
  bench.node().snapshot_available(snapshot_at(at(3, 4)));
  bench.answer(3, refused(3, 1));
  REQUIRE(bench.propose("a"));
  bench.run();
  bench.take_sent();

  bench.acknowledge(3, 2);
  CHECK(bench.progress(3).state == ProgressState::snapshot);
  CHECK(bench.progress(3).pending_snapshot == Index{4});
  CHECK(bench.take_sent<SnapshotRequest>(3).empty());
  bench.acknowledge(3, 3);  // less than the snapshot, but the log is there from here on

  CHECK(bench.progress(3).state == ProgressState::replicate);
  CHECK(bench.take_sent<AppendRequest>(3).back().previous == at(2, 3));
}

TEST_CASE("A leader without a snapshot that its log continues sends none, and goes on",
          "[core][snapshot]") {
  const bool has_old_one = GENERATE(false, true);
  CoreBench bench({.term = 2, .log = {2, 2}});
  bench.lead();
  bench.acknowledge(2, 4);
  if (has_old_one) bench.node().snapshot_available(snapshot_at(at(2, 2)));
  bench.node().compact(Index{3});
  bench.take_sent();

  // From a term of the past, when its sender knew nothing of the log: nothing is agreed.
  bench.acknowledge(3, 0);

  CHECK(bench.take_sent<SnapshotRequest>().empty());
  CHECK(bench.status().role == Role::leader);
}

TEST_CASE("A snapshot replaces log, commit index and membership", "[core][snapshot][b97]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}});

  REQUIRE(bench.receive(2, 5, SnapshotRequest{snapshot_at(at(4, 9), voters(5))}));
  Ready ready = bench.take();

  CHECK(bench.status().leader == NodeId{2});
  CHECK(bench.status().last == Index{9});
  CHECK(bench.status().commit == Index{9});
  CHECK(bench.status().first == Index{10});
  REQUIRE(ready.persist);
  CHECK(ready.persist->snapshot == snapshot_at(at(4, 9), voters(5)));
  CHECK(ready.persist->needs_sync());
  CHECK(CoreBench::only<AppendResponse>(ready.persist->send_after, 2) ==
        std::vector{AppendResponse{Index{9}, std::nullopt}});
  CHECK(ready.restore == ready.persist->snapshot);
  REQUIRE(ready.membership);
  CHECK(*ready.membership == *voters(5));

  bench.persist(*std::move(ready.persist));
  CHECK(bench.status().applied == Index{9});
}

TEST_CASE("A snapshot brings all kinds of members along, and only once",
          "[core][snapshot][b97][b103]") {
  auto joint = std::make_shared<Membership>(*voters(5));
  joint->voters = {NodeId{1}, NodeId{2}};
  joint->voters_outgoing = {NodeId{1}, NodeId{3}, NodeId{4}};
  joint->learners = {NodeId{5}};
  joint->learners_next = {NodeId{4}};
  joint->auto_leave = true;
  CoreBench bench({.term = 2});

  for (int time = 0; time < 2; ++time) {
    REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9), joint)}));
    bench.run();
    CHECK(bench.take_sent<AppendResponse>(2) ==
          std::vector{AppendResponse{Index{9}, std::nullopt}});
  }

  CHECK(*bench.status().membership == *joint);
  CHECK(bench.status().leader == NodeId{2});
  CHECK(bench.restored.size() == 1);
}

TEST_CASE("A snapshot may make a voter of a learner, and a learner of a voter",
          "[core][snapshot][b99]") {
  auto with_learner = std::make_shared<Membership>(*voters(3));
  with_learner->voters.erase(with_learner->voters.begin());
  with_learner->learners = {NodeId{1}};

  CoreBench promoted({.id = NodeId{1}}, bootstrapped(with_learner));
  REQUIRE(promoted.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9))}));
  promoted.run();
  promoted.node().campaign();
  CHECK(promoted.status().role == Role::pre_candidate);

  CoreBench demoted;
  REQUIRE(demoted.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9), with_learner)}));
  demoted.run();
  demoted.node().campaign();
  CHECK(demoted.status().role == Role::follower);
}

TEST_CASE("A learner gets a snapshot like a voter", "[core][snapshot][b101]") {
  auto with_learner = std::make_shared<Membership>(*voters(4));
  with_learner->voters.pop_back();
  with_learner->learners = {NodeId{4}};
  CoreBench bench({.id = NodeId{1}}, bootstrapped(with_learner));
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  bench.run();
  bench.acknowledge(2, 3);
  bench.node().snapshot_available(snapshot_at(at(2, 3), with_learner));
  bench.node().compact(Index{3});
  bench.take_sent();

  bench.answer(4, refused(1, 1));

  CHECK(bench.take_sent<SnapshotRequest>(4) ==
        std::vector{SnapshotRequest{snapshot_at(at(2, 3), with_learner)}});
  CHECK(bench.progress(4).state == ProgressState::snapshot);
}

TEST_CASE("Nothing is applied behind a snapshot until it is durable", "[core][snapshot][b104]") {
  CoreBench bench({.term = 2, .tune = [](RaftOptions& options) {
                     options.storage_mode = StorageMode::synchronous;
                   }});
  REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9))}));
  Ready ready = bench.take();

  REQUIRE(bench.receive(2, 2, append_of(at(2, 9), {2}, 10)));
  Ready behind = bench.take();
  CHECK(behind.apply.empty());
  bench.persist(*std::move(ready.persist));

  CHECK(commands(bench.take().apply) == std::vector<std::string>{"2/10"});
}

TEST_CASE("A node with a pending snapshot does not campaign", "[core][snapshot][b26]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9))}));
  Ready ready = bench.take();

  bench.node().campaign();
  bench.tick(100);
  REQUIRE(bench.receive(2, 2, TimeoutNow{}));
  CHECK(bench.status().role == Role::follower);

  bench.persist(*std::move(ready.persist));
  bench.node().campaign();
  CHECK(bench.status().role == Role::pre_candidate);
}

TEST_CASE("A snapshot that is behind the commit index is answered with that",
          "[core][snapshot][b98]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}, .commit = 4});

  REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 3))}));
  bench.run();

  CHECK(bench.take_sent<AppendResponse>() == std::vector{AppendResponse{Index{4}, std::nullopt}});
  CHECK(bench.restored.empty());
  CHECK(bench.status().last == Index{4});
}

TEST_CASE("A snapshot of what the log holds only tells that it is committed",
          "[core][snapshot][b98]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}});

  REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 3))}));
  bench.run();

  CHECK(bench.restored.empty());
  CHECK(bench.status().commit == Index{3});
  CHECK(bench.status().last == Index{4});
  CHECK(commands(bench.applied) == std::vector<std::string>{"2/2", "2/3"});
}

TEST_CASE("A snapshot of a group without this node is refused", "[core][snapshot][b100]") {
  CoreBench bench({.term = 2});
  auto others = std::make_shared<Membership>(*voters(3));
  others->voters.erase(others->voters.begin());

  REQUIRE(bench.receive(2, 2, SnapshotRequest{snapshot_at(at(2, 9), others)}));
  bench.run();

  CHECK(bench.restored.empty());
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("A slow node catches up by snapshot and then by log", "[core][snapshot][b102]") {
  CoreGroup group({});
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  group.propose(1, "b");
  group.settle();
  group.compact(1, 4);
  group.propose(1, "c");
  group.settle();

  group.heal();
  group.tick(1, 3);

  CHECK(group.member(3).snapshots_received == 1);
  REQUIRE(group.member(3).restored.size() == 1);
  CHECK(group.member(3).restored[0].last == at(2, 4));
  CHECK(commands(group.member(3).applied) == std::vector<std::string>{"c"});
  CHECK(group.node(3).status().commit == group.node(1).status().commit);
}

TEST_CASE("An older snapshot does not take the place of a newer one", "[core][snapshot]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}, .commit = 4});
  bench.run();
  bench.lead();
  bench.node().snapshot_available({at(2, 4), bench.status().membership});
  bench.node().snapshot_available({at(2, 3), bench.status().membership});
  bench.node().compact(Index{4});

  bench.answer(2, AppendResponse{Index{4}, AppendResponse::Rejection{at(1, 1)}});

  const auto snapshots = bench.take_sent<SnapshotRequest>(2);
  REQUIRE(snapshots.size() == 1);
  CHECK(snapshots[0].snapshot.last == at(2, 4));
}

TEST_CASE("What was handed out before a snapshot may be reported as applied after it",
          "[core][snapshot]") {
  CoreBench bench({.term = 2, .log = {2, 2}});
  bench.applies = false;
  REQUIRE(bench.receive(2, 2, append_of(at(2, 3), {}, 3)));
  bench.run();
  REQUIRE(bench.applied.size() == 2);

  REQUIRE(bench.receive(2, 2, SnapshotRequest{{at(2, 9), bench.status().membership}}));
  bench.run();
  REQUIRE(bench.status().applied == Index{9});
  bench.node().applied(Index{3});

  CHECK(bench.node().violation().empty());
  CHECK(bench.status().applied == Index{9});
}

TEST_CASE("A change that a snapshot has overtaken is not applied on top of it",
          "[core][snapshot][membership]") {
  CoreBench bench;
  bench.applies = false;
  MembershipChange added;
  added.steps.push_back({MemberOperation::make_learner, {NodeId{4}, "", {}, {}, {}}});
  const Entry entry{at(2, 2), EntryType::membership, encode(added)};
  AppendRequest append{at(1, 1), Index{2}, {}};
  append.entries.push_back(entry);
  REQUIRE(bench.receive(2, 2, std::move(append)));
  bench.run();
  REQUIRE(bench.applied.size() == 1);

  // Before the state machine comes to it, a snapshot arrives from when 4 had gone again.
  const MembershipPtr newer = bench.status().membership;
  REQUIRE(bench.receive(2, 2, SnapshotRequest{{at(2, 9), newer}}));

  const MembershipPtr then = bench.node().membership_applied(entry);
  REQUIRE(then != nullptr);
  CHECK(then->learners == std::vector{NodeId{4}});
  CHECK(*bench.status().membership == *newer);

  bench.run();
  CHECK(bench.status().applied == Index{9});
  CHECK(*bench.status().membership == *newer);
}

TEST_CASE("An answer that was to depose an old leader does not move the new one of its term",
          "[core][snapshot]") {
  CoreBench bench = compacted_leader();

  bench.answer(3, AppendResponse{});

  CHECK(bench.take_sent().empty());
  CHECK(bench.progress(3).state == ProgressState::probe);
}
