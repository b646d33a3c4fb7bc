// What the cases for logs stand on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/testing/log_storage_conformance.hpp"

#include "testing/check.hpp"
#include "testing/faulty_disk.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::testing {

/// Fails the case with what was expected.
#define RAFTKIT_EXPECT(...) \
  ::raftkit::testing::require((__VA_ARGS__) ? true : false, "expected: " #__VA_ARGS__)

/// One log, in a directory of its own that goes away with this.
class LogStorageBench {
 public:
  LogStorageBench(const LogStorageSubject& subject, const LogStorageSuiteOptions& options);
  LogStorageBench(const LogStorageBench&) = delete;
  LogStorageBench& operator=(const LogStorageBench&) = delete;
  ~LogStorageBench();

  [[nodiscard]] const LogStorageSubject& subject() const { return subject_; }
  [[nodiscard]] const LogStorageSuiteOptions& options() const { return options_; }

  /// Closes the log and opens it again.
  [[nodiscard]] Result<void> try_open();
  void open();
  void close() { log_.reset(); }
  [[nodiscard]] LogStorage& log() { return *log_; }

  // Only if the subject uses the disk it is given.

  [[nodiscard]] FaultyDisk& faulty() { return faulty_; }
  [[nodiscard]] MemoryDisk& memory() { return memory_; }
  /// Nothing reaches the disk from now on, and what was not synced is lost as `survivors` says.
  void lose_power(std::uint64_t seed, Survivors survivors);

  /// What the case reports if it passes.
  void count(std::string what) { counted_ = std::move(what); }
  [[nodiscard]] const std::string& counted() const { return counted_; }

 private:
  const LogStorageSubject& subject_;
  const LogStorageSuiteOptions& options_;
  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  storage::Disk* disk_;
  std::string directory_;
  std::unique_ptr<LogStorage> log_;
  std::string counted_;
};

struct LogStorageCaseDefinition {
  std::string_view name;
  void (*run)(LogStorageBench&);
};
[[nodiscard]] std::vector<LogStorageCaseDefinition> log_storage_contract_cases();
[[nodiscard]] std::vector<LogStorageCaseDefinition> log_storage_crash_cases();
[[nodiscard]] std::vector<LogStorageCaseDefinition> log_storage_damage_cases();

}  // namespace raftkit::testing
