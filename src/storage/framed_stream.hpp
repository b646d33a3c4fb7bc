// How the streams that LevelDB appends to (its log, its manifest) lie in their files.
//
// LevelDB's own format cannot tell the torn end of a file, which a power loss leaves when unsynced
// sectors reach the disk in any order, from damage to bytes that were durable. Checking strictly it
// refuses to open after every torn write; not checking strictly it skips what it cannot read and
// goes on behind it. So each flush becomes a frame that says where it belongs and how much of the
// file was durable when it was written:
//
//   magic u32 · crc32c u32 · length u32 · version u8 · kind u8 · 0 u16 · offset u64 · durable u64 ·
//   payload
//
// The checksum covers the file's name (without directories), everything after itself and the
// payload, so that neither an old file's blocks nor a displaced write pass for a frame. The first
// frame that does not verify ends the stream, unless some later one vouches that those bytes were
// durable: then the file is damaged. What this cannot notice is damage to the last synced frames
// of a file without a seal, i.e. one whose writer did not end in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "raftkit/disk.hpp"

namespace raftkit::storage {

/// On disk: never reuse a value.
enum class FrameKind : std::uint8_t {
  data = 1,
  seal = 2,  ///< the writer ended here on purpose; nothing follows
};

inline constexpr std::size_t kFrameHeaderBytes = 32;

struct FramePlace {
  std::uint64_t offset = 0;   ///< of the frame in its file
  std::uint64_t durable = 0;  ///< bytes of the file known to be durable
};

/// Fills in the header of `frame`: kFrameHeaderBytes that are left free, then the payload.
void finish_frame(std::string& frame,
                  std::string_view file_name,
                  FrameKind kind,
                  const FramePlace& place);

/// The payload of the seal in `bytes`, which lie at `offset` of the file; nothing: that is not what
/// finish_frame() made of it.
[[nodiscard]] std::optional<std::string_view> payload_of_seal(std::string_view bytes,
                                                              std::string_view file_name,
                                                              std::uint64_t offset);

struct RecoveredStream {
  std::string content;
  bool sealed = false;
};

/// The stream in the file at `path`, without a torn end. Needs memory for all of it: a log is as
/// long as LevelDB's write buffer. Errors: corrupt_data, with file and offset · as Disk.
[[nodiscard]] Result<RecoveredStream> recover_stream(Disk& disk, const std::string& path);

}  // namespace raftkit::storage
