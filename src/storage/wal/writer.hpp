// The end of a write-ahead log, where it grows.
#pragma once

#include <cstdint>
#include <memory>

#include "raftkit/disk.hpp"

#include "storage/wal/frames.hpp"

namespace raftkit::storage::wal {

/// The segment that is written. After an error nobody knows what it holds, and it must not be used
/// again. Owner: the log's writer.
class Writer {
 public:
  struct Position {
    SegmentId segment;
    std::uint64_t offset = kHeaderBytes;   ///< of the next frame
    std::uint64_t durable = kHeaderBytes;  ///< everything before this is
    std::uint32_t before = 0;              ///< what the next frame's is
    bool is_vouched = false;               ///< the last frame says that all before it is durable
  };

  /// Goes on there.
  void resume(const Position& position, std::unique_ptr<WritableFile> file);
  /// Goes on at the beginning of `segment`, which is empty.
  void begin(const SegmentId& segment, std::unique_ptr<WritableFile> file) {
    resume({.segment = segment, .before = first_before(segment)}, std::move(file));
  }

  [[nodiscard]] bool is_open() const { return file_ != nullptr; }
  [[nodiscard]] const SegmentId& segment() const { return at_.segment; }
  [[nodiscard]] bool is_empty() const { return at_.offset == kHeaderBytes; }
  /// Whether so much fits, and what ends the segment behind it.
  [[nodiscard]] bool has_room(std::uint64_t bytes) const {
    return file_ != nullptr && at_.offset + bytes + kEndBytes <= file_->size();
  }
  /// What an empty segment must have to take `bytes`.
  [[nodiscard]] static std::uint64_t size_for(std::uint64_t bytes) {
    return kHeaderBytes + bytes + kEndBytes;
  }

  /// Returns where they lie. Errors: as Disk.
  [[nodiscard]] Result<std::uint64_t> write(Frames& frames);
  /// What was written is durable. Errors: as Disk.
  [[nodiscard]] Result<void> sync();
  /// Nothing that an earlier life has written further on can continue what follows: it follows
  /// `number`, which is a random one. Needs as much room as vouch(). Errors: as Disk.
  [[nodiscard]] Result<void> begin_life(std::uint64_t number);
  /// Makes all of it durable and says so. Errors: as Disk.
  [[nodiscard]] Result<void> vouch();
  /// The segment ends, durably: nothing may lie in the next one before. Errors: as Disk.
  [[nodiscard]] Result<void> seal();

 private:
  /// What vouch() writes, and a seal.
  static constexpr std::uint64_t kEndBytes = 3 * kFrameBytes + kSectorBytes;

  std::unique_ptr<WritableFile> file_;
  Position at_;
};

}  // namespace raftkit::storage::wal
