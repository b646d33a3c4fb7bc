// Texts of unknown origin as valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace raftkit::logging {

/// `text` with U+FFFD in place of each byte that is part of no character. Overlong forms,
/// surrogates and numbers above 10FFFF are no characters.
[[nodiscard]] std::string valid_utf8(std::string_view text);

}  // namespace raftkit::logging
