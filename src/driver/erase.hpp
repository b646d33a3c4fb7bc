// std::erase_if shows its predicate constant elements; those who wait here are answered on the way
// out.
#pragma once

#include <iterator>

namespace raftkit::driver {

/// Removes the elements for which `is_over(element)` says so; it may change them.
template <class Container, class Predicate>
void erase_over(Container& container, Predicate&& is_over) {
  for (auto at = container.begin(); at != container.end();) {
    at = is_over(*at) ? container.erase(at) : std::next(at);
  }
}

}  // namespace raftkit::driver
