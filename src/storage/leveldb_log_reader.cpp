#include "storage/leveldb_log_reader.hpp"

#include "storage/log_shape.hpp"

namespace raftkit::storage {

LevelDbLogReader::LevelDbLogReader(leveldb::DB& db, const std::string& directory)
    : db_(db),
      directory_(directory),
      view_(db.GetSnapshot(), [&db](const auto* view) { db.ReleaseSnapshot(view); }) {
  options_.snapshot = view_.get();
  options_.verify_checksums = true;
  options_.fill_cache = false;  // a log is read once, front to back
}

Result<std::optional<StateRecord>> LevelDbLogReader::state(GroupId group) const {
  const std::string key = state_key(group);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return std::optional<StateRecord>();
  auto state = decode_state(key, **value);
  if (!state) return damaged(group, "state: " + state.error().message());
  return std::optional<StateRecord>(*std::move(state));
}

Result<SnapshotMeta> LevelDbLogReader::snapshot(GroupId group) const {
  const std::string key = snapshot_key(group);
  const auto value = get(key);
  if (!value) return value.error();
  if (!*value) return damaged(group, "snapshot: missing");
  auto snapshot = decode_snapshot(key, **value);
  if (!snapshot) return damaged(group, "snapshot: " + snapshot.error().message());
  return snapshot;
}

Result<std::optional<LoadedLog>> LevelDbLogReader::load(GroupId group) const {
  const auto state = this->state(group);
  if (!state) return state.error();
  if (!*state) {
    const auto orphans = has_any_record(group);
    if (!orphans) return orphans.error();
    if (*orphans) return damaged(group, "state: missing, though there are other records");
    return std::optional<LoadedLog>();
  }

  LoadedLog log = empty_log();
  log.hard_state = (*state)->hard_state;
  log.base = (*state)->base;
  log.last = log.base.index;
  if ((*state)->has_snapshot) {
    auto meta = snapshot(group);
    if (!meta) return std::move(meta).error();
    log.snapshot = *std::move(meta);
  }
  if (log.base.index > log.snapshot.last.index)
    return damaged(group,
                   "the log begins after " + to_string(log.base) + ", its snapshot ends at " +
                       to_string(log.snapshot.last));

  Result<void> followed;
  const IndexRange range{log.base.index + 1, (*state)->last};
  const auto read = each_entry(group, range, [&](const Entry& entry) {
    followed = append(log, entry.id);
    return followed.has_value();
  });
  if (!read) return read.error();
  if (!followed) return damaged(group, "entry " + followed.error().message());
  return std::optional<LoadedLog>(std::move(log));
}

LevelDbLogReader::Cursor LevelDbLogReader::seek(const std::string& key) const {
  Cursor cursor(db_.NewIterator(options_));
  cursor->Seek(key);
  return cursor;
}

Result<Entry> LevelDbLogReader::entry_at(leveldb::Iterator& cursor,
                                         GroupId group,
                                         Index index) const {
  if (!cursor.status().ok()) return failed(cursor.status());
  const std::string key = entry_key(group, index);
  if (!cursor.Valid() || cursor.key() != leveldb::Slice(key))
    return damaged(group, "entry " + to_string(index) + ": missing");
  auto entry = decode_entry(key, index, {cursor.value().data(), cursor.value().size()});
  if (!entry) return damaged(group, "entry " + to_string(index) + ": " + entry.error().message());
  return entry;
}

Result<std::optional<std::string>> LevelDbLogReader::get(const std::string& key) const {
  std::string value;
  const auto status = db_.Get(options_, key, &value);
  if (status.ok()) return std::optional<std::string>(std::move(value));
  if (status.IsNotFound()) return std::optional<std::string>();
  return failed(status);
}

Result<bool> LevelDbLogReader::has_any_record(GroupId group) const {
  const std::string prefix = group_prefix(group);
  const auto cursor = seek(prefix);
  if (!cursor->status().ok()) return failed(cursor->status());
  return cursor->Valid() && cursor->key().starts_with(prefix);
}

Error LevelDbLogReader::failed(const leveldb::Status& status) const {
  return {status.IsCorruption() ? Errc::corrupt_data : Errc::io_error,
          "log in " + directory_ + ": " + status.ToString()};
}

Error LevelDbLogReader::damaged(GroupId group, const std::string& what) const {
  return {Errc::corrupt_data,
          "log in " + directory_ + ", group " + to_hex(group.value) + ": " + what};
}

}  // namespace raftkit::storage
