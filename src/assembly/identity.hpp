// Who a data directory belongs to.
#pragma once

#include <string>

#include "raftkit/disk.hpp"
#include "raftkit/result.hpp"
#include "raftkit/state_machine.hpp"
#include "raftkit/types.hpp"

namespace raftkit::assembly {

/// Written once, when a member has been initialised completely; never changed.
struct Identity {
  ClusterId cluster;
  NodeId member;
  StoreId store;
  StateMachineKind kind = StateMachineKind::in_memory;

  friend bool operator==(const Identity&, const Identity&) = default;
};

/// Durable on return.
[[nodiscard]] Result<void> write_identity(storage::Disk& disk,
                                          const std::string& path,
                                          const Identity& identity);
/// Errors: not_found · corrupt_data · io_error.
[[nodiscard]] Result<Identity> read_identity(storage::Disk& disk, const std::string& path);

/// Random, never 0.
[[nodiscard]] StoreId draw_store_id();

}  // namespace raftkit::assembly
