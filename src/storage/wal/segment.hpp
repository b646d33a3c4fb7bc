// A segment of the write-ahead log as a file: made, and read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "raftkit/disk.hpp"

#include "storage/wal/format.hpp"

namespace raftkit::storage::wal {

[[nodiscard]] std::string segment_name(std::uint64_t sequence);
/// Nothing: `name` is not one.
[[nodiscard]] std::optional<std::uint64_t> sequence_of(std::string_view name);

inline constexpr std::string_view kUnfinished = ".unfinished";

/// Makes an empty segment of `bytes`, durable with its name when this returns; if there was another
/// one of that name, it is replaced. What a failed attempt leaves behind ends in kUnfinished, but
/// for a name that could not be made durable. Errors: out_of_space: nothing happened · io_error.
[[nodiscard]] Result<std::unique_ptr<WritableFile>> create_segment(Disk& disk,
                                                                   const std::string& directory,
                                                                   const SegmentId& segment,
                                                                   std::uint64_t bytes);
/// The same from the file at `spare`, which ends in kUnfinished and was a segment of this log. What
/// lies in it stays there: since the checksum of a frame covers its segment's number, and such a
/// checksum is never the same when up to 32 neighbouring bits are not, no frame of it verifies.
[[nodiscard]] Result<std::unique_ptr<WritableFile>> reuse_segment(Disk& disk,
                                                                  const std::string& directory,
                                                                  const std::string& spare,
                                                                  const SegmentId& segment,
                                                                  std::uint64_t bytes);

/// A segment to be read. Immutable, so thread-safe.
class Segment {
 public:
  /// Errors: corrupt_data, with the path · as Disk.
  [[nodiscard]] static Result<std::shared_ptr<const Segment>> open(Disk& disk,
                                                                   const std::string& path);

  Segment(std::string path, const SegmentHeader& header, std::unique_ptr<ReadableFile> file)
      : path_(std::move(path)), header_(header), file_(std::move(file)) {}

  [[nodiscard]] const SegmentId& id() const { return header_.segment; }
  [[nodiscard]] const std::string& path() const { return path_; }
  /// Of the file, as the header says, too.
  [[nodiscard]] std::uint64_t size() const { return header_.file_bytes; }

  /// The frame at `offset` with its payload, if there is one that verifies. Errors: as Disk.
  struct Frame {
    FrameHeader header;
    std::string_view payload;  ///< in the buffer
  };
  [[nodiscard]] Result<std::optional<Frame>> frame_at(std::uint64_t offset,
                                                      std::string& buffer) const;

  /// What a crash has left behind the last frame that follows those before it: at `offset`, where
  /// the next one's `before` would be this. What the file held earlier does not count.
  struct Rest {
    std::uint64_t end;         ///< of the last frame that was begun, or lies there whole
    bool was_durable = false;  ///< a frame further on says that what was at `offset` was durable
  };
  [[nodiscard]] Result<Rest> examine(std::uint64_t offset, std::uint32_t before) const;

  /// The bytes at `offset`: fewer than `size` only at the end of the file. Errors: as Disk.
  [[nodiscard]] Result<std::string_view> read(std::uint64_t offset,
                                              std::size_t size,
                                              std::string& buffer) const;
  /// The frame that `bytes` begin with, if all of it is there and verifies.
  [[nodiscard]] std::optional<Frame> verified(const FrameHeader& header,
                                              std::string_view bytes) const;

  /// "<path> is damaged at offset <offset>: <reason>"
  [[nodiscard]] Error damaged(std::uint64_t offset, std::string_view reason) const;

 private:
  std::string path_;
  SegmentHeader header_;
  std::unique_ptr<ReadableFile> file_;
};

/// Reads a segment front to back, a window at a time. Owner: one thread at a time.
class SegmentScan {
 public:
  SegmentScan(const Segment& segment, std::size_t window_bytes)
      : segment_(segment), window_bytes_(window_bytes), before_(first_before(segment.id())) {}

  /// The next frame; its payload is valid until the next call. Nothing: none verifies at offset().
  /// Errors: corrupt_data, with the path: it verifies, and nobody can have written it · as Disk.
  [[nodiscard]] Result<std::optional<Segment::Frame>> next();

  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  /// What the next frame's `before` is.
  [[nodiscard]] std::uint32_t before() const { return before_; }

 private:
  /// The bytes at offset_, at least `size` of them if the file has so many.
  [[nodiscard]] Result<std::string_view> look(std::size_t size);

  const Segment& segment_;
  const std::size_t window_bytes_;
  std::uint64_t offset_ = kHeaderBytes;
  std::uint32_t before_;
  std::string window_;
  std::uint64_t window_begin_ = kHeaderBytes;  // in the file
};

}  // namespace raftkit::storage::wal
