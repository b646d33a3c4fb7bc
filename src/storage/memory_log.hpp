// The log of one group as a value.
#pragma once

#include <vector>

#include "raftkit/log_storage.hpp"

#include "storage/log_shape.hpp"

namespace raftkit::storage {

/// Copies share the payloads. Owner: whoever holds it.
struct MemoryLog {
  LoadedLog log = empty_log();
  std::vector<Entry> entries;  ///< those after log.base

  /// The entries of a batch that was found to be right; `log` is the caller's business.
  void take(const PersistBatch& batch);
  /// Errors: as LogStorage::read.
  [[nodiscard]] Result<std::vector<Entry>> read(const LogRange& range) const;
  /// Errors: as LogStorage::compact.
  [[nodiscard]] Result<void> compact(const SnapshotMeta& snapshot, Index keep_from);
};

}  // namespace raftkit::storage
