#include "testing/sim_log.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "raftkit/storage.hpp"

#include "storage/leveldb_log.hpp"
#include "testing/check.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::testing {

namespace {

bool is_same(const SnapshotMeta& left, const SnapshotMeta& right) {
  const auto members = [](const SnapshotMeta& meta) {
    return meta.membership == nullptr ? Membership() : *meta.membership;
  };
  return left.last == right.last && members(left) == members(right);
}

bool is_same(const LoadedLog& left, const LoadedLog& right) {
  return left.hard_state == right.hard_state && is_same(left.snapshot, right.snapshot) &&
         left.base == right.base && left.last == right.last && left.terms == right.terms;
}

}  // namespace

/// The production stores and the disk they are on.
class SimLog::Files {
 public:
  Files() { open(); }
  ~Files() { close(); }
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;

  [[nodiscard]] LogStorage& log() { return *log_; }
  [[nodiscard]] SnapshotStore& snapshots() { return *snapshots_; }
  [[nodiscard]] MemoryDisk& disk() { return disk_; }

  /// LevelDB's own work, for which it has no thread here.
  void work() {
    while (!background_.empty()) {
      const auto next = std::move(background_.front());
      background_.pop_front();
      next();
    }
  }

  void lose_power(core::Random& random) {
    constexpr auto kKinds = static_cast<std::uint32_t>(Survivors::all) + 1;
    close();
    // One after the other: compilers differ in which argument they look at first.
    const std::uint64_t seed = random.next();
    disk_.lose_power(seed, static_cast<Survivors>(random.below(kKinds)));
    disk_.set_capacity(kCapacity);
    open();
  }

  /// So that a batch with entries is refused, and everything else has room.
  void fill() { disk_.set_capacity(kCapacity - *disk_.free_bytes("") + kReserve); }

 private:
  static constexpr std::uint64_t kCapacity = std::uint64_t{1} << 40;
  static constexpr std::uint64_t kReserve = std::uint64_t{8} << 20;

  void open() {
    auto log = storage::open_leveldb_log(
        disk_,
        {.directory = "log",
         .write_buffer_bytes = std::size_t{64} << 10,
         .reserve_bytes = kReserve},
        [this](std::function<void()> work) { background_.push_back(std::move(work)); });
    require(log.has_value(),
            "storage: the log cannot be opened: ",
            log ? std::string() : log.error().message());
    log_ = *std::move(log);
    auto snapshots = storage::open_file_snapshot_store(disk_, "snapshots");
    require(snapshots.has_value(), "storage: the snapshots cannot be opened");
    snapshots_ = *std::move(snapshots);
    work();
  }

  void close() {
    work();  // the database waits for it
    snapshots_.reset();
    log_.reset();
  }

  MemoryDisk disk_;
  std::deque<std::function<void()>> background_;
  std::unique_ptr<LogStorage> log_;
  std::unique_ptr<SnapshotStore> snapshots_;
};

/// Belongs to the store, which ends it in a crash; the other end may still hold this.
class SimLog::BorrowedSink final : public SnapshotSink {
 public:
  using Slot = std::shared_ptr<std::unique_ptr<SnapshotSink>>;
  explicit BorrowedSink(Slot slot) : slot_(std::move(slot)) {}

  Result<void> write(std::span<const std::byte> bytes) override {
    if (*slot_ == nullptr) return Errc::io_error;
    return (*slot_)->write(bytes);
  }
  Result<void> commit() override {
    if (*slot_ == nullptr) return Errc::io_error;
    return (*slot_)->commit();
  }

 private:
  Slot slot_;
};

SimLog::SimLog(SimStores stores) {
  if (stores == SimStores::in_files) {
    files_ = std::make_unique<Files>();
  } else {
    snapshots_ = storage::make_memory_snapshot_store();
  }
}

SimLog::~SimLog() {
  end_received();
}

void SimLog::end_received() {
  for (const auto& sink : std::exchange(received_, {})) {
    if (const auto held = sink.lock()) held->reset();
  }
}

SnapshotStore& SimLog::snapshots() {
  return files_ != nullptr ? files_->snapshots() : *snapshots_;
}

Result<std::unique_ptr<SnapshotSink>> SimLog::receive(const SnapshotMeta& snapshot) {
  auto sink = snapshots().create(snapshot);
  if (!sink) return sink;
  const auto slot = std::make_shared<std::unique_ptr<SnapshotSink>>(*std::move(sink));
  std::erase_if(received_, [](const auto& each) { return each.expired(); });
  received_.push_back(slot);
  return std::make_unique<BorrowedSink>(slot);
}

Result<std::optional<LoadedLog>> SimLog::load(GroupId group) {
  if (!was_written_) return std::optional<LoadedLog>();
  if (files_ == nullptr) return std::optional<LoadedLog>(live_.log);
  auto loaded = files_->log().load(group);
  require(loaded && *loaded && is_same(**loaded, live_.log),
          "storage: a log is not as it was written");
  return loaded;
}

