#include "transport/inbound_request.hpp"

#include <boost/asio/write.hpp>

namespace raftkit::transport {

namespace {

/// How long the other side may take to close after our answer. Closing first, with unread bytes,
/// would make the kernel withdraw the answer.
constexpr std::chrono::milliseconds kGoodbye{1000};

}  // namespace

InboundRequest::InboundRequest(TcpContextPtr context, tcp::socket socket)
    : context_(std::move(context)), socket_(std::move(socket)), timer_(context_->executor) {}

void InboundRequest::start(Callbacks callbacks) {
  callbacks_ = std::move(callbacks);
  tune(socket_, context_->options.idle_timeout);
  arm(context_->options.request_timeout);
  read();
}

void InboundRequest::close() {
  callbacks_.reset();
  take_over_ = nullptr;
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  socket_.close(ignored);
}

void InboundRequest::read() {
  socket_.async_read_some(
      asio::buffer(buffer_),
      [self = shared_from_this()](boost::system::error_code ec, std::size_t count) {
        if (!self->callbacks_) return;
        if (ec) return self->finish();
        self->on_bytes(count);
      });
}

void InboundRequest::on_bytes(std::size_t count) {
  const auto request = reader_.feed(std::span(buffer_).first(count));
  if (!request) {
    callbacks_->no_request(remote_name(socket_), request.error());
    return finish();
  }
  if (!*request) return read();
  reply(**request);
}

void InboundRequest::reply(const HttpRequest& request) {
  Reply reply = callbacks_->decide(request);
  if (!callbacks_) return;  // deciding may have stopped everything
  response_ = to_text(reply.response);
  take_over_ = std::move(reply.take_over);
  asio::async_write(socket_,
                    asio::buffer(response_),
                    [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                      if (!self->callbacks_) return;
                      if (ec) return self->finish();
                      if (self->take_over_) return self->hand_over();
                      self->say_goodbye();
                    });
}

void InboundRequest::hand_over() {
  const auto take_over = std::exchange(take_over_, nullptr);
  const auto rest = reader_.rest();
  take_over(std::move(socket_), std::vector(rest.begin(), rest.end()));
  finish();
}

void InboundRequest::say_goodbye() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  arm(kGoodbye);
  wait_for_end();
}

void InboundRequest::wait_for_end() {
  socket_.async_read_some(asio::buffer(buffer_),
                          [self = shared_from_this()](boost::system::error_code ec, std::size_t) {
                            if (!self->callbacks_) return;
                            if (ec) return self->finish();
                            self->wait_for_end();
                          });
}

void InboundRequest::arm(std::chrono::milliseconds timeout) {
  timer_.expires_after(timeout);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (!ec) self->finish();
  });
}

void InboundRequest::finish() {
  const auto callbacks = std::exchange(callbacks_, std::nullopt);
  close();
  if (callbacks) callbacks->done();
}

}  // namespace raftkit::transport
