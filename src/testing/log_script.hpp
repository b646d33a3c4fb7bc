// What logs go through while their disk fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "raftkit/log_storage.hpp"

#include "testing/batches.hpp"
#include "testing/check.hpp"

namespace raftkit::testing {

inline constexpr int kScriptSteps = 38;

/// No two are equal.
inline std::string script_payload(std::uint64_t term, std::uint64_t index) {
  std::string payload = std::to_string(term) + "/" + std::to_string(index) + ":";
  payload.resize(6000, 'p');
  return payload;
}

/// How far a log came, and why not to the end.
struct ScriptRun {
  int done = 0;
  std::optional<Error> failure;
};

/// Enough to fill several of LevelDB's logs, or segments, and to give some of them up: vote,
/// appends, a truncation, a compaction. Each step is synced, so that those that succeeded are
/// durable.
inline ScriptRun run_script(LogStorage& log) {
  ScriptRun run;
  const auto step = [&](const Result<void>& result) {
    if (run.failure) return;
    if (result) {
      ++run.done;
    } else {
      run.failure = result.error();
    }
  };
  const auto append = [&](std::uint64_t term, std::uint64_t index) {
    if (!run.failure) step(write(log, Batch().append(term, index, script_payload(term, index))));
  };
  step(write(log, Batch().vote(1, 1)));
  for (std::uint64_t index = 1; index <= 20; ++index)
    append(1, index);
  if (!run.failure)
    step(write(log, Batch().vote(2, 2).truncate(15).append(2, 15, script_payload(2, 15))));
  if (!run.failure) step(log.compact({}, snapshot(1, 14), Index{14}));
  for (std::uint64_t index = 16; index <= 30; ++index)
    append(2, index);
  return run;
}

/// What a log is after some of the script.
struct Expected {
  Term term;
  std::optional<NodeId> vote;
  Index base;
  Index last;
  EntryId snapshot;
  std::vector<TermRun> terms;
  friend bool operator==(const Expected&, const Expected&) = default;
};
inline Expected after(int steps) {
  if (steps == 0) return {};
  const auto count = static_cast<std::uint64_t>(steps);
  if (steps == 1) return {Term{1}, NodeId{1}, {}, {}, {}, {}};
  const TermRun first{Index{1}, Term{1}};
  if (steps <= 21) return {Term{1}, NodeId{1}, {}, Index{count - 1}, {}, {first}};
  const TermRun second{Index{15}, Term{2}};
  if (steps == 22) return {Term{2}, NodeId{2}, {}, Index{15}, {}, {first, second}};
  return {Term{2},
          NodeId{2},
          Index{13},
          Index{count - 8},
          {Term{1}, Index{14}},
          {{Index{14}, Term{1}}, second}};
}

/// What it is as far as the log knows. Its entries can be read, and are those that were written.
inline Result<Expected> loaded(LogStorage& log) {
  const auto found = log.load({});
  if (!found) return found.error();
  if (!*found) return Expected{};
  const LoadedLog& held = **found;
  if (held.last > held.base.index) {
    const auto entries = read_all(log, held.base.index.value + 1, held.last.value);
    if (!entries) return entries.error();
    require(entries->size() == held.last - held.base.index, "entries cannot be read to the end");
    for (std::size_t at = 0; at < entries->size(); ++at) {
      const Entry& each = (*entries)[at];
      const std::uint64_t index = held.base.index.value + 1 + at;
      const bool is_second = held.terms.size() > 1 && Index{index} >= held.terms.back().first;
      const std::uint64_t term = is_second ? 2 : 1;
      require(each == entry(term, index, script_payload(term, index)),
              "entry ",
              std::to_string(index),
              " is not what was written there");
    }
  }
  return Expected{held.hard_state.term,
                  held.hard_state.voted_for,
                  held.base.index,
                  held.last,
                  held.snapshot.last,
                  held.terms};
}

}  // namespace raftkit::testing
