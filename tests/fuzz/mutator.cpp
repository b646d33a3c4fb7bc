#include "fuzz/mutator.hpp"

#include <array>

namespace raftkit::fuzz {

namespace {

/// Where counts, lengths and positions go wrong; and one each for the shorter widths.
constexpr std::array<std::uint64_t, 10> kExtremes = {0,
                                                     1,
                                                     0x7f,
                                                     0xff,
                                                     0xffff,
                                                     0x7fffffff,
                                                     0xffffffff,
                                                     std::uint64_t{1} << 63,
                                                     ~(std::uint64_t{1} << 63),
                                                     ~std::uint64_t{0}};

}  // namespace

std::string Mutator::next() {
  std::string input = examples_[below(examples_.size())];
  // Mostly few, or nothing of the example is left.
  const std::size_t changes = 1 + below(1 + below(8));
  for (std::size_t at = 0; at < changes; ++at)
    change(input);
  if (input.size() > kMostBytes) input.resize(kMostBytes);
  return input;
}

void Mutator::change(std::string& input) {
  switch (below(6)) {
    case 0:
      if (!input.empty()) input[below(input.size())] ^= static_cast<char>(1U << below(8));
      break;
    case 1:
      if (!input.empty()) input[below(input.size())] = static_cast<char>(below(256));
      break;
    case 2:
      input.insert(place_in(input), std::string(1 + below(8), static_cast<char>(below(256))));
      break;
    case 3:
      input.erase(place_in(input), 1 + below(8));
      break;
    case 4:
      overwrite(input);
      break;
    default:
      splice(input);
  }
}

/// A number of one of the widths that fields have, in either order of bytes.
void Mutator::overwrite(std::string& input) {
  const std::size_t width = std::size_t{1} << below(4);
  if (input.size() < width) return;
  const std::uint64_t value = kExtremes[below(kExtremes.size())];
  const bool is_reversed = below(4) == 0;
  const std::size_t begin = below(input.size() - width + 1);
  for (std::size_t at = 0; at < width; ++at)
    input[is_reversed ? begin + width - 1 - at : begin + at] = static_cast<char>(value >> (8 * at));
}

/// A part of an example, here or instead of what is here.
void Mutator::splice(std::string& input) {
  const std::string& other = examples_[below(examples_.size())];
  const std::size_t begin = below(other.size() + 1);
  const std::string part = other.substr(begin, 1 + below(other.size() - begin + 1));
  const std::size_t at = place_in(input);
  input.replace(at, below(2) == 0 ? 0 : part.size(), part);
}

}  // namespace raftkit::fuzz
