// Handing out what is to be done.
#include <utility>

#include "core/raft.hpp"

namespace raftkit::core {

namespace {

/// What `from` holds; it gets the other's memory.
template <class T>
void hand_out(std::vector<T>& from, std::vector<T>& to) {
  if (!to.empty()) to.clear();
  if (!from.empty()) to.swap(from);
}

}  // namespace

/// The batch to fill: that of the Ready before, if it still is there, for its memory.
PersistBatch& Raft::renew(std::optional<PersistBatch>& batch) {
  if (batch) {
    batch->clear();
  } else {
    batch.emplace();
    batch->append.swap(spare_append_);
    batch->send_after.swap(spare_send_after_);
  }
  return *batch;
}

void Raft::put_away(std::optional<PersistBatch>& batch) {
  if (!batch) return;
  batch->clear();
  spare_append_.swap(batch->append);
  spare_send_after_.swap(batch->send_after);
  batch.reset();
}

void Raft::fill_batch(PersistBatch& batch) {
  batch.id = PersistId{next_persist_++};
  if (has_new_hard_state()) {
    batch.sync_hard_state =
        ballot_.term != reported_.hard.term || ballot_.voted_for != reported_.hard.voted_for;
    for (HardState* told : {&reported_.hard, &batch.hard_state.emplace()}) {
      told->term = ballot_.term;
      told->voted_for = ballot_.voted_for;
      told->commit = log_.commit();
    }
  }
  log_.hand_out_writes(batch, ballot_.term);
  std::swap(batch.send_after, outbox_.after_write);
  // Number by number: a processor waits when what it just wrote in parts is read as a whole.
  BatchInFlight& flying = in_flight_.emplace_back();
  flying.id = batch.id;
  flying.stamp.term = batch.stamp ? batch.stamp->term : Term{0};
  flying.stamp.last.term = batch.stamp ? batch.stamp->last.term : Term{0};
  flying.stamp.last.index = batch.stamp ? batch.stamp->last.index : Index{0};
  flying.snapshot = batch.snapshot ? batch.snapshot->last.index : Index{0};
}

void Raft::take_ready(Ready& ready) {
  ready.soft_state.reset();
  if (has_new_soft_state()) ready.soft_state = reported_.soft = soft_state();
  soft_state_touched_ = false;
  ready.membership.reset();
  if (membership_ != reported_.membership) ready.membership = reported_.membership = membership_;
  hand_out(outbox_.now, ready.send_now);
  if (has_write()) {
    fill_batch(renew(ready.persist));
  } else {
    put_away(ready.persist);
  }
  ready.restore.reset();
  if (restore_) ready.restore = std::exchange(restore_, std::nullopt);
  ready.apply.clear();
  log_.hand_out_committed(ready.apply);
  hand_out(reads_, ready.reads);
  hand_out(fetch_, ready.fetch);
  ready.confirmed_round = std::exchange(confirmed_round_, 0);
  ready.snapshot_wanted = snapshot_wanted_ == Wanted::yes;
  if (ready.snapshot_wanted) snapshot_wanted_ = Wanted::reported;
  hand_out(events_, ready.events);
}

}  // namespace raftkit::core
