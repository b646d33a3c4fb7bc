#include "transport/listener.hpp"

#include <boost/asio/ip/v6_only.hpp>

#include "transport/url.hpp"

namespace raftkit::transport {

namespace {

/// After an error that will not go away by asking again at once, such as no free file descriptor.
constexpr std::chrono::milliseconds kAcceptPause{100};

}  // namespace

Result<void> Listener::start() {
  for (const auto& url : context_->options.listen_urls) {
    auto address = open(url);
    if (!address) {
      addresses_.clear();
      return std::move(address).error();
    }
    addresses_.push_back(*std::move(address));
  }
  for (const auto& url : urls()) {
    context_->log->log(
        LogLevel::info, "listening_for_peers", "listening for peers", {{"url", url}});
  }
  // Callers wait in the backlog until the executor runs; this thread need not be one of its own, so
  // it touches nothing any more.
  asio::post(context_->executor, [self = shared_from_this()] {
    if (!self->on_accept_) return;
    for (const auto& address : self->addresses_)
      self->accept(*address);
  });
  return {};
}

void Listener::close() {
  on_accept_ = nullptr;
  boost::system::error_code ignored;
  for (const auto& address : addresses_) {
    address->acceptor.close(ignored);
    address->retry.cancel(ignored);
  }
}

std::vector<std::string> Listener::urls() const {
  std::vector<std::string> urls;
  for (const auto& address : addresses_) {
    boost::system::error_code ec;
    const auto endpoint = address->acceptor.local_endpoint(ec);
    urls.push_back(to_string(Url{address->host, endpoint.port()}));
  }
  return urls;
}

Result<std::unique_ptr<Listener::Address>> Listener::open(const std::string& url) {
  const auto parsed = parse_url(url);
  if (!parsed) return parsed.error();
  boost::system::error_code ec;
  const auto ip =
      asio::ip::make_address(parsed->host == "localhost" ? "127.0.0.1" : parsed->host, ec);
  if (ec) {
    return Error(Errc::invalid_option,
                 "URL \"" + url + "\" cannot be listened on: expected an IP address or localhost");
  }
  auto address = std::make_unique<Address>(Address{
      parsed->host, tcp::acceptor(context_->executor), asio::steady_timer(context_->executor)});
  const tcp::endpoint endpoint(ip, parsed->port);
  tcp::acceptor& acceptor = address->acceptor;
  acceptor.open(endpoint.protocol(), ec);
  // A restarted node must not wait for its old connections to be forgotten.
  if (!ec) acceptor.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec && ip.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
  if (!ec) acceptor.bind(endpoint, ec);
  if (!ec) acceptor.listen(tcp::acceptor::max_listen_connections, ec);
  if (ec) return Error(Errc::address_unavailable, "cannot listen on " + url + ": " + ec.message());
  return address;
}

void Listener::accept(Address& address) {
  address.acceptor.async_accept(
      [self = shared_from_this(), &address](boost::system::error_code ec, tcp::socket socket) {
        if (!self->on_accept_) return;
        if (ec && ec != asio::error::connection_aborted) return self->accept_later(address, ec);
        if (!ec) self->on_accept_(std::move(socket));
        if (self->on_accept_) self->accept(address);
      });
}

void Listener::accept_later(Address& address, const boost::system::error_code& why) {
  context_->log->log(LogLevel::warn,
                     "accept_failed",
                     "cannot accept a connection, trying again",
                     {{"url", address.host}, {"error", why.message()}});
  address.retry.expires_after(kAcceptPause);
  address.retry.async_wait([self = shared_from_this(), &address](boost::system::error_code ec) {
    if (!ec && self->on_accept_) self->accept(address);
  });
}

}  // namespace raftkit::transport
