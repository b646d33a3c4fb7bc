// What the entries that raftkit writes for itself do to the membership.
#pragma once

#include "raftkit/entry.hpp"
#include "raftkit/membership.hpp"

namespace raftkit::core {

/// The membership after a committed entry of type member_update. One that makes no sense (unknown
/// member, malformed, or published from another data directory than before) changes nothing, on
/// every node alike.
[[nodiscard]] MembershipPtr after_update(const MembershipPtr& before, const Entry& entry);

}  // namespace raftkit::core
