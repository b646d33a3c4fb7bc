#include "transport/http_call.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/write.hpp>

namespace raftkit::transport {

HttpCall::HttpCall(const asio::any_io_executor& executor,
                   Url url,
                   std::chrono::milliseconds unanswered)
    : url_(std::move(url)),
      unanswered_(unanswered),
      resolver_(executor),
      socket_(executor),
      timer_(executor) {}

void HttpCall::start(const HttpRequest& request,
                     Callbacks callbacks,
                     std::optional<std::chrono::milliseconds> timeout) {
  request_ = to_text(request);
  callbacks_ = std::move(callbacks);
  if (timeout) {
    timer_.expires_after(*timeout);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
      if (!ec)
        self->fail(PeerState::disconnected,
                   Error(Errc::timed_out, to_string(self->url_) + ": no answer in time"));
    });
  }
  resolve();
}

void HttpCall::cancel() {
  callbacks_.reset();
  boost::system::error_code ignored;
  resolver_.cancel();
  timer_.cancel(ignored);
  socket_.close(ignored);
}

void HttpCall::resolve() {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(url_.host, ec);
  if (!ec) return connect({tcp::endpoint(address, url_.port)});
  resolver_.async_resolve(url_.host,
                          std::to_string(url_.port),
                          tcp::resolver::numeric_service,
                          [self = shared_from_this()](boost::system::error_code failure,
                                                      const tcp::resolver::results_type& results) {
                            if (!self->callbacks_) return;
                            if (failure) return self->fail(failure);
                            self->connect({results.begin(), results.end()});
                          });
}

void HttpCall::connect(const std::vector<tcp::endpoint>& endpoints) {
  asio::async_connect(
      socket_,
      endpoints,
      [self = shared_from_this()](boost::system::error_code ec, const tcp::endpoint&) {
        if (!self->callbacks_) return;
        if (ec) return self->fail(ec);
        tune(self->socket_, self->unanswered_);
        if (self->callbacks_->opened) self->callbacks_->opened();
        if (self->callbacks_) self->write_request();
      });
}

void HttpCall::write_request() {
  asio::async_write(socket_,
                    asio::buffer(request_),
                    [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                      if (!self->callbacks_) return;
                      if (ec) return self->fail(ec);
                      self->read_response();
                    });
}

void HttpCall::read_response() {
  socket_.async_read_some(
      asio::buffer(buffer_),
      [self = shared_from_this()](boost::system::error_code ec, std::size_t count) {
        if (!self->callbacks_) return;
        if (ec == asio::error::eof) return self->on_eof();
        if (ec) return self->fail(ec);
        self->on_bytes(count);
      });
}

void HttpCall::on_bytes(std::size_t count) {
  auto response = reader_.feed(std::span(buffer_).first(count));
  if (!response) return fail(PeerState::disconnected, std::move(response).error());
  if (!*response) return read_response();
  answer(**std::move(response));
}

void HttpCall::on_eof() {
  auto response = reader_.finish();
  if (!response) return fail(PeerState::disconnected, std::move(response).error());
  answer(*std::move(response));
}

void HttpCall::answer(HttpResponse response) {
  timer_.cancel();
  const auto callbacks = std::exchange(callbacks_, std::nullopt);
  const auto rest = reader_.rest();
  callbacks->answered(
      {std::move(socket_), std::move(response), std::vector(rest.begin(), rest.end())});
}

void HttpCall::fail(const boost::system::error_code& ec) {
  fail(ec == asio::error::connection_refused ? PeerState::refused : PeerState::disconnected,
       Error(Errc::peer_unreachable, to_string(url_) + ": " + ec.message()));
}

void HttpCall::fail(PeerState state, Error error) {
  if (!callbacks_) return;
  const auto callbacks = std::exchange(callbacks_, std::nullopt);
  cancel();
  callbacks->failed(state, std::move(error));
}

}  // namespace raftkit::transport
