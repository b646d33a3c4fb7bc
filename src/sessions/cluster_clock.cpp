#include <algorithm>
#include <limits>
#include <utility>

#include "raftkit/sessions.hpp"

namespace raftkit {

ClusterClock::ClusterClock(std::function<std::uint64_t()> local_time)
    : local_time_(std::move(local_time)) {}

std::uint64_t ClusterClock::at(std::uint64_t local_time) const {
  if (!base_) return 0;
  const std::uint64_t passed = local_time - std::min(local_time, base_->local_time);
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - base_->cluster_time;
  return base_->cluster_time + std::min(passed, most);
}

void ClusterClock::observe(std::uint64_t cluster_time) {
  const std::uint64_t local = local_time_();
  const std::lock_guard lock(mutex_);
  // Starting again from each observation would lose what a command takes from its stamp to here:
  // under a steady load, where every stamp rests on one that is a round trip old, time would all
  // but stand still.
  if (!base_ || cluster_time > at(local)) base_ = Base{cluster_time, local};
}

std::uint64_t ClusterClock::now() const {
  const std::uint64_t local = local_time_();
  const std::lock_guard lock(mutex_);
  return at(local);
}

}  // namespace raftkit
