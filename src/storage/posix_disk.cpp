#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "raftkit/disk.hpp"

#include "storage/path.hpp"
#include "storage/posix_file.hpp"

namespace raftkit::storage {

namespace {

using posix::Descriptor;
using posix::open_descriptor;
using posix::system_error;
using posix::without_interruption;

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// flock belongs to the open file, not to the process: a second open by this process is refused as
/// anybody else's, closing some other descriptor of the file changes nothing, and the kernel
/// releases it with the last descriptor. A child made by fork shares it and can end without
/// releasing it, because we close and never unlock.
class PosixLock final : public FileLock {
 public:
  explicit PosixLock(Descriptor file) : file_(std::move(file)) {}

 private:
  Descriptor file_;
};

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, Open mode) override {
    return posix::open_writable(path, mode);
  }

  Result<std::unique_ptr<ReadableFile>> open_readable(const std::string& path) override {
    return posix::open_readable(path);
  }

  bool exists(const std::string& path) override {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    if (stream == nullptr) return system_error("list", directory, errno);
    std::vector<std::string> names;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream.get());  // NOLINT(concurrency-mt-unsafe): own stream
      if (entry == nullptr) break;
      const std::string_view name(&entry->d_name[0]);
      if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return system_error("list", directory, errno);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<std::uint64_t> file_size(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return system_error("examine", path, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<void> create_directories(const std::string& path) override {
    if (is_directory(path)) return {};
    const std::string parent = parent_directory(path);
    if (parent != path) {
      if (auto made = create_directories(parent); !made) return made;
    }
    constexpr mode_t kOwnerOnly = 0700;
    if (::mkdir(path.c_str(), kOwnerOnly) != 0) {
      const int number = errno;
      if (number == EEXIST && is_directory(path)) return {};  // somebody else was faster
      return system_error("create directory", path, number);
    }
    return sync_directory(parent);
  }

  Result<void> remove_file(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path, errno);
    return {};
  }

  Result<void> remove_tree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    if (error) return system_error("remove", path, error.value());
    return {};
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      return system_error("rename to " + to + " from", from, errno);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    const Descriptor directory = open_descriptor(path, O_RDONLY | O_DIRECTORY);
    if (!directory.is_open()) return system_error("open directory", path, errno);
    const int result = without_interruption([&] { return ::fsync(directory.number()); });
    if (result != 0) return system_error("sync directory", path, errno);
    return {};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    Descriptor file = open_descriptor(path, O_RDWR | O_CREAT);
    // Who may only read, or on a file system that is read-only, can still find out who uses it.
    if (!file.is_open() && (errno == EROFS || errno == EACCES))
      file = open_descriptor(path, O_RDONLY);
    if (!file.is_open()) return system_error("open lock file", path, errno);
    const int result =
        without_interruption([&] { return ::flock(file.number(), LOCK_EX | LOCK_NB); });
    if (result == 0) return std::make_unique<PosixLock>(std::move(file));
    if (errno == EWOULDBLOCK)
      return Error(Errc::already_locked, "cannot lock " + path + ": it is in use already");
    return system_error("lock", path, errno);
  }

  Result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return system_error("examine", path, errno);
    return std::uint64_t{status.f_bavail} * status.f_frsize;
  }
};

}  // namespace

Disk& posix_disk() {
  static PosixDisk disk;
  return disk;
}

}  // namespace raftkit::storage
