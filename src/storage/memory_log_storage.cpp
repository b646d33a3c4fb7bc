#include <map>
#include <mutex>

#include "raftkit/storage.hpp"

#include "storage/memory_log.hpp"

namespace raftkit::storage {

namespace {

/// Thread-safe: one lock around everything.
class MemoryLogStorage final : public LogStorage {
 public:
  Result<std::optional<LoadedLog>> load(GroupId group) override {
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    if (found == groups_.end()) return std::optional<LoadedLog>();
    return std::optional<LoadedLog>(found->second.log);
  }

  Result<void> write(std::span<const PersistBatch> batches) override {
    const std::lock_guard lock(mutex_);
    std::map<GroupId, LoadedLog> changed;  // first, because a refused call must change nothing
    for (const PersistBatch& batch : batches) {
      if (is_empty(batch)) continue;
      const auto found = groups_.find(batch.group);
      const auto log = changed.try_emplace(
          batch.group, found == groups_.end() ? empty_log() : found->second.log);
      if (auto applied = apply(log.first->second, batch); !applied) return applied;
    }
    for (const PersistBatch& batch : batches) {
      if (!is_empty(batch)) groups_[batch.group].take(batch);
    }
    for (auto& [group, log] : changed)
      groups_[group].log = std::move(log);
    return {};
  }

  Result<std::vector<Entry>> read(const LogRange& range) override {
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(range.group);
    if (found == groups_.end())
      return Error(Errc::unavailable, "group " + to_hex(range.group.value) + " was never written");
    return found->second.read(range);
  }

  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    MemoryLog nothing;
    return (found == groups_.end() ? nothing : found->second).compact(snapshot, keep_from);
  }

 private:
  std::mutex mutex_;  // guards groups_
  std::map<GroupId, MemoryLog> groups_;
};

}  // namespace

std::unique_ptr<LogStorage> make_memory_log_storage() {
  return std::make_unique<MemoryLogStorage>();
}

}  // namespace raftkit::storage
