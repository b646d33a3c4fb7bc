// A disk whose n-th operation of some kind fails.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "storage/disk_wrapper.hpp"

namespace raftkit::testing {

enum class DiskOperation : std::uint8_t {
  open,            ///< open_writable
  write,           ///< append, write_at, truncate
  reserve,         ///< preallocate
  sync,            ///< of a file
  sync_directory,  ///<
  rename,          ///<
  remove,          ///<
  change,          ///< any of the above
  read,            ///< open_readable, read_at
};

struct DiskFault {
  DiskOperation operation = DiskOperation::change;
  std::uint64_t nth = 1;  ///< counted from when the fault was set
  Errc code = Errc::io_error;
  bool lasts = false;     ///< everything that matches fails from then on, as after a power loss
  std::string path = {};  ///< only where the path contains this
};

/// Passes everything on to `inner` except what the fault says. Thread-safe.
class FaultyDisk final : public storage::DiskWrapper {
 public:
  explicit FaultyDisk(storage::Disk& inner) : DiskWrapper(inner) {}

  void set(DiskFault fault) {
    const std::lock_guard lock(mutex_);
    fault_ = std::move(fault);
    matched_ = 0;
  }
  void heal() {
    const std::lock_guard lock(mutex_);
    fault_.reset();
  }
  /// Operations that matched the fault, failed or not.
  [[nodiscard]] std::uint64_t matched() const {
    const std::lock_guard lock(mutex_);
    return matched_;
  }

  Result<std::unique_ptr<storage::WritableFile>> open_writable(const std::string& path,
                                                               Open mode) override {
    if (auto ok = check(DiskOperation::open, path); !ok) return std::move(ok).error();
    auto file = DiskWrapper::open_writable(path, mode);
    if (!file) return file;
    return std::make_unique<Writer>(*this, path, *std::move(file));
  }
  Result<std::unique_ptr<storage::ReadableFile>> open_readable(const std::string& path) override {
    if (auto ok = check(DiskOperation::read, path); !ok) return std::move(ok).error();
    auto file = DiskWrapper::open_readable(path);
    if (!file) return file;
    return std::make_unique<Reader>(*this, path, *std::move(file));
  }
  Result<void> remove_file(const std::string& path) override {
    if (auto ok = check(DiskOperation::remove, path); !ok) return ok;
    return DiskWrapper::remove_file(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    if (auto ok = check(DiskOperation::rename, to); !ok) return ok;
    return DiskWrapper::rename(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    if (auto ok = check(DiskOperation::sync_directory, path); !ok) return ok;
    return DiskWrapper::sync_directory(path);
  }

 private:
  class Writer final : public storage::WritableFileWrapper {
   public:
    Writer(FaultyDisk& disk, std::string path, std::unique_ptr<storage::WritableFile> inner)
        : WritableFileWrapper(std::move(inner)), disk_(disk), path_(std::move(path)) {}

    Result<void> append(std::span<const std::byte> bytes) override {
      if (auto ok = disk_.check(DiskOperation::write, path_); !ok) return ok;
      return WritableFileWrapper::append(bytes);
    }
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      if (auto ok = disk_.check(DiskOperation::write, path_); !ok) return ok;
      return WritableFileWrapper::write_at(offset, bytes);
    }
    Result<void> preallocate(std::uint64_t size) override {
      if (auto ok = disk_.check(DiskOperation::reserve, path_); !ok) return ok;
      return WritableFileWrapper::preallocate(size);
    }
    Result<void> truncate(std::uint64_t size) override {
      if (auto ok = disk_.check(DiskOperation::write, path_); !ok) return ok;
      return WritableFileWrapper::truncate(size);
    }
    Result<void> sync() override {
      if (auto ok = disk_.check(DiskOperation::sync, path_); !ok) return ok;
      return WritableFileWrapper::sync();
    }

   private:
    FaultyDisk& disk_;
    std::string path_;
  };

  class Reader final : public storage::ReadableFile {
   public:
    Reader(FaultyDisk& disk, std::string path, std::unique_ptr<storage::ReadableFile> inner)
        : disk_(disk), path_(std::move(path)), inner_(std::move(inner)) {}

    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                              std::span<std::byte> buffer) const override {
      if (auto ok = disk_.check(DiskOperation::read, path_); !ok) return std::move(ok).error();
      return inner_->read_at(offset, buffer);
    }
    [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }

   private:
    FaultyDisk& disk_;
    std::string path_;
    std::unique_ptr<storage::ReadableFile> inner_;
  };

  Result<void> check(DiskOperation operation, const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (!fault_ || path.find(fault_->path) == std::string::npos) return {};
    const bool changes = operation != DiskOperation::read;
    if (fault_->operation != operation && !(fault_->operation == DiskOperation::change && changes))
      return {};
    ++matched_;
    if (matched_ < fault_->nth || (matched_ > fault_->nth && !fault_->lasts)) return {};
    return Error(fault_->code, path + ": an injected fault");
  }

  mutable std::mutex mutex_;  // guards both
  std::optional<DiskFault> fault_;
  std::uint64_t matched_ = 0;
};

}  // namespace raftkit::testing
