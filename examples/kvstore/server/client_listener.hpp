// One port for gRPC and HTTP/1.1, as etcd's clients expect it.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "raftkit/config.hpp"
#include "raftkit/result.hpp"

#include "server/asio.hpp"

namespace kvstore {

/// Tells by a connection's first bytes what it speaks. Owner: the io_context's threads, one
/// listener each.
class ClientListener : public std::enable_shared_from_this<ClientListener> {
 public:
  /// Where connections go. Called on a thread of the io_context.
  struct Handlers {
    std::function<void(int descriptor)> grpc;  ///< takes the descriptor over; it does not block
    std::function<void(tcp::socket)> http;
  };

  ClientListener(boost::asio::io_context& io, Handlers handlers);

  /// Binds; connections are taken by the system but not answered yet. Errors: address_unavailable.
  [[nodiscard]] raftkit::Result<void> listen(const raftkit::config::Url& url);
  /// From now on connections are answered.
  void start();
  void stop();

 private:
  struct Greeting;

  void accept();
  void peek(std::shared_ptr<Greeting> greeting);
  void dispatch(Greeting& greeting);

  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  Handlers handlers_;
};

}  // namespace kvstore
