#include "storage/wal/supply.hpp"

#include <algorithm>
#include <utility>

#include "storage/encoding.hpp"
#include "storage/wal/segment.hpp"

namespace raftkit::storage::wal {

void Supply::prepare(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (segment.sequence <= newest_ || is_ready(segment.sequence)) return;
  if (auto made = create_segment(disk_, directory_, segment, bytes))
    keep(segment.sequence, *std::move(made));
}

Result<void> Supply::found(std::uint64_t sequence, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  auto file = disk_.open_writable(directory_ + "/" + segment_name(sequence), Disk::Open::append);
  if (!file) return std::move(file).error();
  // It was to grow, and may hold anything there.
  if ((*file)->size() > bytes) {
    if (auto cut = (*file)->truncate(bytes); !cut) return cut;
  }
  keep(sequence, *std::move(file));
  return {};
}

Result<std::unique_ptr<WritableFile>> Supply::take(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!is_ready(segment.sequence)) {
    auto made = create_segment(disk_, directory_, segment, std::max(bytes, segment_bytes_));
    // A small one is better than none.
    if (!made && made.error() == Errc::out_of_space && bytes < segment_bytes_)
      made = create_segment(disk_, directory_, segment, bytes);
    if (made) newest_ = segment.sequence;
    return made;
  }
  if (ready_->size() < bytes) {
    if (auto grown = ready_->preallocate(bytes); !grown) return std::move(grown).error();
    if (auto told = tell_size(*ready_, segment); !told) {
      // Nobody knows what it holds; the next one takes its place.
      keep(0, nullptr);
      return std::move(told).error();
    }
  }
  newest_ = segment.sequence;
  auto file = std::move(ready_);
  keep(0, nullptr);
  return file;
}

void Supply::keep(std::uint64_t sequence, std::unique_ptr<WritableFile> file) {
  ready_ = std::move(file);
  newest_ready_.store(sequence, std::memory_order_release);
}

/// The size is durable before the header relies on it.
Result<void> Supply::tell_size(WritableFile& file, const SegmentId& segment) {
  if (auto synced = file.sync(); !synced) return synced;
  const auto header = encode_header({segment, file.size()});
  if (auto written = file.write_at(0, bytes_of(header)); !written) return written;
  return file.sync();
}

}  // namespace raftkit::storage::wal
