#include "server/client_listener.hpp"

#include <array>
#include <string_view>
#include <sys/socket.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>

namespace kvstore {

namespace {

using boost::system::error_code;
using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;

// How every HTTP/2 connection begins; no HTTP/1.1 method does.
constexpr std::string_view kHttp2 = "PRI";
constexpr std::chrono::seconds kGreetingTimeout{10};
constexpr std::chrono::milliseconds kAcceptRetry{100};

}  // namespace

/// A connection that has not said what it speaks.
struct ClientListener::Greeting {
  explicit Greeting(tcp::socket accepted)
      : socket(std::move(accepted)), deadline(socket.get_executor()) {}

  tcp::socket socket;
  boost::asio::steady_timer deadline;
};

ClientListener::ClientListener(boost::asio::io_context& io, Handlers handlers)
    : strand_(boost::asio::make_strand(io)),
      acceptor_(strand_),
      retry_(strand_),
      handlers_(std::move(handlers)) {}

Result<void> ClientListener::listen(const raftkit::config::Url& url) {
  const auto port = url.port_number();
  if (!port) return port.error();
  error_code failed;
  const std::string host = url.host() == "localhost" ? "127.0.0.1" : url.host();
  const auto address = boost::asio::ip::make_address(host, failed);
  const tcp::endpoint endpoint(address, *port);
  if (!failed) acceptor_.open(endpoint.protocol(), failed);
  if (!failed) acceptor_.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor_.bind(endpoint, failed);
  if (!failed) acceptor_.listen(boost::asio::socket_base::max_listen_connections, failed);
  if (!failed) return {};
  std::string why = failed.message();
  if (failed == boost::asio::error::address_in_use) why = "another process listens there";
  if (failed == boost::system::errc::address_not_available)
    why = "this host does not have that address";
  return Error(Errc::address_unavailable, "--listen-client-urls: " + url.text() + ": " + why);
}

void ClientListener::start() {
  boost::asio::post(strand_, [self = shared_from_this()] { self->accept(); });
}

void ClientListener::stop() {
  boost::asio::post(strand_, [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->retry_.cancel();
  });
}

void ClientListener::accept() {
  acceptor_.async_accept([self = shared_from_this()](error_code code, tcp::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (code) {
      // Out of descriptors: some connection has to close first, and asking at once would only spin.
      self->retry_.expires_after(kAcceptRetry);
      self->retry_.async_wait([self](error_code cancelled) {
        if (!cancelled) self->accept();
      });
      return;
    }
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto greeting = std::make_shared<Greeting>(std::move(socket));
    greeting->deadline.expires_after(kGreetingTimeout);
    greeting->deadline.async_wait([greeting](error_code cancelled) {
      error_code closing;
      if (!cancelled) greeting->socket.close(closing);
    });
    self->peek(std::move(greeting));
    self->accept();
  });
}

void ClientListener::peek(std::shared_ptr<Greeting> greeting) {
  tcp::socket& socket = greeting->socket;
  socket.async_wait(tcp::socket::wait_read,
                    [self = shared_from_this(), greeting = std::move(greeting)](error_code code) {
                      if (!code) self->dispatch(*greeting);
                      greeting->deadline.cancel();
                    });
}

void ClientListener::dispatch(Greeting& greeting) {
  tcp::socket& socket = greeting.socket;
  std::array<char, kHttp2.size()> first{};
  error_code failed;
  socket.native_non_blocking(true, failed);
  const ssize_t count = ::recv(socket.native_handle(), first.data(), first.size(), MSG_PEEK);
  if (failed || count <= 0) return;
  // Clients send the three bytes in their first segment; whoever sends fewer speaks no HTTP/2.
  const bool is_http2 = std::string_view(first.data(), static_cast<std::size_t>(count)) == kHttp2;
  if (!is_http2) return handlers_.http(std::move(socket));
  const int descriptor = socket.release(failed);
  if (!failed) handlers_.grpc(descriptor);
}

}  // namespace kvstore
