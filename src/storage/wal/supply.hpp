// The segments that come next: made before they are needed, since reserving space takes time. If
// possible of files that were written before: those need no change of the file system's own data,
// which would cost every sync more than the bytes do.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "raftkit/storage.hpp"

#include "storage/wal/segment.hpp"

namespace raftkit::storage::wal {

/// Thread-safe.
class Supply {
 public:
  /// New files leave `options.reserve_bytes` of the device to others.
  Supply(Disk& disk, const WalLogOptions& options)
      : disk_(disk),
        directory_(options.directory),
        segment_bytes_(options.segment_bytes),
        reserve_bytes_(options.reserve_bytes),
        max_spares_(options.max_spare_segments) {}

  /// `segment` counts no more, and durably so: its file is kept for a later one, or removed. If it
  /// cannot be, the next start tries again.
  void retire(std::shared_ptr<const Segment> segment);
  /// Their room is needed.
  void give_up_spares();
  /// Makes the segment of `bytes`, unless it was made before. That it cannot is told by take().
  void prepare(const SegmentId& segment, std::uint64_t bytes);
  /// It is there already, empty. Errors: as Disk.
  [[nodiscard]] Result<void> found(std::uint64_t sequence);
  /// Whether take() of this one, if it is not to be larger, would not have to make it. Never waits.
  [[nodiscard]] bool is_ready(std::uint64_t sequence) const {
    return newest_ready_.load(std::memory_order_acquire) == sequence;
  }

  /// The segment, empty and durable, of at least `bytes`; waits if it is being made. One that
  /// `may_use_reserve` may be had, if small, when there is nothing else left. Errors:
  /// out_of_space: nothing was changed · as Disk.
  [[nodiscard]] Result<std::unique_ptr<WritableFile>> take(const SegmentId& segment,
                                                           std::uint64_t bytes,
                                                           bool may_use_reserve);

 private:
  [[nodiscard]] Result<std::unique_ptr<WritableFile>> make(const SegmentId& segment,
                                                           std::uint64_t bytes);
  [[nodiscard]] Result<std::unique_ptr<WritableFile>> make_small(const SegmentId& segment,
                                                                 std::uint64_t least,
                                                                 bool may_use_reserve);
  /// Whether `bytes` more leave it. Errors: out_of_space, with the figures.
  [[nodiscard]] Result<void> check_reserve(std::uint64_t bytes) const;
  void keep(std::uint64_t sequence, std::unique_ptr<WritableFile> file);

  Disk& disk_;
  const std::string directory_;
  const std::uint64_t segment_bytes_;
  const std::uint64_t reserve_bytes_;
  const std::size_t max_spares_;
  std::atomic<std::uint64_t> newest_ready_ = 0;  // 0: none; written under mutex_

  std::mutex mutex_;                     // guards what follows; held while a segment is made
  std::uint64_t newest_ = 0;             // that was taken
  std::vector<std::string> spares_;      // paths
  std::unique_ptr<WritableFile> ready_;  // newest_ready_, if there is one
};

}  // namespace raftkit::storage::wal
