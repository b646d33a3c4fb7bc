#include "testing/sim_log.hpp"

#include <algorithm>
#include <utility>

#include "raftkit/storage.hpp"

#include "testing/check.hpp"
#include "testing/sim_files.hpp"

namespace raftkit::testing {

namespace {

std::uint64_t hash_of(const LoadedLog& log) {
  std::uint64_t hash = 0;
  const auto add = [&](std::uint64_t value) { hash = core::Random(hash ^ value).next(); };
  const auto add_id = [&](EntryId id) {
    add(id.term.value);
    add(id.index.value);
  };
  add(log.hard_state.term.value);
  add(log.hard_state.voted_for ? log.hard_state.voted_for->value : 0);
  add(log.hard_state.commit.value);
  add_id(log.snapshot.last);
  add_id(log.base);
  add(log.last.value);
  for (const TermRun& run : log.terms)
    add_id({run.term, run.first});
  return hash;
}

/// Damage must be named as what it is, and where it is.
bool is_damage_report(const Error& error) {
  const bool is_typed =
      error == Errc::corrupt_data || error == Errc::io_error || error == Errc::storage_failed;
  return is_typed && error.message().find("member/") != std::string::npos;
}

}  // namespace

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
  switch (stores) {
    case SimStores::in_memory:
      snapshots_ = storage::make_memory_snapshot_store();
      break;
    case SimStores::in_files:
      files_ = std::make_unique<SimFiles>(SimLogKind::leveldb);
      break;
    case SimStores::in_wal:
      files_ = std::make_unique<SimFiles>(SimLogKind::wal);
      break;
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
  if (damage_) return load_damaged(group);
  auto loaded = files_->log().load(group);
  require(loaded && *loaded && storage::is_same(**loaded, live_.log),
          "storage: a log is not as it was written");
  return loaded;
}

Result<std::optional<LoadedLog>> SimLog::load_damaged(GroupId group) {
  auto loaded = files_->log().load(group);
  if (!loaded) return loaded;
  if (*loaded && storage::is_same(**loaded, live_.log)) {
    forget_healed_damage();
    return loaded;
  }
  // Its logs may end as if the newest writes had not been.
  has_lost_the_newest_ =
      *damage_ == DamageScope::anywhere && (!*loaded || states_.contains(hash_of(**loaded)));
  require(has_lost_the_newest_, "damage: a log is loaded that was damaged, and is another one");
  return Error(Errc::corrupt_data, "member/log lacks what was written last");
}

void SimLog::forget_healed_damage() {
  if (damage_ && !files_->disk().is_damaged()) damage_.reset();
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
  note_state();
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
  auto compacted = durable_.compact(snapshot, keep_from);
  note_state();
  return compacted;
}

void SimLog::note_state() {
  if (files_ != nullptr) states_.insert(hash_of(durable_.log));
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
    interrupted_recoveries_ = files_->lose_power(random);
    found = files_->is_open() ? find_survivors(maybe) : Found{};
  }
  is_failing_ = false;
  is_full_ = false;
  for (std::size_t at = 0; at < found.batches; ++at)
    make_durable(maybe[at]);
  const auto compaction = std::exchange(failed_compaction_, std::nullopt);
  if (found.has_compaction) {
    require(durable_.compact(compaction->first, compaction->second).has_value(),
            "storage: a compaction does not continue what is durable");
    note_state();
    compacted_ = compaction;
  }
  live_ = durable_;
  if (files_ != nullptr && files_->is_open()) forget_healed_damage();
  if (files_ != nullptr && !damage_) try_damage(core::Random(hash_of(live_.log)));
  return maybe.size() - found.batches;
}

SimLog::Found SimLog::find_survivors(const std::vector<PersistBatch>& maybe) const {
  const auto loaded = files_->log().load({});
  if (damage_ && !loaded && is_damage_report(loaded.error())) return {};
  require(loaded.has_value() && *loaded, "storage: the log cannot be read after a crash");
  LoadedLog expected = durable_.log;
  for (std::size_t kept = 0; kept <= maybe.size(); ++kept) {
    if (storage::is_same(**loaded, expected)) return {kept, false};
    if (failed_compaction_) {
      // It failed, and may be there all the same.
      LoadedLog compacted = expected;
      const auto& [snapshot, keep_from] = *failed_compaction_;
      if (storage::compact(compacted, snapshot, keep_from) && storage::is_same(**loaded, compacted))
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
  return (is_failing_ && error == Errc::storage_failed) ||
         (is_full_ && error == Errc::out_of_space) || (damage_ && is_damage_report(error));
}

bool SimLog::fail_sync_after(std::uint64_t syncs) {
  if (files_ == nullptr) return false;
  files_->disk().fail_sync_after(syncs);
  is_failing_ = true;
  return true;
}

bool SimLog::damage(DiskDamage kind, DamageScope scope, std::uint64_t seed) {
  if (files_ == nullptr || damage_) return false;
  core::Random random(seed);
  DiskImage image = files_->image();
  if (!testing::damage(image, kind, scope, random)) return false;
  files_->restore(image);
  damage_ = scope;
  return true;
}

Result<void> SimLog::open() {
  if (files_ == nullptr || files_->is_open()) return {};
  return files_->try_open();
}

void SimLog::try_damage(core::Random random) {
  SimFiles whole(files_->kind(), files_->image());
  const auto expected = whole.try_open() ? whole.read_all() : Errc::io_error;
  require(expected.has_value(), "storage: a disk cannot be read that was not damaged");
  constexpr std::size_t kTries = 2;
  for (std::size_t i = 0; i < kTries; ++i) {
    DiskImage image = files_->image();
    const auto kind = static_cast<DiskDamage>(random.below(kDiskDamages));
    const auto file = testing::damage(image, kind, DamageScope::noticeable, random);
    if (!file) continue;
    SimFiles damaged(files_->kind(), image);
    const auto opened = damaged.try_open();
    const auto found = opened ? damaged.read_all() : opened.error();
    if (!found) {
      require(is_damage_report(found.error()),
              "damage: in ",
              *file,
              ", and the stores say: ",
              found.error().message());
      continue;
    }
    require(found->log && storage::is_same(*found->log, *expected->log) &&
                found->entries == expected->entries && found->snapshots == expected->snapshots,
            "damage: in ",
            *file,
            ", and the stores do not notice");
  }
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
  is_full_ = true;
  return true;
}

void SimLog::make_room() {
  if (std::exchange(is_full_, false)) files_->make_room();
}

}  // namespace raftkit::testing
