// The way to the state machine and back, and what follows from its progress.
#include <algorithm>

#include "driver/driver.hpp"
#include "driver/erase.hpp"

namespace raftkit::driver {

void Driver::dispatch(std::vector<Entry>& entries) {
  ApplyBatch batch;
  batch.last = entries.back().id;
  std::size_t bytes = 0;
  for (Entry& entry : entries) {
    bytes += entry.size_bytes();
    if (entry.type == EntryType::normal) {
      if (!entry.payload.empty()) batch.commands.push_back({entry.id, std::move(entry.payload)});
      continue;
    }
    // Activated as it is handed on, so that a snapshot taken behind this batch carries it.
    batch.own.push_back(entry.id);
    auto after = node_.membership_applied(entry);
    if (after == nullptr) return;  // the core is poisoned, and nothing more is applied
    if (after != membership_) lease_.revoke();
    membership_ = std::move(after);
  }
  dispatched_ = batch.last;
  announce(membership_);
  snapshotter_.on_dispatched(dispatched_.index, bytes);
  metrics_.add(CounterMetric::proposals_committed, entries.size());
  metrics_.set(GaugeMetric::commit_index, dispatched_.index.value);
  ports_.apply(std::move(batch));
  maybe_save_snapshot();
}

void Driver::maybe_save_snapshot() {
  if (!snapshotter_.should_begin(dispatched_.index)) return;
  snapshotter_.begun(dispatched_.index);
  saving_ = dispatched_;
  ports_.save_snapshot(dispatched_state());
}

void Driver::applied(ApplyBatch batch, const Result<void>& outcome) {
  if (is_over()) return;
  if (!outcome) return fail(outcome.error());
  metrics_.add(CounterMetric::proposals_applied, batch.commands.size());
  metrics_.set(GaugeMetric::applied_index, batch.last.index.value);
  applied_ = std::max(applied_, batch.last.index);
  node_.applied(batch.last.index);
  proposals_.on_applied(batch);
  reads_.on_applied(applied_);
}

void Driver::begin_restore(const SnapshotMeta& snapshot) {
  restoring_.push_back(snapshot.last);
  ports_.restore(snapshot);
}

void Driver::restored(const SnapshotMeta& snapshot, const Result<void>& outcome) {
  if (is_over()) return;
  if (!outcome) return fail(outcome.error());
  restoring_.pop_front();
  applied_ = std::max(applied_, snapshot.last.index);
  metrics_.set(GaugeMetric::applied_index, applied_.value);
  reads_.on_applied(applied_);
  node_.snapshot_available(snapshot);
}

void Driver::snapshot_saved(const SnapshotMeta& snapshot, const Result<void>& outcome) {
  if (is_over()) return;
  saving_.reset();
  if (!outcome) {
    snapshotter_.failed();
    // Without snapshots the log only grows: that may be the embedder's choice, or there may be no
    // room for the file now. The state itself is another matter.
    if (outcome.error() == Errc::state_machine_failed) fail(outcome.error());
    return;
  }
  snapshotter_.saved(snapshot.last.index);
  if (options_.kind == StateMachineKind::in_memory) files_.insert(snapshot.last);
  if (snapshot.last.index <= installed_) return;  // overtaken by one from the leader
  node_.snapshot_available(snapshot);
  newest_snapshot_ = snapshot;
  cut_log();
}

/// Behind the newest snapshot.
void Driver::cut_log() {
  const Index snapshot = newest_snapshot_->last.index;
  // Who is behind gets another snapshot: room is more urgent.
  if (is_log_full()) snapshotter_.forget_all();
  follow_transfers(snapshot);
  compacting_.push_back(newest_snapshot_->last);
  ports_.compact(*newest_snapshot_, snapshotter_.keep_from(snapshot));
}

void Driver::follow_transfers(Index snapshot) {
  const std::vector<NodeId> catching_up = snapshotter_.catching_up();
  if (catching_up.empty()) return;
  std::map<NodeId, Index> matches;
  for (const ProgressStatus& progress : node_.status().progress)
    matches.emplace(progress.node, progress.match);
  for (const NodeId peer : catching_up) {
    const auto at = matches.find(peer);
    if (at == matches.end() || at->second >= snapshot) {
      snapshotter_.forget(peer);
    } else {
      snapshotter_.follow(peer, at->second, connected_.contains(peer));
    }
  }
}

void Driver::compacted(Index keep_from, const Result<void>& outcome) {
  if (is_over()) return;
  if (!outcome) return fail(outcome.error());
  if (compacting_.front().index > log_snapshot_.index) log_snapshot_ = compacting_.front();
  compacting_.pop_front();
  node_.compact(keep_from - 1);
}

bool Driver::is_needed(const EntryId& file) const {
  const auto is_among = [&](const std::deque<EntryId>& files) {
    return std::find(files.begin(), files.end(), file) != files.end();
  };
  // Ahead of the state machine: the core may want it, now or when it is offered again. Behind, it
  // never will, so that nobody can come to need the file while it is being removed.
  if (file.index > dispatched_.index || is_among(restoring_)) return true;
  // A state machine on disk holds the content. One in memory starts from the snapshot that the log
  // names; and the log must have named the next one, durably, before that goes.
  return options_.kind == StateMachineKind::in_memory &&
         (file == log_snapshot_ || file == saving_ || is_among(compacting_));
}

void Driver::drop_unneeded_files() {
  if (failure_) return;
  erase_over(files_, [&](const EntryId& file) {
    if (is_needed(file)) return false;
    ports_.drop_snapshot(file);
    return true;
  });
}

}  // namespace raftkit::driver
