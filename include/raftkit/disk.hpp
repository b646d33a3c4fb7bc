// The only door between raftkit's stores and the file system, so that a simulated disk can stand
// in.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "raftkit/result.hpp"

namespace raftkit::storage {

/// A file being written. Not durable until sync(); the file's name is not until
/// Disk::sync_directory(). Owner: one thread at a time.
class WritableFile {
 public:
  virtual ~WritableFile() = default;

  /// At the end of the file, which preallocate() moves. Short writes and interruptions are retried.
  [[nodiscard]] virtual Result<void> append(std::span<const std::byte> bytes) = 0;
  /// At `offset`, which may lie inside preallocated space.
  [[nodiscard]] virtual Result<void> write_at(std::uint64_t offset,
                                              std::span<const std::byte> bytes) = 0;
  /// Reserves space up to `size`, filled with zeros. Errors: out_of_space: nothing was changed.
  [[nodiscard]] virtual Result<void> preallocate(std::uint64_t size) = 0;
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Content and size are durable on return (fdatasync). After an error nothing is known about what
  /// was written, and the file must be given up.
  [[nodiscard]] virtual Result<void> sync() = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
};

/// A file being read. Thread-safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;

  /// Bytes from `offset` on; less than asked for only at the end of the file.
  [[nodiscard]] virtual Result<std::size_t> read_at(std::uint64_t offset,
                                                    std::span<std::byte> buffer) const = 0;
  [[nodiscard]] virtual std::uint64_t size() const = 0;
};

/// Held until destroyed or until the process ends, however it ends. A child made by fork without
/// exec shares it, as it shares the open files: it may end without releasing it.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

/// Paths are as given to the operating system. Every error names the path and the system's reason:
/// not_found · already_exists · out_of_space · io_error. Thread-safe.
class Disk {
 public:
  virtual ~Disk() = default;

  enum class Open {
    create_new,  ///< already_exists if it does
    truncate,    ///< empty afterwards; created if needed
    append,      ///< as it is; created if needed
  };

  [[nodiscard]] virtual Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path,
                                                                            Open mode) = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<ReadableFile>> open_readable(
      const std::string& path) = 0;

  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  /// Names in a directory, without the two dots, sorted.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
  [[nodiscard]] virtual Result<std::uint64_t> file_size(const std::string& path) = 0;

  /// Mode 0700; parents too; an existing directory is fine. Those it made are durable on return.
  [[nodiscard]] virtual Result<void> create_directories(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> remove_file(const std::string& path) = 0;
  /// With everything in it; a missing one is fine.
  [[nodiscard]] virtual Result<void> remove_tree(const std::string& path) = 0;
  /// Atomically replaces what is at `to`.
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Creations, removals and renames in this directory are durable on return.
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;

  /// Creates the file if needed; one that may only be read can be locked, too. Never waits. Errors:
  /// already_locked, also by this process.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;

  /// Bytes an unprivileged process may still write.
  [[nodiscard]] virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

/// The operating system's. Immutable; lives until the end of the program.
[[nodiscard]] Disk& posix_disk();

/// What went through a counting disk. Thread-safe.
struct DiskCounters {
  std::atomic<std::uint64_t> file_syncs = 0;
  std::atomic<std::uint64_t> directory_syncs = 0;
  std::atomic<std::uint64_t> written_bytes = 0;
};

/// `disk` with its traffic counted, so that a figure can be printed together with the syncs it
/// took. One per node where several share a process. Both arguments must outlive it.
[[nodiscard]] std::unique_ptr<Disk> make_counting_disk(Disk& disk, DiskCounters& counters);

/// Writes beside, syncs, renames, syncs the directory: afterwards `path` holds `content`, or what
/// it held.
[[nodiscard]] Result<void> write_file_atomically(Disk& disk,
                                                 const std::string& path,
                                                 std::span<const std::byte> content);
/// The whole content of a small file. Errors: as Disk; corrupt_data if it is larger than
/// `max_bytes`.
[[nodiscard]] Result<std::string> read_file(Disk& disk,
                                            const std::string& path,
                                            std::size_t max_bytes);

}  // namespace raftkit::storage
