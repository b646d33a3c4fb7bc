// The values that Go's flag package reads, in exactly the spellings it accepts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "raftkit/result.hpp"

namespace raftkit::config {

// Errors of all of them: invalid_option; the detail says what is wrong with the value, without it.

/// Decimal, or with the prefix 0x, 0b, 0o or 0 (octal); single underscores may stand between
/// digits.
[[nodiscard]] Result<std::uint64_t> parse_unsigned(std::string_view text);
/// The same with an optional sign.
[[nodiscard]] Result<std::int64_t> parse_signed(std::string_view text);
/// 1, 0, t, f, T, F, true, false, TRUE, FALSE, True, False.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);
/// Numbers with units, as "1h30m" or "1.5s"; a bare number only if it is 0.
[[nodiscard]] Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// One number with the largest unit that needs no fraction: "90m", "100ms", "0s".
[[nodiscard]] std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace raftkit::config
