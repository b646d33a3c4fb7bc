// The threads for the disk and the state machine.
#include <future>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "runtime/apply_worker.hpp"
#include "runtime/disk_worker.hpp"
#include "support/batches.hpp"
#include "support/driver_group.hpp"
#include "support/snapshots.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

class BrokenLog final : public LogStorage {
 public:
  Result<std::optional<LoadedLog>> load(GroupId) override { return Errc::io_error; }
  Result<void> write(std::span<const PersistBatch>) override {
    ++calls;
    if (calls == 1) throw std::runtime_error("first");
    return {};
  }
  Result<std::vector<Entry>> read(const LogRange&) override { return Errc::io_error; }
  Result<void> compact(GroupId, const SnapshotMeta&, Index) override {
    ++calls;
    return {};
  }
  int calls = 0;
};

/// Notes what it did, and has no room for writes until there is some.
class FullLog final : public LogStorage {
 public:
  Result<std::optional<LoadedLog>> load(GroupId) override { return Errc::io_error; }
  Result<void> write(std::span<const PersistBatch> batches) override {
    if (!has_room) return Error(Errc::out_of_space, "none");
    for (const PersistBatch& batch : batches)
      done.push_back("wrote " + to_string(batch.append.front().id.index));
    return {};
  }
  Result<std::vector<Entry>> read(const LogRange&) override { return Errc::io_error; }
  Result<void> compact(GroupId, const SnapshotMeta& at, Index) override {
    if (!has_room_to_compact) return Error(Errc::out_of_space, "none at all");
    done.push_back("compacted at " + to_string(at.last.index));
    has_room = has_room || makes_room;
    return {};
  }
  bool has_room = false;
  bool has_room_to_compact = true;
  bool makes_room = false;
  std::vector<std::string> done;
};

/// A disk worker on a full log, and what it reports.
struct FullBench {
  void drain() {
    std::promise<void> done;
    worker.when_drained([&] { done.set_value(); });
    done.get_future().wait();
  }
  void compact(std::uint64_t index) {
    worker.compact(
        {}, snapshot(1, index), Index{index}, [this, index](const Result<void>& outcome) {
          reports.push_back("compacted " + std::to_string(index) + (outcome ? "" : ": failed"));
        });
  }

  test::NullMetrics metrics;
  FullLog log;
  std::vector<std::string> reports;  // one worker thread at a time
  runtime::DiskWorker worker{
      log,
      metrics,
      {.written =
           [this](const std::vector<PersistId>& ids, const Result<void>& outcome) {
             reports.push_back(std::to_string(ids.size()) + (outcome ? " written" : " failed"));
           },
       .is_full = [this](const Error& error) { reports.push_back("full: " + error.message()); },
       .has_room = [this] { reports.emplace_back("room"); }}};
};

/// Fails in the way it is told to.
class Fallible final : public StateMachine {
 public:
  void apply(std::span<const Command>, EntryId, std::span<Bytes>) override {
    ++applied;
    if (applied == 1) throw 7;  // NOLINT(hicpp-exception-baseclass): embedders do such things
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    if (capture_error) return *capture_error;
    return make_snapshot_source(meta, Bytes::copy_of("state"));
  }
  int applied = 0;
  std::optional<Error> capture_error;
};

class NoRoom final : public SnapshotStore {
 public:
  Result<std::vector<SnapshotMeta>> list() override { return std::vector<SnapshotMeta>(); }
  Result<std::unique_ptr<SnapshotSink>> create(const SnapshotMeta&) override {
    return Errc::out_of_space;
  }
  Result<std::unique_ptr<SnapshotSource>> open(EntryId) override { return Errc::not_found; }
  Result<void> remove(EntryId) override { return {}; }
};

/// An apply worker and what it reports.
struct Bench {
  explicit Bench(SnapshotStore& store)
      : worker(machine,
               StateMachineKind::in_memory,
               store,
               metrics,
               {.applied = [this](const driver::ApplyBatch&,
                                  const Result<void>& outcome) { outcomes.push_back(outcome); },
                .restored = [this](const SnapshotMeta&,
                                   const Result<void>& outcome) { outcomes.push_back(outcome); },
                .saved = [this](const SnapshotMeta&,
                                const Result<void>& outcome) { outcomes.push_back(outcome); },
                .captured = [](const Envelope&, const auto&) {}}) {}

  void drain() {
    std::promise<void> done;
    worker.when_drained([&] { done.set_value(); });
    done.get_future().wait();
  }

  test::NullMetrics metrics;
  Fallible machine;
  std::vector<Result<void>> outcomes;  // one worker thread at a time
  runtime::ApplyWorker worker;
};

driver::ApplyBatch batch_at(std::uint64_t index) {
  driver::ApplyBatch batch;
  batch.last = {Term{1}, Index{index}};
  return batch;
}

}  // namespace

