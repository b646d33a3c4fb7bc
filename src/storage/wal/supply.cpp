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
  if (is_read || !is_usual || spares_.size() >= max_spares_ || !check_reserve(0) ||
      !disk_.rename(path, spare)) {
    static_cast<void>(disk_.remove_file(path));
    return;
  }
  spares_.push_back(spare);
}

void Supply::give_up_spares() {
  const std::lock_guard lock(mutex_);
  for (const std::string& spare : spares_)
    static_cast<void>(disk_.remove_file(spare));
  spares_.clear();
}

Result<void> Supply::check_reserve(std::uint64_t bytes) const {
  if (reserve_bytes_ == 0) return {};
  return check_room(disk_, directory_, bytes, reserve_bytes_);
}

void Supply::prepare(const SegmentId& segment, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  if (segment.sequence <= newest_ || segment.sequence > kLastSequence || is_ready(segment.sequence))
    return;
  if (auto made = make(segment, bytes)) keep(segment.sequence, *std::move(made));
}

Result<std::unique_ptr<WritableFile>> Supply::make(const SegmentId& segment, std::uint64_t bytes) {
  while (!spares_.empty()) {
    const std::string spare = std::move(spares_.back());
    spares_.pop_back();
    auto made = reuse_segment(disk_, directory_, spare, segment, bytes);
    if (!made && made.error() == Errc::out_of_space) continue;  // it is gone, and was to grow
    // After another failure nobody knows which names are durable. The next start removes them.
    if (!made) spares_.clear();
    return made;
  }
  if (auto room = check_reserve(bytes); !room) return std::move(room).error();
  return create_segment(disk_, directory_, segment, bytes);
}

/// A small one is better than none.
Result<std::unique_ptr<WritableFile>> Supply::make_small(const SegmentId& segment,
                                                         std::uint64_t least,
                                                         bool may_use_reserve) {
  if (!may_use_reserve) {
    if (auto room = check_reserve(least); !room) return std::move(room).error();
  }
  std::uint64_t bytes = least;
  if (reserve_bytes_ > 0) {
    // Not for one write each, nor all that others may need, too.
    const auto found = disk_.free_bytes(directory_);
    const std::uint64_t room = found ? *found : 0;
    const std::uint64_t part = (room - std::min(room, reserve_bytes_)) / 4;
    bytes = std::clamp(part, least, segment_bytes_);
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

Result<std::unique_ptr<WritableFile>> Supply::take(const SegmentId& segment,
                                                   std::uint64_t bytes,
                                                   bool may_use_reserve) {
  const std::lock_guard lock(mutex_);
  if (segment.sequence > kLastSequence)
    return Error(Errc::out_of_space, directory_ + " has had as many segments as there may be");
  if (!is_ready(segment.sequence) || ready_->size() < bytes) {
    // If there is a smaller one, this takes its place. Were that to grow, and the write lost that
    // says so, then what lies behind would look as if it had never been.
    auto made = make(segment, std::max(bytes, segment_bytes_));
    if (!made && made.error() == Errc::out_of_space && bytes < segment_bytes_)
      made = make_small(segment, bytes, may_use_reserve);
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
