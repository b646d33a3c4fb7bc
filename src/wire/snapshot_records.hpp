// What travels on a snapshot's connection once the SnapshotRequest, an ordinary message in frames,
// has announced it.
//
//   sender                         receiver
//   offer, SnapshotRequest ->
//                          <-      accepted, or failed
//   chunk, chunk, ... end  ->
//                          <-      committed: durable there; or failed
//
//   offset size
//        0    2  magic "RS"
//        2    1  format of the record, 1
//        3    1  kind: RecordKind
//        4    4  bytes of the body, at most 1 MiB
//        8    8  position of the body in the content; of end: the bytes of all chunks; of offer:
//        the
//                number of the transfer, which no two of a sender share
//       16    4  CRC-32C of the body
//       20    4  CRC-32C of the 20 bytes before, begun with the connection's seed
//
// The position of `accepted` is where the receiver wants the content to begin: 0, or behind what it
// has of the same transfer from a connection that broke. The body of `failed` is the name of an
// error code, a line feed, and a sentence.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "raftkit/result.hpp"

#include "wire/framing.hpp"

namespace raftkit::wire {

inline constexpr std::size_t kRecordHeaderBytes = 24;
inline constexpr std::size_t kMaxRecordBodyBytes = std::size_t{1} << 20;

/// On the wire: never reuse a value.
enum class RecordKind : std::uint8_t {
  accepted = 1,
  chunk = 2,
  end = 3,
  committed = 4,
  failed = 5,
  offer = 6
};

struct RecordHeader {
  RecordKind kind = RecordKind::chunk;
  std::uint32_t body_bytes = 0;
  std::uint64_t position = 0;
  std::uint32_t body_crc = 0;

  friend bool operator==(const RecordHeader&, const RecordHeader&) = default;
};

using RecordHeaderBytes = std::array<std::byte, kRecordHeaderBytes>;

/// The header of a record with this body.
[[nodiscard]] RecordHeaderBytes encode_record(RecordKind kind,
                                              std::uint64_t position,
                                              std::span<const std::byte> body,
                                              ConnectionSeed seed);

/// `bytes` are exactly a header. Errors: malformed · message_too_large.
[[nodiscard]] Result<RecordHeader> decode_record_header(std::span<const std::byte> bytes,
                                                        ConnectionSeed seed);

/// Errors: malformed: the body is not the one that the header was made for.
[[nodiscard]] Result<void> check_record_body(const RecordHeader& header,
                                             std::span<const std::byte> body);

}  // namespace raftkit::wire
