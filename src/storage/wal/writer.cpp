#include "storage/wal/writer.hpp"

#include <utility>

#include "storage/encoding.hpp"

namespace raftkit::storage::wal {

void Writer::resume(const Position& position, std::unique_ptr<WritableFile> file) {
  at_ = position;
  file_ = std::move(file);
}

Result<std::uint64_t> Writer::write(Frames& frames) {
  const std::uint64_t begin = at_.offset;
  const std::uint32_t before =
      frames.finish(at_.segment, {.before = at_.before, .offset = begin, .durable = at_.durable});
  if (auto written = file_->write_at(begin, bytes_of(frames.bytes())); !written)
    return std::move(written).error();
  at_.offset = begin + frames.size();
  at_.before = before;
  at_.is_vouched = false;
  return begin;
}

Result<void> Writer::sync() {
  if (at_.durable == at_.offset) return {};
  if (auto synced = file_->sync(); !synced) return synced;
  at_.durable = at_.offset;
  return {};
}

Result<void> Writer::begin_life(std::uint64_t number) {
  Frames frames;
  put<std::uint64_t>(frames.begin(FrameKind::mark), number);
  auto written = write(frames);
  return written ? Result<void>() : std::move(written).error();
}

Result<void> Writer::vouch() {
  if (at_.is_vouched || is_empty()) return {};
  if (auto synced = sync(); !synced) return synced;
  Frames frames;
  // Two, so that one of them shares no sector with what it vouches for.
  frames.begin(FrameKind::mark).append(kSectorBytes, '\0');
  frames.begin(FrameKind::mark);
  if (auto written = write(frames); !written) return std::move(written).error();
  at_.is_vouched = true;
  return {};
}

Result<void> Writer::seal() {
  Frames frames;
  frames.begin(FrameKind::seal);
  if (auto written = write(frames); !written) return std::move(written).error();
  return sync();
}

}  // namespace raftkit::storage::wal
