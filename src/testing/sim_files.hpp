// The production stores of a simulated node, and the disk that they are on.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "raftkit/log_storage.hpp"
#include "raftkit/snapshot.hpp"

#include "core/random.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::testing {

enum class SimLogKind : std::uint8_t { leveldb, wal };

/// Owner: SimLog.
class SimFiles {
 public:
  explicit SimFiles(SimLogKind kind) : kind_(kind) { open(); }
  /// Closed.
  SimFiles(SimLogKind kind, const DiskImage& image) : kind_(kind) { restore(image); }
  ~SimFiles() { close(); }  // the database waits for its own work
  SimFiles(const SimFiles&) = delete;
  SimFiles& operator=(const SimFiles&) = delete;

  [[nodiscard]] SimLogKind kind() const { return kind_; }
  [[nodiscard]] LogStorage& log() { return *log_; }
  [[nodiscard]] SnapshotStore& snapshots() { return *snapshots_; }
  [[nodiscard]] MemoryDisk& disk() { return disk_; }
  [[nodiscard]] bool is_open() const { return snapshots_ != nullptr; }
  /// Errors: those of the stores, which are closed then.
  [[nodiscard]] Result<void> try_open();

  /// The log's own work, for which it has no thread here.
  void work();
  /// Perhaps more than once: also while the stores recover. Returns how often they were
  /// interrupted. They are open afterwards, unless something is damaged.
  std::size_t lose_power(core::Random& random);
  /// What was on the disk after that, before the stores recovered.
  [[nodiscard]] const DiskImage& image() const { return image_; }
  /// The same disk with something else on it; closed.
  void restore(const DiskImage& image);

  using Snapshots = std::map<EntryId, std::string>;
  /// Whatever the log and the snapshots say when all of it is read.
  struct Content {
    std::optional<LoadedLog> log;
    std::vector<Entry> entries;
    Snapshots snapshots;
  };
  [[nodiscard]] Result<Content> read_all();
  /// So that a batch with entries is refused, and everything else has room.
  void fill();
  void make_room();

 private:
  void open();
  void close();
  [[nodiscard]] Result<std::unique_ptr<LogStorage>> open_log();
  [[nodiscard]] Result<std::vector<Entry>> read_entries(const LoadedLog& held);
  [[nodiscard]] Result<Snapshots> read_snapshots();

  const SimLogKind kind_;
  MemoryDisk disk_;
  DiskImage image_;
  core::Random numbers_{0x3a11};  // of logs and of their lives
  std::deque<std::function<void()>> background_;
  std::unique_ptr<LogStorage> log_;
  std::unique_ptr<SnapshotStore> snapshots_;
};

}  // namespace raftkit::testing
