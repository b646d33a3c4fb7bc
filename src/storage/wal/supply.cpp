#include "storage/wal/supply.hpp"

#include <algorithm>
#include <utility>

#include "storage/room.hpp"

namespace raftkit::storage::wal {

void Supply::retire(std::shared_ptr<const Segment> segment) {
  const std::lock_guard lock(mutex_);
  const std::string& path = segment->path();
  // Nobody can begin to read it any more, but somebody may still do.
  const bool is_read = segment.use_count() > 1;
  const bool is_usual = segment->size() >= segment_bytes_ && segment->size() / 2 <= segment_bytes_;
  const std::string spare = path + std::string(kUnfinished);
  if (is_read || !is_usual || spares_.size() == kMostSpares || !disk_.rename(path, spare)) {
    static_cast<void>(disk_.remove_file(path));
    return;
  }
  spares_.push_back(spare);
}

void Supply::prepare(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (segment.sequence <= newest_ || is_ready(segment.sequence)) return;
  if (auto made = make(segment, bytes)) keep(segment.sequence, *std::move(made));
}

Result<std::unique_ptr<WritableFile>> Supply::make(const SegmentId& segment, std::uint64_t bytes) {
  if (!spares_.empty()) {
    const std::string spare = std::move(spares_.back());
    spares_.pop_back();
    if (auto made = reuse_segment(disk_, directory_, spare, segment, bytes)) return made;
    // Which names are durable now nobody knows. The next start removes them.
    spares_.clear();
  }
  if (reserve_bytes_ > 0) {
    if (auto room = check_room(disk_, directory_, bytes, reserve_bytes_); !room)
      return std::move(room).error();
  }
  return create_segment(disk_, directory_, segment, bytes);
}

Result<void> Supply::found(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  auto file = disk_.open_writable(directory_ + "/" + segment_name(sequence), Disk::Open::append);
  if (!file) return std::move(file).error();
  keep(sequence, *std::move(file));
  return {};
}

Result<std::unique_ptr<WritableFile>> Supply::take(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (!is_ready(segment.sequence) || ready_->size() < bytes) {
    // If there is a smaller one, this takes its place. Were that to grow, and the write lost that
    // says so, then what lies behind would look as if it had never been.
    auto made = make(segment, std::max(bytes, segment_bytes_));
    // A small one is better than none.
    if (!made && made.error() == Errc::out_of_space && bytes < segment_bytes_)
      made = create_segment(disk_, directory_, segment, bytes);
    if (!made) return made;  // if for want of space, then what there was is there
    keep(segment.sequence, *std::move(made));
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

}  // namespace raftkit::storage::wal
