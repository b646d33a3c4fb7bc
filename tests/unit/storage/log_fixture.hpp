// A log on a disk that can fail, lose power and rot.
#pragma once

#include <memory>
#include <utility>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/printing.hpp"
#include "testing/faulty_disk.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::DiskOperation;
using testing::FaultyDisk;
using testing::MemoryDisk;
using testing::Survivors;

/// `Options`: of the store.
template <class Options>
class LogOnDisk {
 public:
  LogOnDisk(const LogOnDisk&) = delete;
  LogOnDisk& operator=(const LogOnDisk&) = delete;

  [[nodiscard]] Result<std::unique_ptr<LogStorage>> open_another() {
    return open_(faulty_, options_);
  }
  [[nodiscard]] Result<void> try_open() {
    close();
    auto log = open_another();
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
  Options& options() { return options_; }
  MemoryDisk& memory() { return memory_; }
  FaultyDisk& faulty() { return faulty_; }

 protected:
  using Open = Result<std::unique_ptr<LogStorage>> (*)(storage::Disk&, const Options&);
  LogOnDisk(Open open, Options options) : open_(open), options_(std::move(options)) {}
  ~LogOnDisk() = default;

 private:
  const Open open_;
  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  Options options_;
  std::unique_ptr<LogStorage> log_;
};

}  // namespace raftkit::test
