// How a stream of bytes is cut: a frame is a header of fixed size and a body of at most 64 KiB.
//
//   offset size
//        0    2  magic "RK"
//        2    1  format of the header, 1
//        3    1  kind: FrameKind
//        4    4  bytes of this frame's body
//        8    4  where the body belongs in its message
//       12    4  bytes of the message's head, the protocol buffer
//       16    4  bytes of the message: the head and the payloads behind it
//       20    8  group
//       28    8  sequence: the number of this frame on this connection, from 0
//       36    4  CRC-32C of the body
//       40    4  CRC-32C of the 40 bytes before, begun with the connection's seed
//
// All numbers are little-endian. A message is one frame, or several of one kind whose bodies follow
// each other without gap; frames of the other kind may stand between them, so that a heartbeat does
// not wait behind a large append. A ping is a header without a message: it shows that the sender
// lives.
//
// The header has a checksum of its own, because a length must not be believed, and not even waited
// for, before it is known to be what was sent. The seed comes from numbers that both sides of a
// connection draw: frames recorded on another connection do not fit. (It is a guard against
// mishaps, not against an attacker; that is what TLS is for.)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "raftkit/result.hpp"
#include "raftkit/types.hpp"

namespace raftkit::wire {

inline constexpr std::size_t kFrameHeaderBytes = 44;
inline constexpr std::size_t kMaxFrameBodyBytes = 65536;

/// On the wire: never reuse a value.
enum class FrameKind : std::uint8_t { control = 0, bulk = 1, ping = 2 };

struct FrameHeader {
  FrameKind kind = FrameKind::ping;
  std::uint32_t body_bytes = 0;
  std::uint32_t offset = 0;
  std::uint32_t head_bytes = 0;
  std::uint32_t message_bytes = 0;
  GroupId group;
  std::uint64_t sequence = 0;
  std::uint32_t body_crc = 0;

  [[nodiscard]] bool is_first() const { return offset == 0; }
  [[nodiscard]] bool is_last() const { return offset + body_bytes == message_bytes; }

  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

/// What both sides of a connection know and nobody else: see above.
struct ConnectionSeed {
  std::uint32_t value = 0;

  /// From the numbers that the side which called and the side which was called have drawn.
  [[nodiscard]] static ConnectionSeed from_nonces(std::uint64_t caller, std::uint64_t called);
};

using FrameHeaderBytes = std::array<std::byte, kFrameHeaderBytes>;

[[nodiscard]] FrameHeaderBytes encode(const FrameHeader& header, ConnectionSeed seed);

/// `bytes` are exactly a header. Errors: malformed, also if the lengths contradict each other ·
/// message_too_large: over `max_message_bytes`.
[[nodiscard]] Result<FrameHeader> decode_frame_header(std::span<const std::byte> bytes,
                                                      ConnectionSeed seed,
                                                      std::size_t max_message_bytes);

}  // namespace raftkit::wire
