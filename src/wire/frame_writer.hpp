// From envelopes to what one gathered write sends.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "raftkit/message.hpp"
#include "raftkit/result.hpp"

#include "wire/codec.hpp"
#include "wire/framing.hpp"

namespace raftkit::wire {

/// The bytes of one write: pieces of large payloads where they are, everything small copied
/// together. Owner: one connection.
class WriteBatch {
 public:
  void clear();

  /// Room for `size` bytes that the caller fills at once; the memory may move with the next call.
  std::span<std::byte> append(std::size_t size);
  /// Adds `length` bytes of `payload` from `offset` on.
  void append(const Bytes& payload, std::size_t offset, std::size_t length);
  /// Where append(size) wrote: position in the copied part, valid until clear().
  [[nodiscard]] std::size_t copied_bytes() const { return copied_.size(); }
  [[nodiscard]] std::span<std::byte> copied(std::size_t position, std::size_t size) {
    return std::span(copied_).subspan(position, size);
  }

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// All of it, in order; valid until the batch changes.
  [[nodiscard]] std::span<const std::span<const std::byte>> buffers();

  /// A copy of less than this is cheaper than one more element in a gathered write: the kernel
  /// copies either way, and Asio passes on no more than 64 elements at a time. Measured, CPU per
  /// message at the sender, copied or shared: 256 bytes 0.40 or 0.64 µs, 3000 bytes 0.84 or 0.92
  /// µs, 8000 bytes 2.4 or 1.6 µs.
  static constexpr std::size_t kShareFromBytes = 4096;

 private:
  struct Piece {
    Bytes shared;                  ///< empty: a piece of `copied_`
    std::size_t copied_bytes = 0;  ///< if so, the next so many
  };

  std::vector<std::byte> copied_;
  std::vector<Piece> pieces_;
  std::vector<std::span<const std::byte>> buffers_;
  std::size_t bytes_ = 0;
};

/// Cuts messages into frames. Holds at most one unfinished message of each class; whoever calls
/// decides which of the two goes on. Owner: one connection.
class FrameWriter {
 public:
  FrameWriter(ConnectionSeed seed, std::size_t max_message_bytes);

  /// Whether a message of this class is unfinished.
  [[nodiscard]] bool is_busy(MessageClass message_class) const;

  /// Takes a message. Errors: as Encoder::encode, and invalid_argument if one of its class is
  /// unfinished; nothing of the message is sent then.
  [[nodiscard]] Result<void> begin(Envelope envelope);

  /// Adds the next frame of the unfinished message of this class, if there is one.
  void write_frame(MessageClass message_class, WriteBatch& batch);

  void write_ping(WriteBatch& batch);

 private:
  struct Pending {
    EncodedMessage message;
    bool busy = false;
    std::size_t sent = 0;            ///< bytes of the message
    std::size_t payload = 0;         ///< the next to send from
    std::size_t payload_offset = 0;  ///< within that one
  };

  Pending& pending(MessageClass message_class) {
    return pending_[static_cast<std::size_t>(message_class)];
  }
  std::uint32_t append_body(Pending& pending, std::size_t size, WriteBatch& batch);

  ConnectionSeed seed_;
  Encoder encoder_;
  std::uint64_t next_sequence_ = 0;
  std::array<Pending, 2> pending_;
};

}  // namespace raftkit::wire
