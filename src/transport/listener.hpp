// The addresses on which peers call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/tcp_context.hpp"

namespace raftkit::transport {

/// Accepts connections on all listen URLs. Owner: the executor.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using OnAccept = std::function<void(tcp::socket)>;

  Listener(TcpContextPtr context, OnAccept on_accept)
      : context_(std::move(context)), on_accept_(std::move(on_accept)) {}

  /// Errors: invalid_option · address_unavailable. Then nothing is listened on.
  [[nodiscard]] Result<void> start();
  void close();

  /// With the ports that were chosen.
  [[nodiscard]] std::vector<std::string> urls() const;

 private:
  struct Address {
    std::string host;
    tcp::acceptor acceptor;
    asio::steady_timer retry;
  };

  [[nodiscard]] Result<std::unique_ptr<Address>> open(const std::string& url);
  void accept(Address& address);
  void accept_later(Address& address, const boost::system::error_code& why);

  TcpContextPtr context_;
  OnAccept on_accept_;  ///< empty: closed
  std::vector<std::unique_ptr<Address>> addresses_;
};

}  // namespace raftkit::transport
