#include "raftkit/tcp_transport.hpp"

#include <random>

#include "transport/inbound.hpp"
#include "transport/peer_set.hpp"
#include "transport/snapshot_transfers.hpp"
#include "transport/tcp_context.hpp"
#include "transport/tcp_peer.hpp"
#include "transport/tcp_snapshot_connector.hpp"

namespace raftkit {

namespace transport {

namespace {

std::uint64_t seed_from_system() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

SnapshotLimits snapshot_limits(const TcpTransportOptions& options) {
  return {options.max_message_bytes,
          options.snapshot_idle_timeout,
          options.snapshot_commit_timeout,
          options.snapshot_bytes_per_second,
          options.snapshot_resume_timeout};
}

/// Owner: the executor.
class TcpTransport final : public Transport {
 public:
  explicit TcpTransport(const TcpContextPtr& context)
      : context_(context),
        peers_(context,
               [context](PeerAddress address) {
                 return std::make_shared<TcpPeer>(context, std::move(address));
               }),
        transfers_(context,
                   snapshot_limits(context->options),
                   std::make_unique<TcpSnapshotConnector>(
                       context, [this](NodeId peer) { return url_of(peer); })),
        inbound_(context, transfers_, [this](NodeId peer) { on_called(peer); }) {}

  ~TcpTransport() override { close(); }
  TcpTransport(const TcpTransport&) = delete;
  TcpTransport& operator=(const TcpTransport&) = delete;

  Result<void> start(TransportHandler& handler, LocalIdentity identity) override {
    if (auto valid = context_->options.validate(); !valid) return valid;
    context_->identity = std::move(identity);
    context_->handler = &handler;  // first: calls may come as soon as somebody listens
    auto listening = inbound_.start();
    if (!listening) context_->handler = nullptr;
    return listening;
  }

  void set_peers(std::vector<PeerAddress> peers) override {
    for (const PeerAddress& peer : peers)
      inbound_.set_peer(peer.node, true);
    for (const NodeId removed : peers_.set(std::move(peers)))
      inbound_.set_peer(removed, false);
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

  [[nodiscard]] std::vector<std::string> listen_urls() const { return inbound_.listen_urls(); }

 private:
  [[nodiscard]] std::string url_of(NodeId node) const {
    const PeerLink* link = peers_.find(node);
    return link == nullptr || link->address().peer_urls.empty() ? std::string() : link->url();
  }

  void on_called(NodeId peer) {
    peers_.nudge(peer);
    // It would believe to be connected with a node that cannot answer.
    if (peers_.find(peer) == nullptr) inbound_.set_peer(peer, false);
  }

  void close() {
    context_->handler = nullptr;
    inbound_.close();
    peers_.close();
  }

  TcpContextPtr context_;
  PeerSet peers_;
  SnapshotTransfers transfers_;
  Inbound inbound_;
};

}  // namespace

}  // namespace transport

std::unique_ptr<Transport> make_tcp_transport(boost::asio::any_io_executor executor,
                                              TcpTransportOptions options,
                                              std::shared_ptr<LogSink> log) {
  const std::uint64_t seed = options.seed ? *options.seed : transport::seed_from_system();
  return std::make_unique<transport::TcpTransport>(std::make_shared<transport::TcpContext>(
      std::move(executor), std::move(options), std::move(log), seed));
}

std::vector<std::string> tcp_listen_urls(const Transport& transport) {
  const auto* tcp = dynamic_cast<const transport::TcpTransport*>(&transport);
  return tcp == nullptr ? std::vector<std::string>() : tcp->listen_urls();
}

}  // namespace raftkit
