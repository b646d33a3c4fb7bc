#include "storage/posix_file.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace raftkit::storage::posix {

namespace {

Errc errc_of(int number) {
  switch (number) {
    case ENOENT:
      return Errc::not_found;
    case EEXIST:
      return Errc::already_exists;
    case ENOSPC:
    case EDQUOT:
      return Errc::out_of_space;
    default:
      return Errc::io_error;
  }
}

Result<std::uint64_t> size_of(const Descriptor& file, const std::string& path) {
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return system_error("examine", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  Result<void> append(std::span<const std::byte> bytes) override { return write_at(size_, bytes); }

  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto count = without_interruption([&] {
        return ::pwrite(file_.number(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      });
      if (count <= 0) return system_error("write", path_, count < 0 ? errno : EIO);
      const auto written = static_cast<std::size_t>(count);
      bytes = bytes.subspan(written);
      offset += written;
      size_ = std::max(size_, offset);
    }
    return {};
  }

  Result<void> preallocate(std::uint64_t size) override {
    if (size <= size_) return {};
    if (const int number = allocate(size); number != 0) {
      // A file system may have extended the file part of the way before it ran out of blocks.
      (void)without_interruption(
          [&] { return ::ftruncate(file_.number(), static_cast<off_t>(size_)); });
      return system_error("reserve space for", path_, number);
    }
    size_ = size;
    return {};
  }

  Result<void> truncate(std::uint64_t size) override {
    const int result =
        without_interruption([&] { return ::ftruncate(file_.number(), static_cast<off_t>(size)); });
    if (result != 0) return system_error("truncate", path_, errno);
    size_ = size;
    return {};
  }

  Result<void> sync() override {
    const int result = without_interruption([&] { return ::fdatasync(file_.number()); });
    if (result != 0) return system_error("sync", path_, errno);
    return {};
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

 private:
  /// 0 or an errno.
  [[nodiscard]] int allocate(std::uint64_t size) const {
    // A file system that is asked for more than it has may fill up first and refuse then, and so
    // starve everybody else for a moment.
    struct statvfs status {};
    if (::fstatvfs(file_.number(), &status) == 0 &&
        (size - size_) / status.f_frsize > status.f_bavail)
      return ENOSPC;
    // Not posix_fallocate: where the file system cannot allocate, it writes one byte per block.
    const int result = without_interruption([&] {
      return ::fallocate(
          file_.number(), 0, static_cast<off_t>(size_), static_cast<off_t>(size - size_));
    });
    if (result == 0) return 0;
    return errno == EOPNOTSUPP ? write_zeros(size) : errno;
  }

  [[nodiscard]] int write_zeros(std::uint64_t size) const {
    static constexpr std::array<std::byte, 65536> kZeros{};
    for (std::uint64_t offset = size_; offset < size;) {
      const auto step = std::min<std::uint64_t>(kZeros.size(), size - offset);
      const auto count = without_interruption([&] {
        return ::pwrite(file_.number(), kZeros.data(), step, static_cast<off_t>(offset));
      });
      if (count <= 0) return count < 0 ? errno : EIO;
      offset += static_cast<std::uint64_t>(count);
    }
    return 0;
  }

  std::string path_;
  Descriptor file_;
  std::uint64_t size_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, Descriptor file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                            std::span<std::byte> buffer) const override {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
      const auto count = without_interruption([&] {
        return ::pread(file_.number(),
                       buffer.data() + filled,
                       buffer.size() - filled,
                       static_cast<off_t>(offset + filled));
      });
      if (count < 0) return system_error("read", path_, errno);
      if (count == 0) break;
      filled += static_cast<std::size_t>(count);
    }
    return filled;
  }

  [[nodiscard]] std::uint64_t size() const override { return size_; }

 private:
  std::string path_;
  Descriptor file_;
  std::uint64_t size_;
};

/// `append` is not O_APPEND: with it, Linux ignores the offset of pwrite.
int flags_of(Disk::Open mode) {
  switch (mode) {
    case Disk::Open::create_new:
      return O_WRONLY | O_CREAT | O_EXCL;
    case Disk::Open::truncate:
      return O_WRONLY | O_CREAT | O_TRUNC;
    case Disk::Open::append:
      return O_WRONLY | O_CREAT;
  }
  return O_WRONLY;
}

}  // namespace

Error system_error(std::string_view verb, const std::string& path, int number) {
  return {
      errc_of(number),
      "cannot " + std::string(verb) + " " + path + ": " + std::generic_category().message(number)};
}

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

Descriptor open_descriptor(const std::string& path, int flags) {
  constexpr mode_t kOwnerOnly = 0600;
  return Descriptor(
      without_interruption([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kOwnerOnly); }));
}

Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, Disk::Open mode) {
  Descriptor file = open_descriptor(path, flags_of(mode));
  if (!file.is_open()) return system_error("open", path, errno);
  const auto size = size_of(file, path);
  if (!size) return size.error();
  return std::make_unique<PosixWritableFile>(path, std::move(file), *size);
}

Result<std::unique_ptr<ReadableFile>> open_readable(const std::string& path) {
  Descriptor file = open_descriptor(path, O_RDONLY);
  if (!file.is_open()) return system_error("open", path, errno);
  const auto size = size_of(file, path);
  if (!size) return size.error();
  return std::make_unique<PosixReadableFile>(path, std::move(file), *size);
}

}  // namespace raftkit::storage::posix
