// Gives an option the value that a text spells, whatever the text's source.
#pragma once

#include <string_view>

#include "raftkit/config_table.hpp"

namespace raftkit::config {

/// Errors: invalid_option; the detail says what is wrong with the text and what the unit is.
[[nodiscard]] Result<void> assign(const OptionRow& row, std::string_view text);

}  // namespace raftkit::config
