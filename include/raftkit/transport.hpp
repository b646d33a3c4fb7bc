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
  std::vector<std::string> peer_urls = {};  ///< where others reach us
};

/// Who a node says it is when it calls, or answers a call.
struct Introduction {
  NodeId node;
  StoreId store;
  /// Only of a caller: how far its knowledge of the members goes, and where it is reached.
  Index knows_up_to = {};
  std::vector<std::string> peer_urls = {};

  friend bool operator==(const Introduction&, const Introduction&) = default;
};

/// Somebody to talk to.
struct PeerAddress {
  NodeId node;
  std::vector<std::string> peer_urls = {};

  friend bool operator==(const PeerAddress&, const PeerAddress&) = default;
};

/// How the connection to a peer is, for what this node sends. What it receives from that peer may
/// come over another connection, which is not reported.
enum class PeerState : std::uint8_t {
  connecting,    ///< the first attempt runs
  connected,     ///< messages are sent; in all other states but `dropping` they are dropped
  disconnected,  ///< it broke, or an attempt got no answer in time; messages on the way may be lost
  refused,       ///< somebody at that address answers that nobody listens there
  rejected,      ///< the other side, or we, refused the handshake; PeerReport::error says why
  dropping,      ///< still connected, but messages were dropped; PeerReport::error says why:
                 ///< overloaded (the queue is at its limit) or message_too_large
};

/// A change: the same failure over and over is reported once. `dropping` is reported when it
/// begins, and again only after the queue has been half empty in between.
struct PeerReport {
  /// Who refused a handshake.
  enum class By : std::uint8_t { us, peer };

  NodeId peer;
  PeerState state = PeerState::connecting;
  Error error{error_code{}};
  By by = By::us;  ///< rejected only
};

/// The node, as its transport sees it. Called on the transport's executor unless said otherwise,
/// never from inside a call into the transport, and never after stop().
class TransportHandler {
 public:
  virtual ~TransportHandler() = default;

  /// A message arrived. Its `from` and `to` have been checked against the connection's handshake;
  /// `store` is the data directory with which its sender introduced itself there. It may have been
  /// let in before the node knew which one its ID stands for.
  virtual void on_message(Envelope envelope, StoreId store) = 0;

  virtual void on_peer(PeerReport report) = 0;

  /// A node introduces itself: one that calls us, or the one that answers our call. Called before
  /// any message of that peer. Errors: store_mismatch, peer_not_found; they refuse the connection,
  /// which is reported as rejected where it was refused and where the call came from. What a caller
  /// says of itself is not verified.
  [[nodiscard]] virtual Result<void> admit(const Introduction& peer) = 0;

  /// How far our own knowledge of the members goes: Introduction::knows_up_to of our calls. May be
  /// called from inside a call into the transport.
  [[nodiscard]] virtual Index knows_up_to() const = 0;

  /// A peer sends the snapshot that `envelope` (a SnapshotRequest) announces. The sink returned is
  /// written and committed on a thread of the transport's; after that, and only if it succeeded,
  /// on_message(envelope) follows. Errors refuse the transfer, and the sender learns them.
  /// Thread-safe: called on that thread, too.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSink>> accept_snapshot(
      const Envelope& envelope) = 0;

  /// Who belongs to the cluster, for `GET /members`; null: not known yet.
  [[nodiscard]] virtual MembershipPtr membership() const = 0;
};

/// Delivers messages between nodes: each at most once, none altered, none from somebody who did not
/// pass the handshake. Losing them is allowed at any time; Raft repeats. Implement it to bring your
/// own; `raftkit::testing` has a conformance suite for it.
///
/// Order: messages of one MessageClass to one peer arrive in the order in which they were sent.
/// Between the classes nothing is promised: a heartbeat may overtake the appends sent before it, so
/// that it does not wait behind them. A snapshot has no order with any message. What was sent over
/// a connection never arrives after what was sent over a later one.
///
/// Threads: all calls from the executor that the handler is called on, unless said otherwise; that
/// executor runs one function at a time (a strand, or an io_context with one thread).
class Transport {
 public:
  virtual ~Transport() = default;

  /// Starts listening; once, before anything else, on any thread: from then on the handler may be
  /// called on the executor. Errors: address_unavailable, naming the address and the reason ·
  /// invalid_option, naming the option and the value.
  [[nodiscard]] virtual Result<void> start(TransportHandler& handler, LocalIdentity identity) = 0;

  /// From now on these are the peers. Connections to nodes that no longer are close once what is
  /// queued was sent, or after a while; nothing is reported about them any more. What they send
  /// messages over closes after a while, too, as for callers that do not become peers: who still
  /// has something to say calls again, and the handler decides anew. A new address of a connected
  /// peer counts at once: the connection is kept only if its URL is still among the peer's. This
  /// node itself may be in the list and is ignored.
  virtual void set_peers(std::vector<PeerAddress> peers) = 0;

  /// Queues messages, moving them out of `envelopes`. Never blocks, never calls the handler.
  /// Messages to unknown nodes or to peers that are not connected are dropped; so are those over a
  /// peer's queue limit, or over the limit of one message, which is reported as `dropping`. What is
  /// queued when a connection breaks is dropped, not sent later: an old message can be worse than
  /// none. SnapshotRequests do not go here but to send_snapshot().
  virtual void send(std::span<Envelope> envelopes) = 0;

  /// Sends the content of `source` and then delivers `envelope`, a SnapshotRequest, at the other
  /// end. `source` is read on a thread of the transport's. `done` is called on the executor, once,
  /// not from inside this call: success means that the peer has it durably. Errors: already_exists
  /// (one transfer per peer at a time) · peer_not_found · peer_unreachable · timed_out · stopped ·
  /// what reading the source, or the other node's sink, failed with.
  virtual void send_snapshot(Envelope envelope,
                             std::unique_ptr<SnapshotSource> source,
                             std::function<void(Result<void>)> done) = 0;

  /// Closes everything; running snapshot transfers fail with `stopped`. The handler is not called
  /// on the executor any more. `done` is called on it when no thread of the transport's is left in
  /// the handler, a source or a sink either: from then on these may be destroyed. Once; nothing
  /// else may be called after it.
  virtual void stop(std::function<void()> done) = 0;
};

}  // namespace raftkit
