#include "testing/sim_log.hpp"

#include <algorithm>
#include <utility>

#include "testing/check.hpp"

namespace raftkit::testing {

Result<std::optional<LoadedLog>> SimLog::load(GroupId /*group*/) {
  if (!was_written_) return std::optional<LoadedLog>();
  return std::optional<LoadedLog>(live_.log);
}

Result<void> SimLog::write(std::span<const PersistBatch> batches) {
  LoadedLog changed = live_.log;
  for (const PersistBatch& batch : batches) {
    if (auto applied = storage::apply(changed, batch); !applied) return applied;
  }
  was_written_ = true;
  live_.log = std::move(changed);
  for (const PersistBatch& batch : batches) {
    live_.take(batch);
    unsynced_.push_back(batch);
  }
  const auto syncs = [](const PersistBatch& batch) { return batch.needs_sync(); };
  if (std::any_of(batches.begin(), batches.end(), syncs)) {
    for (const PersistBatch& batch : std::exchange(unsynced_, {}))
      make_durable(batch);
  }
  return {};
}

void SimLog::make_durable(const PersistBatch& batch) {
  const auto applied = storage::apply(durable_.log, batch);
  require(applied.has_value(), "a write does not continue what is durable");
  durable_.take(batch);
  news_.push_back(batch);
}

Result<std::vector<Entry>> SimLog::read(const LogRange& range) {
  return live_.read(range);
}

Result<void> SimLog::compact(GroupId /*group*/, const SnapshotMeta& snapshot, Index keep_from) {
  if (auto compacted = live_.compact(snapshot, keep_from); !compacted) return compacted;
  for (const PersistBatch& batch : std::exchange(unsynced_, {}))
    make_durable(batch);
  return durable_.compact(snapshot, keep_from);
}

std::size_t SimLog::crash(core::Random& random, const std::vector<PersistBatch>& unfinished) {
  std::vector<PersistBatch> maybe = std::exchange(unsynced_, {});
  maybe.insert(maybe.end(), unfinished.begin(), unfinished.end());
  const std::size_t lost = random.below(static_cast<std::uint32_t>(maybe.size()) + 1);
  maybe.resize(maybe.size() - lost);
  for (const PersistBatch& batch : maybe)
    make_durable(batch);
  live_ = durable_;
  return lost;
}

}  // namespace raftkit::testing
