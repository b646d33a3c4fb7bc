#include "wire/crc32c.hpp"

#include <algorithm>
#include <array>
#include <isa-l/crc.h>

namespace raftkit::wire {

namespace {

// Polynomials over GF(2) modulo CRC-32C's; the highest bit is the factor of x^0.
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;
constexpr std::uint32_t kX = kOne >> 1U;

constexpr std::uint32_t times(std::uint32_t left, std::uint32_t right) {
  std::uint32_t product = 0;
  for (; left != 0; left <<= 1U) {
    if ((left & kOne) != 0) product ^= right;
    right = (right >> 1U) ^ ((right & 1U) != 0 ? kPolynomial : 0);
  }
  return product;
}

/// x to the power of 8 * 2^n.
constexpr auto kShifts = [] {
  std::array<std::uint32_t, 64> shifts{};
  std::uint32_t power = times(kX, kX);
  power = times(power, power);
  for (std::uint32_t& shift : shifts) {
    power = times(power, power);
    shift = power;
  }
  return shifts;
}();

}  // namespace

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

std::uint32_t crc32c_shift(std::uint32_t difference, std::uint64_t size) {
  for (const std::uint32_t shift : kShifts) {
    if (size == 0) break;
    if ((size & 1U) != 0) difference = times(shift, difference);
    size >>= 1U;
  }
  return difference;
}

}  // namespace raftkit::wire
