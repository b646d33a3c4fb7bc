#include "storage/framed_stream.hpp"

#include <limits>

#include "storage/encoding.hpp"
#include "storage/path.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage {

namespace {

constexpr std::uint32_t kMagic = 0x6d72666b;  // "kfrm"
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kChecksumEnd = 8;  // magic and checksum, which it does not cover

struct Frame {
  FrameKind kind = FrameKind::data;
  std::uint64_t durable = 0;
  std::string_view payload;

  [[nodiscard]] std::size_t size() const { return kFrameHeaderBytes + payload.size(); }
};

std::uint32_t checksum(std::string_view file_name, std::string_view frame) {
  return wire::crc32c(bytes_of(frame.substr(kChecksumEnd)), wire::crc32c(bytes_of(file_name)));
}

/// The frame at the front of `bytes`, which lie at `offset` of the file, if there is one that
/// verifies.
std::optional<Frame> frame_in(std::string_view bytes, std::uint64_t offset, std::string_view name) {
  RecordReader header(bytes.substr(0, kFrameHeaderBytes));
  const auto magic = header.take<std::uint32_t>();
  const auto crc = header.take<std::uint32_t>();
  const auto length = header.take<std::uint32_t>();
  const auto version = header.take<std::uint8_t>();
  const auto kind = header.take<std::uint8_t>();
  header.take<std::uint16_t>();
  const auto place = header.take<std::uint64_t>();
  const auto durable = header.take<std::uint64_t>();
  if (header.failed() || magic != kMagic || version != kVersion || place != offset ||
      length > bytes.size() - kFrameHeaderBytes)
    return std::nullopt;
  const std::string_view frame = bytes.substr(0, kFrameHeaderBytes + length);
  if (checksum(name, frame) != crc) return std::nullopt;
  return Frame{static_cast<FrameKind>(kind), durable, frame.substr(kFrameHeaderBytes)};
}

std::optional<Frame> frame_at(std::string_view file, std::size_t offset, std::string_view name) {
  return frame_in(file.substr(offset), offset, name);
}

/// Whether some frame behind `offset`, where none verifies, says that `offset` was durable.
bool was_durable(std::string_view file, std::size_t offset, std::string_view name) {
  std::string magic;
  put<std::uint32_t>(magic, kMagic);
  for (auto at = file.find(magic, offset + 1); at != std::string_view::npos;
       at = file.find(magic, at + 1)) {
    const auto frame = frame_at(file, at, name);
    if (frame && frame->durable > offset) return true;
  }
  return false;
}

}  // namespace

void finish_frame(std::string& frame,
                  std::string_view file_name,
                  FrameKind kind,
                  const FramePlace& place) {
  std::string header;
  header.reserve(kFrameHeaderBytes);
  put<std::uint32_t>(header, kMagic);
  put<std::uint32_t>(header, 0);
  put<std::uint32_t>(header, static_cast<std::uint32_t>(frame.size() - kFrameHeaderBytes));
  put<std::uint8_t>(header, kVersion);
  put<std::uint8_t>(header, static_cast<std::uint8_t>(kind));
  put<std::uint16_t>(header, 0);
  put<std::uint64_t>(header, place.offset);
  put<std::uint64_t>(header, place.durable);
  frame.replace(0, kFrameHeaderBytes, header);

  std::string crc;
  put<std::uint32_t>(crc, checksum(file_name, frame));
  frame.replace(sizeof kMagic, crc.size(), crc);
}

std::optional<std::string_view> payload_of_seal(std::string_view bytes,
                                                std::string_view file_name,
                                                std::uint64_t offset) {
  const auto frame = frame_in(bytes, offset, file_name);
  if (!frame || frame->kind != FrameKind::seal || frame->size() != bytes.size())
    return std::nullopt;
  return frame->payload;
}

Result<RecoveredStream> recover_stream(Disk& disk, const std::string& path) {
  auto file = read_file(disk, path, std::numeric_limits<std::size_t>::max());
  if (!file) return std::move(file).error();
  const std::string_view name = file_name(path);

  RecoveredStream stream;
  std::size_t offset = 0;
  while (offset < file->size() && !stream.sealed) {
    const auto frame = frame_at(*file, offset, name);
    if (!frame) {
      if (!was_durable(*file, offset, name)) break;
      return Error(Errc::corrupt_data, path + " is damaged at offset " + std::to_string(offset));
    }
    stream.sealed = frame->kind == FrameKind::seal;
    stream.content.append(frame->payload);
    offset += frame->size();
  }
  return stream;
}

}  // namespace raftkit::storage
