#include "raftkit/loopback_transport.hpp"

#include "transport/loopback_node.hpp"

namespace raftkit::transport {

namespace {

constexpr SnapshotLimits kSnapshotLimits{
    std::size_t{64} << 20, std::chrono::seconds{10}, std::chrono::seconds{120}, 0};

/// Owner: the executor.
class LoopbackTransport final : public Transport {
 public:
  LoopbackTransport(const std::shared_ptr<LoopbackHub>& hub,
                    const ContextPtr& context,
                    const LoopbackOptions& options)
      : context_(context),
        node_(std::make_shared<LoopbackNode>(hub, context)),
        peers_(context,
               [node = node_, options](PeerAddress address) {
                 return std::make_shared<LoopbackPeer>(node, std::move(address), options);
               }),
        transfers_(context, kSnapshotLimits, std::make_unique<LoopbackSnapshotConnector>(node_)) {}

  ~LoopbackTransport() override { close(); }
  LoopbackTransport(const LoopbackTransport&) = delete;
  LoopbackTransport& operator=(const LoopbackTransport&) = delete;

  Result<void> start(TransportHandler& handler, LocalIdentity identity) override {
    context_->identity = std::move(identity);
    context_->handler = &handler;
    node_->peers = &peers_;
    node_->transfers = &transfers_;
    node_->hub()->attach(context_->identity.node, node_);
    return {};
  }

  void set_peers(std::vector<PeerAddress> peers) override {
    for (PeerAddress& peer : peers)
      peer.peer_urls = {std::string(LoopbackPeer::kUrl)};
    peers_.set(std::move(peers));
  }

  void send(std::span<Envelope> envelopes) override { peers_.send(envelopes); }

  void send_snapshot(Envelope envelope,
                     std::unique_ptr<SnapshotSource> source,
                     std::function<void(Result<void>)> done) override {
    if (peers_.find(envelope.to) == nullptr) {
      return asio::post(context_->executor,
                        [done = std::move(done)] { done(Result<void>(Errc::peer_not_found)); });
    }
    transfers_.send(std::move(envelope), std::move(source), std::move(done));
  }

  void stop(std::function<void()> done) override {
    close();
    transfers_.stop(std::move(done));
  }

 private:
  void close() {
    context_->handler = nullptr;
    node_->peers = nullptr;
    node_->transfers = nullptr;
    node_->hub()->detach(context_->identity.node, node_);
    peers_.close();
  }

  ContextPtr context_;
  LoopbackNodePtr node_;
  PeerSet peers_;
  SnapshotTransfers transfers_;
};

}  // namespace

std::unique_ptr<Transport> make_loopback_transport(const std::shared_ptr<LoopbackHub>& hub,
                                                   const ContextPtr& context,
                                                   const LoopbackOptions& options) {
  return std::make_unique<LoopbackTransport>(hub, context, options);
}

}  // namespace raftkit::transport
