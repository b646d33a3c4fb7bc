// Numbers of fixed width in frames and records: always little-endian.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

namespace raftkit::wire {

/// Writes `value` to the first sizeof(value) bytes of `to`, which must be that long.
template <std::unsigned_integral Number>
void store_little_endian(std::span<std::byte> to, Number value) {
  const std::uint64_t wide = value;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    to[i] = std::byte{static_cast<unsigned char>((wide >> (8 * i)) & 0xffU)};
}

/// Reads the first sizeof(Number) bytes of `from`, which must be that long.
template <std::unsigned_integral Number>
[[nodiscard]] Number load_little_endian(std::span<const std::byte> from) {
  std::uint64_t wide = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    wide |= std::to_integer<std::uint64_t>(from[i]) << (8 * i);
  return static_cast<Number>(wide);
}

}  // namespace raftkit::wire
