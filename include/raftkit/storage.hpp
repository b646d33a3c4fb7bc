// The stores that come with raftkit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "raftkit/disk.hpp"
#include "raftkit/log_sink.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/snapshot.hpp"

namespace leveldb {
class Env;  // declared as LevelDB's own options.h does, so that only its users need its headers
}

namespace raftkit::storage {

/// Keeps the log in memory; it dies with the object. For tests.
[[nodiscard]] std::unique_ptr<LogStorage> make_memory_log_storage();
[[nodiscard]] std::unique_ptr<SnapshotStore> make_memory_snapshot_store();

struct LevelDbLogOptions {
  std::string directory;
  bool sync = true;  ///< false: data survive a crash of the process, not of the machine
  /// What LevelDB collects in memory before it writes a table; twice that may be in use.
  std::size_t write_buffer_bytes = std::size_t{16} << 20;
  /// With less than this left on the device, entries are refused with out_of_space: then nothing
  /// has happened yet, and there is room to compact.
  std::uint64_t reserve_bytes = std::uint64_t{32} << 20;
};

/// Opens or creates a log in a LevelDB database, on make_leveldb_env(). Every record carries a
/// CRC32C over its place and its content, and load() checks that nothing is missing between first
/// and last. A torn end, which a power loss leaves, is cut off silently; damage to what was durable
/// is an error, with one exception: after a kill or a power loss, damage to the last synced write
/// cannot be told from a torn one, nor can the loss of all that follows some place in the newest of
/// LevelDB's logs. Errors: already_locked · corrupt_data · io_error · out_of_space, with the
/// directory.
[[nodiscard]] Result<std::unique_ptr<LogStorage>> open_leveldb_log_storage(
    Disk& disk, const LevelDbLogOptions& options);

struct WalLogOptions {
  std::string directory;
  bool sync = true;  ///< false: data survive a crash of the process, not of the machine
  /// Of a segment, which is reserved before it is used; the next one is too. At least 64 KiB.
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  /// With less than this left on the device, entries are refused with out_of_space, though the log
  /// may have room for them: it is for what else lies there, like the state machine's own data.
  std::uint64_t reserve_bytes = std::uint64_t{32} << 20;
  /// How much open_wal_log_storage() reads at a time. One write needs more if it was longer.
  std::size_t window_bytes = std::size_t{1} << 20;
  std::shared_ptr<LogSink> log_sink = null_log_sink();
  /// How many segments that are not needed any more are kept, to be used again: each takes up to
  /// twice `segment_bytes`.
  std::size_t max_spare_segments = 4;
};

/// Opens or creates a write-ahead log: segments that are reserved before they are used, one write
/// and one sync for each LogStorage::write that needs it, the format in docs/storage-format.md.
/// Everything is verified here. A torn end, which a power loss or a kill leaves, is cut off and
/// logged; damage to what was durable is an error. What says that a write was durable is the write
/// after it, or closing: damage to the very last one cannot be told from a torn one before that,
/// nor without `sync` damage to what was written since the present segment began.
///
/// When no segment can be reserved, entries are refused with out_of_space; hard states and
/// compactions still find room in the present one, and with what they free it goes on. Segments are
/// freed from the oldest on: a group that is never compacted keeps all those behind it, and each
/// costs a file descriptor. Some of them are kept for later ones.
/// Errors: already_locked · corrupt_data, with file and offset · io_error · out_of_space ·
/// invalid_argument.
[[nodiscard]] Result<std::unique_ptr<LogStorage>> open_wal_log_storage(
    Disk& disk, const WalLogOptions& options);

/// LevelDB's environment on a Disk, for databases of your own that must survive what a log
/// survives: after a crash such a database holds a prefix of the batches written, at least up to
/// the last one written with `sync`; and after a failed write it takes no other. One per database,
/// which must be gone before it; `disk` must outlive it. Include <leveldb/env.h> to use it, and
/// open the database with `paranoid_checks`. A database that was made without it cannot be opened
/// with it, nor the other way round: its files carry checksums of their own. Nor can LevelDB's
/// tools and RepairDB read it.
[[nodiscard]] std::unique_ptr<leveldb::Env> make_leveldb_env(Disk& disk);

/// Snapshots as files in `directory`, which is created: checksummed chunks, written beside and
/// renamed. What a crash left half-written is removed.
[[nodiscard]] Result<std::unique_ptr<SnapshotStore>> open_file_snapshot_store(
    Disk& disk, const std::string& directory);

}  // namespace raftkit::storage
