#include "storage/wal/supply.hpp"

#include <algorithm>
#include <utility>

#include "storage/wal/segment.hpp"

namespace raftkit::storage::wal {

void Supply::prepare(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (segment.sequence <= newest_ || ready_.contains(segment.sequence)) return;
  auto made = create_segment(disk_, directory_, segment, bytes);
  if (!made) return;
  ready_.emplace(segment.sequence, *std::move(made));
  newest_ready_.store(segment.sequence, std::memory_order_release);
}

Result<void> Supply::found(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  auto file = disk_.open_writable(directory_ + "/" + segment_name(sequence), Disk::Open::append);
  if (!file) return std::move(file).error();
  ready_.emplace(sequence, *std::move(file));
  newest_ready_.store(sequence, std::memory_order_release);
  return {};
}

Result<std::unique_ptr<WritableFile>> Supply::take(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto ready = ready_.find(segment.sequence);
  std::unique_ptr<WritableFile> file;
  if (ready == ready_.end()) {
    auto made = create_segment(disk_, directory_, segment, std::max(bytes, segment_bytes_));
    // A small one is better than none.
    if (!made && made.error() == Errc::out_of_space && bytes < segment_bytes_)
      made = create_segment(disk_, directory_, segment, bytes);
    if (!made) return made;
    file = *std::move(made);
  } else {
    if (ready->second->size() < bytes) {
      if (auto grown = ready->second->preallocate(bytes); !grown) return std::move(grown).error();
      if (auto synced = ready->second->sync(); !synced) {
        // Nobody knows what it holds; the next one takes its place.
        ready_.erase(ready);
        newest_ready_.store(0, std::memory_order_release);
        return std::move(synced).error();
      }
    }
    file = std::move(ready->second);
    ready_.erase(ready);
  }
  newest_ = segment.sequence;
  return file;
}

}  // namespace raftkit::storage::wal
