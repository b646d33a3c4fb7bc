#include "core/entry_window.hpp"

#include <algorithm>

namespace raftkit::core {

void EntryWindow::push_back(Entry entry) {
  if (count_ == ring_.size()) grow();
  bytes_ += entry.size_bytes();
  ring_[(start_ + count_) & (ring_.size() - 1)] = std::move(entry);
  ++count_;
}

void EntryWindow::truncate(Index from) {
  while (count_ > 0 && last() >= from) {
    Entry& dropped = ring_[(start_ + count_ - 1) & (ring_.size() - 1)];
    bytes_ -= dropped.size_bytes();
    dropped.payload = {};
    --count_;
  }
}

void EntryWindow::evict(Index to) {
  while (count_ > 0 && first() <= to) {
    Entry& dropped = ring_[start_];
    bytes_ -= dropped.size_bytes();
    dropped.payload = {};
    start_ = (start_ + 1) & (ring_.size() - 1);
    --count_;
  }
}

void EntryWindow::clear() {
  if (count_ > 0) evict(last());
}

void EntryWindow::grow() {
  std::vector<Entry> grown(std::max<std::size_t>(16, ring_.size() * 2));
  for (std::size_t i = 0; i < count_; ++i) {
    grown[i] = std::move(ring_[(start_ + i) & (ring_.size() - 1)]);
  }
  ring_ = std::move(grown);
  start_ = 0;
}

}  // namespace raftkit::core
