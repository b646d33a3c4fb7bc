#include "raftkit/raft_options.hpp"

#include <string>

namespace raftkit {

namespace {

Error refused(const char* field, std::uint64_t value, const char* why) {
  return {Errc::invalid_option, std::string(field) + " = " + std::to_string(value) + ": " + why};
}

}  // namespace

Result<void> RaftOptions::validate() const {
  if (id == NodeId{0}) return refused("id", 0, "0 means \"no node\"");
  if (heartbeat_interval_ticks == 0)
    return refused("heartbeat_interval_ticks", 0, "must be at least 1");
  if (election_timeout_ticks <= heartbeat_interval_ticks) {
    return refused("election_timeout_ticks",
                   election_timeout_ticks,
                   "must be larger than heartbeat_interval_ticks");
  }
  if (election_timeout_ticks > (1U << 30)) {
    return refused("election_timeout_ticks", election_timeout_ticks, "is too large");
  }
  if (lease_reads != LeaseReads::off && !check_quorum) {
    return refused("lease_reads",
                   static_cast<std::uint64_t>(lease_reads),
                   "needs check_quorum: without it voters do not wait for a lease to end");
  }
  if (max_inflight_messages == 0) return refused("max_inflight_messages", 0, "must be at least 1");
  if (max_inflight_bytes == 0) return refused("max_inflight_bytes", 0, "must be at least 1");
  if (max_apply_bytes == 0) return refused("max_apply_bytes", 0, "must be at least 1");
  if (max_uncommitted_bytes == 0) return refused("max_uncommitted_bytes", 0, "must be at least 1");
  return {};
}

}  // namespace raftkit
