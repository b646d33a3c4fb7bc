// The connection over which one peer is sent messages.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "raftkit/transport.hpp"

#include "transport/message_source.hpp"
#include "transport/tcp_context.hpp"
#include "wire/frame_writer.hpp"

namespace raftkit::transport {

/// Writes frames for as long as its owner has messages; nothing is expected in return but the end.
/// Many small messages go out in one write. A ping shows the other side that we live when there is
/// nothing else to send. Owner: the executor.
class OutboundStream : public std::enable_shared_from_this<OutboundStream> {
 public:
  /// Not called after close().
  class Owner : public MessageSource {
   public:
    /// All that there was is written.
    virtual void on_drained() = 0;
    /// The connection is over. Not from inside flush().
    virtual void on_broken(Error error) = 0;
  };

  OutboundStream(TcpContextPtr context,
                 tcp::socket socket,
                 wire::ConnectionSeed seed,
                 Owner& owner);

  void start();
  /// The owner has messages, perhaps.
  void flush();
  void close();

 private:
  void write();
  void on_written(std::size_t count);
  void watch_for_end();
  void tick();
  void broken(Error error);

  TcpContextPtr context_;
  tcp::socket socket_;
  wire::FrameWriter writer_;
  Owner* owner_;  ///< null: closed

  wire::WriteBatch batch_;                   ///< being written
  std::vector<asio::const_buffer> buffers_;  ///< what is left of it, from next_buffer_ on
  std::size_t next_buffer_ = 0;
  bool writing_ = false;
  Clock::time_point last_progress_;

  asio::steady_timer timer_;
  std::array<std::byte, 1> unexpected_{};
};

}  // namespace raftkit::transport
