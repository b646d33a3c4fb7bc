#include "core/progress.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace raftkit::core {

Progress::Progress(const Start& start)
    : node_(start.node), next_(start.next), learner_(start.learner), inflights_(start.limits) {}

void Progress::enter(ProgressState state) {
  state_ = state;
  paused_ = false;
  pending_snapshot_ = Index{0};
  inflights_.clear();
}

void Progress::become_probe() {
  // After a snapshot the member holds at least the snapshot, if it arrived: try behind it.
  const Index after_snapshot = state_ == ProgressState::snapshot ? pending_snapshot_ + 1 : Index{0};
  next_ = std::max(match_ + 1, after_snapshot);
  enter(ProgressState::probe);
  sent_commit_ = std::min(sent_commit_, next_ - 1);
}

void Progress::become_replicate() {
  next_ = match_ + 1;
  enter(ProgressState::replicate);
}

void Progress::become_snapshot(Index snapshot) {
  enter(ProgressState::snapshot);
  pending_snapshot_ = snapshot;
  next_ = snapshot + 1;
  sent_commit_ = snapshot;
}

bool Progress::maybe_update(Index index) {
  if (index <= match_) return false;
  match_ = index;
  next_ = std::max(next_, index + 1);
  paused_ = false;
  return true;
}

bool Progress::maybe_decrease(Rejection rejection) {
  if (state_ == ProgressState::replicate) {
    // What was acknowledged cannot be refused: an old answer.
    if (rejection.rejected <= match_) return false;
    next_ = match_ + 1;
    sent_commit_ = std::min(sent_commit_, next_ - 1);
    return true;
  }
  // Only the answer to the latest probe counts; older ones would move `next` back for nothing.
  if (next_ - 1 != rejection.rejected) return false;
  next_ = std::max(std::min(rejection.rejected, rejection.hint + 1), match_ + 1);
  sent_commit_ = std::min(sent_commit_, next_ - 1);
  paused_ = false;
  return true;
}

void Progress::sent(Index last, std::size_t count, std::size_t bytes) {
  if (state_ == ProgressState::replicate) {
    if (count > 0) {
      next_ = last + 1;
      inflights_.add(last, bytes);
    }
    paused_ = inflights_.full();
  } else if (count > 0) {
    RAFTKIT_ASSERT(state_ == ProgressState::probe, "INV-PROGRESS-SNAPSHOT-SILENT", node_);
    paused_ = true;
  }
}

ProgressStatus Progress::status() const {
  return {.node = node_,
          .state = state_,
          .match = match_,
          .next = next_,
          .learner = learner_,
          .paused = is_paused(),
          .recently_active = recently_active_,
          .pending_snapshot = pending_snapshot_,
          .inflight_messages = inflights_.count(),
          .inflight_full = inflights_.full()};
}

}  // namespace raftkit::core
