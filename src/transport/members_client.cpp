#include <boost/asio/io_context.hpp>

#include "raftkit/tcp_transport.hpp"

#include "transport/http_call.hpp"
#include "transport/peer_pages.hpp"

namespace raftkit {

namespace {

using transport::HttpCall;
using transport::HttpExchange;

Result<RemoteCluster> fetch_from(const std::string& text,
                                 std::chrono::milliseconds timeout,
                                 std::string_view client_urls_attribute) {
  auto url = transport::parse_url(text);
  if (!url) return std::move(url).error();
  boost::asio::io_context context;
  Result<RemoteCluster> result = Errc::peer_unreachable;
  const auto request = transport::members_request(transport::host_and_port(*url));
  const auto call = std::make_shared<HttpCall>(context.get_executor(), *std::move(url), timeout);
  call->start(request,
              {{},
               [&](const HttpExchange& exchange) {
                 result = transport::read_members(exchange.response, client_urls_attribute);
               },
               [&](PeerState, Error error) { result = std::move(error); }},
              timeout);
  context.run();
  return result;
}

}  // namespace

Result<RemoteCluster> fetch_members(std::span<const std::string> peer_urls,
                                    std::chrono::milliseconds timeout,
                                    std::string_view client_urls_attribute) {
  std::string failures;
  for (const auto& url : peer_urls) {
    auto remote = fetch_from(url, timeout, client_urls_attribute);
    if (remote) return remote;
    failures += (failures.empty() ? "" : "; ") + remote.error().message();
  }
  return Error(Errc::peer_unreachable,
               failures.empty() ? "no peer URLs to ask" : "no peer answers: " + failures);
}

}  // namespace raftkit
