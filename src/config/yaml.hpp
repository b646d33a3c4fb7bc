// Options from a configuration file.
#pragma once

#include <string>

#include "raftkit/config_parse.hpp"

namespace raftkit::config {

/// Sets the variables of all options that the file names and notes in `run` where they come from.
/// Only the file's first document counts; keys are compared without case, of repeated ones the last
/// counts, unknown ones become warnings. Errors: io_error: the file cannot be read ·
/// invalid_option: it is no YAML, or a value has the wrong type or cannot be read; with file, line
/// and key.
[[nodiscard]] Result<void> apply_file(const OptionTable& table, const std::string& path, Run& run);

}  // namespace raftkit::config
