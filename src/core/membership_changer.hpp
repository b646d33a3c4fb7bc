// From one membership to the next. [thesis §4.1, §4.3]
#pragma once

#include <span>
#include <vector>

#include "raftkit/entry.hpp"
#include "raftkit/membership_change.hpp"

namespace raftkit::core {

struct ChangedMembership {
  Membership membership;
  /// Members that were removed and added again on the way: what was known of them does not count.
  std::vector<NodeId> renewed;
};

/// Only one voter may come or go: then every majority of before has a member in common with every
/// one of after. [thesis §4.1]
[[nodiscard]] Result<ChangedMembership> change_simply(const Membership& before,
                                                      std::span<const MemberStep> steps);

/// Any change; both majorities decide until leave_joint. [thesis §4.3]
[[nodiscard]] Result<ChangedMembership> enter_joint(const Membership& before,
                                                    std::span<const MemberStep> steps,
                                                    bool auto_leave);

/// The new voters decide alone.
[[nodiscard]] Result<ChangedMembership> leave_joint(const Membership& before);

/// One of the three, as the change asks for. All four: invalid_argument, saying what is wrong.
[[nodiscard]] Result<ChangedMembership> change_membership(const Membership& before,
                                                          const MembershipChange& change);

/// Whether the lists are ascending and fit together: nobody both decides and does not, demoted
/// voters are outgoing, and what belongs to a joint phase is there only in one. Errors: malformed.
[[nodiscard]] Result<void> check(const Membership& membership);

/// Whether this version knows what the entry does. Errors: not_supported; to skip what other
/// members act on would make this one diverge from them.
[[nodiscard]] Result<void> check_known(const Entry& entry);

/// After a committed entry of type membership or member_update. One that makes no sense (not
/// possible now, unknown member, or published from another data directory than before) changes
/// nothing, on every node alike. `renewed`, if not null, is set as in ChangedMembership. Errors:
/// those of check_known.
[[nodiscard]] Result<MembershipPtr> after_entry(const MembershipPtr& before,
                                                const Entry& entry,
                                                std::vector<NodeId>* renewed = nullptr);

}  // namespace raftkit::core
