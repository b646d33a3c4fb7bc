#include <random>
#include <string>

#include "raftkit/node.hpp"

#include "runtime/node_impl.hpp"

namespace raftkit {

namespace {

using std::chrono::milliseconds;

Error refused(const char* field, const std::string& value, const std::string& why) {
  return {Errc::invalid_option, std::string(field) + " = " + value + ": " + why};
}

std::string show(milliseconds time) {
  return std::to_string(time.count()) + " ms";
}

/// What travels in one message. Transports have a limit, too: TcpTransportOptions allows 1 GiB.
Result<void> check_size(const char* field, std::size_t bytes) {
  constexpr std::size_t kMax = std::size_t{512} << 20;
  if (bytes >= 1 && bytes <= kMax) return {};
  return refused(field,
                 std::to_string(bytes),
                 "must be from 1 to " + std::to_string(kMax) +
                     ", because it must fit into one message between members");
}

std::uint64_t draw() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

Result<void> NodeOptions::validate() const {
  if (self.id == NodeId{0}) return refused("self.id", "0", "means \"no node\"");
  if (self.store == StoreId{0}) return refused("self.store", "0", "must name the data directory");
  if (bootstrap != nullptr && !join && !bootstrap->contains(self.id)) {
    return refused("bootstrap", to_string(self.id), "this node does not belong to it");
  }
  if (bootstrap != nullptr && join && bootstrap->contains(self.id)) {
    return refused("join", to_string(self.id), "this node belongs to bootstrap and need not join");
  }
  if (heartbeat_interval <= milliseconds(0)) {
    return refused("heartbeat_interval", show(heartbeat_interval), "must be positive");
  }
  if (election_timeout < 5 * heartbeat_interval) {
    return refused(
        "election_timeout",
        show(election_timeout),
        "must be at least 5 times heartbeat_interval (" + show(heartbeat_interval) + ")");
  }
  if (election_timeout > milliseconds(50'000)) {
    return refused("election_timeout", show(election_timeout), "must be at most 50000 ms");
  }
  if (lease_reads && !check_quorum) {
    return refused("lease_reads", "true", "needs check_quorum");
  }
  if (clock_drift_percent > 90) {
    return refused(
        "clock_drift_percent", std::to_string(clock_drift_percent), "must be at most 90");
  }
  if (request_timeout < milliseconds(0)) {
    return refused("request_timeout", show(request_timeout), "must not be negative");
  }
  if (auto fits = check_size("max_command_bytes", max_command_bytes); !fits) return fits;
  if (auto fits = check_size("max_append_bytes", max_append_bytes); !fits) return fits;
  if (snapshot_count == 0) return refused("snapshot_count", "0", "must be positive");
  return {};
}

driver::DriverOptions Node::Impl::driver_options() const {
  const auto ticks = [&](milliseconds time) {
    return static_cast<std::uint32_t>(time / options_.heartbeat_interval);
  };
  const milliseconds request_timeout = options_.request_timeout > milliseconds(0)
                                           ? options_.request_timeout
                                           : milliseconds(5'000) + 2 * options_.election_timeout;
  driver::DriverOptions options;
  options.raft.id = options_.self.id;
  options.raft.seed = options_.seed ? *options_.seed : draw();
  options.raft.election_timeout_ticks = ticks(options_.election_timeout);
  options.raft.heartbeat_interval_ticks = 1;
  options.raft.pre_vote = options_.pre_vote;
  options.raft.check_quorum = options_.check_quorum;
  options.raft.priority = options_.priority;
  if (options_.lease_reads) {
    options.raft.lease_reads = LeaseReads::by_clock;
    // A voter counts its ticks from some moment between two of them, and a tick may come late by
    // almost one interval: so two fewer.
    const std::chrono::nanoseconds promised =
        (options.raft.election_timeout_ticks - 2) * options_.heartbeat_interval;
    options.lease_nanoseconds =
        static_cast<std::uint64_t>(promised.count()) / 100 * (100 - options_.clock_drift_percent);
  }
  options.promote_learners = options_.promote_learners;
  options.raft.storage_mode = StorageMode::asynchronous;
  options.raft.max_append_bytes = options_.max_append_bytes;
  options.raft.max_inflight_messages = options_.max_inflight_messages;
  options.raft.max_inflight_bytes = options_.max_inflight_bytes;
  options.raft.max_uncommitted_bytes = options_.max_uncommitted_bytes;
  options.raft.log_window_bytes = options_.log_window_bytes;
  options.self = options_.self;
  options.kind = kind_;
  options.incarnation = draw();  // even with a fixed seed: a restarted node is not its predecessor
  options.request_timeout_ticks = std::max(1U, ticks(request_timeout));
  options.max_pending_bytes = options_.max_pending_bytes;
  options.max_pending_reads = options_.max_pending_reads;
  options.max_batch_bytes = options_.max_append_bytes;
  options.snapshots = {.snapshot_count = options_.snapshot_count,
                       .snapshot_bytes = options_.snapshot_bytes,
                       .retained_entries = options_.retained_entries,
                       .retained_bytes = options_.retained_bytes,
                       .transfer_retained_entries = 20 * options_.snapshot_count};
  return options;
}

}  // namespace raftkit
