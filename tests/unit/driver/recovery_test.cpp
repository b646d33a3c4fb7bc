#include "driver/recovery.hpp"

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

constexpr Index kNothingApplied{0};

/// A log and snapshots in memory, and a state machine that is only an index.
struct World {
  std::unique_ptr<LogStorage> log = storage::make_memory_log_storage();
  std::unique_ptr<SnapshotStore> snapshots = storage::make_memory_snapshot_store();

  World() { REQUIRE(driver::bootstrap(*log, {}, voters(3))); }

  void write(PersistBatch batch) { REQUIRE(log->write({&batch, 1})); }
  /// Entries of `term` from `first` to `last`.
  void append(Term term, Index first, Index last) {
    PersistBatch batch;
    for (Index index = first; index <= last; ++index) {
      batch.append.push_back({{term, index}, EntryType::normal, Bytes::copy_of("x")});
    }
    write(std::move(batch));
  }
  void set_hard_state(HardState state) {
    PersistBatch batch;
    batch.hard_state = state;
    batch.sync_hard_state = true;
    write(std::move(batch));
  }
  void store_snapshot(const SnapshotMeta& meta) {
    auto sink = snapshots->create(meta);
    REQUIRE(sink);
    REQUIRE((*sink)->commit());
  }
  Result<driver::Recovered> recover(StateMachineKind kind, Index applied = kNothingApplied) {
    return driver::recover(*log, *snapshots, {{}, kind, applied});
  }
};

}  // namespace

TEST_CASE("A bootstrapped member wakes up at index 1 of term 1 with the initial membership",
          "[driver]") {
  World world;

  const auto recovered = world.recover(StateMachineKind::in_memory);

  REQUIRE(recovered);
  CHECK(recovered->initial.base == EntryId{Term{1}, Index{1}});
  CHECK(recovered->applied_id == EntryId{Term{1}, Index{1}});
  CHECK(recovered->initial.hard_state == HardState{Term{1}, std::nullopt, Index{1}});
  CHECK(recovered->initial.membership->voters.size() == 3);
  CHECK_FALSE(recovered->restore);
  CHECK(RawNode::create({.id = NodeId{1}}, recovered->initial));
}

TEST_CASE("A log that was never written is not there", "[driver]") {
  const auto log = storage::make_memory_log_storage();
  const auto snapshots = storage::make_memory_snapshot_store();
  CHECK(driver::recover(*log, *snapshots, {}).error() == Errc::not_found);
}

TEST_CASE("A state machine in memory starts over from the log", "[driver]") {
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  world.set_hard_state({Term{3}, NodeId{2}, Index{7}});

  const auto recovered = world.recover(StateMachineKind::in_memory);

  REQUIRE(recovered);
  CHECK(recovered->initial.applied == Index{1});
  CHECK(recovered->initial.entries.size() == 8);
  auto node = RawNode::create({.id = NodeId{1}}, recovered->initial);
  REQUIRE(node);
  CHECK(node->status().commit == Index{7});
  CHECK(node->status().voted_for == NodeId{2});
  Ready ready;
  node->take_ready(ready);
  CHECK(ready.apply.size() == 6);
}

TEST_CASE("A state machine on disk goes on where it was", "[driver]") {
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  world.set_hard_state({Term{2}, std::nullopt, Index{4}});

  const auto recovered = world.recover(StateMachineKind::on_disk, Index{6});

  REQUIRE(recovered);
  CHECK(recovered->applied_id == EntryId{Term{2}, Index{6}});
  CHECK(recovered->initial.entries.front().id.index == Index{7});
  auto node = RawNode::create({.id = NodeId{1}}, recovered->initial);
  REQUIRE(node);
  CHECK(node->status().commit == Index{6});  // what was applied had been committed
}

TEST_CASE("A state machine that has applied the whole log needs no entries but the last",
          "[driver]") {
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  world.set_hard_state({Term{2}, std::nullopt, Index{9}});

  const auto recovered = world.recover(StateMachineKind::on_disk, Index{9});

  REQUIRE(recovered);
  CHECK(recovered->initial.entries.size() == 1);
  auto node = RawNode::create({.id = NodeId{1}}, recovered->initial);
  REQUIRE(node);
  CHECK(node->status().last == Index{9});
}

TEST_CASE("A snapshot that was received but not installed is due", "[driver]") {
  World world;
  const SnapshotMeta snapshot{{Term{4}, Index{50}}, voters(3)};
  world.store_snapshot(snapshot);
  PersistBatch batch;
  batch.snapshot = snapshot;
  batch.hard_state = HardState{Term{4}, std::nullopt, Index{50}};
  world.write(std::move(batch));

  for (const auto kind : {StateMachineKind::in_memory, StateMachineKind::on_disk}) {
    const auto recovered = world.recover(kind, Index{1});
    REQUIRE(recovered);
    REQUIRE(recovered->restore);
    CHECK(recovered->restore->last == snapshot.last);
    CHECK(recovered->initial.applied == Index{50});
  }
}

