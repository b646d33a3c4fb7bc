// What the kernel knows of running servers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace raftkit::bench {

struct ProcessUse {
  double cpu_seconds = 0;            ///< user and system, all threads
  std::uint64_t resident_bytes = 0;  ///< the largest of the processes
};

/// Added up over `pids`. Throws std::runtime_error if one is gone.
[[nodiscard]] ProcessUse use_of(const std::vector<int>& pids);

}  // namespace raftkit::bench
