#include "storage/snapshot_format.hpp"

#include <algorithm>
#include <cstring>

#include "storage/encoding.hpp"
#include "storage/path.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage {

namespace {

constexpr std::string_view kMagic = "rkitsnap";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kSuffix = ".snap";
constexpr std::size_t kFixedHeaderBytes = 8 + 4 + 8 + 8 + 4;
constexpr std::size_t kMaxMembershipBytes = std::size_t{1} << 20;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kChunkHeaderBytes = 4 + kCrcBytes;
constexpr std::size_t kEndBytes = 4 + kCrcBytes + 8;

std::string padded_hex(std::uint64_t value) {
  const std::string digits = to_hex(value);
  return std::string(16 - digits.size(), '0') + digits;
}

std::uint32_t chunk_crc(std::uint32_t header_crc, std::uint64_t offset, std::string_view bytes) {
  std::string place;
  put<std::uint64_t>(place, offset);
  return wire::crc32c(bytes_of(bytes), wire::crc32c(bytes_of(place), header_crc));
}

std::string encoded_end(std::uint32_t header_crc, std::uint64_t total) {
  std::string end;
  put<std::uint32_t>(end, 0);
  put<std::uint32_t>(end, chunk_crc(header_crc, total, ""));
  put<std::uint64_t>(end, total);
  return end;
}

}  // namespace

std::string snapshot_file_name(const EntryId& last) {
  return padded_hex(last.term.value) + "-" + padded_hex(last.index.value) + std::string(kSuffix);
}

bool is_snapshot_file_name(std::string_view name) {
  return name.ends_with(kSuffix);
}

Result<void> check_meta(const SnapshotMeta& meta) {
  if (meta.membership == nullptr)
    return Error(Errc::invalid_argument, "a snapshot without a membership");
  const Bytes membership = encode(*meta.membership);
  if (membership.size() > kMaxMembershipBytes)
    return Error(Errc::invalid_argument, "a snapshot with a membership that is too large");
  if (auto decoded = decode_membership(membership); !decoded)
    return Error(Errc::invalid_argument, "a snapshot: " + decoded.error().message());
  return {};
}

SnapshotFileWriter::SnapshotFileWriter(std::unique_ptr<WritableFile> file, const SnapshotMeta& meta)
    : file_(std::move(file)), pending_(kMagic), chunk_(kChunkHeaderBytes, '\0') {
  const Bytes membership = encode(*meta.membership);
  put<std::uint32_t>(pending_, kVersion);
  put<std::uint64_t>(pending_, meta.last.term.value);
  put<std::uint64_t>(pending_, meta.last.index.value);
  put<std::uint32_t>(pending_, static_cast<std::uint32_t>(membership.size()));
  pending_ += membership.view();
  header_crc_ = wire::crc32c(bytes_of(pending_));
  put<std::uint32_t>(pending_, header_crc_);
}

Result<void> SnapshotFileWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t room = kChunkHeaderBytes + kSnapshotChunkBytes - chunk_.size();
    const auto step = bytes.first(std::min(room, bytes.size()));
    chunk_ += text_of(step);
    bytes = bytes.subspan(step.size());
    if (step.size() < room) break;
    if (auto written = write_chunk(); !written) return written;
  }
  return {};
}

Result<void> SnapshotFileWriter::finish() {
  if (chunk_.size() > kChunkHeaderBytes) {
    if (auto written = write_chunk(); !written) return written;
  }
  pending_ += encoded_end(header_crc_, total_);
  if (auto written = file_->append(bytes_of(pending_)); !written) return written;
  return file_->sync();
}

Result<void> SnapshotFileWriter::write_chunk() {
  if (!pending_.empty()) {
    if (auto written = file_->append(bytes_of(pending_)); !written) return written;
    pending_.clear();
  }
  const std::string_view content = std::string_view(chunk_).substr(kChunkHeaderBytes);
  std::string header;
  put<std::uint32_t>(header, static_cast<std::uint32_t>(content.size()));
  put<std::uint32_t>(header, chunk_crc(header_crc_, total_, content));
  total_ += content.size();
  chunk_.replace(0, kChunkHeaderBytes, header);
  if (auto written = file_->append(bytes_of(chunk_)); !written) return written;
  chunk_.resize(kChunkHeaderBytes);
  if (total_ - synced_ < kSyncEvery) return {};
  synced_ = total_;
  return file_->sync();
}

