// The stores that come with raftkit.
#pragma once

#include <memory>
#include <string>

#include "raftkit/disk.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/snapshot.hpp"

namespace raftkit::storage {

/// Keeps the log in memory; it dies with the object. For tests.
[[nodiscard]] std::unique_ptr<LogStorage> make_memory_log_storage();
[[nodiscard]] std::unique_ptr<SnapshotStore> make_memory_snapshot_store();

struct LevelDbLogOptions {
  std::string directory;
  bool sync = true;  ///< false: data survive a crash of the process, not of the machine
};

/// Opens or creates a log in a LevelDB database. Every entry carries its own CRC32C, and load()
/// checks that entries are contiguous. Weaker than a write-ahead log of our own: a record that
/// LevelDB drops from the tail of its log after a power loss, although it was synced, cannot be
/// told from one that was never written. Errors: already_locked · corrupt_data · io_error ·
/// out_of_space, with the directory.
[[nodiscard]] Result<std::unique_ptr<LogStorage>> open_leveldb_log_storage(
    Disk& disk, const LevelDbLogOptions& options);

/// Snapshots as files in `directory`, which is created: checksummed chunks, written beside and
/// renamed. What a crash left half-written is removed.
[[nodiscard]] Result<std::unique_ptr<SnapshotStore>> open_file_snapshot_store(
    Disk& disk, const std::string& directory);

}  // namespace raftkit::storage
