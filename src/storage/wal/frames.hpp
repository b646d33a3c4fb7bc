// Frames for one write, payloads first: where they will lie is known once there is room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/wal/format.hpp"

namespace raftkit::storage::wal {

/// Owner: the log's writer.
class Frames {
 public:
  /// What takes the next record: the last frame or, if that is full, a new one.
  std::string& next(FrameKind kind) {
    if (begins_.empty() || bytes_.size() - begins_.back() >= kFullBytes) begin(kind);
    return bytes_;
  }
  /// A frame, without records so far.
  std::string& begin(FrameKind kind) {
    kind_ = kind;
    begins_.push_back(bytes_.size());
    return bytes_.append(kFrameBytes, '\0');
  }
  void clear() {
    begins_.clear();
    bytes_.clear();
    if (bytes_.capacity() > 4 * kFullBytes) bytes_.shrink_to_fit();
  }

  /// Where the newest frame begins, counted from the first one.
  [[nodiscard]] std::uint64_t newest() const { return begins_.back(); }
  [[nodiscard]] std::uint64_t size() const { return bytes_.size(); }

  /// Fills in the headers of what is to lie at `header.offset`; returns the checksum of the last.
  std::uint32_t finish(const SegmentId& segment, FrameHeader header) {
    header.kind = kind_;
    const std::uint64_t offset = header.offset;
    for (std::size_t at = 0; at < begins_.size(); ++at) {
      const std::size_t end = at + 1 < begins_.size() ? begins_[at + 1] : bytes_.size();
      header.offset = offset + begins_[at];
      header.before =
          finish_frame({bytes_.data() + begins_[at], end - begins_[at]}, segment, header);
    }
    return header.before;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  /// Whoever reads the log back holds a frame in memory.
  static constexpr std::size_t kFullBytes = std::size_t{1} << 20;

  FrameKind kind_ = FrameKind::batches;  // of all of them
  std::vector<std::size_t> begins_;
  std::string bytes_;
};

}  // namespace raftkit::storage::wal
