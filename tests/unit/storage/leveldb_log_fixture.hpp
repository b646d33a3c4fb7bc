// A log in LevelDB on a disk that can fail, lose power and rot.
#pragma once

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/faulty_disk.hpp"
#include "support/printing.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::MemoryDisk;
using testing::Survivors;

class LevelDbLog {
 public:
  LevelDbLog() {
    options_.directory = "/member/log";
    options_.write_buffer_bytes = 64 << 10;  // LevelDB's least: many logs and tables
  }
  LevelDbLog(const LevelDbLog&) = delete;
  LevelDbLog& operator=(const LevelDbLog&) = delete;
  ~LevelDbLog() { close(); }

  [[nodiscard]] Result<void> try_open() {
    close();
    auto log = storage::open_leveldb_log_storage(faulty_, options_);
    if (!log) return std::move(log).error();
    log_ = *std::move(log);
    return {};
  }
  void close() { log_.reset(); }

  /// Nothing reaches the disk from now on, and what was not synced is lost as `survivors` says.
  void lose_power(std::uint64_t seed, Survivors survivors) {
    faulty_.set({.operation = DiskOperation::change, .lasts = true});
    close();
    memory_.lose_power(seed, survivors);
    faulty_.heal();
  }

  LogStorage& operator*() { return *log_; }
  LogStorage* operator->() { return log_.get(); }
  storage::LevelDbLogOptions& options() { return options_; }
  MemoryDisk& memory() { return memory_; }
  FaultyDisk& faulty() { return faulty_; }

 private:
  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  storage::LevelDbLogOptions options_;
  std::unique_ptr<LogStorage> log_;
};

}  // namespace raftkit::test
