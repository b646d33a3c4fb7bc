#include <algorithm>

#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;
using Strings = std::vector<std::string>;

namespace {

DriverGroup::Options every_ten_entries(StateMachineKind kind = StateMachineKind::in_memory) {
  return {.tune = [kind](driver::DriverOptions& options) {
    options.kind = kind;
    options.snapshots.snapshot_count = 10;
    options.raft.log_window_bytes = 0;
    options.raft.check_quorum = false;
  }};
}

void propose_many(DriverGroup& group, int count) {
  for (int i = 0; i < count; ++i) {
    group.propose(1, "c" + std::to_string(i));
    group.settle();
  }
}

}  // namespace

TEST_CASE("A snapshot is taken every so many entries and the log is cut behind it", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);

  propose_many(group, 30);

  const RaftStatus status = group.node(2).status();
  CHECK(status.first > Index{10});
  CHECK(status.last - status.first < 20);
}

TEST_CASE("The log is cut only after the snapshot is durable", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  const Index first = group.node(1).status().first;

  for (int i = 0; i < 30; ++i) {
    group.propose(1, "x");
    group.node(1).flush();
    group.hold(1, Port::state_machine);
    group.settle();
  }

  CHECK(group.ports(1).compactions.empty());
  CHECK(group.node(1).status().first == first);
}

TEST_CASE("A follower that was away too long gets a snapshot and then the log", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(3, Port::network);
  propose_many(group, 40);

  group.resume(3, Port::network);
  for (int i = 0; i < 5; ++i)
    group.tick(1);

  REQUIRE_FALSE(group.applied(3).empty());
  CHECK(group.applied(3)[0].starts_with("snapshot at"));
  CHECK(group.node(3).applied_index() == group.node(1).applied_index());
  propose_many(group, 1);
  CHECK(group.applied(3).back() == "c0");
}

TEST_CASE("A received snapshot replaces the state only after the log knows of it", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(3, Port::disk);
  const SnapshotMeta snapshot{{group.node(1).term(), Index{50}}, group.node(1).membership()};

  group.node(3).receive(
      {{}, NodeId{1}, NodeId{3}, group.node(1).term(), SnapshotRequest{snapshot}});
  group.settle();
  CHECK(group.applied(3).empty());
  CHECK(group.node(3).applied_index() < Index{50});

  group.resume(3, Port::disk);
  group.settle();
  CHECK(group.applied(3) == Strings{"snapshot at 50"});
  CHECK(group.node(3).applied_index() == Index{50});
}

TEST_CASE("A state machine on disk keeps no snapshot file once it holds its content", "[driver]") {
  DriverGroup group(every_ten_entries(StateMachineKind::on_disk));
  group.elect(1);
  group.hold(3, Port::network);
  propose_many(group, 40);
  group.resume(3, Port::network);

  for (int i = 0; i < 5; ++i)
    group.tick(1);

  CHECK(group.ports(3).dropped.size() == 1);
  CHECK(group.ports(1).dropped.empty());
}

TEST_CASE("Whoever waited for an entry that a snapshot jumped over does not know its fate",
          "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(3);
  group.hold(3, Port::network);
  const auto lost = group.propose(3, "lost");
  group.settle();
  group.ports(3).sent.clear();
  group.elect(1);
  propose_many(group, 40);

  group.resume(3, Port::network);
  for (int i = 0; i < 5; ++i)
    group.tick(1);

  CHECK(lost->count == 1);
  CHECK(lost->code == Errc::commit_unknown);
}

TEST_CASE("A state machine that takes no snapshots is left alone", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(1, Port::state_machine);
  for (int i = 0; i < 15; ++i)
    group.propose(1, "x");
  group.settle();
  REQUIRE(group.ports(1).saves.size() == 1);

  group.node(1).snapshot_saved(group.ports(1).saves.front(), Errc::not_supported);
  group.ports(1).saves.clear();
  group.resume(1, Port::state_machine);
  group.settle();

  CHECK(group.ports(1).failures.empty());
  CHECK(group.ports(1).compactions.empty());
}

