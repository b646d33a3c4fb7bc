// A connection whose other end has not said yet what it wants.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "transport/http.hpp"
#include "transport/tcp_context.hpp"

namespace raftkit::transport {

/// Reads one HTTP request, asks what to do with it, and writes the answer. Owner: the executor.
class InboundRequest : public std::enable_shared_from_this<InboundRequest> {
 public:
  /// What becomes of the connection.
  struct Reply {
    HttpResponse response;
    /// Takes the connection over once the response is written, with the bytes that came behind the
    /// request; empty: the connection is closed.
    std::function<void(tcp::socket, std::vector<std::byte>)> take_over;
  };
  struct Callbacks {
    std::function<Reply(const HttpRequest&)> decide;
    /// No request came; what came instead.
    std::function<void(const std::string& remote, const Error&)> no_request;
    /// Over: closed or taken over.
    std::function<void()> done;
  };

  InboundRequest(TcpContextPtr context, tcp::socket socket);

  void start(Callbacks callbacks);
  void close();

 private:
  void read();
  void on_bytes(std::size_t count);
  void reply(const HttpRequest& request);
  void hand_over();
  void say_goodbye();
  void wait_for_end();
  void arm(std::chrono::milliseconds timeout);
  void finish();

  TcpContextPtr context_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::optional<Callbacks> callbacks_;  ///< empty: over
  HttpRequestReader reader_;
  std::array<std::byte, 4096> buffer_{};
  std::string response_;
  std::function<void(tcp::socket, std::vector<std::byte>)> take_over_;
};

}  // namespace raftkit::transport
