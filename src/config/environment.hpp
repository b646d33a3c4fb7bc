// Options from environment variables.
#pragma once

#include "raftkit/config_parse.hpp"

#include "config/flags.hpp"

namespace raftkit::config {

/// Sets the variables of all options that the environment names and notes in `run` where they come
/// from. Errors: invalid_option: a variable stands beside its flag, or its value cannot be read.
[[nodiscard]] Result<void> apply_environment(const OptionTable& table,
                                             const Environment& environment,
                                             const Flags& flags,
                                             Run& run);

}  // namespace raftkit::config
