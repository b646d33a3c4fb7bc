// The segments that come next: made before they are needed, since reserving space takes time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "raftkit/disk.hpp"

#include "storage/wal/format.hpp"

namespace raftkit::storage::wal {

/// Thread-safe.
class Supply {
 public:
  Supply(Disk& disk, std::string directory, std::uint64_t segment_bytes)
      : disk_(disk), directory_(std::move(directory)), segment_bytes_(segment_bytes) {}

  /// Makes the segment of `bytes`, unless it was made before. That it cannot is told by take().
  void prepare(const SegmentId& segment, std::uint64_t bytes);
  /// It is there already, empty and of `bytes`. Errors: as Disk.
  [[nodiscard]] Result<void> found(std::uint64_t sequence, std::uint64_t bytes);
  /// Whether take() of this one would not have to make it. Never waits.
  [[nodiscard]] bool is_ready(std::uint64_t sequence) const {
    return newest_ready_.load(std::memory_order_acquire) == sequence;
  }

  /// The segment, empty and durable, of at least `bytes`; waits if it is being made. Errors:
  /// out_of_space: nothing was changed · as Disk.
  [[nodiscard]] Result<std::unique_ptr<WritableFile>> take(const SegmentId& segment,
                                                           std::uint64_t bytes);

 private:
  void keep(std::uint64_t sequence, std::unique_ptr<WritableFile> file);
  [[nodiscard]] static Result<void> tell_size(WritableFile& file, const SegmentId& segment);

  Disk& disk_;
  const std::string directory_;
  const std::uint64_t segment_bytes_;
  std::atomic<std::uint64_t> newest_ready_ = 0;  // 0: none; written under mutex_

  std::mutex mutex_;                     // guards what follows; held while a segment is made
  std::uint64_t newest_ = 0;             // that was taken
  std::unique_ptr<WritableFile> ready_;  // newest_ready_, if there is one
};

}  // namespace raftkit::storage::wal
