// From received bytes to messages.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "raftkit/result.hpp"

#include "wire/codec.hpp"
#include "wire/framing.hpp"

namespace raftkit::wire {

/// Puts the frames of one connection together again. Does no I/O: the caller fills the buffers that
/// prepare() offers, says how much with commit(), and takes messages with next() until there is
/// none.
///
///   bytes come -> prepare(), commit(n) -> while (next()) ...
///
/// The memory of a large message is where its bytes are received to, without a copy in between. It
/// is allocated when the header of its first frame has passed its checksum and the limit. Memory:
/// one receive buffer, and one unfinished message of each class. Owner: one connection.
class FrameParser {
 public:
  FrameParser(ConnectionSeed seed, std::size_t max_message_bytes);

  /// Where the next bytes go, in this order. Not both are empty once next() has returned none; the
  /// first may be.
  [[nodiscard]] std::array<std::span<std::byte>, 2> prepare();

  /// So many bytes have been filled in since prepare().
  void commit(std::size_t bytes);

  /// The next message, or none before more bytes have come; what it points to is valid until the
  /// next call. Errors: malformed · message_too_large. After an error the connection is of no use.
  [[nodiscard]] Result<std::optional<ReceivedMessage>> next();

  /// Frames seen so far, pings among them.
  [[nodiscard]] std::uint64_t frames() const { return next_sequence_; }

 private:
  /// An unfinished message.
  struct Assembly {
    std::shared_ptr<std::byte[]> memory;  ///< null: none
    FrameHeader first;
    std::size_t received = 0;  ///< bytes of frames that are complete
  };

  [[nodiscard]] std::span<const std::byte> unread() const {
    return std::span(buffer_).subspan(begin_, end_ - begin_);
  }
  Result<bool> read_header();
  Result<void> open_assembly();
  std::optional<ReceivedMessage> finish_direct();
  std::optional<ReceivedMessage> finish_small();
  Assembly& assembly() { return assemblies_[static_cast<std::size_t>(header_->kind)]; }
  /// Where in its message the missing part of the current frame belongs.
  std::span<std::byte> missing_body();

  ConnectionSeed seed_;
  std::size_t max_message_bytes_;
  std::uint64_t next_sequence_ = 0;

  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;  ///< of the bytes not looked at
  std::size_t end_ = 0;

  std::optional<FrameHeader> header_;  ///< of the frame whose body is awaited
  bool direct_ = false;                ///< that body goes to its assembly, not through buffer_
  std::size_t body_received_ = 0;      ///< if so, how much of it is there
  std::array<Assembly, 2> assemblies_;
};

}  // namespace raftkit::wire
