#include "transport/tcp_peer.hpp"

namespace raftkit::transport {

namespace {

PeerLinkOptions link_options(const TcpTransportOptions& options) {
  PeerLinkOptions link;
  link.max_bulk_bytes = options.max_queue_bytes;
  link.max_control_bytes = options.max_control_queue_bytes;
  link.dial_timeout = options.dial_timeout;
  link.backoff_min = options.backoff_min;
  link.backoff_max = options.backoff_max;
  link.linger = options.linger;
  return link;
}

}  // namespace

TcpPeer::TcpPeer(TcpContextPtr context, PeerAddress address)
    : PeerDriver(
          context, std::move(address), link_options(context->options), context->random.next()),
      tcp_(std::move(context)) {}

void TcpPeer::call(const std::string& url) {
  auto parsed = parse_url(url);
  if (!parsed)
    return own_link().failed(PeerState::disconnected, std::move(parsed).error(), Clock::now());
  const Hello hello = hello_to(*tcp_, link().address().node, StreamKind::messages);
  const HttpRequest request = to_request(hello, host_and_port(*parsed));
  call_ =
      std::make_shared<HttpCall>(tcp_->executor, *std::move(parsed), tcp_->options.idle_timeout);
  // The callbacks end with cancel(), which hang_up() calls: `this` is there when they run.
  call_->start(request,
               {[this] {
                  own_link().opened(Clock::now());
                  drive();
                },
                [this, hello](HttpExchange exchange) { on_answer(hello, std::move(exchange)); },
                [this](PeerState state, const Error& error) {
                  call_.reset();
                  fail(state, error);
                }});
}

void TcpPeer::on_answer(const Hello& hello, HttpExchange exchange) {
  call_.reset();
  const auto welcome = welcomed(*tcp_, hello, exchange);
  if (!welcome) {
    const Error& error = welcome.error();
    return fail(PeerState::rejected,
                Error(error.code(), link().url() + ": " + error.message()),
                refused_by(exchange.response, hello));
  }
  stream_ = std::make_shared<OutboundStream>(
      tcp_, std::move(exchange.socket), seed_of(hello, *welcome), *this);
  stream_->start();
  own_link().established(Clock::now());
  drive();
}

void TcpPeer::hang_up() {
  if (call_ != nullptr) std::exchange(call_, nullptr)->cancel();
  if (stream_ != nullptr) std::exchange(stream_, nullptr)->close();
}

void TcpPeer::push() {
  if (stream_ != nullptr) stream_->flush();
}

std::optional<Envelope> TcpPeer::next(MessageClass message_class) {
  return own_link().next(message_class);
}

void TcpPeer::on_refused(Error error) {
  tcp_->log->log(LogLevel::error,
                 "message_not_sent",
                 "a message cannot be sent and was dropped",
                 {{"peer", to_string(link().address().node)}, {"error", error.message()}});
  own_link().refused_message(std::move(error));
}

void TcpPeer::on_drained() {
  if (!link().is_removed()) return;
  own_link().drained();
  drive();
}

void TcpPeer::on_broken(Error error) {
  stream_.reset();
  fail(PeerState::disconnected, Error(error.code(), link().url() + ": " + error.message()));
}

}  // namespace raftkit::transport
