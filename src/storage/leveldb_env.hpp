// LevelDB's operating system: files on a Disk, written so that what survives a crash is a prefix.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "storage/leveldb_file.hpp"
#include "storage/worker.hpp"

namespace raftkit::storage {

/// What LevelDB alone does not give, and this environment does:
///
/// - A prefix survives. LevelDB drops its old log unsynced when it starts a new one, so that a
///   power loss can take the old one's last batches and keep the new one's first. Here a new log
///   begins only when the old one, sealed, and the names of both are durable.
/// - Within a log, too: see framed_stream.hpp.
/// - After a failed write, sync, creation or rename nothing is written any more; see LevelDbShared.
/// - Names are durable before anything relies on them. LevelDB never syncs CURRENT's.
/// - A database that has lost its CURRENT is not taken for a new one, which would delete the rest;
///   and one that has lost its newest log is not opened as if that had never been.
///
/// LevelDB's own work is done by a thread of the environment's, or by whoever gives `background`:
/// later, not inside that call, and before the database is closed.
///
/// One per database. It must outlive the database, and the disk must outlive it. Thread-safe.
class LevelDbEnv final : public leveldb::Env {
 public:
  explicit LevelDbEnv(Disk& disk, Background background = {})
      : shared_(disk), background_(std::move(background)) {}

  /// Why nothing is written any more. Also set where the lock was refused.
  [[nodiscard]] std::optional<Error> failure() const { return shared_.failure(); }

  leveldb::Status NewSequentialFile(const std::string& path,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& path,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& path, leveldb::WritableFile** result) override;
  bool FileExists(const std::string& path) override;
  leveldb::Status GetChildren(const std::string& directory,
                              std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& path) override;
  leveldb::Status CreateDir(const std::string& directory) override;
  leveldb::Status RemoveDir(const std::string& directory) override;
  leveldb::Status GetFileSize(const std::string& path, std::uint64_t* size) override;
  leveldb::Status RenameFile(const std::string& from, const std::string& to) override;
  leveldb::Status LockFile(const std::string& path, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  void Schedule(void (*function)(void* argument), void* argument) override;
  void StartThread(void (*function)(void* argument), void* argument) override;
  leveldb::Status GetTestDirectory(std::string* path) override;
  leveldb::Status NewLogger(const std::string& path, leveldb::Logger** result) override;
  std::uint64_t NowMicros() override;
  void SleepForMicroseconds(int micros) override;

 private:
  [[nodiscard]] Result<std::unique_ptr<LevelDbFile>> create(const std::string& path);

  LevelDbShared shared_;
  Background background_;
  // LevelDB's own background thread is one for the whole process: a long compaction of one database
  // would stall the writers of all others.
  Worker worker_;
};

}  // namespace raftkit::storage
