#include "core/inflights.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace raftkit::core {

void Inflights::add(Index last, std::size_t bytes) {
  RAFTKIT_ASSERT(!full(), "INV-INFLIGHT-BOUND", count_, bytes_);
  if (count_ == ring_.size()) grow();
  ring_[(start_ + count_) % ring_.size()] = {last, bytes};
  ++count_;
  bytes_ += bytes;
}

void Inflights::free_to(Index index) {
  while (count_ > 0 && ring_[start_].last <= index) {
    bytes_ -= ring_[start_].bytes;
    start_ = (start_ + 1) % ring_.size();
    --count_;
  }
}

void Inflights::clear() {
  start_ = 0;
  count_ = 0;
  bytes_ = 0;
}

void Inflights::grow() {
  std::vector<Append> grown(std::min(limits_.messages, std::max<std::size_t>(8, ring_.size() * 2)));
  for (std::size_t i = 0; i < count_; ++i)
    grown[i] = ring_[(start_ + i) % ring_.size()];
  ring_ = std::move(grown);
  start_ = 0;
}

}  // namespace raftkit::core
