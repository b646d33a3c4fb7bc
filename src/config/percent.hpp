// Percent encoding as Go's net/url does it: re-serialised URLs enter the member IDs, so every byte
// counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace raftkit::config {

/// Each part of a URL has its own set of characters that may stand as they are.
enum class UrlPart { host, zone, user_info, fragment };

[[nodiscard]] bool must_escape(char character, UrlPart part);

[[nodiscard]] std::string escape(std::string_view text, UrlPart part);

/// Nothing if there is a broken escape, or a character or an escape that must not stand in `part`.
[[nodiscard]] std::optional<std::string> unescape(std::string_view text, UrlPart part);

}  // namespace raftkit::config
