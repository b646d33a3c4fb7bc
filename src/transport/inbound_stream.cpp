#include "transport/inbound_stream.hpp"

#include <algorithm>
#include <array>

namespace raftkit::transport {

InboundStream::InboundStream(TcpContextPtr context,
                             tcp::socket socket,
                             const Sender& peer,
                             wire::ConnectionSeed seed,
                             std::function<void(Error)> on_closed)
    : context_(std::move(context)),
      socket_(std::move(socket)),
      peer_(peer),
      parser_(seed, context_->options.max_message_bytes),
      decoder_(context_->options.max_message_bytes),
      on_closed_(std::move(on_closed)),
      last_received_(Clock::now()),
      timer_(context_->executor) {}

void InboundStream::start(std::span<const std::byte> received) {
  tick();
  while (!received.empty()) {
    for (const auto room : parser_.prepare()) {
      const auto part = received.first(std::min(received.size(), room.size()));
      std::copy(part.begin(), part.end(), room.begin());
      parser_.commit(part.size());
      received = received.subspan(part.size());
    }
    if (!deliver()) return;
  }
  read();
}

void InboundStream::close() {
  on_closed_ = nullptr;
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  socket_.close(ignored);
}

void InboundStream::read() {
  const auto room = parser_.prepare();
  const std::array<asio::mutable_buffer, 2> buffers = {
      asio::mutable_buffer(room[0].data(), room[0].size()),
      asio::mutable_buffer(room[1].data(), room[1].size())};
  socket_.async_read_some(
      buffers, [self = shared_from_this()](boost::system::error_code ec, std::size_t count) {
        if (!self->on_closed_) return;
        if (ec) return self->end(Error(Errc::peer_unreachable, ec.message()));
        self->last_received_ = Clock::now();
        self->parser_.commit(count);
        if (self->deliver()) self->read();
      });
}

bool InboundStream::deliver() {
  while (on_closed_) {
    auto received = parser_.next();
    if (received && !*received) return true;
    auto delivered = received ? deliver(**received) : Result<void>(std::move(received).error());
    if (!delivered) end(std::move(delivered).error());
  }
  return false;
}

Result<void> InboundStream::deliver(const wire::ReceivedMessage& received) {
  auto envelope = decoder_.decode(received);
  if (!envelope) return std::move(envelope).error();
  if (envelope->from != peer_.node || envelope->to != context_->identity.node) {
    return Error(Errc::member_mismatch,
                 "a message from " + to_string(envelope->from) + " to " + to_string(envelope->to) +
                     " came over the connection from " + to_string(peer_.node) + " to " +
                     to_string(context_->identity.node));
  }
  if (std::holds_alternative<SnapshotRequest>(envelope->message))
    return Error(Errc::malformed, "a SnapshotRequest among other messages");
  if (context_->handler != nullptr)
    context_->handler->on_message(*std::move(envelope), peer_.store);
  return {};
}

void InboundStream::tick() {
  timer_.expires_after(context_->options.idle_timeout / 4);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code ec) {
    if (ec || !self->on_closed_) return;
    const auto now = Clock::now();
    if (self->leave_at_ && now >= *self->leave_at_)
      return self->end(Error(Errc::peer_not_found, "it is no peer any more"));
    // Whoever was stopped himself for a while has not listened: that says nothing about the peer.
    const auto idle_timeout = self->context_->options.idle_timeout;
    if (now - self->timer_.expiry() >= idle_timeout / 2) self->last_received_ = now;
    if (now - self->last_received_ >= idle_timeout)
      return self->end(Error(Errc::timed_out, "nothing comes any more"));
    self->tick();
  });
}

void InboundStream::end(Error why) {
  const auto on_closed = std::exchange(on_closed_, nullptr);
  close();
  if (on_closed) on_closed(std::move(why));
}

}  // namespace raftkit::transport