Result<void> SimLog::write(std::span<const PersistBatch> batches) {
  LoadedLog changed = live_.log;
  for (const PersistBatch& batch : batches) {
    if (auto applied = storage::apply(changed, batch); !applied) return applied;
  }
  if (files_ != nullptr) {
    auto written = files_->log().write(batches);
    files_->work();
    if (!written) return written;
  }
  was_written_ = true;
  live_.log = std::move(changed);
  for (const PersistBatch& batch : batches) {
    live_.take(batch);
    unsynced_.push_back(batch);
  }
  const auto syncs = [](const PersistBatch& batch) { return batch.needs_sync(); };
  if (std::any_of(batches.begin(), batches.end(), syncs)) {
    for (const PersistBatch& batch : std::exchange(unsynced_, {}))
      make_durable(batch);
  }
  return {};
}

void SimLog::make_durable(const PersistBatch& batch) {
  const auto applied = storage::apply(durable_.log, batch);
  require(applied.has_value(), "a write does not continue what is durable");
  durable_.take(batch);
  news_.push_back(batch);
}

Result<std::vector<Entry>> SimLog::read(const LogRange& range) {
  auto known = live_.read(range);
  if (files_ == nullptr) return known;
  auto read = files_->log().read(range);
  if (!read && is_excused(read.error())) return read;
  require(read.has_value() == known.has_value() &&
              (!read || (!read->empty() && read->size() <= known->size() &&
                         std::equal(read->begin(), read->end(), known->begin()))),
          "storage: entries are read that were not written");
  return read;
}

Result<void> SimLog::compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) {
  if (files_ != nullptr) {
    auto compacted = files_->log().compact(group, snapshot, keep_from);
    files_->work();
    if (!compacted) {
      // Later ones are refused and change nothing.
      if (!failed_compaction_) failed_compaction_ = {snapshot, keep_from};
      return compacted;
    }
  }
  if (auto compacted = live_.compact(snapshot, keep_from); !compacted) return compacted;
  for (const PersistBatch& batch : std::exchange(unsynced_, {}))
    make_durable(batch);
  return durable_.compact(snapshot, keep_from);
}

std::size_t SimLog::crash(core::Random& random, const std::vector<PersistBatch>& unfinished) {
  std::vector<PersistBatch> maybe = std::exchange(unsynced_, {});
  maybe.insert(maybe.end(), unfinished.begin(), unfinished.end());
  Found found{random.below(static_cast<std::uint32_t>(maybe.size()) + 1), false};
  if (files_ != nullptr) {
    constexpr std::uint32_t kMostChanges = 12;  // that a few batches need, names included
    if (!is_failing_) files_->disk().fail_after(random.below(kMostChanges));
    if (!unfinished.empty()) static_cast<void>(files_->log().write(unfinished));
    // Whoever is killed leaves things as they are.
    files_->disk().fail_after(0);
    end_received();
    files_->lose_power(random);
    found = find_survivors(maybe);
  }
  is_failing_ = false;
  for (std::size_t at = 0; at < found.batches; ++at)
    make_durable(maybe[at]);
  const auto compaction = std::exchange(failed_compaction_, std::nullopt);
  if (found.has_compaction) {
    require(durable_.compact(compaction->first, compaction->second).has_value(),
            "storage: a compaction does not continue what is durable");
    compacted_ = compaction;
  }
  live_ = durable_;
  return maybe.size() - found.batches;
}

SimLog::Found SimLog::find_survivors(const std::vector<PersistBatch>& maybe) const {
  const auto loaded = files_->log().load({});
  require(loaded.has_value() && *loaded, "storage: the log cannot be read after a crash");
  LoadedLog expected = durable_.log;
  for (std::size_t kept = 0; kept <= maybe.size(); ++kept) {
    if (is_same(**loaded, expected)) return {kept, false};
    if (failed_compaction_) {
      // It failed, and may be there all the same.
      LoadedLog compacted = expected;
      const auto& [snapshot, keep_from] = *failed_compaction_;
      if (storage::compact(compacted, snapshot, keep_from) && is_same(**loaded, compacted))
        return {kept, true};
    }
    if (kept == maybe.size()) break;
    require(storage::apply(expected, maybe[kept]).has_value(), "a write does not continue another");
  }
  fail(
      "durability: after a crash the log is not what was durable and the first ones of the writes "
      "after it");
}

bool SimLog::is_excused(const Error& error) const {
  return is_failing_ && (error == Errc::storage_failed || error == Errc::out_of_space);
}

bool SimLog::fail_after(std::uint64_t changes) {
  if (files_ == nullptr) return false;
  files_->disk().fail_after(changes);
  is_failing_ = true;
  return true;
}

bool SimLog::fill() {
  if (files_ == nullptr) return false;
  files_->fill();
  is_failing_ = true;
  return true;
}

}  // namespace raftkit::testing
