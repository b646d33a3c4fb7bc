// What the conformance suites have in common.
#pragma once

#include <string>

namespace raftkit::testing {

/// What became of one case of a suite.
struct ConformanceCase {
  std::string name;
  bool passed = false;
  std::string what;  ///< why not; otherwise what was counted, if anything was
};

}  // namespace raftkit::testing