TEST_CASE("Parts that do not fit together are refused with the remedy", "[driver]") {
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  REQUIRE(world.log->compact({}, {{Term{2}, Index{8}}, voters(3)}, Index{8}));

  const auto lost_state = world.recover(StateMachineKind::on_disk, kNothingApplied);
  CHECK(lost_state.error() == Errc::corrupt_data);
  CHECK(lost_state.error().message().find("remove it from the cluster and add it again") !=
        std::string::npos);

  const auto lost_log = world.recover(StateMachineKind::on_disk, Index{100});
  CHECK(lost_log.error() == Errc::corrupt_data);

  const auto lost_snapshot = world.recover(StateMachineKind::in_memory);
  CHECK(lost_snapshot.error() == Errc::corrupt_data);
}

TEST_CASE("A newer snapshot stands in for the one that the log names", "[driver]") {
  // As after a crash that removed the old file before the log named the new one.
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  world.set_hard_state({Term{2}, std::nullopt, Index{9}});
  REQUIRE(world.log->compact({}, {{Term{2}, Index{5}}, voters(3)}, Index{3}));
  world.store_snapshot({{Term{1}, Index{7}}, voters(3)});   // of another history
  world.store_snapshot({{Term{2}, Index{4}}, voters(3)});   // too old
  world.store_snapshot({{Term{2}, Index{12}}, voters(3)});  // beyond the log
  CHECK(world.recover(StateMachineKind::in_memory).error() == Errc::corrupt_data);

  world.store_snapshot({{Term{2}, Index{6}}, voters(3)});
  world.store_snapshot({{Term{2}, Index{8}}, voters(5)});
  const auto recovered = world.recover(StateMachineKind::in_memory);

  REQUIRE(recovered);
  REQUIRE(recovered->restore);
  CHECK(recovered->restore->last == EntryId{Term{2}, Index{8}});
  CHECK(recovered->snapshot.last == EntryId{Term{2}, Index{8}});
  CHECK(recovered->initial.applied == Index{8});
  CHECK(recovered->initial.membership->voters.size() == 5);
  CHECK(RawNode::create({.id = NodeId{1}}, recovered->initial));
}

TEST_CASE("Stored snapshots that are not needed are removed at the start", "[driver]") {
  World world;
  world.append(Term{2}, Index{2}, Index{9});
  const SnapshotMeta named{{Term{2}, Index{5}}, voters(3)};
  REQUIRE(world.log->compact({}, named, Index{3}));
  for (const Index index : {Index{4}, Index{5}, Index{7}, Index{20}})
    world.store_snapshot({{Term{2}, index}, voters(3)});

  REQUIRE(world.recover(StateMachineKind::in_memory));
  const auto in_memory = world.snapshots->list();
  REQUIRE(in_memory);
  CHECK(*in_memory == std::vector<SnapshotMeta>{named});

  REQUIRE(world.recover(StateMachineKind::on_disk, Index{9}));
  const auto on_disk = world.snapshots->list();
  REQUIRE(on_disk);
  CHECK(on_disk->empty());
}

TEST_CASE("A log with entries of an unknown kind is refused", "[driver]") {
  World world;
  PersistBatch batch;
  batch.append = {
      Entry{{Term{2}, Index{2}}, EntryType::membership, Bytes::copy_of("from the future")}};
  batch.hard_state = HardState{Term{2}, std::nullopt, Index{2}};
  world.write(std::move(batch));

  CHECK(world.recover(StateMachineKind::in_memory).error() == Errc::not_supported);
  CHECK(world.recover(StateMachineKind::on_disk, Index{2}).error() == Errc::not_supported);
}

TEST_CASE("The membership is as of the applied index", "[driver]") {
  World world;
  PersistBatch batch;
  const auto update = [](std::uint64_t index, const char* name) {
    const Member member{NodeId{2}, name, {}, StoreId{7}, {}};
    return Entry{{Term{2}, Index{index}}, EntryType::member_update, encode(member)};
  };
  batch.append = {update(2, "early"), update(3, "late")};
  batch.hard_state = HardState{Term{2}, std::nullopt, Index{3}};
  world.write(std::move(batch));

  const auto at_2 = world.recover(StateMachineKind::on_disk, Index{2});
  const auto at_3 = world.recover(StateMachineKind::on_disk, Index{3});

  REQUIRE(at_2);
  REQUIRE(at_3);
  CHECK(at_2->initial.membership->find(NodeId{2})->name == "early");
  CHECK(at_3->initial.membership->find(NodeId{2})->name == "late");
}
