// What a log should hold, kept as plainly as possible: the twin of every real store in random
// tests.
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "raftkit/log_storage.hpp"

namespace raftkit::test {

/// One group's log in a vector.
struct LogModel {
  HardState hard_state;
  SnapshotMeta snapshot{{}, std::make_shared<const Membership>()};
  EntryId base;
  std::vector<Entry> entries;
  bool was_written = false;

  [[nodiscard]] EntryId last() const { return entries.empty() ? base : entries.back().id; }

  void apply(const PersistBatch& batch) {
    was_written = true;
    if (batch.hard_state) hard_state = *batch.hard_state;
    if (batch.snapshot) {
      snapshot = *batch.snapshot;
      base = snapshot.last;
      entries.clear();
    }
    if (batch.truncate_from) {
      std::erase_if(entries,
                    [&](const Entry& entry) { return entry.id.index >= *batch.truncate_from; });
    }
    entries.insert(entries.end(), batch.append.begin(), batch.append.end());
  }

  void compact(const SnapshotMeta& meta, Index keep_from) {
    snapshot = meta;
    for (; !entries.empty() && entries.front().id.index < keep_from; entries.erase(entries.begin()))
      base = entries.front().id;
  }

  [[nodiscard]] std::vector<TermRun> terms() const {
    std::vector<TermRun> runs;
    for (const Entry& entry : entries) {
      if (runs.empty() || runs.back().term != entry.id.term)
        runs.push_back({entry.id.index, entry.id.term});
    }
    return runs;
  }

  /// Whether `log` holds exactly this, as far as loading and reading tell.
  [[nodiscard]] bool is_held_by(LogStorage& log, const std::optional<LoadedLog>& loaded) const {
    if (!loaded) return !was_written;
    if (loaded->hard_state != hard_state || !(loaded->snapshot == snapshot) ||
        loaded->base != base || loaded->last != last().index || loaded->terms != terms())
      return false;
    if (entries.empty()) return true;
    const auto read = log.read({{}, base.index + 1, last().index, std::size_t{1} << 40});
    return read && *read == entries;
  }
};

}  // namespace raftkit::test
