// A run as one page for a browser: what was impossible, and what happened around it.
#pragma once

#include <iosfwd>

#include "testing/history_check.hpp"

namespace raftkit::testing {

/// One HTML page without anything outside of it. What is wrong is text on it; the chart of the run
/// needs a browser that runs scripts.
void write_page(std::ostream& out, const History& history, const HistoryFinding& finding);

}  // namespace raftkit::testing
