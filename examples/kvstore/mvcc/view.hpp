// The store as it was at one moment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "mvcc/database.hpp"
#include "mvcc/types.hpp"

namespace kvstore::mvcc {

/// Everything up to revision(), undisturbed by what is written or compacted meanwhile. Immutable.
class View {
 public:
  /// Where the store stands, written with every batch.
  struct Position {
    std::uint64_t applied = 0;    ///< index of the last log entry that is included
    std::int64_t revision = 1;    ///< of the last change
    std::int64_t compacted = -1;  ///< the oldest revision that can be read; -1: never compacted
  };

  /// The database as it is now.
  View(std::shared_ptr<Database> database, const Position& position);
  View(const View&) = delete;
  View& operator=(const View&) = delete;
  ~View();  // gives LevelDB's snapshot back

  [[nodiscard]] const Position& position() const { return position_; }
  [[nodiscard]] std::int64_t revision() const { return position_.revision; }
  [[nodiscard]] std::int64_t compacted() const { return position_.compacted; }

  /// What `key` was at `revision`, in [compacted(), revision()]. Errors: io_error · corrupt_data.
  [[nodiscard]] raftkit::Result<std::optional<KeyValue>> get(std::string_view key,
                                                             std::int64_t revision) const;
  /// Shows what the keys in `range` were at `revision`, in order. Errors: as get().
  [[nodiscard]] raftkit::Result<void> scan(const KeyRange& range,
                                           std::int64_t revision,
                                           const Visitor& visit) const;
  /// Shows every record of the database as it is stored: for a copy of it.
  [[nodiscard]] std::unique_ptr<leveldb::Iterator> raw() const;

  [[nodiscard]] Database& database() const { return *database_; }
  [[nodiscard]] const std::shared_ptr<Database>& database_handle() const { return database_; }

 private:
  [[nodiscard]] raftkit::Result<void> scan_present(const KeyRange& range,
                                                   const Visitor& visit) const;
  [[nodiscard]] raftkit::Result<void> scan_past(const KeyRange& range,
                                                std::int64_t revision,
                                                const Visitor& visit) const;

  std::shared_ptr<Database> database_;
  Position position_;
  const leveldb::Snapshot* snapshot_;
};

}  // namespace kvstore::mvcc
