// Walks over the tables of keys.
#pragma once

#include <memory>
#include <string>

#include <leveldb/iterator.h>

#include "mvcc/database.hpp"
#include "mvcc/records.hpp"
#include "mvcc/types.hpp"

namespace kvstore::mvcc {

/// The present versions of the keys in a range. What it shows is valid until next().
class PresentCursor {
 public:
  /// `range` must outlive it. Errors appear in error(), and end the walk.
  PresentCursor(Database& database, const leveldb::Snapshot* snapshot, const KeyRange& range);

  [[nodiscard]] bool at_end() const { return at_end_; }
  [[nodiscard]] const KeyValueView& now() const { return now_; }
  void next();
  [[nodiscard]] raftkit::Result<void> outcome() const { return outcome_; }

 private:
  void read();

  Database& database_;
  const KeyRange& range_;
  std::unique_ptr<leveldb::Iterator> iterator_;
  KeyValueView now_;
  bool at_end_ = false;
  raftkit::Result<void> outcome_;
};

/// The versions that were present at a revision and are not any more. What it shows is valid until
/// next().
class PastCursor {
 public:
  PastCursor(Database& database,
             const leveldb::Snapshot* snapshot,
             const KeyRange& range,
             std::int64_t revision);

  [[nodiscard]] bool at_end() const { return at_end_; }
  [[nodiscard]] const KeyValueView& now() const { return now_; }
  void next();
  [[nodiscard]] raftkit::Result<void> outcome() const { return outcome_; }

 private:
  void read();
  void fail(const raftkit::Error& error);

  Database& database_;
  const KeyRange& range_;
  std::int64_t revision_;
  std::unique_ptr<leveldb::Iterator> iterator_;
  std::string key_;
  KeyValueView now_;
  bool at_end_ = false;
  raftkit::Result<void> outcome_;
};

}  // namespace kvstore::mvcc
