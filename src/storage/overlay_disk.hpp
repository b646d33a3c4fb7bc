// A disk to look at another one with, by programs that write: nothing reaches the other one.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "raftkit/disk.hpp"

namespace raftkit::storage {

/// Shows what is on another disk, which must outlive it, and keeps in memory what is changed: 4 KiB
/// for each piece of a file that is written. Syncs do nothing, there is always room. A lock whose
/// file is there is taken below, so that nobody changes what is looked at; any other one is given
/// to whoever asks. Thread-safe.
class OverlayDisk final : public Disk {
 public:
  explicit OverlayDisk(Disk& below) : below_(below) {}

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, Open mode) override;
  Result<std::unique_ptr<ReadableFile>> open_readable(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<std::uint64_t> file_size(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;

 private:
  class Content;
  class Writer;
  class Reader;
  using ContentPtr = std::shared_ptr<Content>;

  /// What is at `path`, with what was changed. Errors: not_found · as the disk below.
  [[nodiscard]] Result<ContentPtr> find(const std::string& path);
  [[nodiscard]] bool is_there(const std::string& path) const;
  [[nodiscard]] Result<std::vector<std::string>> names_in(const std::string& directory) const;

  Disk& below_;
  std::mutex mutex_;  // guards everything below
  /// Null: removed.
  std::map<std::string, ContentPtr> files_;
  std::set<std::string> made_;     // directories
  std::set<std::string> removed_;  // directories of the disk below
};

}  // namespace raftkit::storage
