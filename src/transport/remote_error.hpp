// Errors that cross the wire: by name, because names explain themselves in a packet dump.
#pragma once

#include <string>
#include <string_view>

#include "raftkit/error.hpp"

namespace raftkit::transport {

/// The name under which the other side learns this error; those it could not act upon are
/// "io_error".
[[nodiscard]] std::string_view name_of(const Error& error);

/// The code with this name; `otherwise` for names that are unknown.
[[nodiscard]] Errc errc_named(std::string_view name, Errc otherwise);

/// Somebody else's words, fit for a log: one line, printable, of reasonable length.
[[nodiscard]] std::string sanitized(std::string_view text);

}  // namespace raftkit::transport
