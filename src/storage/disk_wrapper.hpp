// Disks that stand in front of another one: override what should differ.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "raftkit/disk.hpp"

namespace raftkit::storage {

/// Passes everything on. Owner: as WritableFile.
class WritableFileWrapper : public WritableFile {
 public:
  explicit WritableFileWrapper(std::unique_ptr<WritableFile> inner) : inner_(std::move(inner)) {}

  Result<void> append(std::span<const std::byte> bytes) override { return inner_->append(bytes); }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return inner_->write_at(offset, bytes);
  }
  Result<void> preallocate(std::uint64_t size) override { return inner_->preallocate(size); }
  Result<void> truncate(std::uint64_t size) override { return inner_->truncate(size); }
  Result<void> sync() override { return inner_->sync(); }
  [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }

 private:
  std::unique_ptr<WritableFile> inner_;
};

/// Passes everything on; `inner` must outlive it. Thread-safe.
class DiskWrapper : public Disk {
 public:
  explicit DiskWrapper(Disk& inner) : inner_(inner) {}

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, Open mode) override {
    return inner_.open_writable(path, mode);
  }
  Result<std::unique_ptr<ReadableFile>> open_readable(const std::string& path) override {
    return inner_.open_readable(path);
  }
  bool exists(const std::string& path) override { return inner_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& directory) override {
    return inner_.list(directory);
  }
  Result<std::uint64_t> file_size(const std::string& path) override {
    return inner_.file_size(path);
  }
  Result<void> create_directories(const std::string& path) override {
    return inner_.create_directories(path);
  }
  Result<void> remove_file(const std::string& path) override { return inner_.remove_file(path); }
  Result<void> remove_tree(const std::string& path) override { return inner_.remove_tree(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return inner_.rename(from, to);
  }
  Result<void> sync_directory(const std::string& path) override {
    return inner_.sync_directory(path);
  }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    return inner_.lock(path);
  }
  Result<std::uint64_t> free_bytes(const std::string& path) override {
    return inner_.free_bytes(path);
  }

 private:
  Disk& inner_;
};

}  // namespace raftkit::storage
