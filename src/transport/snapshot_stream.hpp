// Both ends of a snapshot transfer, on a connection that has passed the handshake: the conversation
// that wire/snapshot_records.hpp describes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "raftkit/transport.hpp"

#include "transport/blocking_socket.hpp"
#include "wire/framing.hpp"

namespace raftkit::transport {

struct SnapshotLimits {
  std::size_t max_message_bytes = 0;
  std::chrono::milliseconds idle_timeout{};
  std::chrono::milliseconds commit_timeout{};
  std::uint64_t bytes_per_second = 0;  ///< 0: unlimited
};

/// Who may say what on this connection.
struct SnapshotRoute {
  NodeId from;
  NodeId to;
};

/// Sends `envelope` and the content, and waits until the other side has it durably. Blocks.
/// Errors: those of BlockingSocket, of the source, and of the other side.
[[nodiscard]] Result<void> send_snapshot(BlockingSocket& socket,
                                         wire::ConnectionSeed seed,
                                         Envelope envelope,
                                         SnapshotSource& source,
                                         const SnapshotLimits& limits);

/// Receives a snapshot into the sink that `handler` gives, and commits it. Blocks. The
/// SnapshotRequest to be delivered now. Errors: those of BlockingSocket, the handler and the sink ·
/// malformed · message_too_large · member_mismatch; the other side has been told those that are
/// ours.
[[nodiscard]] Result<Envelope> receive_snapshot(BlockingSocket& socket,
                                                wire::ConnectionSeed seed,
                                                SnapshotRoute route,
                                                TransportHandler& handler,
                                                const SnapshotLimits& limits);

}  // namespace raftkit::transport
