// Envelopes as bytes: a protocol-buffer head (raftkit.proto) and behind it the payloads, as they
// are.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "raftkit/message.hpp"
#include "raftkit/result.hpp"

namespace raftkit::wire {

/// What a message counts for in queues and against limits: its payloads, and a fixed overhead for
/// each of them and for the message. It is what the decoded message costs in memory, so that a
/// million empty entries are not free.
[[nodiscard]] std::size_t size_bytes(const Envelope& envelope);

/// How large a head may be. It unfolds to eight times its size while it is parsed, so it must not
/// be as large as a whole message; four bytes are plenty for an entry that counts for sixteen.
[[nodiscard]] constexpr std::size_t max_head_bytes(std::size_t max_message_bytes) {
  return max_message_bytes / 4 + 65536;
}

/// A message ready to be cut into frames. The payloads share the memory of the entries they come
/// from.
struct EncodedMessage {
  MessageClass message_class = MessageClass::control;
  GroupId group;
  std::string head;
  std::vector<Bytes> payloads;  ///< none is empty
  std::size_t bytes = 0;        ///< of head and payloads together

  /// Empties it and keeps its memory.
  void clear();
};

/// A message as it came out of its frames.
struct ReceivedMessage {
  GroupId group;
  std::span<const std::byte> head;
  std::span<const std::byte> payloads;
  /// Keeps `payloads` alive. If null they live only until the next call that receives, and the
  /// decoder copies them, all into one piece of memory.
  std::shared_ptr<const void> owner;
};

/// Turns envelopes into bytes. Owner: one thread at a time.
class Encoder {
 public:
  /// `max_message_bytes`: see size_bytes().
  explicit Encoder(std::size_t max_message_bytes);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();

  /// Fills `encoded`, reusing its memory.
  /// Errors: message_too_large · invalid_argument: entries that are no run of a log.
  [[nodiscard]] Result<void> encode(Envelope envelope, EncodedMessage& encoded);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
  std::size_t max_message_bytes_;
};

/// Turns bytes into envelopes, and lets nothing pass that the layers above would have to doubt.
/// Owner: one thread at a time.
class Decoder {
 public:
  explicit Decoder(std::size_t max_message_bytes);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  /// Errors: malformed, saying what is wrong: not a protocol buffer, an unknown kind of message or
  /// entry, entries that are no run of a log, lengths that do not add up · message_too_large.
  [[nodiscard]] Result<Envelope> decode(const ReceivedMessage& received);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
  std::size_t max_message_bytes_;
};

}  // namespace raftkit::wire
