// What the segments of a write-ahead log hold after a restart.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftkit/disk.hpp"

#include "storage/wal/group.hpp"
#include "storage/wal/segment.hpp"

namespace raftkit::storage::wal {

using Segments = std::map<std::uint64_t, std::shared_ptr<const Segment>>;

struct Recovered {
  Segments segments;  ///< none: there is no log yet
  Groups groups;

  /// Where the next frame goes.
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;
  std::uint32_t before = 0;
  /// What a power loss or a kill left between `offset` and here does not count and has to go.
  std::uint64_t torn_end = 0;

  /// What was read in [begin, end) of this segment, up to the last frame of all, no frame says to
  /// have been durable: a kill, or a sync that failed, may have left it in memory only.
  struct Doubtful {
    std::uint64_t sequence = 0;  ///< 0: there are no frames
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  Doubtful doubtful;

  /// Paths that no longer belong to the log: what interrupted work left.
  std::vector<std::string> leftovers;
};

/// Reads and verifies all of it, at most `window_bytes`, one MiB or two frames at a time. Changes
/// nothing.
/// Errors: corrupt_data, with path and offset · as Disk.
[[nodiscard]] Result<Recovered> recover(Disk& disk,
                                        const std::string& directory,
                                        std::size_t window_bytes);

}  // namespace raftkit::storage::wal
