// The calling side of every connection: connect, ask, read the answer.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raftkit/transport.hpp"

#include "transport/asio.hpp"
#include "transport/http.hpp"
#include "transport/url.hpp"

namespace raftkit::transport {

/// A connection on which a question was answered.
struct HttpExchange {
  tcp::socket socket;
  HttpResponse response;
  std::vector<std::byte> rest;  ///< came behind the answer
};

/// One call. Callbacks run on the executor, never from inside start() or cancel(), and not after
/// cancel(). Owner: the executor.
class HttpCall : public std::enable_shared_from_this<HttpCall> {
 public:
  struct Callbacks {
    std::function<void()> opened;  ///< connected; may be empty
    std::function<void(HttpExchange)> answered;
    /// Nobody listens there (refused), or it did not work out for another reason (disconnected).
    std::function<void(PeerState, Error)> failed;
  };

  HttpCall(const asio::any_io_executor& executor, Url url, std::chrono::milliseconds unanswered);

  /// Fails with timed_out after `timeout`, if there is one.
  void start(const HttpRequest& request,
             Callbacks callbacks,
             std::optional<std::chrono::milliseconds> timeout = std::nullopt);
  void cancel();

 private:
  void resolve();
  void connect(const std::vector<tcp::endpoint>& endpoints);
  void write_request();
  void read_response();
  void on_bytes(std::size_t count);
  void on_eof();
  void answer(HttpResponse response);
  void fail(const boost::system::error_code& ec);
  void fail(PeerState state, Error error);

  Url url_;
  std::chrono::milliseconds unanswered_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  std::string request_;
  HttpResponseReader reader_;
  std::array<std::byte, 4096> buffer_{};
  std::optional<Callbacks> callbacks_;  ///< empty: over
};

}  // namespace raftkit::transport
