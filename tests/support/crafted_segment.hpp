// Segments of a write-ahead log as no writer would write them: with right checksums.
#pragma once

#include <optional>
#include <string>

#include "storage/wal/segment.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

/// Of the log {1, 2}.
class CraftedSegment {
 public:
  explicit CraftedSegment(std::uint64_t sequence = storage::wal::kFirstSequence)
      : id_{{1, 2}, sequence}, before_(storage::wal::first_before(id_)) {}

  /// `durable`: if not all before it.
  CraftedSegment& frame(storage::wal::FrameKind kind,
                        const std::string& payload = {},
                        std::optional<std::uint64_t> durable = {}) {
    std::string frame = std::string(storage::wal::kFrameBytes, '\0') + payload;
    before_ = storage::wal::finish_frame(std::span(frame),
                                         id_,
                                         {.kind = kind,
                                          .before = before_,
                                          .offset = content_.size(),
                                          .durable = durable.value_or(content_.size())});
    content_ += frame;
    return *this;
  }
  CraftedSegment& checkpoint(const std::string& groups = {}) {
    return frame(storage::wal::FrameKind::checkpoint, groups);
  }
  CraftedSegment& batch(const PersistBatch& batch, std::optional<std::uint64_t> durable = {}) {
    std::string record;
    storage::wal::encode_batch(batch, record);
    return frame(storage::wal::FrameKind::batches, record, durable);
  }
  CraftedSegment& rest(const std::string& bytes) {
    content_ += bytes;
    return *this;
  }

  [[nodiscard]] std::uint64_t size() const { return content_.size(); }
  [[nodiscard]] const storage::wal::SegmentId& id() const { return id_; }

  /// With a header, and `free` bytes behind its end.
  [[nodiscard]] std::string content(std::uint64_t free = 0) const {
    std::string content = content_ + std::string(free, '\0');
    const std::string header = storage::wal::encode_header({id_, content.size()});
    return content.replace(0, header.size(), header);
  }

  /// Its path.
  std::string put(testing::MemoryDisk& disk,
                  const std::string& directory,
                  std::uint64_t free = 0) const {
    const std::string path = directory + "/" + storage::wal::segment_name(id_.sequence);
    static_cast<void>(disk.create_directories(directory));
    static_cast<void>(disk.open_writable(path, storage::Disk::Open::truncate));
    disk.set_content(path, content(free));
    return path;
  }

 private:
  storage::wal::SegmentId id_;
  std::uint32_t before_;
  std::string content_ = std::string(storage::wal::kHeaderBytes, '\0');
};

}  // namespace raftkit::test
