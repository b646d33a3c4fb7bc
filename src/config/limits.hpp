// Limits of single options.
#pragma once

#include "raftkit/config_parse.hpp"

namespace raftkit::config {

/// Errors: invalid_option: the first value out of its limits, with its source in `run`.
[[nodiscard]] Result<void> check_limits(const OptionTable& table, const Run& run);

}  // namespace raftkit::config
