// The way to the state machine and back, and what follows from its progress.
#include <algorithm>

#include "driver/driver.hpp"

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
    membership_ = node_.membership_applied(entry);
  }
  dispatched_ = batch.last;
  snapshotter_.on_dispatched(dispatched_.index, bytes);
  metrics_.add(Counter::proposals_committed, entries.size());
  metrics_.set(Gauge::commit_index, dispatched_.index.value);
  ports_.apply(std::move(batch));
  maybe_save_snapshot();
}

void Driver::maybe_save_snapshot() {
  if (!snapshotter_.should_begin(dispatched_.index)) return;
  snapshotter_.begun(dispatched_.index);
  ports_.save_snapshot(dispatched_state());
}

void Driver::applied(ApplyBatch batch, const Result<void>& outcome) {
  if (failure_) return;
  if (!outcome) return fail(outcome.error());
  metrics_.add(Counter::proposals_applied, batch.commands.size());
  metrics_.set(Gauge::applied_index, batch.last.index.value);
  applied_ = std::max(applied_, batch.last.index);
  node_.applied(batch.last.index);
  proposals_.on_applied(batch);
  reads_.on_applied(applied_);
}

void Driver::restored(const SnapshotMeta& snapshot, const Result<void>& outcome) {
  if (failure_) return;
  if (!outcome) return fail(outcome.error());
  applied_ = std::max(applied_, snapshot.last.index);
  metrics_.set(Gauge::applied_index, applied_.value);
  reads_.on_applied(applied_);
  if (options_.kind == StateMachineKind::on_disk) {
    ports_.drop_snapshot(snapshot.last);  // its content is durable in the state machine now
  } else {
    keep_only(snapshot.last);
  }
  node_.snapshot_available(snapshot);
}

void Driver::keep_only(EntryId snapshot) {
  if (stored_snapshot_ && *stored_snapshot_ != snapshot) ports_.drop_snapshot(*stored_snapshot_);
  stored_snapshot_ = snapshot;
}

void Driver::snapshot_saved(const SnapshotMeta& snapshot, const Result<void>& outcome) {
  if (failure_) return;
  if (!outcome) {
    snapshotter_.failed();
    // Without snapshots the log only grows; that is the embedder's choice. Anything else is a
    // failure.
    if (!(outcome.error() == Errc::not_supported)) fail(outcome.error());
    return;
  }
  snapshotter_.saved(snapshot.last.index);
  const bool is_overtaken = snapshot.last.index <= installed_;
  if (options_.kind == StateMachineKind::in_memory) {
    if (is_overtaken) return ports_.drop_snapshot(snapshot.last);
    keep_only(snapshot.last);
  }
  if (is_overtaken) return;
  node_.snapshot_available(snapshot);
  ports_.compact(snapshot, snapshotter_.keep_from(snapshot.last.index));
}

void Driver::compacted(Index keep_from, const Result<void>& outcome) {
  if (failure_) return;
  if (!outcome) return fail(outcome.error());
  node_.compact(keep_from - 1);
}

}  // namespace raftkit::driver
