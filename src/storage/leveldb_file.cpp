#include "storage/leveldb_file.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "storage/encoding.hpp"
#include "storage/framed_stream.hpp"
#include "storage/path.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage {

namespace {

/// A text that was read at once.
class TextFile final : public leveldb::SequentialFile {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}

  leveldb::Status Read(std::size_t n, leveldb::Slice* result, char* scratch) override {
    const std::size_t count = std::min(n, text_.size() - position_);
    std::memcpy(scratch, text_.data() + position_, count);
    position_ += count;
    *result = leveldb::Slice(scratch, count);
    return leveldb::Status::OK();
  }
  leveldb::Status Skip(std::uint64_t n) override {
    position_ += static_cast<std::size_t>(std::min<std::uint64_t>(n, text_.size() - position_));
    return leveldb::Status::OK();
  }

 private:
  std::string text_;
  std::size_t position_ = 0;
};

class TableFile final : public leveldb::RandomAccessFile {
 public:
  /// `content`: all of it, if that is known already.
  TableFile(std::unique_ptr<ReadableFile> file, std::string content)
      : file_(std::move(file)), content_(std::move(content)) {}

  leveldb::Status Read(std::uint64_t offset,
                       std::size_t n,
                       leveldb::Slice* result,
                       char* scratch) const override {
    if (!content_.empty()) {
      const std::string_view bytes =
          std::string_view(content_).substr(std::min<std::uint64_t>(offset, content_.size()), n);
      *result = leveldb::Slice(bytes.data(), bytes.size());
      return leveldb::Status::OK();
    }
    const auto count = file_->read_at(offset, std::as_writable_bytes(std::span(scratch, n)));
    *result = leveldb::Slice(scratch, count ? *count : 0);
    return count ? leveldb::Status::OK() : to_status(count.error());
  }

 private:
  std::unique_ptr<ReadableFile> file_;
  std::string content_;
};

/// What a seal covers of the end of its file.
constexpr std::size_t kSealedBytes = 65536;
constexpr std::size_t kSealBytes = kFrameHeaderBytes + sizeof(std::uint32_t);
constexpr std::string_view kCurrent = "CURRENT";

std::string checksum_of(std::string_view end) {
  std::string bytes;
  put<std::uint32_t>(bytes, wire::crc32c(bytes_of(end)));
  return bytes;
}

/// What the seal covers, and the seal.
Result<std::string> read_sealed(const ReadableFile& file, const std::string& path) {
  std::string end(std::min<std::uint64_t>(file.size(), kSealedBytes + kSealBytes), '\0');
  const auto read = file.read_at(file.size() - end.size(), std::as_writable_bytes(std::span(end)));
  if (!read) return read.error();
  const std::size_t at = end.size() - std::min(end.size(), kSealBytes);
  const auto sealed = payload_of_seal(
      std::string_view(end).substr(at), file_name(path), file.size() - end.size() + at);
  if (sealed == checksum_of(std::string_view(end).substr(0, at))) return end;
  return Error(Errc::corrupt_data, path + " does not end as the file of this name did");
}

/// Whether a log that was written after `path` lies beside it.
Result<bool> has_successor(Disk& disk, const std::string& path) {
  const std::string directory = parent_directory(path);
  const auto names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    // Names are numbers, zero-filled to six digits: a longer one is larger.
    const std::string_view own = file_name(path);
    const bool is_later =
        name.size() > own.size() || (name.size() == own.size() && std::string_view(name) > own);
    if (role_of(name) != LevelDbRole::log || !is_later) continue;
    const auto size = disk.file_size(directory + "/" + name);
    if (size && *size > 0) return true;
  }
  return false;
}

