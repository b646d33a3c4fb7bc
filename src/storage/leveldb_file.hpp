// The files of a LevelDB database, on a Disk.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <leveldb/env.h>
#include <leveldb/status.h>

#include "raftkit/disk.hpp"

#include "storage/failure_latch.hpp"
#include "storage/framed_stream.hpp"

namespace raftkit::storage {

class LevelDbFile;

/// What becomes of an Error inside LevelDB, which knows only kinds and words.
[[nodiscard]] leveldb::Status to_status(const Error& error);

/// What the files of one environment share. Thread-safe.
class LevelDbShared {
 public:
  explicit LevelDbShared(Disk& disk) : disk_(disk) {}

  [[nodiscard]] Disk& disk() { return disk_; }

  /// LevelDB goes on after a failed append, and what it appends then would lie behind a hole. So
  /// the first change that fails is the last one that is tried.
  template <class Change>
  [[nodiscard]] leveldb::Status change(const Change& change) {
    if (const auto failure = latch_.first())
      return leveldb::Status::IOError("retired, because " + failure->message());
    const Result<void> done = change();
    return done ? leveldb::Status::OK() : to_status(latch_.fail(done.error()));
  }
  [[nodiscard]] std::optional<Error> failure() const { return latch_.first(); }

  /// Logs that are being written.
  void add_log(LevelDbFile& log);
  void remove_log(LevelDbFile& log);
  /// Ends those in `directory`, durably.
  [[nodiscard]] Result<void> seal_logs(const std::string& directory);

 private:
  Disk& disk_;
  FailureLatch latch_;
  std::mutex mutex_;  // guards logs_
  std::vector<LevelDbFile*> logs_;
};

enum class LevelDbRole : std::uint8_t {
  log,       ///< framed; its name is durable before it is used
  manifest,  ///< framed
  table,     ///< ends with a seal; not used before it is complete and synced
  current,   ///< CURRENT, and what becomes it; as above
  other,
};

[[nodiscard]] LevelDbRole role_of(std::string_view path);

[[nodiscard]] inline bool is_framed(LevelDbRole role) {
  return role == LevelDbRole::log || role == LevelDbRole::manifest;
}

/// A table's blocks have checksums, but do not know whose they are: one that lies, with all of its
/// blocks, where another of the same size should be would pass for it. So behind what LevelDB
/// writes, where it does not look, stands a seal with the table's name and a checksum over its end,
/// where all blocks of raftkit's log lie that are smaller than a sector. CURRENT ends with one,
/// too: with a changed digit it may name an older manifest that a crash has left, and an older
/// database.
///
/// Owner: one thread at a time, as LevelDB promises; a log is sealed by whoever opens the next one,
/// which is the thread that wrote it.
class LevelDbFile final : public leveldb::WritableFile {
 public:
  LevelDbFile(LevelDbShared& shared, std::string path, std::unique_ptr<storage::WritableFile> file);
  LevelDbFile(const LevelDbFile&) = delete;
  LevelDbFile& operator=(const LevelDbFile&) = delete;
  /// Seals a stream that ends in order, so that damage to its end can be noticed.
  ~LevelDbFile() override;

  leveldb::Status Append(const leveldb::Slice& data) override;
  leveldb::Status Close() override;
  leveldb::Status Flush() override;
  leveldb::Status Sync() override;

  /// Ends a log for good, durably.
  [[nodiscard]] Result<void> seal();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] bool is_framed() const { return storage::is_framed(role_); }
  [[nodiscard]] Result<void> write_out();
  [[nodiscard]] Result<void> write_frame(FrameKind kind);
  [[nodiscard]] Result<void> write_seal();
  [[nodiscard]] bool is_sealed_behind() const {
    return role_ == LevelDbRole::table || role_ == LevelDbRole::current;
  }
  [[nodiscard]] Result<void> seal_behind();
  [[nodiscard]] Result<void> write_buffer();
  void reserve();
  [[nodiscard]] Result<void> sync();

  LevelDbShared& shared_;
  std::string path_;
  LevelDbRole role_;
  std::unique_ptr<storage::WritableFile> file_;
  std::string buffer_;  // if framed, with room for the header in front
  std::string end_;     // of what a seal stands behind
  std::uint64_t size_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t reserved_ = 0;
  bool name_is_durable_;
  bool is_sealed_ = false;
};

/// All that LevelDB reads front to back: CURRENT without its seal, streams out of their frames.
/// Errors: corrupt_data, with the path · as Disk.
[[nodiscard]] Result<std::unique_ptr<leveldb::SequentialFile>> open_sequential(
    Disk& disk, const std::string& path);

/// A table. Errors: corrupt_data, with the path, if its seal is not there · as Disk.
[[nodiscard]] Result<std::unique_ptr<leveldb::RandomAccessFile>> open_random_access(
    Disk& disk, const std::string& path);

}  // namespace raftkit::storage
