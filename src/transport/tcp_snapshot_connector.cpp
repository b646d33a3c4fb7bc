#include "transport/tcp_snapshot_connector.hpp"

namespace raftkit::transport {

Result<SnapshotConnection> detach(tcp::socket socket,
                                  std::vector<std::byte> received,
                                  wire::ConnectionSeed seed,
                                  StoreId store) {
  boost::system::error_code ec;
  const int descriptor = socket.release(ec);
  if (ec) return Error(Errc::peer_unreachable, ec.message());
  return SnapshotConnection{
      std::make_shared<BlockingSocket>(descriptor, std::move(received)), seed, store, nullptr};
}

void TcpSnapshotConnector::connect(NodeId peer, OnConnected on_connected) {
  auto url = parse_url(url_of_(peer));
  if (!url) {
    return asio::post(
        context_->executor,
        [on_connected = std::move(on_connected), error = url.error()] { on_connected(error); });
  }
  const Hello hello = hello_to(*context_, peer, StreamKind::snapshot);
  const HttpRequest request = to_request(hello, host_and_port(*url));
  const auto call = std::make_shared<HttpCall>(
      context_->executor, *std::move(url), context_->options.snapshot_idle_timeout);
  attempts_.emplace(peer, Attempt{call, std::move(on_connected)});
  // The callbacks end with cancel(): `this` is there when they run.
  call->start(request,
              {{},
               [this, hello](HttpExchange exchange) { on_answer(hello, std::move(exchange)); },
               [this, peer](PeerState, Error error) { finish(peer, std::move(error)); }},
              2 * context_->options.dial_timeout);
}

void TcpSnapshotConnector::cancel(NodeId peer) {
  const auto attempt = attempts_.extract(peer);
  if (!attempt.empty()) attempt.mapped().call->cancel();
}

void TcpSnapshotConnector::on_answer(const Hello& hello, HttpExchange exchange) {
  const auto welcome = welcomed(*context_, hello, exchange);
  if (!welcome) return finish(hello.to, welcome.error());
  finish(hello.to,
         detach(std::move(exchange.socket), {}, seed_of(hello, *welcome), welcome->store));
}

void TcpSnapshotConnector::finish(NodeId peer, Result<SnapshotConnection> connection) {
  const auto attempt = attempts_.extract(peer);
  attempt.mapped().on_connected(std::move(connection));
}

}  // namespace raftkit::transport
