// How the write-ahead log lies in its files: docs/storage-format.md.
//
// A log is a row of segments, `<sequence>.wal`. A segment is a header, which has a sector of its
// own, then frames, then zeros or what the file held before. A frame is what one write wrote:
//
//   magic u32 · crc32c u32 · length u32 · before u32 · offset u64 · durable u64 · kind u32 ·
//   payload
//
// The checksum covers which log and segment this is, everything after itself and the payload.
// `before` is the checksum of the frame before, so that no frame is taken for the successor of
// another than the one it was written after. `durable` says how much of the segment was durable
// when it was written: what does not verify below that is damage, and not a torn end.
//
// All records name their group. Numbers are little-endian.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/log_storage.hpp"

namespace raftkit::storage::wal {

/// Which log a segment belongs to, and where it stands there.
struct SegmentId {
  std::array<std::uint64_t, 2> log{};
  std::uint64_t sequence = 0;

  friend bool operator==(const SegmentId&, const SegmentId&) = default;
};

inline constexpr std::uint64_t kFirstSequence = 1;
inline constexpr std::uint64_t kLastSequence = std::uint64_t{1} << 62;  ///< nobody gets so far
inline constexpr std::size_t kSectorBytes = 512;
inline constexpr std::size_t kHeaderBytes = kSectorBytes;
inline constexpr std::string_view kFrameMagic = "krwl";
inline constexpr std::size_t kFrameBytes = 36;  ///< a frame without its payload
/// Of a batch's payloads together: whoever reads the log back holds a frame in memory.
inline constexpr std::size_t kMostBatchBytes = std::size_t{1} << 30;

struct SegmentHeader {
  SegmentId segment;
  std::uint64_t file_bytes = 0;  ///< the file never had less
};

/// kHeaderBytes of them.
[[nodiscard]] std::string encode_header(const SegmentHeader& header);
/// Errors: corrupt_data, with a reason but no place.
[[nodiscard]] Result<SegmentHeader> decode_header(std::string_view bytes);
/// What a frame's `before` is if it is the first one.
[[nodiscard]] std::uint32_t first_before(const SegmentId& segment);

/// On disk: never reuse a value.
enum class FrameKind : std::uint32_t {
  batches = 1,     ///< records
  checkpoint = 2,  ///< all groups as they were; the first frame of each segment
  seal = 3,        ///< the segment ends, and there is a next one
  mark = 4,        ///< only says what is durable; what it holds means nothing
};

struct FrameHeader {
  FrameKind kind = FrameKind::batches;
  std::uint32_t crc = 0;
  std::uint32_t length = 0;  ///< of the payload
  std::uint32_t before = 0;
  std::uint64_t offset = 0;
  std::uint64_t durable = 0;

  [[nodiscard]] std::uint64_t size() const { return kFrameBytes + length; }
};

/// Fills in the front of `frame`, which is kFrameBytes of anything and the payload; returns the
/// checksum, which the next frame needs. Checksum and length need not be given.
std::uint32_t finish_frame(std::span<char> frame,
                           const SegmentId& segment,
                           const FrameHeader& header);

/// The header at the front of `bytes`, if that is what is there; not verified.
[[nodiscard]] std::optional<FrameHeader> decode_frame_header(std::string_view bytes);
/// What the checksum of a frame must be that has this header, as it lies on the disk, and payload.
[[nodiscard]] std::uint32_t checksum(const SegmentId& segment,
                                     std::string_view header,
                                     std::string_view payload);

struct Compaction {
  GroupId group;
  SnapshotMeta snapshot;
  Index keep_from;
};

/// A log without its entries.
struct Checkpoint {
  GroupId group;
  LoadedLog log;
};

/// These append a record.
void encode_batch(const PersistBatch& batch, std::string& target);
void encode_compaction(const Compaction& compaction, std::string& target);
void encode_checkpoint(const Checkpoint& checkpoint, std::string& target);

/// What to do with what a frame holds; a record that nobody asked for does not belong there.
struct Records {
  std::function<Result<void>(PersistBatch)> batch;
  std::function<Result<void>(Compaction)> compaction;
  std::function<Result<void>(Checkpoint)> checkpoint;
  /// Entries [first, last] get their payloads, as copies; those of others are left empty.
  Index first_payload{1};
  Index last_payload{0};
};

/// Calls for each record in a frame, in order, until one is refused. Errors: corrupt_data, with a
/// reason but no place; what was returned by a call.
[[nodiscard]] Result<void> decode_records(std::string_view frame, const Records& records);

}  // namespace raftkit::storage::wal
