// A log on a simulated disk: what was not synced may be lost in a crash.
#pragma once

#include <optional>
#include <vector>

#include "storage/memory_log.hpp"
#include "testing/log_image.hpp"
#include "testing/sim_clock.hpp"

namespace raftkit::testing {

/// Every batch is atomic, as LogStorage promises. Survives the process that uses it; one thread.
/// Owner: the node's disk.
class SimLog final : public LogStorage {
 public:
  Result<std::optional<LoadedLog>> load(GroupId group) override;
  Result<void> write(std::span<const PersistBatch> batches) override;
  Result<std::vector<Entry>> read(const LogRange& range) override;
  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override;

  /// The process is gone. Of the batches that no sync covered, and after these of `unfinished`,
  /// which were being written, some survive: the first ones. Returns how many do not.
  std::size_t crash(core::Random& random, const std::vector<PersistBatch>& unfinished);

  /// The batches that have become durable since the last call, in order.
  [[nodiscard]] std::vector<PersistBatch> take_durable() { return std::exchange(news_, {}); }

 private:
  void make_durable(const PersistBatch& batch);

  bool was_written_ = false;
  storage::MemoryLog live_;
  storage::MemoryLog durable_;
  std::vector<PersistBatch> unsynced_;
  std::vector<PersistBatch> news_;
};

}  // namespace raftkit::testing
