#include "transport/inbound.hpp"

#include "transport/peer_pages.hpp"
#include "transport/tcp_snapshot_connector.hpp"

namespace raftkit::transport {

namespace {

/// Callers without a valid request are worth a line in the log, but only so often.
constexpr std::chrono::seconds kComplaintInterval{10};

/// More different refused callers than this are not told apart.
constexpr std::size_t kMaxRemembered = 64;

}  // namespace

Inbound::Inbound(TcpContextPtr context,
                 SnapshotTransfers& transfers,
                 std::function<void(NodeId)> on_called)
    : context_(std::move(context)),
      transfers_(transfers),
      on_called_(std::move(on_called)),
      listener_(std::make_shared<Listener>(
          context_, [this](tcp::socket socket) { on_accept(std::move(socket)); })) {}

Result<void> Inbound::start() {
  return listener_->start();
}

void Inbound::close() {
  listener_->close();
  for (const auto& request : pending_)
    request->close();
  pending_.clear();
  for (const auto& [peer, stream] : streams_)
    stream->close();
  streams_.clear();
}

std::vector<std::string> Inbound::listen_urls() const {
  return listener_->urls();
}

void Inbound::set_peer(NodeId node, bool is_peer) {
  const auto at = streams_.find(node);
  if (at == streams_.end()) return;
  at->second->leave_at(is_peer ? std::nullopt
                               : std::optional(Clock::now() + context_->options.linger));
}

void Inbound::on_accept(tcp::socket socket) {
  // The oldest goes: who is serious asks at once, and somebody who opens connections and says
  // nothing must not keep peers out.
  while (pending_.size() >= context_->options.max_pending_connections) {
    pending_.front()->close();
    pending_.pop_front();
  }
  const auto request = std::make_shared<InboundRequest>(context_, std::move(socket));
  const auto at = pending_.insert(pending_.end(), request);
  // The callbacks end with close(), which removal from `pending_` comes with: `at` is valid.
  request->start(
      {[this](const HttpRequest& asked) { return decide(asked); },
       [this](const std::string& remote, const Error& error) { on_no_request(remote, error); },
       [this, at] { pending_.erase(at); }});
}

void Inbound::on_no_request(const std::string& remote, const Error& error) {
  const auto now = Clock::now();
  if (now < next_complaint_) {
    ++complaints_withheld_;
    return;
  }
  next_complaint_ = now + kComplaintInterval;
  context_->log->log(LogLevel::warn,
                     "bad_peer_request",
                     "closed a connection without a valid request",
                     {{"remote", remote},
                      {"error", error.message()},
                      {"withheld", std::to_string(std::exchange(complaints_withheld_, 0))}});
}

InboundRequest::Reply Inbound::decide(const HttpRequest& request) {
  if (is_upgrade(request)) return upgrade(request);
  if (context_->handler == nullptr) return {refusal(Errc::stopped, context_->identity), {}};
  return {answer(request,
                 {context_->options.version_json,
                  context_->identity.cluster,
                  context_->handler->membership(),
                  context_->options.client_urls_attribute}),
          {}};
}

InboundRequest::Reply Inbound::upgrade(const HttpRequest& request) {
  const auto hello = read_hello(request);
  if (!hello) return {refusal(hello.error(), context_->identity), {}};
  const auto welcome = admit(*hello);
  if (!welcome) {
    refused(*hello, welcome.error());
    return {refusal(welcome.error(), context_->identity), {}};
  }
  refused_.erase(hello->from);
  const auto seed = seed_of(*hello, *welcome);
  const Sender peer{hello->from, hello->store};
  if (hello->kind == StreamKind::snapshot) {
    return {to_response(*welcome),
            [this, peer, seed](tcp::socket socket, std::vector<std::byte> received) {
              auto connection = detach(std::move(socket), std::move(received), seed, peer.store);
              if (connection) transfers_.receive(peer.node, *std::move(connection));
            }};
  }
  return {to_response(*welcome),
          [this, peer, seed](tcp::socket socket, const std::vector<std::byte>& received) {
            open_stream(std::move(socket), received, peer, seed);
          }};
}

Result<Welcome> Inbound::admit(const Hello& hello) {
  const auto version = check(hello, context_->identity);
  if (!version) return version.error();
  if (context_->handler == nullptr) return Errc::stopped;
  if (auto admitted = context_->handler->admit(hello.introduction()); !admitted)
    return std::move(admitted).error();
  return Welcome{context_->identity.cluster,
                 context_->identity.node,
                 context_->identity.store,
                 *version,
                 context_->random.next()};
}

void Inbound::refused(const Hello& hello, const Error& why) {
  if (why == Errc::stopped) return;
  if (refused_.size() >= kMaxRemembered) refused_.clear();
  auto& last = refused_[hello.from];
  if (last == why.code()) return;
  last = why.code();
  report(context_, {hello.from, PeerState::rejected, why});
}

void Inbound::open_stream(tcp::socket socket,
                          std::span<const std::byte> received,
                          const Sender& peer,
                          wire::ConnectionSeed seed) {
  auto& slot = streams_[peer.node];
  // The peer has given up the older connection, even if its end has not arrived yet: nothing that
  // it sent there may come after what it sends here.
  if (slot != nullptr) slot->close();
  slot = std::make_shared<InboundStream>(
      context_, std::move(socket), peer, seed, [this, peer = peer.node](const Error& why) {
        streams_.erase(peer);
        context_->log->log(LogLevel::debug,
                           "peer_stream_closed",
                           "the connection from a peer ended",
                           {{"peer", to_string(peer)}, {"error", why.message()}});
      });
  const auto stream = slot;
  on_called_(peer.node);
  stream->start(received);
}

}  // namespace raftkit::transport
