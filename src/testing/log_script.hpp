// What logs go through while their disk fails.
#pragma once

#include <cstdint>
#include <string>

#include "raftkit/log_storage.hpp"

#include "testing/batches.hpp"
#include "testing/check.hpp"

namespace raftkit::testing {

inline constexpr int kScriptSteps = 38;

/// Enough to fill several of LevelDB's logs, or segments: vote, appends, a truncation, a
/// compaction. Returns how many of its steps succeeded; each is synced, so that those are durable.
inline int run_script(LogStorage& log) {
  const std::string big(6000, 'p');
  int done = 0;
  const auto step = [&](const Result<void>& result) {
    if (result) ++done;
    return result.has_value();
  };
  if (!step(write(log, Batch().vote(1, 1)))) return done;
  for (std::uint64_t index = 1; index <= 20; ++index) {
    if (!step(write(log, Batch().append(1, index, big)))) return done;
  }
  if (!step(write(log, Batch().vote(2, 2).truncate(15).append(2, 15, big)))) return done;
  if (!step(log.compact({}, snapshot(1, 10), Index{8}))) return done;
  for (std::uint64_t index = 16; index <= 30; ++index) {
    if (!step(write(log, Batch().append(2, index, big)))) return done;
  }
  return done;
}

/// What the log is after `steps` of the script.
struct Expected {
  Term term;
  Index base;
  Index last;
  friend bool operator==(const Expected&, const Expected&) = default;
};
inline Expected after(int steps) {
  if (steps == 0) return {};
  const auto count = static_cast<std::uint64_t>(steps);
  if (steps <= 21) return {Term{1}, Index{0}, Index{count - 1}};
  return {Term{2}, Index{steps >= 23 ? 7U : 0U}, Index{steps <= 23 ? 15 : count - 8}};
}

/// What it is as far as the store knows; all its entries can be read.
inline Result<Expected> loaded(LogStorage& log) {
  const auto found = log.load({});
  if (!found) return found.error();
  if (!*found) return Expected{};
  const LoadedLog& held = **found;
  if (held.last > held.base.index) {
    const auto entries = read(log, held.base.index.value + 1, held.last.value);
    if (!entries) return entries.error();
    require(entries->size() == held.last - held.base.index, "entries cannot be read to the end");
  }
  return Expected{held.hard_state.term, held.base.index, held.last};
}

}  // namespace raftkit::testing