/// A log is sealed before its successor is made, so one that ends early and has a successor with
/// something in it has lost durable bytes. (An empty successor proves nothing: recovery makes it
/// before it is done with the old log.)
Result<void> check_end(Disk& disk, const std::string& path, const RecoveredStream& stream) {
  if (stream.sealed || role_of(path) != LevelDbRole::log) return {};
  const auto followed = has_successor(disk, path);
  if (!followed) return followed.error();
  if (*followed)
    return Error(Errc::corrupt_data, path + " has lost its end, though a later log was used");
  return {};
}

}  // namespace

leveldb::Status to_status(const Error& error) {
  const std::string text = error.message();
  if (error == Errc::not_found) return leveldb::Status::NotFound(text);
  if (error == Errc::corrupt_data) return leveldb::Status::Corruption(text);
  return leveldb::Status::IOError(text);
}

LevelDbRole role_of(std::string_view path) {
  const std::string_view name = file_name(path);
  if (name.ends_with(".log")) return LevelDbRole::log;
  if (name.starts_with("MANIFEST-")) return LevelDbRole::manifest;
  if (name.ends_with(".ldb")) return LevelDbRole::table;
  if (name == kCurrent || name.ends_with(".dbtmp")) return LevelDbRole::current;
  return LevelDbRole::other;
}

void LevelDbShared::add_log(LevelDbFile& log) {
  const std::lock_guard lock(mutex_);
  logs_.push_back(&log);
}

void LevelDbShared::remove_log(LevelDbFile& log) {
  const std::lock_guard lock(mutex_);
  std::erase(logs_, &log);
}

Result<void> LevelDbShared::seal_logs(const std::string& directory) {
  const std::lock_guard lock(mutex_);
  for (LevelDbFile* log : logs_) {
    if (parent_directory(log->path()) != directory) continue;
    if (auto sealed = log->seal(); !sealed) return sealed;
  }
  return {};
}

LevelDbFile::LevelDbFile(LevelDbShared& shared,
                         std::string path,
                         std::unique_ptr<storage::WritableFile> file)
    : shared_(shared),
      path_(std::move(path)),
      role_(role_of(path_)),
      file_(std::move(file)),
      buffer_(is_framed() ? kFrameHeaderBytes : 0, '\0'),
      name_is_durable_(role_ == LevelDbRole::log) {
  if (role_ == LevelDbRole::log) shared_.add_log(*this);
}

LevelDbFile::~LevelDbFile() {  // see the header
  if (role_ == LevelDbRole::log) shared_.remove_log(*this);
  if (is_framed() && !shared_.failure()) (void)write_seal();
}

leveldb::Status LevelDbFile::Append(const leveldb::Slice& data) {
  constexpr std::size_t kBufferBytes = 65536;
  buffer_.append(data.data(), data.size());
  if (is_framed() || buffer_.size() < kBufferBytes) return leveldb::Status::OK();
  return shared_.change([this] { return write_out(); });
}

leveldb::Status LevelDbFile::Close() {
  return shared_.change([this] { return write_out(); });
}

leveldb::Status LevelDbFile::Flush() {
  // LevelDB flushes a table after each block, but reads none before it is synced.
  if (!is_framed()) return leveldb::Status::OK();
  return shared_.change([this] { return write_out(); });
}

leveldb::Status LevelDbFile::Sync() {
  return shared_.change([this] { return sync(); });
}

Result<void> LevelDbFile::seal() {
  if (auto written = write_seal(); !written) return written;
  return sync();
}

Result<void> LevelDbFile::write_seal() {
  if (is_sealed_) return {};
  if (auto written = write_out(); !written) return written;
  if (auto written = write_frame(FrameKind::seal); !written) return written;
  return reserved_ > size_ ? file_->truncate(size_) : Result<void>();
}

Result<void> LevelDbFile::seal_behind() {
  if (is_sealed_) return {};
  if (auto written = write_out(); !written) return written;
  buffer_.assign(kFrameHeaderBytes, '\0');
  buffer_ += checksum_of(end_);
  return write_frame(FrameKind::seal);
}

