#include "storage/wal/segment.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "storage/encoding.hpp"

namespace raftkit::storage::wal {

namespace {

constexpr std::string_view kSuffix = ".wal";
constexpr std::size_t kDigits = 16;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

/// Whether the header is that of a frame that lies at `offset` of a file of `size`.
bool is_in_place(const FrameHeader& header, std::uint64_t offset, std::uint64_t size) {
  return header.offset == offset && header.durable <= offset && header.size() <= size - offset;
}

std::string path_of(const std::string& directory, const SegmentId& segment) {
  return directory + "/" + segment_name(segment.sequence);
}

std::string unfinished_path_of(const std::string& directory, const SegmentId& segment) {
  return path_of(directory, segment) + std::string(kUnfinished);
}

/// Gives `file`, which is at unfinished_path_of(), at least `bytes`, its header and its name.
Result<std::unique_ptr<WritableFile>> finish_segment(Disk& disk,
                                                     const std::string& directory,
                                                     std::unique_ptr<WritableFile> file,
                                                     const SegmentId& segment,
                                                     std::uint64_t bytes) {
  const std::string unfinished = unfinished_path_of(directory, segment);
  const std::string path = path_of(directory, segment);
  Result<void> done = file->preallocate(bytes);
  if (done) done = file->write_at(0, bytes_of(encode_header({segment, file->size()})));
  if (done) done = file->sync();
  if (done) done = disk.rename(unfinished, path);
  if (!done) {
    // It would only take room away from the next attempt.
    static_cast<void>(disk.remove_file(unfinished));
    return std::move(done).error();
  }
  if (auto synced = disk.sync_directory(directory); !synced) {
    // What had this name before is gone, so whatever the reason: nobody can go on as before.
    return Error(Errc::io_error, synced.error().message());
  }
  return file;
}

}  // namespace

std::string segment_name(std::uint64_t sequence) {
  std::array<char, kDigits> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), sequence, 16).ptr;
  const std::string number(digits.data(), end);
  return std::string(kDigits - number.size(), '0') + number + std::string(kSuffix);
}

std::optional<std::uint64_t> sequence_of(std::string_view name) {
  std::uint64_t sequence = 0;
  const char* begin = name.data();
  if (name.size() != kDigits + kSuffix.size() || !name.ends_with(kSuffix)) return std::nullopt;
  if (std::from_chars(begin, begin + kDigits, sequence, 16).ptr != begin + kDigits)
    return std::nullopt;
  return segment_name(sequence) == name ? std::optional(sequence) : std::nullopt;
}

Result<std::unique_ptr<WritableFile>> create_segment(Disk& disk,
                                                     const std::string& directory,
                                                     const SegmentId& segment,
                                                     std::uint64_t bytes) {
  auto file = disk.open_writable(unfinished_path_of(directory, segment), Disk::Open::truncate);
  if (!file) return file;
  return finish_segment(disk, directory, *std::move(file), segment, bytes);
}

Result<std::unique_ptr<WritableFile>> reuse_segment(Disk& disk,
                                                    const std::string& directory,
                                                    const std::string& spare,
                                                    const SegmentId& segment,
                                                    std::uint64_t bytes) {
  const std::string unfinished = unfinished_path_of(directory, segment);
  if (auto renamed = disk.rename(spare, unfinished); !renamed) return std::move(renamed).error();
  // A power loss may bring back its first name, under which it must be what it was.
  if (auto synced = disk.sync_directory(directory); !synced)
    return Error(Errc::io_error, synced.error().message());
  auto file = disk.open_writable(unfinished, Disk::Open::append);
  if (!file) return file;
  return finish_segment(disk, directory, *std::move(file), segment, bytes);
}

// --- Segment

Result<std::shared_ptr<const Segment>> Segment::open(Disk& disk, const std::string& path) {
  auto file = disk.open_readable(path);
  if (!file) return std::move(file).error();
  std::string header(kHeaderBytes, '\0');
  const auto read = (*file)->read_at(0, std::as_writable_bytes(std::span(header)));
  if (!read) return read.error();
  header.resize(*read);
  const auto decoded = decode_header(header);
  if (!decoded)
    return Error(Errc::corrupt_data, path + " is damaged: " + decoded.error().message());
  if ((*file)->size() != decoded->file_bytes)
    return Error(Errc::corrupt_data,
                 path + " is damaged: it has " + std::to_string((*file)->size()) +
                     " bytes, and was made with " + std::to_string(decoded->file_bytes));
  return std::make_shared<const Segment>(path, *decoded, *std::move(file));
}

