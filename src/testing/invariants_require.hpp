// The one way in which a check fails.
#pragma once

#include <string>
#include <string_view>

#include "raftkit/testing/invariants.hpp"

namespace raftkit::testing {

/// `what` is called only if it does not hold.
template <class What>
void Invariants::require(bool holds, std::string_view id, What&& what) {
  if (!holds && !violation_) violation_ = {std::string(id), what()};
}

}  // namespace raftkit::testing
