// Does a log keep what raftkit/log_storage.hpp promises? For whoever brings one: say how it is
// opened, run the cases from any test framework. Link raftkit::testing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/disk.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/testing/conformance.hpp"

namespace raftkit::testing {

/// A kind of log.
struct LogStorageSubject {
  /// Opens the log in `directory`, which may not exist yet, and finds again what another one has
  /// written there, which is gone by then, with all its threads. Its destructor may run while
  /// nothing can be changed on the disk any more. Best if it does the same in the same order each
  /// time, so that each operation gets its turn to fail.
  std::function<Result<std::unique_ptr<LogStorage>>(storage::Disk& disk,
                                                    const std::string& directory)>
      open;
  /// False: it dies with its object, and one that is opened again is empty.
  bool is_durable = true;
  /// Whether it does all it does to files through `disk`. Then that is one in memory that fails,
  /// loses power and rots; otherwise it is the operating system's, those cases are left out, and
  /// `directory` is a temporary one.
  bool uses_disk = true;
  /// Whether it refuses, with corrupt_data, what is not as it was written, once it was closed in
  /// order. False: those cases are left out.
  bool notices_damage = true;
};

struct LogStorageSuiteOptions {
  /// How many ways are tried, at each place where the power may be lost, in which some of what was
  /// not synced survives and some does not.
  std::size_t survivors = 12;
  /// How many bits are flipped, one at a time, and how many sectors are damaged in other ways.
  std::size_t damages = 400;
};

using LogStorageCase = ConformanceCase;

/// Those that the subject can be tried with.
[[nodiscard]] std::vector<std::string> log_storage_case_names(const LogStorageSubject& subject);

/// Runs one case. An unknown name fails.
[[nodiscard]] LogStorageCase run_log_storage_case(std::string_view name,
                                                  const LogStorageSubject& subject,
                                                  const LogStorageSuiteOptions& options = {});

/// Runs all of them.
[[nodiscard]] std::vector<LogStorageCase> check_log_storage(
    const LogStorageSubject& subject, const LogStorageSuiteOptions& options = {});

}  // namespace raftkit::testing
