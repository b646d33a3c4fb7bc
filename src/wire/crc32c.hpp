// The checksum of frames and records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace raftkit::wire {

/// CRC-32C (Castagnoli) of `bytes`; `seed` continues an earlier checksum: crc(a ‖ b) == crc32c(b,
/// crc32c(a)).
[[nodiscard]] std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed = 0);

/// What `size` bytes make of a difference between two seeds: crc32c(a, x) ^ crc32c(a, y) ==
/// crc32c_shift(x ^ y, a.size()), whatever `a` is.
[[nodiscard]] std::uint32_t crc32c_shift(std::uint32_t difference, std::uint64_t size);

}  // namespace raftkit::wire
