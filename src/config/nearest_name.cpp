#include "config/nearest_name.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace raftkit::config {

namespace {

std::size_t length_difference(std::string_view left, std::string_view right) {
  return left.size() > right.size() ? left.size() - right.size() : right.size() - left.size();
}

}  // namespace

std::size_t count_slips(std::string_view left, std::string_view right) {
  // slips[j] lies between the first i characters of `left` and the first j of `right`; `previous`
  // is that row for i - 1, `before` for i - 2.
  std::vector<std::size_t> before(right.size() + 1);
  std::vector<std::size_t> previous(right.size() + 1);
  std::vector<std::size_t> slips(right.size() + 1);
  std::iota(slips.begin(), slips.end(), std::size_t{0});
  for (std::size_t i = 1; i <= left.size(); ++i) {
    before.swap(previous);
    previous.swap(slips);
    slips[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const bool are_equal = left[i - 1] == right[j - 1];
      slips[j] =
          std::min({previous[j] + 1, slips[j - 1] + 1, previous[j - 1] + (are_equal ? 0 : 1)});
      const bool are_exchanged =
          i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
      if (are_exchanged) slips[j] = std::min(slips[j], before[j - 2] + 1);
    }
  }
  return slips[right.size()];
}

std::optional<std::string> nearest_name(std::string_view word,
                                        std::span<const std::string> candidates) {
  std::optional<std::string> nearest;
  std::size_t fewest = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t allowed = std::max<std::size_t>(1, candidate.size() / 4);
    if (length_difference(word, candidate) > allowed) continue;
    const std::size_t slips = count_slips(word, candidate);
    if (slips > allowed || (nearest && slips >= fewest)) continue;
    nearest = candidate;
    fewest = slips;
  }
  return nearest;
}

}  // namespace raftkit::config
