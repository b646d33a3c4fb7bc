#include "storage/log_shape.hpp"

#include <algorithm>
#include <string>

namespace raftkit::storage {

namespace {

Error refused(const std::string& what) {
  return {Errc::invalid_argument, what};
}

/// The run that holds `index`, which must not lie before the first one.
std::vector<TermRun>::const_iterator run_of(const std::vector<TermRun>& runs, Index index) {
  return std::prev(
      std::upper_bound(runs.begin(), runs.end(), index, [](Index wanted, const TermRun& run) {
        return wanted < run.first;
      }));
}

void install(LoadedLog& log, const SnapshotMeta& snapshot) {
  log.snapshot = snapshot;
  log.base = snapshot.last;
  log.last = snapshot.last.index;
  log.terms.clear();
}

void truncate(LoadedLog& log, Index from) {
  if (from > log.last) return;
  log.last = from - 1;
  while (!log.terms.empty() && log.terms.back().first >= from)
    log.terms.pop_back();
}

}  // namespace

LoadedLog empty_log() {
  LoadedLog log;
  log.snapshot.membership = std::make_shared<const Membership>();
  return log;
}

std::optional<Term> term_at(const LoadedLog& log, Index index) {
  if (index == log.base.index) return log.base.term;
  if (index < log.base.index || index > log.last) return std::nullopt;
  return run_of(log.terms, index)->term;
}

bool is_consistent(const LoadedLog& log) {
  if (log.snapshot.membership == nullptr || log.last < log.base.index) return false;
  if (log.snapshot.last.index < log.base.index) return false;
  EntryId before = log.base;
  for (const TermRun& run : log.terms) {
    const bool is_first = &run == &log.terms.front();
    const bool follows = is_first ? run.first == log.base.index + 1 : run.first > before.index;
    const bool is_later = is_first ? run.term >= before.term : run.term > before.term;
    if (!follows || !is_later || run.first > log.last) return false;
    before = {run.term, run.first};
  }
  return log.terms.empty() == (log.last == log.base.index);
}

bool is_same(const LoadedLog& left, const LoadedLog& right) {
  const auto members = [](const LoadedLog& log) {
    return log.snapshot.membership == nullptr ? Membership() : *log.snapshot.membership;
  };
  return left.hard_state == right.hard_state && left.snapshot.last == right.snapshot.last &&
         members(left) == members(right) && left.base == right.base && left.last == right.last &&
         left.terms == right.terms;
}

Result<void> append(LoadedLog& log, const EntryId& next) {
  const Term last_term = log.terms.empty() ? log.base.term : log.terms.back().term;
  // Index 0 does not follow the last one there can be.
  if (next.index != log.last + 1 || next.index < log.last)
    return Error(Errc::corrupt_data,
                 to_string(next) + " does not follow index " + to_string(log.last));
  if (next.term < last_term)
    return Error(Errc::corrupt_data,
                 to_string(next) + " follows an entry of the later term " + to_string(last_term));
  if (log.terms.empty() || next.term != last_term) log.terms.push_back({next.index, next.term});
  log.last = next.index;
  return {};
}

bool is_empty(const PersistBatch& batch) {
  return !batch.hard_state && !batch.snapshot && !batch.truncate_from && batch.append.empty();
}

Result<void> apply(LoadedLog& log, const PersistBatch& batch) {
  if (batch.hard_state) log.hard_state = *batch.hard_state;
  if (batch.snapshot) {
    if (batch.snapshot->membership == nullptr) return refused("a snapshot without a membership");
    if (batch.snapshot->last.index < log.base.index)
      return refused("snapshot " + to_string(batch.snapshot->last) +
                     " lies before the log's base " + to_string(log.base));
    install(log, *batch.snapshot);
  }
  if (batch.truncate_from) {
    if (*batch.truncate_from <= log.base.index)
      return refused("truncation from " + to_string(*batch.truncate_from) +
                     " reaches the log's base " + to_string(log.base));
    truncate(log, *batch.truncate_from);
  }
  for (const Entry& entry : batch.append) {
    if (auto followed = append(log, entry.id); !followed)
      return refused("entry " + followed.error().message());
  }
  return {};
}

Result<bool> compact(LoadedLog& log, const SnapshotMeta& snapshot, Index keep_from) {
  auto changed = compact_lazily(log, snapshot, keep_from);
  settle(log);
  return changed;
}

Result<bool> compact_lazily(LoadedLog& log, const SnapshotMeta& snapshot, Index keep_from) {
  if (snapshot.membership == nullptr) return refused("a snapshot without a membership");
  if (snapshot.last.index < log.snapshot.last.index) return false;
  if (snapshot.last.index > log.last || keep_from > snapshot.last.index + 1)
    return refused("compaction to snapshot " + to_string(snapshot.last) + ", keeping from " +
                   to_string(keep_from) + ", of a log that ends at " + to_string(log.last));
  const auto term = term_at(log, snapshot.last.index);
  if (term && *term != snapshot.last.term)
    return refused("snapshot " + to_string(snapshot.last) + " of a log with term " +
                   to_string(*term) + " there");
  log.snapshot = snapshot;
  if (keep_from > log.base.index + 1) {
    const Index base = keep_from - 1;
    log.base = {*term_at(log, base), base};
  }
  return true;
}

void settle(LoadedLog& log) {
  if (log.last == log.base.index) {
    log.terms.clear();
    return;
  }
  log.terms.erase(log.terms.begin(), run_of(log.terms, log.base.index + 1));
  log.terms.front().first = log.base.index + 1;
}

Result<Index> readable_end(Index base, Index last, const LogRange& range) {
  const std::string wanted = "entries " + to_string(range.first) + " to " + to_string(range.last) +
                             " of a log of " + to_string(base + 1) + " to " + to_string(last);
  if (range.last < range.first) return Error(Errc::invalid_argument, wanted);
  if (range.first <= base) return Error(Errc::compacted, wanted);
  if (range.first > last) return Error(Errc::unavailable, wanted);
  return std::min(range.last, last);
}

}  // namespace raftkit::storage
