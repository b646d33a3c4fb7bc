// A disk in memory that can lose power: what was not synced may be lost, in parts and out of order.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "raftkit/disk.hpp"

#include "testing/disk_image.hpp"

namespace raftkit::testing {

/// What a power loss keeps of the writes that no sync covered.
enum class Survivors : std::uint8_t {
  none,
  oldest,  ///< a prefix
  newest,  ///< a suffix: the adversary's choice
  any,     ///< each 512-byte sector by the toss of a coin
  all,
};

/// Files hold durable bytes and writes that wait for a sync, cut into sectors; directories hold
/// durable names and changes that wait for a sync of the directory. Directories themselves are
/// durable when made. Renames stay within a directory. Thread-safe: one lock around everything.
class MemoryDisk final : public storage::Disk {
 public:
  MemoryDisk();
  ~MemoryDisk() override;

  /// Pulls the plug: unsynced writes survive as `survivors` says, of the changes of each directory
  /// a prefix does. Everything opened before fails from now on; locks are gone.
  void lose_power(std::uint64_t seed, Survivors survivors);

  /// After so many more changes, be they of bytes or names, or syncs, every one fails with
  /// io_error, until lose_power().
  void fail_after(std::uint64_t changes);

  /// After so many more syncs of files one fails, and takes with it what it should have made
  /// durable; readers still see it until the next power loss.
  void fail_sync_after(std::uint64_t syncs);

  /// As free_bytes() promises and writes beyond it find out.
  void set_capacity(std::uint64_t bytes);

  /// For damage: all files, and their bytes as a reader sees them.
  [[nodiscard]] std::vector<std::string> files() const;
  [[nodiscard]] std::string content(const std::string& path) const;
  void set_content(const std::string& path, const std::string& bytes);

  /// After lose_power(), before anything else; restore() makes what was opened since useless.
  [[nodiscard]] DiskImage image() const;
  void restore(const DiskImage& image);
  /// Whether there is a damaged file, or would be after a power loss.
  [[nodiscard]] bool is_damaged() const;

  Result<std::unique_ptr<storage::WritableFile>> open_writable(const std::string& path,
                                                               Open mode) override;
  Result<std::unique_ptr<storage::ReadableFile>> open_readable(const std::string& path) override;
  bool exists(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;
  Result<std::uint64_t> file_size(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<void> remove_file(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<storage::FileLock>> lock(const std::string& path) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;

 private:
  struct Inode;
  struct Directory;
  class Writer;
  class Reader;
  class Lock;
  using InodePtr = std::shared_ptr<Inode>;

  [[nodiscard]] InodePtr find(const std::string& path) const;
  [[nodiscard]] std::uint64_t used_bytes() const;
  /// Whether another change works.
  [[nodiscard]] bool can_change();
  /// Whether this sync is the one that fails.
  [[nodiscard]] bool loses_sync();

  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, Directory> directories_;
  std::set<std::string> locked_;
  std::uint64_t capacity_ = std::uint64_t{1} << 40;
  std::optional<std::uint64_t> changes_left_;
  std::optional<std::uint64_t> syncs_left_;
  std::uint64_t boots_ = 0;  // power losses so far; handles of an earlier boot are dead
};

}  // namespace raftkit::testing
