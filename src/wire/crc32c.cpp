#include "wire/crc32c.hpp"

#include <algorithm>
#include <isa-l/crc.h>

namespace raftkit::wire {

std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t seed) {
  // The library takes an int for the length, does not invert, and does not write through its
  // pointer.
  constexpr std::size_t kMaxStep = std::size_t{1} << 30;
  std::uint32_t crc = ~seed;
  while (!bytes.empty()) {
    const auto step = bytes.first(std::min(bytes.size(), kMaxStep));
    auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(step.data()));
    crc = crc32_iscsi(data, static_cast<int>(step.size()), crc);
    bytes = bytes.subspan(step.size());
  }
  return ~crc;
}

}  // namespace raftkit::wire
