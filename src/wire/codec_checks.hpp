// What both ends of the codec hold a message against: the sender, so that a defect stays at home;
// the receiver, so that a foreign one stays outside.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "raftkit/message.hpp"

namespace raftkit::wire {

/// Why these entries cannot follow `previous` in the log of a leader of `term`; empty: they can.
[[nodiscard]] std::optional<std::string> what_is_wrong(const AppendRequest& request, Term term);

/// What a message without payloads counts for in size_bytes(), and each payload in addition to its
/// bytes.
inline constexpr std::size_t kMessageOverheadBytes = 64;

}  // namespace raftkit::wire
