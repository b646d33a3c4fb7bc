#include "driver/recovery.hpp"

#include <algorithm>

#include "core/membership_changer.hpp"

namespace raftkit::driver {

namespace {

constexpr std::size_t kReadBytes = std::size_t{4} << 20;

Error does_not_fit(const std::string& what) {
  return {
      Errc::corrupt_data,
      what +
          ". If a directory was deleted or replaced by an older copy, this member cannot continue: "
          "remove it from the cluster and add it again with an empty data directory"};
}

std::optional<Term> term_of(const LoadedLog& loaded, Index index) {
  if (index == loaded.base.index) return loaded.base.term;
  std::optional<Term> term;
  for (const TermRun& run : loaded.terms) {
    if (run.first <= index) term = run.term;
  }
  return term;
}

/// The stored snapshot to start from: the one that the log names or, if that is gone, the newest
/// one that the log can continue. A snapshot holds only what is committed, so any will do.
std::optional<SnapshotMeta> find_stored(const LoadedLog& loaded,
                                        const std::vector<SnapshotMeta>& stored) {
  std::optional<SnapshotMeta> best;
  for (const SnapshotMeta& meta : stored) {
    if (meta.last == loaded.snapshot.last) return meta;
    const bool fits = meta.last.index >= loaded.snapshot.last.index &&
                      meta.last.index <= loaded.last &&
                      term_of(loaded, meta.last.index) == meta.last.term;
    if (fits && (!best || meta.last.index > best->last.index)) best = meta;
  }
  return best;
}

/// Best effort: what stays costs room, nothing else.
void remove_others(SnapshotStore& snapshots, const std::optional<SnapshotMeta>& needed) {
  const auto stored = snapshots.list();
  if (!stored) return;
  for (const SnapshotMeta& meta : *stored) {
    if (!needed || meta.last != needed->last) (void)snapshots.remove(meta.last);
  }
}

/// The state machine's starting point, and the snapshot it needs first.
struct Start {
  Index applied;
  std::optional<SnapshotMeta> restore;
};

Result<Start> find_start(const LoadedLog& loaded,
                         SnapshotStore& snapshots,
                         const RecoverOptions& options) {
  const Index snapshot = loaded.snapshot.last.index;
  const bool on_disk = options.kind == StateMachineKind::on_disk;
  const Index applied = on_disk ? options.state_machine_applied : Index{0};
  if (applied > loaded.last) {
    return does_not_fit("the state machine has applied index " + to_string(applied) +
                        ", but the log ends at " + to_string(loaded.last));
  }
  if (applied >= snapshot) return Start{applied, std::nullopt};
  if (loaded.snapshot.last == kBootstrap) return Start{snapshot, std::nullopt};  // it holds nothing
  auto stored = snapshots.list();
  if (!stored) return std::move(stored).error();
  if (auto found = find_stored(loaded, *stored)) {
    const Index last = found->last.index;
    return Start{last, *std::move(found)};
  }
  return does_not_fit("the log continues the snapshot at index " + to_string(snapshot) + ", but " +
                      (on_disk ? "the state machine holds only index " + to_string(applied)
                               : "there is no such snapshot"));
}

/// Calls `visit` for the entries [first, last].
template <class Visit>
Result<void> for_each_entry(
    LogStorage& log, GroupId group, Index first, Index last, Visit&& visit) {
  while (first <= last) {
    auto entries = log.read({group, first, last, kReadBytes});
    if (!entries) return std::move(entries).error();
    if (entries->empty() || entries->front().id.index != first) {
      return does_not_fit("the log has no entry " + to_string(first));
    }
    first = entries->back().id.index + 1;
    for (Entry& entry : *entries) {
      if (auto visited = visit(std::move(entry)); !visited) return visited;
    }
  }
  return {};
}

/// The runs before `first_in_memory`.
std::vector<TermRun> older_terms(const std::vector<TermRun>& terms, Index first_in_memory) {
  std::vector<TermRun> older;
  std::copy_if(terms.begin(), terms.end(), std::back_inserter(older), [&](const TermRun& run) {
    return run.first < first_in_memory;
  });
  return older;
}

}  // namespace

Result<void> bootstrap(LogStorage& log, GroupId group, const MembershipPtr& membership) {
  PersistBatch batch;
  batch.group = group;
  batch.snapshot = SnapshotMeta{kBootstrap, membership};
  batch.hard_state = HardState{kBootstrap.term, std::nullopt, kBootstrap.index};
  batch.sync_hard_state = true;
  return log.write({&batch, 1});
}

Result<Recovered> recover(LogStorage& log,
                          SnapshotStore& snapshots,
                          const RecoverOptions& options) {
  auto loaded = log.load(options.group);
  if (!loaded) return std::move(loaded).error();
  if (!*loaded) return Error(Errc::not_found, "the log was never written");
  const LoadedLog& found = **loaded;
  const auto start = find_start(found, snapshots, options);
  if (!start) return start.error();

  Recovered recovered;
  recovered.snapshot = start->restore ? *start->restore : found.snapshot;
  recovered.restore = start->restore;
  InitialState& initial = recovered.initial;
  initial.hard_state = found.hard_state;
  initial.base = found.base;
  initial.applied = start->applied;
  initial.membership = recovered.snapshot.membership;

  // What the state machine already holds still has to be walked over for the membership as of that
  // index.
  const auto activate = [&](const Entry& entry) -> Result<void> {
    if (entry.type == EntryType::normal) return {};
    auto after = core::after_entry(initial.membership, entry);
    if (!after) return std::move(after).error();
    initial.membership = *std::move(after);
    return {};
  };
  auto walked = for_each_entry(
      log, options.group, recovered.snapshot.last.index + 1, start->applied, activate);
  if (!walked) return std::move(walked).error();

  const Index first_in_memory =
      std::min(start->applied + 1, std::max(found.last, found.base.index + 1));
  const auto keep = [&](Entry entry) -> Result<void> {
    if (auto known = core::check_known(entry); !known) return known;
    initial.entries.push_back(std::move(entry));
    return {};
  };
  walked = for_each_entry(log, options.group, first_in_memory, found.last, keep);
  if (!walked) return std::move(walked).error();
  initial.older_terms = older_terms(found.terms, first_in_memory);

  const auto applied_term = term_of(found, start->applied);
  if (!applied_term) {
    return does_not_fit("the log begins after index " + to_string(found.base.index) +
                        ", but the state machine holds only index " + to_string(start->applied));
  }
  recovered.applied_id = {*applied_term, start->applied};
  remove_others(snapshots, recovered.restore);
  return recovered;
}

}  // namespace raftkit::driver
