// How messages get from node to node.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "raftkit/membership.hpp"
#include "raftkit/message.hpp"
#include "raftkit/result.hpp"
#include "raftkit/snapshot.hpp"

namespace raftkit {

/// Who we are, as every handshake says it.
struct LocalIdentity {
  ClusterId cluster;
  NodeId node;
  StoreId store;
  std::string name;
};

/// Somebody to talk to.
struct PeerAddress {
  NodeId node;
  std::vector<std::string> peer_urls;

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

/// How the connection to a peer is.
enum class PeerState : std::uint8_t {
  connecting,
  connected,
  disconnected,  ///< was connected; messages on the way may be lost
  refused,       ///< nobody listens there
  rejected,      ///< the other side, or we, refused the handshake; PeerReport::error says why
};

struct PeerReport {
  /// Who refused a handshake.
  enum class By : std::uint8_t { us, peer };

  NodeId peer;
  PeerState state = PeerState::connecting;
  By by = By::us;  ///< rejected only
  Error error{error_code{}};
};

/// The node, as its transport sees it. Called on the transport's executor, never from inside a call
/// into the transport, and never after stop() has completed.
class TransportHandler {
 public:
  virtual ~TransportHandler() = default;

  /// A message arrived. Its `from` has been checked against the connection's handshake.
  virtual void on_message(Envelope envelope) = 0;

  virtual void on_peer(PeerReport report) = 0;

  /// A peer announces itself with this data directory. Errors refuse the connection:
  /// store_mismatch, peer_not_found. Called from the executor, before any message of that peer.
  [[nodiscard]] virtual Result<void> admit(NodeId peer, StoreId store) = 0;

  /// A peer sends the snapshot that `envelope` (a SnapshotRequest) announces. The sink returned is
  /// written and committed on a thread of the transport's; after that, and only if it succeeded,
  /// on_message(envelope) follows. Errors refuse the transfer. Thread-safe.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSink>> accept_snapshot(
      const Envelope& envelope) = 0;

  /// Who belongs to the cluster, for `GET /members`. Thread-safe.
  [[nodiscard]] virtual MembershipPtr membership() const = 0;
};

/// Delivers messages between nodes: each at most once, those of one connection in order, none
/// altered, none from somebody who did not pass the handshake. Losing them is allowed at any time;
/// Raft repeats. Implement it to bring your own; `raftkit::testing` has a conformance suite for it.
///
/// Threads: all calls from the executor that the handler is called on, unless said otherwise.
class Transport {
 public:
  virtual ~Transport() = default;

  /// Starts listening. Errors: address_unavailable, naming the address; invalid_option.
  [[nodiscard]] virtual Result<void> start(TransportHandler& handler, LocalIdentity identity) = 0;

  /// From now on these are the peers; connections to others close once what is queued was sent, or
  /// after a while.
  virtual void set_peers(std::vector<PeerAddress> peers) = 0;

  /// Queues messages; their order per peer is kept. Never blocks. Over a peer's queue limit, or
  /// without a connection, messages are dropped and reported by on_peer (disconnected). What is
  /// queued when a connection breaks is dropped, not sent later: an old message can be worse than
  /// none.
  virtual void send(std::span<Envelope> envelopes) = 0;

  /// Sends the content of `source` and then delivers `envelope`, a SnapshotRequest, at the other
  /// end. `done` is called on the executor, once: success means that the peer has it durably. At
  /// most one transfer per peer runs; a second is refused with already_exists.
  virtual void send_snapshot(Envelope envelope,
                             std::unique_ptr<SnapshotSource> source,
                             std::function<void(Result<void>)> done) = 0;

  /// Closes everything; running snapshot transfers fail. `done` is called on the executor when no
  /// handler call will follow.
  virtual void stop(std::function<void()> done) = 0;
};

}  // namespace raftkit
