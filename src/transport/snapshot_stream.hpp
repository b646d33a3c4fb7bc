// Both ends of a snapshot transfer, on a connection that has passed the handshake: the conversation
// that wire/snapshot_records.hpp describes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "raftkit/transport.hpp"

#include "transport/blocking_socket.hpp"
#include "wire/framing.hpp"

namespace raftkit::transport {

struct SnapshotLimits {
  std::size_t max_message_bytes = 0;
  std::chrono::milliseconds idle_timeout{};
  std::chrono::milliseconds commit_timeout{};
  std::uint64_t bytes_per_second = 0;  ///< 0: unlimited
  /// How long both ends of a transfer wait for another connection when one breaks; 0: they do not.
  std::chrono::milliseconds resume_timeout{};
};

/// Who may say what on this connection.
struct SnapshotRoute {
  NodeId from;
  NodeId to;
};

/// A snapshot on its way to a peer, over one connection after the other. Its newest chunks are
/// kept, for those that were lost on the way: as much as the system's buffers of a connection hold.
/// Owner: one thread at a time.
class OutgoingSnapshot {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

  /// `number`: no other transfer of this node has it.
  OutgoingSnapshot(Envelope envelope, std::unique_ptr<SnapshotSource> source, std::uint64_t number)
      : envelope_(std::move(envelope)), source_(std::move(source)), number_(number) {}

  [[nodiscard]] const Envelope& envelope() const { return envelope_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Where the next chunk lies in the content.
  [[nodiscard]] std::uint64_t position() const { return position_; }

  /// Goes on there. False: what lies there is not kept any more, or no chunk begins there.
  [[nodiscard]] bool go_to(std::uint64_t position);
  /// The next chunk, valid until the next call; at the end an empty one. Errors: the source's.
  [[nodiscard]] Result<std::span<const std::byte>> next();
  /// Lets the source go; nothing else follows.
  void close() { source_.reset(); }

 private:
  static constexpr std::size_t kKeptBytes = std::size_t{16} << 20;

  struct Chunk {
    std::uint64_t position = 0;
    std::vector<std::byte> bytes;
  };
  /// The one that begins there, or the first one behind it.
  [[nodiscard]] std::deque<Chunk>::iterator chunk_at(std::uint64_t position);
  [[nodiscard]] Result<void> read_chunk();

  Envelope envelope_;
  std::unique_ptr<SnapshotSource> source_;
  std::uint64_t number_;
  std::uint64_t position_ = 0;
  std::deque<Chunk> kept_;  // without gaps, up to read_bytes_
  std::size_t kept_bytes_ = 0;
  std::uint64_t read_bytes_ = 0;  // of the content
  bool is_at_end_ = false;
};

/// Half a snapshot, as a connection that broke has left it. Owner: one thread at a time.
struct IncomingSnapshot {
  Envelope envelope;
  std::uint64_t number = 0;  ///< of the transfer
  std::unique_ptr<SnapshotSink> sink;
  std::uint64_t position = 0;  ///< so much is written to the sink
};

/// What became of a transfer on one connection.
struct SendOutcome {
  Result<void> result;
  bool has_lost_connection = false;  ///< that is why it failed, and another one may do
};

/// Sends the SnapshotRequest and the content, from where the other side wants it on, and waits
/// until that has it durably. Blocks. Errors: those of BlockingSocket, of the source, and of the
/// other side · not_found: the other side wants what is not kept any more.
[[nodiscard]] SendOutcome send_snapshot(BlockingSocket& socket,
                                        wire::ConnectionSeed seed,
                                        OutgoingSnapshot& snapshot,
                                        const SnapshotLimits& limits);

/// Receives a snapshot into the sink that `handler` gives, or goes on with `half` if that belongs
/// to the same transfer, and commits it. Blocks. Afterwards `half` is what can be gone on with, if
/// anything. The SnapshotRequest to be delivered now. Errors: those of BlockingSocket, the handler
/// and the sink · malformed · message_too_large · member_mismatch; the other side has been told
/// those that are ours.
[[nodiscard]] Result<Envelope> receive_snapshot(BlockingSocket& socket,
                                                wire::ConnectionSeed seed,
                                                SnapshotRoute route,
                                                TransportHandler& handler,
                                                const SnapshotLimits& limits,
                                                std::optional<IncomingSnapshot>& half);

}  // namespace raftkit::transport
