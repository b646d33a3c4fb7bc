// A write-ahead log on a disk that can fail, lose power and rot.
#pragma once

#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "storage/wal/log.hpp"
#include "support/batches.hpp"
#include "support/faulty_disk.hpp"
#include "support/printing.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::MemoryDisk;
using testing::Survivors;

class WalLog {
 public:
  WalLog() {
    options_.directory = "/member/log";
    options_.segment_bytes = 64 << 10;  // the least: many segments
  }
  WalLog(const WalLog&) = delete;
  WalLog& operator=(const WalLog&) = delete;
  ~WalLog() { close(); }

  [[nodiscard]] Result<void> try_open() {
    close();
    // At once what a thread would do at some time.
    storage::WalInternals internals;
    internals.background = [](const auto& work) { work(); };
    internals.draw = [] { return ++drawn_; };
    auto log = storage::open_wal_log(faulty_, options_, std::move(internals));
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
  storage::WalLogOptions& options() { return options_; }
  MemoryDisk& memory() { return memory_; }
  FaultyDisk& faulty() { return faulty_; }

 private:
  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  storage::WalLogOptions options_;
  static inline std::uint64_t drawn_ = 0;  // no two logs have the same number
  std::unique_ptr<LogStorage> log_;
};

}  // namespace raftkit::test
