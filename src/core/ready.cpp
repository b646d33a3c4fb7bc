// Handing out what is to be done.
#include <utility>

#include "core/raft.hpp"

namespace raftkit::core {

HardState Raft::hard_state() const {
  return {ballot_.term, ballot_.voted_for, log_.commit()};
}

bool Raft::has_write() const {
  return log_.has_unwritten() || hard_state() != reported_.hard || !outbox_.after_write.empty();
}

bool Raft::has_ready() const {
  return soft_state() != reported_.soft || !outbox_.now.empty() || has_write() ||
         log_.has_next_committed() || !reads_.empty() || !fetch_.empty() ||
         snapshot_wanted_ == Wanted::yes;
}

void Raft::fill_batch(PersistBatch& batch) {
  batch.id = PersistId{next_persist_++};
  if (const HardState now = hard_state(); now != reported_.hard) {
    batch.sync_hard_state =
        now.term != reported_.hard.term || now.voted_for != reported_.hard.voted_for;
    batch.hard_state = now;
    reported_.hard = now;
  }
  log_.hand_out_writes(batch, ballot_.term);
  std::swap(batch.send_after, outbox_.after_write);
  in_flight_.push_back({batch.id,
                        batch.stamp,
                        batch.snapshot ? std::optional(batch.snapshot->last.index) : std::nullopt});
}

void Raft::take_ready(Ready& ready) {
  ready.clear();
  if (const SoftState now = soft_state(); now != reported_.soft) {
    ready.soft_state = now;
    reported_.soft = now;
  }
  if (membership_ != reported_.membership) {
    ready.membership = membership_;
    reported_.membership = membership_;
  }
  std::swap(ready.send_now, outbox_.now);
  if (has_write()) fill_batch(ready.persist.emplace());
  ready.restore = std::exchange(restore_, std::nullopt);
  log_.hand_out_committed(ready.apply);
  std::swap(ready.reads, reads_);
  std::swap(ready.fetch, fetch_);
  if (snapshot_wanted_ == Wanted::yes) {
    ready.snapshot_wanted = true;
    snapshot_wanted_ = Wanted::reported;
  }
  std::swap(ready.events, events_);
}

}  // namespace raftkit::core