TEST_CASE("The log is not cut behind a snapshot that is on its way to a follower", "[driver]") {
  driver::Snapshotter snapshotter({.snapshot_count = 10,
                                   .snapshot_bytes = 1'000'000,
                                   .retained_entries = 5,
                                   .retained_bytes = 0,
                                   .transfer_retained_entries = 50},
                                  Index{0});

  CHECK(snapshotter.keep_from(Index{100}) == Index{96});
  snapshotter.transfer_started(NodeId{2}, Index{70});
  CHECK(snapshotter.keep_from(Index{100}) == Index{71});
  CHECK(snapshotter.keep_from(Index{1000}) == Index{951});  // not held back for ever
  CHECK(snapshotter.catching_up().empty());
  snapshotter.transfer_ended(NodeId{2});
  CHECK(snapshotter.catching_up() == std::vector{NodeId{2}});
  CHECK(snapshotter.keep_from(Index{100}) == Index{71});
  snapshotter.follow(NodeId{2}, Index{60}, true);  // it has not answered yet
  CHECK(snapshotter.keep_from(Index{100}) == Index{71});
  snapshotter.follow(NodeId{2}, Index{80}, true);
  CHECK(snapshotter.keep_from(Index{100}) == Index{81});

  Index expected{96};
  SECTION("until its follower has caught up") {
    snapshotter.forget(NodeId{2});
  }
  SECTION("until its follower is not there for a while") {
    snapshotter.follow(NodeId{2}, Index{80}, false);
    CHECK(snapshotter.keep_from(Index{100}) == Index{81});
    snapshotter.follow(NodeId{2}, Index{80}, false);
  }
  SECTION("until its follower does not get on for longer") {
    for (int cut = 0; cut < 9; ++cut)
      snapshotter.follow(NodeId{2}, Index{80}, true);
    CHECK(snapshotter.keep_from(Index{100}) == Index{81});
    snapshotter.follow(NodeId{2}, Index{80}, true);
  }
  SECTION("as long as its follower gets on") {
    for (std::uint64_t cut = 0; cut < 14; ++cut)
      snapshotter.follow(NodeId{2}, Index{81 + cut}, true);
    expected = Index{95};
  }
  CHECK(snapshotter.keep_from(Index{100}) == expected);
}

TEST_CASE("The tail that is kept is the larger of so many entries and so many bytes", "[driver]") {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  driver::Snapshotter snapshotter({.snapshot_count = 10,
                                   .snapshot_bytes = 1000 * kMiB,
                                   .retained_entries = 5,
                                   .retained_bytes = 8 * kMiB,
                                   .transfer_retained_entries = 50},
                                  Index{0});

  for (std::uint64_t i = 1; i <= 100; ++i)
    snapshotter.on_dispatched(Index{i}, kMiB);

  CHECK(snapshotter.keep_from(Index{100}) <= Index{93});
  CHECK(snapshotter.keep_from(Index{100}) >= Index{90});
}

TEST_CASE("Without known sizes the tail that is kept has a limit all the same", "[driver]") {
  driver::Snapshotter snapshotter({.snapshot_count = 10,
                                   .snapshot_bytes = 1'000'000,
                                   .retained_entries = 5,
                                   .retained_bytes = 8'000'000,
                                   .transfer_retained_entries = 50},
                                  Index{0});

  snapshotter.on_dispatched(Index{1000}, 100);  // as after a restart

  CHECK(snapshotter.keep_from(Index{1000}) == Index{901});
}

TEST_CASE("The old snapshot stays until the log names the new one", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  propose_many(group, 15);
  group.hold(2, Port::compaction);

  propose_many(group, 10);
  REQUIRE(group.ports(2).compactions.size() == 1);
  const EntryId saved = group.ports(2).compactions.front().first.last;
  CHECK(group.ports(2).dropped.empty());

  group.resume(2, Port::compaction);
  group.settle();
  REQUIRE(group.ports(2).dropped.size() == 1);
  CHECK(group.ports(2).dropped.front() < saved);
}

namespace {

/// As if node 3 had received this snapshot from node 1.
void receive_snapshot(DriverGroup& group, const SnapshotMeta& snapshot) {
  group.node(3).receive(
      {{}, NodeId{1}, NodeId{3}, group.node(1).term(), SnapshotRequest{snapshot}});
}

}  // namespace

TEST_CASE("A snapshot that arrives twice is not dropped while it is being restored", "[driver]") {
  const auto kind = GENERATE(StateMachineKind::in_memory, StateMachineKind::on_disk);
  DriverGroup group(every_ten_entries(kind));
  group.elect(1);
  group.hold(3, Port::state_machine);
  const SnapshotMeta snapshot{{group.node(1).term(), Index{50}}, group.node(1).membership()};

  receive_snapshot(group, snapshot);
  group.settle();
  REQUIRE(group.ports(3).restores.size() == 1);
  receive_snapshot(group, snapshot);
  group.settle();
  CHECK(group.ports(3).dropped.empty());

  group.resume(3, Port::state_machine);
  group.settle();
  CHECK(group.ports(3).dropped.size() == (kind == StateMachineKind::on_disk ? 1 : 0));
  receive_snapshot(group, snapshot);
  group.settle();
  CHECK(group.ports(3).dropped.size() == (kind == StateMachineKind::on_disk ? 2 : 0));
}

