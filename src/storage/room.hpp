// The part of a device that a log leaves to others.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

#include "raftkit/disk.hpp"
#include "raftkit/ready.hpp"

namespace raftkit::storage {

[[nodiscard]] inline std::uint64_t entry_bytes(std::span<const PersistBatch> batches) {
  std::uint64_t bytes = 0;
  for (const PersistBatch& batch : batches) {
    for (const Entry& entry : batch.append)
      bytes += entry.size_bytes();
  }
  return bytes;
}

/// Whether `bytes` more leave so much of the device that holds `directory`. Errors: out_of_space,
/// with the figures.
[[nodiscard]] inline Result<void> check_room(Disk& disk,
                                             const std::string& directory,
                                             std::uint64_t bytes,
                                             std::uint64_t reserve) {
  const auto room = disk.free_bytes(directory);
  if (!room || *room >= bytes + reserve) return {};
  return Error(Errc::out_of_space,
               "log in " + directory + ": only " + std::to_string(*room) +
                   " bytes are left on the device, and " + std::to_string(reserve) +
                   " are kept in reserve");
}

}  // namespace raftkit::storage
