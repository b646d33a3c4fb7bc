// From what is on disk to what a driver wakes up with.
#pragma once

#include "raftkit/log_storage.hpp"
#include "raftkit/snapshot.hpp"

#include "driver/driver.hpp"

namespace raftkit::driver {

struct RecoverOptions {
  GroupId group;
  StateMachineKind kind = StateMachineKind::in_memory;
  Index state_machine_applied;  ///< on_disk: what it says it includes
};

/// What a new log begins behind.
inline constexpr EntryId kBootstrap{Term{1}, Index{1}};

/// Writes the first record of a new log: a snapshot at index 1, term 1 that holds nothing but the
/// membership, the same on every member, so that all logs begin alike.
[[nodiscard]] Result<void> bootstrap(LogStorage& log,
                                     GroupId group,
                                     const MembershipPtr& membership);

/// Reads the log back and fits the state machine to it: the commit index is at least what was
/// applied, the membership is as of the applied index, and a snapshot that was received but not
/// installed is due. Stored snapshots that nobody needs any more are removed. Errors: those of the
/// stores · not_found: the log was never written · not_supported: it was written by a newer version
/// · corrupt_data: the parts do not fit, e.g. because one of the directories was deleted or
/// replaced by an older copy.
[[nodiscard]] Result<Recovered> recover(LogStorage& log,
                                        SnapshotStore& snapshots,
                                        const RecoverOptions& options);

}  // namespace raftkit::driver
