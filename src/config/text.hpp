// Small things done to option texts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace raftkit::config {

/// Without Unicode white space at both ends, as Go's strings.TrimSpace.
[[nodiscard]] std::string_view trim_space(std::string_view text);

/// What stands between separators, at least one piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

/// What stands before and after the first separator; the second is empty if there is none.
[[nodiscard]] std::pair<std::string_view, std::string_view> cut(std::string_view text,
                                                                char separator);

/// With a comma between the pieces.
[[nodiscard]] std::string join(std::span<const std::string> pieces);

/// In double quotes, with what would break a line or a terminal escaped.
[[nodiscard]] std::string quoted(std::string_view text);

/// ASCII letters only; other bytes stay.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace raftkit::config
