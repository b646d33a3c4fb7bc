#include "storage/wal/segment.hpp"

#include <algorithm>
#include <charconv>
#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "storage/encoding.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage::wal {

namespace {

constexpr std::string_view kSuffix = ".wal";
constexpr std::size_t kDigits = 16;
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

/// Whether the header is that of a frame that lies at `offset` of a file of `size`.
bool is_in_place(const FrameHeader& header, std::uint64_t offset, std::uint64_t size) {
  return header.offset == offset && header.size() <= size - offset;
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

/// Finds the frames behind a place. Whoever chooses what entries hold can fill them with what looks
/// like headers of long frames, so none is summed on its own: a running checksum, of all that is
/// read, says for each of them what it will be at the end of the frame, if that is one.
class RestSearch {
 public:
  RestSearch(const Segment& segment, std::uint64_t offset, std::uint32_t before)
      : segment_(segment),
        offset_(offset),
        before_(before),
        max_begun_(kLeastBegun + segment.size() / kSectorBytes),
        rest_{.end = offset} {}

  Result<Segment::Rest> run() {
    for (std::uint64_t begin = offset_; begin < segment_.size() && !rest_.was_durable;) {
      const auto next = pass(begin);
      if (!next) return next.error();
      begin = *next;
    }
    return rest_;
  }

 private:
  static constexpr std::size_t kLeastBegun = 1024;

  struct Begun {
    std::uint64_t end;
    std::uint32_t sum;         ///< what sum_ is there, if this is a frame
    bool says_it_was_durable;  ///< what was at offset_

    bool operator>(const Begun& other) const { return end > other.end; }
  };

  /// Considers headers from `begin` on, as many as it keeps at a time, and returns where the others
  /// begin: since headers take room, few passes see them all.
  Result<std::uint64_t> pass(std::uint64_t begin) {
    std::uint64_t others = segment_.size();
    at_ = begin;
    for (chunk_begin_ = begin; chunk_begin_ < segment_.size() && !rest_.was_durable &&
                               (others == segment_.size() || !begun_.empty());
         chunk_begin_ += kChunkBytes) {
      // A header may begin in this chunk and end in the next.
      const std::uint64_t left = segment_.size() - chunk_begin_;
      const auto chunk = segment_.read(chunk_begin_, kChunkBytes + kFrameBytes, buffer_);
      if (!chunk) return chunk.error();
      if (chunk->size() < std::min<std::uint64_t>(left, kChunkBytes + kFrameBytes))
        return segment_.damaged(chunk_begin_ + chunk->size(), "the file ends there");
      chunk_ = *chunk;
      if (others == segment_.size()) others = consider_headers();
      advance(chunk_begin_ + std::min<std::uint64_t>(left, kChunkBytes));
    }
    return others;
  }

  std::uint64_t consider_headers() {
    for (auto at = chunk_.find(kFrameMagic); at < kChunkBytes && !rest_.was_durable;
         at = chunk_.find(kFrameMagic, at + 1)) {
      const std::uint64_t place = chunk_begin_ + at;
      const auto header = decode_frame_header(chunk_.substr(at));
      if (!header || !is_in_place(*header, place, segment_.size())) continue;
      const std::uint64_t end = place + header->size();
      if (place == offset_ && header->before == before_) rest_.end = std::max(rest_.end, end);
      if (begun_.size() == max_begun_) return place;
      advance(place + kFrameBytes);
      const std::uint32_t own = checksum(segment_.id(), chunk_.substr(at), {});
      begun_.push({end,
                   header->crc ^ wire::crc32c_shift(own ^ sum_, header->length),
                   header->durable > offset_});
    }
    return segment_.size();
  }

  /// Up to `place`, which lies in the chunk.
  void advance(std::uint64_t place) {
    for (; !begun_.empty() && begun_.top().end <= place; begun_.pop()) {
      const Begun& frame = begun_.top();
      add_up_to(frame.end);
      if (sum_ != frame.sum) continue;
      rest_.end = std::max(rest_.end, frame.end);
      rest_.was_durable = rest_.was_durable || frame.says_it_was_durable;
    }
    // What lies before all that is begun makes no difference.
    if (begun_.empty()) at_ = std::max(at_, place);
    add_up_to(place);
  }
  void add_up_to(std::uint64_t place) {
    if (place <= at_) return;
    sum_ = wire::crc32c(bytes_of(chunk_.substr(at_ - chunk_begin_, place - at_)), sum_);
    at_ = place;
  }

  const Segment& segment_;
  const std::uint64_t offset_;
  const std::uint32_t before_;
  const std::size_t max_begun_;
  Segment::Rest rest_;

  std::priority_queue<Begun, std::vector<Begun>, std::greater<>> begun_;  // the next end first
  std::uint64_t at_ = 0;  // sum_ is of all before it, from somewhere on
  std::uint32_t sum_ = 0;

  std::string buffer_;
  std::string_view chunk_;
  std::uint64_t chunk_begin_ = 0;
};

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
    return Error(Errc::corrupt_data,
                 path + " is damaged at offset 0: " + decoded.error().message());
  if ((*file)->size() != decoded->file_bytes)
    return Error(Errc::corrupt_data,
                 path + " is damaged at offset 0: it has " + std::to_string((*file)->size()) +
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
  return RestSearch(*this, offset, before).run();
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
  if (header->durable > offset_)
    return segment_.damaged(offset_, "it says that what came later was durable before");
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
