// Which snapshots are on their way to whom.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::driver {

/// One snapshot per follower at a time, and a pause after a failure that doubles with each further
/// one: capturing and sending a whole state is the most expensive thing that a follower can ask
/// for. Whoever is refused here hears of the end of what runs, or of the pause, as a failure, and
/// asks again then.
///
/// Owner: driver.
class SnapshotSends {
 public:
  explicit SnapshotSends(std::uint32_t pause_ticks) : pause_ticks_(pause_ticks) {}

  /// May a transfer begin? Then it counts as running until it succeeded() or failed().
  [[nodiscard]] bool begin(NodeId peer) {
    Send& send = sends_[peer];
    if (send.is_running || send.paused_until) return false;
    return send.is_running = true;
  }

  void succeeded(NodeId peer) { sends_.erase(peer); }

  void failed(NodeId peer, std::uint64_t now) {
    Send& send = sends_[peer];
    send.is_running = false;
    send.paused_until = now + (std::uint64_t{pause_ticks_} << send.failures);
    send.failures = std::min(send.failures + 1, kMaxDoublings);
  }

  /// It is there again: no reason to wait.
  void connected(NodeId peer) {
    const auto at = sends_.find(peer);
    if (at != sends_.end() && at->second.paused_until) at->second.paused_until = 0;
  }

  /// Those whose pause is over.
  [[nodiscard]] std::vector<NodeId> take_due(std::uint64_t now) {
    std::vector<NodeId> due;
    for (auto& [peer, send] : sends_) {
      if (!send.paused_until || *send.paused_until > now) continue;
      send.paused_until.reset();
      due.push_back(peer);
    }
    return due;
  }

 private:
  struct Send {
    bool is_running = false;
    std::uint32_t failures = 0;
    std::optional<std::uint64_t> paused_until;  // in ticks
  };
  static constexpr std::uint32_t kMaxDoublings = 5;

  std::uint32_t pause_ticks_;
  std::map<NodeId, Send> sends_;
};

}  // namespace raftkit::driver
