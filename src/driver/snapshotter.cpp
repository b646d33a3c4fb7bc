#include "driver/snapshotter.hpp"

#include <algorithm>

namespace raftkit::driver {

void Snapshotter::on_dispatched(Index index, std::size_t bytes) {
  if (marks_.empty() || bytes_ - marks_.back().bytes >= kMarkEvery)
    marks_.push_back({index, bytes_});
  bytes_ += bytes;
  // One mark beyond the retained bytes is enough to know where they begin.
  while (marks_.size() > 1 && bytes_ - marks_[1].bytes >= limits_.retained_bytes)
    marks_.pop_front();
}

bool Snapshotter::should_begin(Index dispatched) const {
  const Index since = std::max(last_snapshot_, last_attempt_);
  if (is_saving_ || dispatched <= since) return false;
  return is_wanted_ || dispatched - since > limits_.snapshot_count ||
         bytes_ - bytes_at_attempt_ > limits_.snapshot_bytes;
}

void Snapshotter::begun(Index snapshot) {
  is_saving_ = true;
  is_wanted_ = false;
  last_attempt_ = snapshot;
  bytes_at_attempt_ = bytes_;
}

void Snapshotter::saved(Index snapshot) {
  is_saving_ = false;
  last_snapshot_ = std::max(last_snapshot_, snapshot);
}

void Snapshotter::installed(Index snapshot) {
  last_snapshot_ = std::max(last_snapshot_, snapshot);
  bytes_at_attempt_ = bytes_;
  marks_.clear();
}

void Snapshotter::transfer_ended(NodeId peer) {
  const auto at = transfers_.find(peer);
  if (at != transfers_.end()) at->second.has_ended = true;
}

std::vector<NodeId> Snapshotter::catching_up() const {
  std::vector<NodeId> peers;
  for (const auto& [peer, transfer] : transfers_) {
    if (transfer.has_ended) peers.push_back(peer);
  }
  return peers;
}

void Snapshotter::follow(NodeId peer, Index match, bool is_connected) {
  Transfer& transfer = transfers_.at(peer);
  if (match > transfer.held) {
    transfer.held = match;
    transfer.idle_cuts = 0;
    return;
  }
  transfer.idle_cuts += is_connected ? 1 : kMostIdleCuts / 2;
  if (transfer.idle_cuts >= kMostIdleCuts) forget(peer);
}

Index Snapshotter::keep_from(Index snapshot) const {
  const auto before = [](Index index, std::uint64_t count) {
    return Index{index.value - std::min(index.value - 1, count)};
  };
  // Before the first mark the sizes are not known. Keeping too much for a while is better than
  // sending a snapshot to a follower that misses a few entries.
  const bool is_known = !marks_.empty() && bytes_ - marks_.front().bytes >= limits_.retained_bytes;
  const Index by_bytes = limits_.retained_bytes == 0 ? snapshot + 1
                         : is_known
                             ? marks_.front().index
                             : before(snapshot + 1, kUnknownFactor * limits_.retained_entries);
  Index keep = std::min(before(snapshot + 1, limits_.retained_entries), by_bytes);
  const Index bound = before(snapshot + 1, limits_.transfer_retained_entries);
  for (const auto& [peer, transfer] : transfers_)
    keep = std::min(keep, std::max(transfer.held + 1, bound));
  return std::min(keep, snapshot + 1);
}

}  // namespace raftkit::driver
