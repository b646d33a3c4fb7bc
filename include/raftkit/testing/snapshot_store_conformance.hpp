// Does a store keep what raftkit/snapshot.hpp promises? For whoever brings one: say how it is
// opened, run the cases from any test framework. Link raftkit::testing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/disk.hpp"
#include "raftkit/snapshot.hpp"
#include "raftkit/testing/conformance.hpp"

namespace raftkit::testing {

/// A kind of store.
struct SnapshotStoreSubject {
  /// Opens the store in `directory`, which may not exist yet, and finds again what another one has
  /// written there, which is gone by then, with its sinks and sources. What they left unfinished is
  /// not on the disk any more when this returns. Destructors may run while nothing can be changed
  /// on the disk. Best if it does the same in the same order each time, so that each operation gets
  /// its turn to fail.
  std::function<Result<std::unique_ptr<SnapshotStore>>(storage::Disk& disk,
                                                       const std::string& directory)>
      open;
  /// False: it dies with its object, and one that is opened again is empty.
  bool is_durable = true;
  /// Whether it does all it does to files through `disk`. Then that is one in memory that fails,
  /// loses power and rots; otherwise it is the operating system's, those cases are left out, and
  /// `directory` is a temporary one.
  bool uses_disk = true;
  /// Whether it notices bytes that are not as it wrote them. False: those cases are left out.
  bool notices_damage = true;
};

struct SnapshotStoreSuiteOptions {
  /// How many ways are tried, at each place where the power may be lost, in which some of what was
  /// not synced survives and some does not.
  std::size_t survivors = 12;
  /// How many sequences of creations, commits and removals are interrupted at each change.
  std::size_t scripts = 3;
  /// How many bits are flipped, one at a time, and how many lengths files are cut to.
  std::size_t damages = 400;
};

using SnapshotStoreCase = ConformanceCase;

/// Those that the subject can be tried with.
[[nodiscard]] std::vector<std::string> snapshot_store_case_names(
    const SnapshotStoreSubject& subject);

/// Runs one case. An unknown name fails.
[[nodiscard]] SnapshotStoreCase run_snapshot_store_case(
    std::string_view name,
    const SnapshotStoreSubject& subject,
    const SnapshotStoreSuiteOptions& options = {});

/// Runs all of them. They need up to 80 MiB of memory, or 30 MiB of disk.
[[nodiscard]] std::vector<SnapshotStoreCase> check_snapshot_store(
    const SnapshotStoreSubject& subject, const SnapshotStoreSuiteOptions& options = {});

}  // namespace raftkit::testing