TEST_CASE("Received snapshots that nobody wants are dropped", "[driver]") {
  const auto kind = GENERATE(StateMachineKind::in_memory, StateMachineKind::on_disk);
  DriverGroup group(every_ten_entries(kind));
  group.elect(1);
  propose_many(group, 5);
  const Term term = group.node(1).term();
  const MembershipPtr membership = group.node(1).membership();

  receive_snapshot(group, {{term, Index{3}}, membership});
  receive_snapshot(group, {{term, Index{4}}, membership});
  group.settle();

  CHECK(group.ports(3).dropped == std::vector<EntryId>{{term, Index{3}}, {term, Index{4}}});
}

TEST_CASE("A snapshot file that cannot be written is tried again later", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(1, Port::state_machine);
  for (int i = 0; i < 15; ++i)
    group.propose(1, "x");
  group.settle();
  REQUIRE(group.ports(1).saves.size() == 1);

  group.node(1).snapshot_saved(group.ports(1).saves.front(), Errc::out_of_space);
  group.ports(1).saves.clear();
  group.resume(1, Port::state_machine);
  group.settle();
  CHECK(group.ports(1).failures.empty());

  const Index first = group.node(1).status().first;
  propose_many(group, 15);
  CHECK(group.node(1).status().first > first);
}

TEST_CASE("A state machine that cannot be captured ends everything", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(1, Port::state_machine);
  for (int i = 0; i < 15; ++i)
    group.propose(1, "x");
  group.settle();
  REQUIRE(group.ports(1).saves.size() == 1);

  group.node(1).snapshot_saved(group.ports(1).saves.front(), Errc::state_machine_failed);

  CHECK(group.ports(1).failures.size() == 1);
}

TEST_CASE("One snapshot at a time goes to a follower, and the next after a pause", "[driver]") {
  DriverGroup group(every_ten_entries());
  group.elect(1);
  group.hold(3, Port::network);
  propose_many(group, 40);
  group.resume(3, Port::network);
  group.hold(1, Port::snapshots);
  for (int i = 0; i < 3; ++i)
    group.tick(1);
  REQUIRE(group.ports(1).snapshot_sends.size() == 1);

  SECTION("not even a new term of leadership starts another one") {
    group.elect(2);
    group.elect(1);
    for (int i = 0; i < 3; ++i)
      group.tick(1);
    CHECK(group.ports(1).snapshot_sends.size() == 1);
  }

  SECTION("after a failure there is a pause, which doubles") {
    group.ports(1).snapshot_sends.clear();
    group.node(1).snapshot_sent(NodeId{3}, Errc::peer_unreachable);
    group.tick(1, 9);
    CHECK(group.ports(1).snapshot_sends.empty());
    group.tick(1, 4);
    REQUIRE(group.ports(1).snapshot_sends.size() == 1);

    group.ports(1).snapshot_sends.clear();
    group.node(1).snapshot_sent(NodeId{3}, Errc::peer_unreachable);
    group.tick(1, 19);
    CHECK(group.ports(1).snapshot_sends.empty());
    group.tick(1, 4);
    CHECK(group.ports(1).snapshot_sends.size() == 1);
  }

  SECTION("a follower that has come back need not wait") {
    group.ports(1).snapshot_sends.clear();
    group.node(1).snapshot_sent(NodeId{3}, Errc::peer_unreachable);
    group.node(1).on_peer({NodeId{3}, PeerState::disconnected});
    group.node(1).on_peer({NodeId{3}, PeerState::connected});
    group.tick(1, 3);
    CHECK(group.ports(1).snapshot_sends.size() == 1);
  }
}

namespace {

/// `options`, and a leader that keeps so many entries for a transfer.
DriverGroup::Options keeping_for_transfers(DriverGroup::Options options, std::uint64_t entries) {
  options.tune = [tune = options.tune, entries](driver::DriverOptions& own) {
    tune(own);
    own.snapshots.transfer_retained_entries = entries;
  };
  return options;
}

/// Afterwards a snapshot is on its way to node 3, which has missed what the log keeps.
void begin_transfer(DriverGroup& group) {
  group.elect(1);
  group.hold(3, Port::network);
  propose_many(group, 40);
  group.resume(3, Port::network);
  group.hold(1, Port::snapshots);
  group.tick(1, 3);
  REQUIRE(group.ports(1).snapshot_sends.size() == 1);
}

/// How often the leader has found that node 3 needs one.
std::ptrdiff_t snapshots_needed(DriverGroup& group) {
  const auto& events = group.ports(1).events;
  return std::count_if(events.begin(), events.end(), [](const Event& event) {
    return std::holds_alternative<event::SnapshotNeeded>(event);
  });
}

}  // namespace

