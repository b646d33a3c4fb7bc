// A LevelDB database and what belongs to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <leveldb/db.h>
#include <leveldb/env.h>
#include <leveldb/write_batch.h>

#include "raftkit/disk.hpp"
#include "raftkit/result.hpp"

namespace kvstore::mvcc {

struct DatabaseOptions {
  std::size_t cache_bytes = std::size_t{32} << 20;
  std::size_t write_buffer_bytes = std::size_t{8} << 20;
};

/// Thread-safe.
class Database {
 public:
  /// Errors: io_error · out_of_space · corrupt_data, with the directory.
  [[nodiscard]] static raftkit::Result<std::shared_ptr<Database>> open(
      raftkit::storage::Disk& disk, const std::string& directory, const DatabaseOptions& options);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();  // the database goes before what it uses, and after it what on_close() said

  /// Called when nobody uses the database any more and its files are closed. Set it before others
  /// can see this object end.
  void on_close(std::function<void()> then) { then_ = std::move(then); }

  [[nodiscard]] leveldb::DB& db() { return *db_; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

  /// The value at `key`, or empty.
  [[nodiscard]] raftkit::Result<std::optional<std::string>> get(std::string_view key,
                                                                const leveldb::Snapshot* snapshot);
  /// Writes `batch` and empties it. With power_loss, it and everything written before it survive a
  /// power loss; without, a power loss may take a suffix of what was written. Errors: io_error;
  /// nothing more can be written.
  enum class Durability { process_crash, power_loss };
  [[nodiscard]] raftkit::Result<void> write(leveldb::WriteBatch& batch, Durability durability);
  /// Bytes in tables and of what waits to be written into some, roughly.
  [[nodiscard]] std::uint64_t used_bytes();

  /// What LevelDB says, with the directory. `status` must not be ok.
  [[nodiscard]] raftkit::Error error(const leveldb::Status& status) const;
  /// A record that makes no sense.
  [[nodiscard]] raftkit::Error corruption(std::string_view what) const;

 private:
  Database() = default;

  std::string directory_;
  std::function<void()> then_;
  std::unique_ptr<leveldb::Env> env_;
  std::unique_ptr<const leveldb::FilterPolicy> filter_;
  std::unique_ptr<leveldb::Cache> cache_;
  std::unique_ptr<leveldb::DB> db_;
};

[[nodiscard]] inline leveldb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
[[nodiscard]] inline std::string_view view(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

}  // namespace kvstore::mvcc
