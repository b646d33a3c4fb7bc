// Finds what somebody meant who misspelt a name.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace raftkit::config {

/// How many single-character slips lie between two texts: one character too many, too few or wrong,
/// or two neighbours exchanged.
[[nodiscard]] std::size_t count_slips(std::string_view left, std::string_view right);

/// The candidate with the fewest slips, the first of equals; nothing if even that one has too many
/// for its length to be a misspelling (one in four characters, but one slip always may be).
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view word,
                                                      std::span<const std::string> candidates);

}  // namespace raftkit::config
