#include "storage/memory_log.hpp"

#include <utility>

namespace raftkit::storage {

void MemoryLog::take(const PersistBatch& batch) {
  if (batch.snapshot) entries.clear();
  while (batch.truncate_from && !entries.empty() && entries.back().id.index >= *batch.truncate_from)
    entries.pop_back();
  entries.insert(entries.end(), batch.append.begin(), batch.append.end());
}

Result<std::vector<Entry>> MemoryLog::read(const LogRange& range) const {
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

Result<void> MemoryLog::compact(const SnapshotMeta& snapshot, Index keep_from) {
  LoadedLog compacted = log;
  const auto changed = storage::compact(compacted, snapshot, keep_from);
  if (!changed) return changed.error();
  if (!*changed) return {};
  const auto gone = static_cast<std::ptrdiff_t>(compacted.base.index - log.base.index);
  entries.erase(entries.begin(), entries.begin() + gone);
  log = std::move(compacted);
  return {};
}

}  // namespace raftkit::storage
