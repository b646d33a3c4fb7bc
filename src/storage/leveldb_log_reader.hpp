// Reads a log out of LevelDB, and believes nothing that does not verify.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <leveldb/db.h>

#include "storage/log_records.hpp"

namespace raftkit::storage {

/// One consistent view of the database: what a concurrent write changes is not seen. Owner: one
/// thread at a time.
class LevelDbLogReader {
 public:
  /// `directory` is for error messages.
  LevelDbLogReader(leveldb::DB& db, const std::string& directory);

  /// Empty: there is none. Errors of all: corrupt_data, naming directory, group and index ·
  /// io_error.
  [[nodiscard]] Result<std::optional<StateRecord>> state(GroupId group) const;
  [[nodiscard]] Result<SnapshotMeta> snapshot(GroupId group) const;

  /// Hands the entries of the range to `take` until it returns false.
  template <class Take>
  [[nodiscard]] Result<void> each_entry(GroupId group, const IndexRange& range, Take&& take) const {
    const auto cursor = seek(entry_key(group, range.first));
    for (Index index = range.first; index <= range.last; ++index, cursor->Next()) {
      auto entry = entry_at(*cursor, group, index);
      if (!entry) return std::move(entry).error();
      if (!take(*std::move(entry))) break;
    }
    return {};
  }

  /// All that is known of a group, with every entry verified. Empty: it was never written.
  [[nodiscard]] Result<std::optional<LoadedLog>> load(GroupId group) const;

 private:
  using Cursor = std::unique_ptr<leveldb::Iterator>;

  [[nodiscard]] Cursor seek(const std::string& key) const;
  [[nodiscard]] Result<Entry> entry_at(leveldb::Iterator& cursor, GroupId group, Index index) const;
  [[nodiscard]] Result<std::optional<std::string>> get(const std::string& key) const;
  [[nodiscard]] Result<bool> has_any_record(GroupId group) const;
  [[nodiscard]] Error failed(const leveldb::Status& status) const;
  [[nodiscard]] Error damaged(GroupId group, const std::string& what) const;

  leveldb::DB& db_;
  const std::string& directory_;
  std::shared_ptr<const leveldb::Snapshot> view_;
  leveldb::ReadOptions options_;
};

}  // namespace raftkit::storage