Result<void> LevelDbFile::write_out() {
  if (!is_framed()) return write_buffer();
  if (buffer_.size() == kFrameHeaderBytes) return {};
  return write_frame(FrameKind::data);
}

Result<void> LevelDbFile::write_frame(FrameKind kind) {
  // The name that it will have when it is read.
  const std::string_view name = role_ == LevelDbRole::current ? kCurrent : file_name(path_);
  finish_frame(buffer_, name, kind, {size_, durable_});
  is_sealed_ = kind == FrameKind::seal;
  return write_buffer();
}

Result<void> LevelDbFile::write_buffer() {
  if (role_ == LevelDbRole::log) reserve();
  if (auto written = file_->write_at(size_, bytes_of(buffer_)); !written) return written;
  size_ += buffer_.size();
  if (is_sealed_behind()) {
    end_ += buffer_;
    if (end_.size() > kSealedBytes) end_.erase(0, end_.size() - kSealedBytes);
  }
  buffer_.resize(is_framed() ? kFrameHeaderBytes : 0);
  return {};
}

void LevelDbFile::reserve() {
  // A sync that need not make a new size durable is a third faster: 10,100 instead of 7,200 small
  // writes a second. The zeros at the end are no frame.
  constexpr std::uint64_t kStep = std::uint64_t{256} << 10;
  const std::uint64_t end = size_ + buffer_.size();
  if (end <= reserved_) return;
  reserved_ = end + kStep;
  (void)file_->preallocate(reserved_);  // without room for it, the write itself may still fit
}

Result<void> LevelDbFile::sync() {
  if (is_sealed_behind()) {
    if (auto sealed = seal_behind(); !sealed) return sealed;
  }
  if (auto written = write_out(); !written) return written;
  if (auto synced = file_->sync(); !synced) return synced;
  durable_ = size_;
  if (role_ == LevelDbRole::manifest) {
    // If the last frame rots after a kill, it looks torn, and with it goes what it knows: tables
    // whose logs are gone. So an empty frame, which nobody needs, vouches for it.
    if (auto written = write_frame(FrameKind::data); !written) return written;
  }
  if (name_is_durable_) return {};
  // A manifest names tables, and CURRENT a manifest: what is named must be found after a crash.
  name_is_durable_ = true;
  return shared_.disk().sync_directory(parent_directory(path_));
}

Result<std::unique_ptr<leveldb::SequentialFile>> open_sequential(Disk& disk,
                                                                 const std::string& path) {
  if (role_of(path) == LevelDbRole::current) {
    auto file = disk.open_readable(path);
    if (!file) return std::move(file).error();
    auto sealed = read_sealed(**file, path);
    if (!sealed) return std::move(sealed).error();
    sealed->resize(sealed->size() - kSealBytes);
    return std::make_unique<TextFile>(*std::move(sealed));
  }
  if (!is_framed(role_of(path))) {
    auto text = read_file(disk, path, std::numeric_limits<std::size_t>::max());
    if (!text) return std::move(text).error();
    return std::make_unique<TextFile>(*std::move(text));
  }
  auto stream = recover_stream(disk, path);
  if (!stream) return std::move(stream).error();
  if (auto checked = check_end(disk, path, *stream); !checked) return std::move(checked).error();
  return std::make_unique<TextFile>(std::move(stream->content));
}

Result<std::unique_ptr<leveldb::RandomAccessFile>> open_random_access(Disk& disk,
                                                                      const std::string& path) {
  auto file = disk.open_readable(path);
  if (!file) return std::move(file).error();
  auto sealed = read_sealed(**file, path);
  if (!sealed) return std::move(sealed).error();
  // A small table is not read again: it is open for long, and may be damaged meanwhile.
  if (sealed->size() < (*file)->size()) sealed->clear();
  return std::make_unique<TableFile>(*std::move(file), *std::move(sealed));
}

}  // namespace raftkit::storage