Result<SnapshotFileReader> SnapshotFileReader::open(Disk& disk, const std::string& path) {
  auto file = disk.open_readable(path);
  if (!file) return std::move(file).error();
  SnapshotFileReader reader(*std::move(file), path);
  if (auto header = reader.read_header(); !header) return std::move(header).error();
  if (auto end = reader.check_end(); !end) return std::move(end).error();
  return reader;
}

Result<std::size_t> SnapshotFileReader::read(std::span<std::byte> buffer) {
  if (taken_ == chunk_.size() && !at_end_) {
    if (auto next = next_chunk(); !next) return std::move(next).error();
  }
  const std::size_t count = std::min(buffer.size(), chunk_.size() - taken_);
  std::memcpy(buffer.data(), chunk_.data() + taken_, count);
  taken_ += count;
  return count;
}

Result<void> SnapshotFileReader::read_header() {
  const auto fixed = bytes_at(0, kFixedHeaderBytes);
  if (!fixed) return fixed.error();
  if (!fixed->starts_with(kMagic)) return damaged(0, "no snapshot");
  RecordReader reader(std::string_view(*fixed).substr(kMagic.size()));
  if (reader.take<std::uint32_t>() != kVersion)
    return damaged(0, "unknown version, maybe of a newer release");
  const Term term{reader.take<std::uint64_t>()};
  meta_.last = {term, Index{reader.take<std::uint64_t>()}};
  const auto length = reader.take<std::uint32_t>();
  if (length > kMaxMembershipBytes) return damaged(0, "membership too large");

  const auto rest = bytes_at(kFixedHeaderBytes, length + kCrcBytes);
  if (!rest) return rest.error();
  const std::string_view membership = std::string_view(*rest).substr(0, length);
  header_crc_ = wire::crc32c(bytes_of(membership), wire::crc32c(bytes_of(*fixed)));
  RecordReader crc(std::string_view(*rest).substr(length));
  if (crc.take<std::uint32_t>() != header_crc_) return damaged(0, "header: checksum mismatch");
  auto decoded = decode_membership(Bytes::copy_of(membership));
  if (!decoded) return damaged(0, decoded.error().message());
  meta_.membership = std::make_shared<const Membership>(*std::move(decoded));
  offset_ = kFixedHeaderBytes + length + kCrcBytes;
  if (file_name(path_) != snapshot_file_name(meta_.last))
    return damaged(0, "it holds snapshot " + to_string(meta_.last));
  return {};
}

Result<void> SnapshotFileReader::check_end() {
  if (file_->size() < offset_ + kEndBytes) return damaged(file_->size(), "it ends too early");
  const std::uint64_t place = file_->size() - kEndBytes;
  const auto end = bytes_at(place, kEndBytes);
  if (!end) return end.error();
  RecordReader reader(std::string_view(*end).substr(kChunkHeaderBytes));
  if (*end != encoded_end(header_crc_, reader.take<std::uint64_t>()))
    return damaged(place, "it ends too early");
  return {};
}

Result<void> SnapshotFileReader::next_chunk() {
  chunk_.clear();
  taken_ = 0;
  const auto header = bytes_at(offset_, kChunkHeaderBytes);
  if (!header) return header.error();
  RecordReader reader(*header);
  const auto length = reader.take<std::uint32_t>();
  const auto crc = reader.take<std::uint32_t>();
  if (length > kSnapshotChunkBytes) return damaged(offset_, "chunk too large");
  if (length == 0) {
    const auto end = bytes_at(offset_, kEndBytes);
    if (!end) return end.error();
    if (*end != encoded_end(header_crc_, total_) || offset_ + kEndBytes != file_->size())
      return damaged(offset_, "the end is not where it should be");
    at_end_ = true;
    return {};
  }
  auto content = bytes_at(offset_ + kChunkHeaderBytes, length);
  if (!content) return std::move(content).error();
  if (chunk_crc(header_crc_, total_, *content) != crc)
    return damaged(offset_, "chunk: checksum mismatch");
  chunk_ = *std::move(content);
  offset_ += kChunkHeaderBytes + length;
  total_ += length;
  return {};
}

Result<std::string> SnapshotFileReader::bytes_at(std::uint64_t offset, std::size_t count) const {
  std::string bytes(count, '\0');
  const auto found = file_->read_at(offset, std::as_writable_bytes(std::span(bytes)));
  if (!found) return found.error();
  if (*found < count) return damaged(offset, "it ends too early");
  return bytes;
}

Error SnapshotFileReader::damaged(std::uint64_t offset, const std::string& what) const {
  return {Errc::corrupt_data, path_ + " at offset " + std::to_string(offset) + ": " + what};
}

}  // namespace raftkit::storage