TEST_CASE("After a failed write the log is not touched any more", "[runtime]") {
  BrokenLog log;
  test::NullMetrics metrics;
  std::vector<Result<void>> outcomes;
  runtime::DiskWorker worker(
      log,
      metrics,
      {.written = [&](const auto&, const Result<void>& outcome) { outcomes.push_back(outcome); },
       .is_full = [](const Error&) {},
       .has_room = [] {}});
  const auto drain = [&] {
    std::promise<void> done;
    worker.when_drained([&] { done.set_value(); });
    done.get_future().wait();
  };

  worker.write(Batch().append(1, 2));
  drain();
  worker.write(Batch().append(1, 3));
  worker.compact({}, snapshot(1, 1), Index{1}, [&](const Result<void>& outcome) {
    outcomes.push_back(outcome);
  });
  drain();

  REQUIRE(outcomes.size() == 3);
  for (const auto& outcome : outcomes) {
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error() == Errc::storage_failed);
    CHECK(outcome.error().message() == "exception: first");
  }
  CHECK(log.calls == 1);
}

TEST_CASE("What finds no room is held, in order, and compactions pass it", "[runtime]") {
  FullBench bench;
  bench.worker.write(Batch().append(1, 2));
  bench.drain();
  bench.worker.write(Batch().append(1, 3));
  bench.worker.try_held();
  bench.drain();
  CHECK(bench.reports == std::vector<std::string>{"full: none", "full: none"});

  bench.compact(1);
  bench.drain();
  CHECK(bench.log.done == std::vector<std::string>{"compacted at 1"});
  CHECK(bench.reports.back() == "full: none");

  bench.log.has_room = true;
  bench.worker.write(Batch().append(1, 4));
  bench.drain();
  CHECK(bench.log.done.size() == 1);
  bench.worker.try_held();
  bench.drain();
  CHECK(bench.log.done ==
        std::vector<std::string>{"compacted at 1", "wrote 2", "wrote 3", "wrote 4"});
  CHECK(std::vector<std::string>(bench.reports.end() - 2, bench.reports.end()) ==
        std::vector<std::string>{"3 written", "room"});

  const std::size_t reported = bench.reports.size();
  bench.worker.try_held();
  bench.drain();
  CHECK(bench.reports.size() == reported);
}

TEST_CASE("A compaction that makes room lets the writes follow at once", "[runtime]") {
  FullBench bench;
  bench.log.makes_room = true;
  bench.worker.write(Batch().append(1, 2));
  bench.drain();

  bench.compact(1);
  bench.drain();

  CHECK(bench.reports ==
        std::vector<std::string>{"full: none", "compacted 1", "1 written", "room"});
}

TEST_CASE("Compactions that find no room wait, too, and stay in order", "[runtime]") {
  FullBench bench;
  bench.log.has_room_to_compact = false;
  bench.worker.write(Batch().append(1, 2));
  bench.compact(1);
  bench.compact(2);
  bench.drain();
  CHECK(bench.log.done.empty());
  CHECK(bench.reports ==
        std::vector<std::string>{"full: none", "full: none at all", "full: none at all"});

  bench.log.has_room_to_compact = true;
  bench.log.has_room = true;
  bench.worker.try_held();
  bench.drain();
  CHECK(bench.log.done == std::vector<std::string>{"compacted at 1", "compacted at 2", "wrote 2"});
  CHECK(bench.reports.back() == "room");
}

TEST_CASE("A state machine that has failed is left alone", "[runtime]") {
  const auto store = storage::make_memory_snapshot_store();
  Bench bench(*store);

  bench.worker.apply(batch_at(2));
  bench.drain();
  bench.worker.apply(batch_at(3));
  bench.worker.restore(snapshot(1, 9));
  bench.worker.save(snapshot(1, 3));
  bench.drain();

  REQUIRE(bench.outcomes.size() == 4);
  for (const auto& outcome : bench.outcomes)
    CHECK(outcome.error() == Errc::state_machine_failed);
  CHECK(bench.machine.applied == 1);
}

TEST_CASE("A snapshot file that cannot be made is not the state machine's failure", "[runtime]") {
  NoRoom store;
  Bench bench(store);

  bench.worker.save(snapshot(1, 3));
  bench.drain();
  bench.machine.capture_error = Error(Errc::io_error, "no such page");
  bench.worker.save(snapshot(1, 4));
  bench.drain();
  bench.machine.capture_error = Error(Errc::not_supported);
  bench.worker.save(snapshot(1, 5));
  bench.drain();

  REQUIRE(bench.outcomes.size() == 3);
  CHECK(bench.outcomes[0].error() == Errc::out_of_space);
  CHECK(bench.outcomes[1].error() == Errc::state_machine_failed);
  CHECK(bench.outcomes[1].error().message() == "no such page");
  CHECK(bench.outcomes[2].error() == Errc::not_supported);
}
