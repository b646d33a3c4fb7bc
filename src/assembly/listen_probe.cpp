#include "assembly/listen_probe.hpp"

#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "raftkit/config.hpp"

namespace raftkit::assembly {

namespace {

using boost::asio::ip::tcp;

Result<void> probe(boost::asio::io_context& io, const std::string& text) {
  const auto url = config::Url::parse(text);
  if (!url) return url.error();
  const auto port = url->port_number();
  if (!port) return port.error();
  error_code failed;
  const std::string host = url->host() == "localhost" ? "127.0.0.1" : url->host();
  const auto address = boost::asio::ip::make_address(host, failed);
  if (failed) return Error(Errc::address_unavailable, text + ": " + failed.message());
  const tcp::endpoint endpoint(address, *port);
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), failed);
  if (!failed) acceptor.set_option(tcp::acceptor::reuse_address(true), failed);
  if (!failed) acceptor.bind(endpoint, failed);
  if (!failed) acceptor.listen(1, failed);
  if (!failed) return {};
  std::string why = failed.message();
  if (failed == boost::asio::error::address_in_use) why = "another process listens there";
  if (failed == boost::system::errc::address_not_available)
    why = "this host does not have that address";
  return Error(Errc::address_unavailable, text + ": " + why);
}

}  // namespace

Result<void> probe_listen_urls(std::span<const std::string> urls) {
  boost::asio::io_context io;
  for (const std::string& url : urls) {
    if (auto free = probe(io, url); !free) return free;
  }
  return {};
}

}  // namespace raftkit::assembly