TEST_CASE("A transfer during which the log is cut many times is followed by no other one",
          "[driver]") {
  const auto kind = GENERATE(StateMachineKind::in_memory, StateMachineKind::on_disk);
  DriverGroup group(keeping_for_transfers(every_ten_entries(kind), 1000));
  begin_transfer(group);

  propose_many(group, 100);
  CHECK(group.node(1).status().last - group.node(1).status().first > 90);
  group.resume(1, Port::snapshots);
  group.tick(1, 3);

  CHECK(snapshots_needed(group) == 1);
  CHECK(group.node(3).applied_index() == group.node(1).applied_index());
}

TEST_CASE("Nor if the follower is slow to take what came after its snapshot", "[driver]") {
  const auto kind = GENERATE(StateMachineKind::in_memory, StateMachineKind::on_disk);
  DriverGroup group(keeping_for_transfers(every_ten_entries(kind), 1000));
  begin_transfer(group);
  propose_many(group, 100);
  group.hold(3, Port::disk);
  group.resume(1, Port::snapshots);

  for (int i = 0; i < 7; ++i) {
    propose_many(group, 10);
    group.tick(1, 3);
  }
  group.resume(3, Port::disk);
  group.tick(1, 3);

  CHECK(snapshots_needed(group) == 1);
  CHECK(group.node(3).applied_index() == group.node(1).applied_index());
  propose_many(group, 30);
  CHECK(group.node(1).status().last - group.node(1).status().first < 20);
}

TEST_CASE("A follower that does not get on after its snapshot holds the log for a while",
          "[driver]") {
  DriverGroup group(keeping_for_transfers(every_ten_entries(), 1000));
  begin_transfer(group);
  group.hold(3, Port::disk);
  group.resume(1, Port::snapshots);
  group.tick(1, 3);

  propose_many(group, 100);
  CHECK(group.node(1).status().last - group.node(1).status().first > 90);
  propose_many(group, 100);

  CHECK(group.node(1).status().last - group.node(1).status().first < 20);
}

TEST_CASE("A full log waits for nobody", "[driver]") {
  DriverGroup group(keeping_for_transfers(every_ten_entries(), 1000));
  begin_transfer(group);
  group.hold(3, Port::disk);
  group.resume(1, Port::snapshots);
  group.tick(1, 3);
  propose_many(group, 60);
  REQUIRE(group.node(1).status().last - group.node(1).status().first > 50);

  propose_many(group, GENERATE(range(0, 11)));  // once there is nothing new for a snapshot
  group.node(1).log_is_full(Errc::out_of_space);
  group.settle();

  CHECK(group.node(1).status().last - group.node(1).status().first < 20);
}

TEST_CASE("A follower that has gone after its snapshot does not hold the log", "[driver]") {
  DriverGroup group(keeping_for_transfers(every_ten_entries(), 1000));
  begin_transfer(group);
  group.hold(3, Port::disk);
  group.resume(1, Port::snapshots);
  group.tick(1, 3);

  group.hold(3, Port::network);
  group.node(1).on_peer({NodeId{3}, PeerState::disconnected});
  propose_many(group, 100);

  CHECK(group.node(1).status().last - group.node(1).status().first < 20);
}

TEST_CASE("A snapshot that is wanted is due at once, and once", "[driver][snapshot]") {
  driver::Snapshotter snapshotter({.snapshot_count = 100,
                                   .snapshot_bytes = std::uint64_t{1} << 40,
                                   .retained_entries = 10,
                                   .retained_bytes = 0,
                                   .transfer_retained_entries = 1000},
                                  Index{1});
  snapshotter.on_dispatched(Index{2}, 20);
  REQUIRE_FALSE(snapshotter.should_begin(Index{2}));
  snapshotter.want();
  CHECK(snapshotter.should_begin(Index{2}));

  snapshotter.begun(Index{2});
  // While one is being saved another one is asked for: it comes afterwards.
  snapshotter.on_dispatched(Index{3}, 20);
  snapshotter.want();
  CHECK_FALSE(snapshotter.should_begin(Index{3}));
  snapshotter.saved(Index{2});
  CHECK(snapshotter.should_begin(Index{3}));
  snapshotter.begun(Index{3});
  snapshotter.saved(Index{3});
  snapshotter.on_dispatched(Index{4}, 20);
  CHECK_FALSE(snapshotter.should_begin(Index{4}));
}
