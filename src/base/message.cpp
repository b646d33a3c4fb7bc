#include "raftkit/message.hpp"

#include <array>

#include "raftkit/ready.hpp"

namespace raftkit {

std::string_view message_name(const Message& message) {
  static constexpr std::array<std::string_view, std::variant_size_v<Message>> kNames = {
      "VoteRequest",
      "VoteResponse",
      "AppendRequest",
      "AppendResponse",
      "HeartbeatRequest",
      "HeartbeatResponse",
      "SnapshotRequest",
      "TransferRequest",
      "TimeoutNow",
      "ProposeRequest",
      "ProposeResponse",
      "ReadIndexRequest",
      "ReadIndexResponse"};
  return kNames.at(message.index());
}

void PersistBatch::clear() {
  id = {};
  stamp.reset();
  hard_state.reset();
  snapshot.reset();
  truncate_from.reset();
  append.clear();
  send_after.clear();
  sync_hard_state = false;
}

void Ready::clear() {
  soft_state.reset();
  membership.reset();
  send_now.clear();
  persist.reset();
  restore.reset();
  apply.clear();
  reads.clear();
  fetch.clear();
  confirmed_round = 0;
  snapshot_wanted = false;
  events.clear();
}

}  // namespace raftkit
