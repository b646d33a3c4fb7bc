#include <map>

#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include "raftkit/storage.hpp"

#include "storage/failure_latch.hpp"
#include "storage/leveldb_env.hpp"
#include "storage/leveldb_log.hpp"
#include "storage/leveldb_log_reader.hpp"
#include "storage/room.hpp"
#include "storage/stored_group.hpp"

namespace raftkit::storage {

namespace {

/// A call deletes at most this many entries that were dropped, its own or those of earlier calls.
constexpr std::size_t kMaxDeletions = 1024;

/// load, read: any thread. groups_, updates_ and the scratch strings belong to whoever writes.
class LevelDbLogStorage final : public LogStorage {
 public:
  LevelDbLogStorage(Disk& disk,
                    LevelDbLogOptions options,
                    std::unique_ptr<LevelDbEnv> env,
                    std::unique_ptr<leveldb::DB> db)
      : disk_(disk), options_(std::move(options)), env_(std::move(env)), db_(std::move(db)) {}

  Result<std::optional<LoadedLog>> load(GroupId group) override {
    if (const auto failure = latch_.first()) return *failure;
    const LevelDbLogReader reader(*db_, options_.directory);
    auto log = reader.load(group);
    if (!log || !*log) return log;
    const auto state = reader.state(group);
    if (!state) return state.error();
    groups_.insert_or_assign(group, StoredGroup(**log, **state));
    return log;
  }

  Result<void> write(std::span<const PersistBatch> batches) override {
    if (const auto failure = latch_.first()) return *failure;
    // The reserve is for compaction, which must work when the disk is full, and for LevelDB's own.
    if (const std::uint64_t bytes = entry_bytes(batches); bytes > 0) {
      auto room = check_room(disk_, options_.directory, bytes, options_.reserve_bytes);
      if (!room) return room;
    }
    Groups changed;
    bool needs_sync = false;
    updates_.Clear();
    for (const PersistBatch& batch : batches) {
      if (is_empty(batch)) continue;
      const auto group = group_to_change(changed, batch.group);
      if (!group) return group.error();
      if (auto applied = (*group)->apply(batch); !applied) return applied;
      if (batch.snapshot) put_snapshot(batch.group, *batch.snapshot);
      for (const Entry& entry : batch.append)
        put_entry(batch.group, entry);
      needs_sync = needs_sync || batch.needs_sync();
    }
    return commit(changed, needs_sync);
  }

  Result<std::vector<Entry>> read(const LogRange& range) override {
    if (const auto failure = latch_.first()) return *failure;
    // Bounds and entries are of one moment: a truncation in between must not look like damage.
    const LevelDbLogReader reader(*db_, options_.directory);
    const auto state = reader.state(range.group);
    if (!state) return state.error();
    const StateRecord held = state->value_or(StateRecord{});
    const auto end = readable_end(held.base.index, held.last, range);
    if (!end) return end.error();

    std::vector<Entry> entries;
    ReadBudget budget(range.max_bytes);
    const auto read = reader.each_entry(range.group, {range.first, *end}, [&](Entry entry) {
      if (!budget.takes(entry)) return false;
      entries.push_back(std::move(entry));
      return true;
    });
    if (!read) return read.error();
    return entries;
  }

  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    if (const auto failure = latch_.first()) return *failure;
    Groups changed;
    updates_.Clear();
    const auto compacted = group_to_change(changed, group);
    if (!compacted) return compacted.error();
    const auto is_newer = (*compacted)->compact(snapshot, keep_from);
    if (!is_newer) return is_newer.error();
    if (!*is_newer) return {};
    put_snapshot(group, snapshot);
    return commit(changed, true);
  }

 private:
  using Groups = std::map<GroupId, StoredGroup>;

  /// A copy of the group in `changed`, which becomes the truth when it is written.
  Result<StoredGroup*> group_to_change(Groups& changed, GroupId group) {
    if (!groups_.contains(group)) {
      if (auto loaded = load(group); !loaded) return std::move(loaded).error();
    }
    return &changed.try_emplace(group, groups_[group]).first->second;
  }

  void put_entry(GroupId group, const Entry& entry) {
    const std::string key = entry_key(group, entry.id.index);
    encode_entry(key, entry, value_);
    updates_.Put(key, value_);
  }

  void put_snapshot(GroupId group, const SnapshotMeta& snapshot) {
    const std::string key = snapshot_key(group);
    encode_snapshot(key, snapshot, value_);
    updates_.Put(key, value_);
  }

  void put_state(GroupId group, const StateRecord& state) {
    const std::string key = state_key(group);
    encode_state(key, state, value_);
    updates_.Put(key, value_);
  }

  Result<void> commit(Groups& changed, bool needs_sync) {
    if (changed.empty()) return {};
    for (auto& [id, group] : changed) {
      group.collect(kMaxDeletions,
                    [&, id = id](Index index) { updates_.Delete(entry_key(id, index)); });
      put_state(id, group.state());
    }
    leveldb::WriteOptions options;
    options.sync = needs_sync && options_.sync;
    const auto status = db_->Write(options, &updates_);
    if (!status.ok())
      return latch_.fail(
          Error(Errc::storage_failed, "log in " + options_.directory + ": " + status.ToString()));
    for (auto& [id, group] : changed)
      groups_[id] = std::move(group);
    return {};
  }

  Disk& disk_;
  const LevelDbLogOptions options_;
  FailureLatch latch_;
  std::unique_ptr<LevelDbEnv> env_;
  std::unique_ptr<leveldb::DB> db_;  // before env_ goes

  Groups groups_;
  leveldb::WriteBatch updates_;
  std::string value_;
};

leveldb::Options tuned(const LevelDbLogOptions& options, leveldb::Env& env) {
  leveldb::Options tuned;
  tuned.env = &env;
  tuned.create_if_missing = true;
  tuned.paranoid_checks = true;
  tuned.write_buffer_size = options.write_buffer_bytes;
  tuned.max_file_size = std::size_t{16} << 20;
  tuned.block_size = std::size_t{32} << 10;
  tuned.compression = leveldb::kNoCompression;
  tuned.max_open_files = 128;
  return tuned;
}

Error open_error(const std::string& directory,
                 const leveldb::Status& status,
                 const std::optional<Error>& failure) {
  const std::string text = "cannot open the log in " + directory + ": ";
  if (status.IsCorruption() || status.IsNotFound())
    return {Errc::corrupt_data, text + status.ToString()};
  if (failure) return {failure->code(), text + failure->message()};
  return {Errc::io_error, text + status.ToString()};
}

}  // namespace

Result<std::unique_ptr<LogStorage>> open_leveldb_log_storage(Disk& disk,
                                                             const LevelDbLogOptions& options) {
  return open_leveldb_log(disk, options, {});
}

Result<std::unique_ptr<LogStorage>> open_leveldb_log(Disk& disk,
                                                     const LevelDbLogOptions& options,
                                                     Background background) {
  if (auto made = disk.create_directories(options.directory); !made) return std::move(made).error();
  auto env = std::make_unique<LevelDbEnv>(disk, std::move(background));
  leveldb::DB* opened = nullptr;
  const auto status = leveldb::DB::Open(tuned(options, *env), options.directory, &opened);
  std::unique_ptr<leveldb::DB> db(opened);
  if (!status.ok()) return open_error(options.directory, status, env->failure());
  return std::make_unique<LevelDbLogStorage>(disk, options, std::move(env), std::move(db));
}

}  // namespace raftkit::storage
