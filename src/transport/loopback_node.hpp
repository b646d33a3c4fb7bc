// One node on a loopback network.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "raftkit/loopback_transport.hpp"

#include "transport/handshake.hpp"
#include "transport/loopback_hub.hpp"
#include "transport/peer_set.hpp"
#include "transport/snapshot_transfers.hpp"

namespace raftkit::transport {

/// What other nodes call; each call comes on this node's executor. Owner: the executor.
class LoopbackNode : public std::enable_shared_from_this<LoopbackNode> {
 public:
  LoopbackNode(std::shared_ptr<LoopbackHub> hub, ContextPtr context)
      : hub_(std::move(hub)), context_(std::move(context)) {}

  /// Whether `hello` is welcome, as the peer port decides over TCP.
  [[nodiscard]] Result<Welcome> answer(const Hello& hello);
  /// Delivers the messages, unless the wire breaks.
  void deliver(LoopbackWire& wire, const Sender& from, std::vector<Envelope> envelopes);
  void receive_snapshot(NodeId from, SnapshotConnection connection);

  [[nodiscard]] const std::shared_ptr<LoopbackHub>& hub() const { return hub_; }
  [[nodiscard]] const ContextPtr& context() const { return context_; }

  /// Set while the transport that this is part of lives.
  PeerSet* peers = nullptr;
  SnapshotTransfers* transfers = nullptr;

 private:
  [[nodiscard]] Result<Welcome> admit(const Hello& hello);
  /// Whether it has not been a peer for a while.
  [[nodiscard]] bool is_no_peer_any_more(NodeId node);

  std::shared_ptr<LoopbackHub> hub_;
  ContextPtr context_;
  std::map<NodeId, TimePoint> no_peers_since_;  ///< callers that were none when they sent something
};

using LoopbackNodePtr = std::shared_ptr<LoopbackNode>;

/// A welcome, and by whom.
struct LoopbackAnswer {
  Hello hello;
  Welcome welcome;
  LoopbackHub::NodeRef by;
};

/// What came of a call; if nothing, because of whom.
using OnGreeted = std::function<void(Result<LoopbackAnswer>, PeerReport::By)>;

/// Asks `to` for a welcome, and our own handler whether it wants to talk to whoever gave it.
/// `answered` is called on the caller's executor, not from inside this call. Errors:
/// peer_unreachable: nobody of that ID is there · timed_out: cut off · those of the handshake.
void greet(const LoopbackNodePtr& caller, NodeId to, StreamKind kind, OnGreeted answered);

/// A peer that messages go to.
class LoopbackPeer final : public PeerDriver {
 public:
  LoopbackPeer(LoopbackNodePtr node, PeerAddress address, const LoopbackOptions& options);
  ~LoopbackPeer() override { drop_wire(); }

  /// Not used to find anybody; a link wants something to call.
  static constexpr std::string_view kUrl = "loopback";

 private:
  void call(const std::string& url) override;
  void hang_up() override;
  void push() override;

  void on_answer(Result<LoopbackAnswer> answer, PeerReport::By by);
  void on_broken();
  void drop_wire();
  /// For a call from another thread, or later: runs `action` on our executor if this attempt, or
  /// the connection that came of it, is still the current one.
  template <class Action>
  [[nodiscard]] auto later(Action action);

  LoopbackNodePtr node_;
  LoopbackHub::NodeRef target_;         ///< who welcomed us
  std::shared_ptr<LoopbackWire> wire_;  ///< null: not connected
  std::uint64_t attempt_ = 0;
  bool delivering_ = false;  ///< a batch is on its way
};

/// Owner: the executor.
class LoopbackSnapshotConnector final : public SnapshotConnector {
 public:
  explicit LoopbackSnapshotConnector(LoopbackNodePtr node) : node_(std::move(node)) {}

  void connect(NodeId peer, OnConnected on_connected) override;
  void cancel(NodeId peer) override { attempts_->erase(peer); }

 private:
  LoopbackNodePtr node_;
  std::shared_ptr<std::map<NodeId, OnConnected>> attempts_ =
      std::make_shared<std::map<NodeId, OnConnected>>();  ///< shared with answers on their way
};

[[nodiscard]] std::unique_ptr<Transport> make_loopback_transport(
    const std::shared_ptr<LoopbackHub>& hub,
    const ContextPtr& context,
    const LoopbackOptions& options);

}  // namespace raftkit::transport
