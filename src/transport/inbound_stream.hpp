// The connection over which one peer sends messages.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "transport/tcp_context.hpp"
#include "wire/frame_parser.hpp"

namespace raftkit::transport {

/// Reads frames and hands the messages in them to the handler. Owner: the executor.
class InboundStream : public std::enable_shared_from_this<InboundStream> {
 public:
  InboundStream(TcpContextPtr context,
                tcp::socket socket,
                const Sender& peer,
                wire::ConnectionSeed seed,
                std::function<void(Error)> on_closed);

  /// `received`: bytes that came behind the handshake.
  void start(std::span<const std::byte> received);
  /// `on_closed` is not called then.
  void close();

  /// When to close because this node is no peer any more; empty: it is one again.
  void leave_at(std::optional<Clock::time_point> when) { leave_at_ = when; }

 private:
  void read();
  /// Takes the messages that are complete; whether the connection goes on.
  [[nodiscard]] bool deliver();
  [[nodiscard]] Result<void> deliver(const wire::ReceivedMessage& received);
  void tick();
  void end(Error why);

  TcpContextPtr context_;
  tcp::socket socket_;
  Sender peer_;
  wire::FrameParser parser_;
  wire::Decoder decoder_;
  std::function<void(Error)> on_closed_;  ///< empty: closed
  Clock::time_point last_received_;
  std::optional<Clock::time_point> leave_at_;
  asio::steady_timer timer_;
};

}  // namespace raftkit::transport
