#include <algorithm>
#include <map>
#include <mutex>

#include "raftkit/storage.hpp"

#include "storage/log_shape.hpp"

namespace raftkit::storage {

namespace {

struct Group {
  LoadedLog log = empty_log();
  std::vector<Entry> entries;  // those after log.base

  /// The entries of a batch that was found to be right.
  void take(const PersistBatch& batch) {
    if (batch.snapshot) entries.clear();
    while (batch.truncate_from && !entries.empty() &&
           entries.back().id.index >= *batch.truncate_from)
      entries.pop_back();
    entries.insert(entries.end(), batch.append.begin(), batch.append.end());
  }
};

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
      const auto log = changed.try_emplace(batch.group, log_of(batch.group)).first;
      if (auto applied = apply(log->second, batch); !applied) return applied;
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
    const auto& [log, entries] = found->second;
    const auto end = readable_end(log.base.index, log.last, range);
    if (!end) return end.error();

    std::vector<Entry> wanted;
    ReadBudget budget(range.max_bytes);
    for (Index index = range.first; index <= *end; ++index) {
      const Entry& entry = entries[index - log.base.index - 1];
      if (!budget.takes(entry)) break;
      wanted.push_back(entry);
    }
    return wanted;
  }

  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    const std::lock_guard lock(mutex_);
    LoadedLog compacted = log_of(group);
    const auto changed = storage::compact(compacted, snapshot, keep_from);
    if (!changed) return changed.error();
    if (!*changed) return {};
    auto& [log, entries] = groups_[group];
    const auto gone = static_cast<std::ptrdiff_t>(compacted.base.index - log.base.index);
    entries.erase(entries.begin(), entries.begin() + gone);
    log = std::move(compacted);
    return {};
  }

 private:
  [[nodiscard]] LoadedLog log_of(GroupId group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? empty_log() : found->second.log;
  }

  std::mutex mutex_;  // guards groups_
  std::map<GroupId, Group> groups_;
};

}  // namespace

std::unique_ptr<LogStorage> make_memory_log_storage() {
  return std::make_unique<MemoryLogStorage>();
}

}  // namespace raftkit::storage