Error Segment::damaged(std::uint64_t offset, std::string_view reason) const {
  return {Errc::corrupt_data,
          path_ + " is damaged at offset " + std::to_string(offset) + ": " + std::string(reason)};
}

Result<std::string_view> Segment::read(std::uint64_t offset,
                                       std::size_t size,
                                       std::string& buffer) const {
  buffer.resize(std::min<std::uint64_t>(size, this->size() - std::min(offset, this->size())));
  const auto read = file_->read_at(offset, std::as_writable_bytes(std::span(buffer)));
  if (!read) return read.error();
  buffer.resize(*read);
  return std::string_view(buffer);
}

Result<std::optional<Segment::Frame>> Segment::frame_at(std::uint64_t offset,
                                                        std::string& buffer) const {
  const auto front = read(offset, kFrameBytes, buffer);
  if (!front) return front.error();
  const auto header = decode_frame_header(*front);
  if (!header || !is_in_place(*header, offset, size())) return std::optional<Frame>();
  const auto bytes = read(offset, header->size(), buffer);
  if (!bytes) return bytes.error();
  return verified(*header, *bytes);
}

std::optional<Segment::Frame> Segment::verified(const FrameHeader& header,
                                                std::string_view bytes) const {
  if (bytes.size() < header.size()) return std::nullopt;
  const auto payload = bytes.substr(kFrameBytes, header.length);
  if (checksum(id(), bytes, payload) != header.crc) return std::nullopt;
  return Frame{header, payload};
}

Result<Segment::Rest> Segment::examine(std::uint64_t offset, std::uint32_t before) const {
  Rest rest{.end = offset};
  std::string chunk;
  std::string buffer;
  for (std::uint64_t begin = offset; begin < size() && !rest.was_durable; begin += kChunkBytes) {
    // A header may begin in this chunk and end in the next.
    const auto bytes = read(begin, kChunkBytes + kFrameBytes, chunk);
    if (!bytes) return bytes.error();
    for (auto at = bytes->find(kFrameMagic); at < kChunkBytes && !rest.was_durable;
         at = bytes->find(kFrameMagic, at + 1)) {
      const auto header = decode_frame_header(bytes->substr(at));
      if (!header || !is_in_place(*header, begin + at, size())) continue;
      const bool is_next = begin + at == offset && header->before == before;
      // Small ones mostly lie in one chunk.
      auto frame = verified(*header, bytes->substr(at));
      if (!frame && bytes->size() - at < header->size()) {
        auto found = frame_at(begin + at, buffer);
        if (!found) return found.error();
        frame = *found;
      }
      if (frame || is_next) rest.end = std::max(rest.end, begin + at + header->size());
      rest.was_durable = frame && header->durable > offset;
    }
  }
  return rest;
}

// --- SegmentScan

Result<std::optional<Segment::Frame>> SegmentScan::next() {
  const auto front = look(kFrameBytes);
  if (!front) return front.error();
  const auto header = decode_frame_header(*front);
  if (!header || header->before != before_ || !is_in_place(*header, offset_, segment_.size()))
    return std::optional<Segment::Frame>();
  const auto bytes = look(header->size());
  if (!bytes) return bytes.error();
  const auto frame = segment_.verified(*header, *bytes);
  if (!frame) return std::optional<Segment::Frame>();
  offset_ += header->size();
  before_ = header->crc;
  return frame;
}

Result<std::string_view> SegmentScan::look(std::size_t size) {
  const std::uint64_t behind = offset_ - window_begin_;
  if (behind + size > window_.size()) {
    const auto read = segment_.read(offset_, std::max(size, window_bytes_), window_);
    if (!read) return read;
    window_begin_ = offset_;
    return *read;
  }
  return std::string_view(window_).substr(behind);
}

}  // namespace raftkit::storage::wal
