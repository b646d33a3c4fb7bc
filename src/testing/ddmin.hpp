// Which part of this is enough to make it fail?
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace raftkit::testing {

/// Leaves out what it can: no single item of what is returned can go without `fails` becoming
/// false. The order stays. `fails(items)` must hold. [Zeller's and Hildebrandt's ddmin, complements
/// only: a subset that fails alone is found by leaving out the others.]
template <class Item, class Fails>
std::vector<Item> ddmin(std::vector<Item> items, const Fails& fails) {
  std::size_t chunk = std::max<std::size_t>(1, items.size() / 2);
  while (!items.empty()) {
    bool is_smaller = false;
    for (std::size_t begin = 0; begin < items.size();) {
      const std::size_t end = std::min(begin + chunk, items.size());
      std::vector<Item> rest(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(begin));
      rest.insert(rest.end(), items.begin() + static_cast<std::ptrdiff_t>(end), items.end());
      if (fails(rest)) {
        items = std::move(rest);
        is_smaller = true;
      } else {
        begin = end;
      }
    }
    if (chunk == 1 && !is_smaller) break;
    chunk = std::max<std::size_t>(1, chunk / 2);
  }
  return items;
}

}  // namespace raftkit::testing
