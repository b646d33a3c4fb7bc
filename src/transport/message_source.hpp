// From whoever has messages to what one write sends.
#pragma once

#include <optional>

#include "raftkit/message.hpp"
#include "raftkit/result.hpp"

#include "wire/frame_writer.hpp"

namespace raftkit::transport {

/// Whoever has the messages of a connection.
class MessageSource {
 public:
  virtual ~MessageSource() = default;
  /// The next message of this class, if there is one.
  [[nodiscard]] virtual std::optional<Envelope> next(MessageClass message_class) = 0;
  /// A message cannot be sent at all.
  virtual void on_refused(Error error) = 0;
};

/// Enough for a write to be worth its system call, little enough that a control message that comes
/// now does not wait long.
inline constexpr std::size_t kWriteBytes = std::size_t{256} * 1024;

/// Adds frames to `batch` until it holds kWriteBytes or there is nothing left to send; control
/// messages come between the frames of bulk ones.
void gather(wire::WriteBatch& batch, wire::FrameWriter& writer, MessageSource& source);

}  // namespace raftkit::transport
