// What a simulated node keeps on its disk: its log and its snapshots. What was not synced may be
// lost in a crash.
#pragma once

#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "raftkit/snapshot.hpp"

#include "storage/memory_log.hpp"
#include "testing/disk_image.hpp"
#include "testing/log_image.hpp"
#include "testing/sim_clock.hpp"

namespace raftkit::testing {

class SimFiles;

/// What the log and the snapshots are kept in.
enum class SimStores : std::uint8_t {
  in_memory,  ///< every batch is atomic, as LogStorage promises
  in_files,   ///< the production stores, on a disk that loses unsynced sectors and names
  in_wal,     ///< the same, with the log in a write-ahead log instead of LevelDB
};

/// Every answer of the production store is compared with what was written. Survives the process
/// that uses it; one thread. Owner: the node's disk.
class SimLog final : public LogStorage {
 public:
  explicit SimLog(SimStores stores);
  ~SimLog() override;

  Result<std::optional<LoadedLog>> load(GroupId group) override;
  Result<void> write(std::span<const PersistBatch> batches) override;
  Result<std::vector<Entry>> read(const LogRange& range) override;
  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override;

  [[nodiscard]] SnapshotStore& snapshots();
  /// As SnapshotStore::create; a crash ends it, whoever holds it.
  [[nodiscard]] Result<std::unique_ptr<SnapshotSink>> receive(const SnapshotMeta& snapshot);

  /// The process is gone. Of the batches that no sync covered, and after these of `unfinished`,
  /// which were being written, some survive: the first ones. Returns how many do not.
  std::size_t crash(core::Random& random, const std::vector<PersistBatch>& unfinished);

  // What is wrong with the disk until the next crash, or, if it is full, until there is room.
  // False: these stores know no such thing.

  /// After so many more changes all writes and syncs fail.
  bool fail_after(std::uint64_t changes);
  /// There is no room for entries.
  bool fill();
  void make_room();
  /// After so many more syncs one fails; none after it does.
  bool fail_sync_after(std::uint64_t syncs);
  [[nodiscard]] bool is_failing() const { return is_failing_; }
  [[nodiscard]] bool is_full() const { return is_full_; }
  /// Whether an error is what such a disk leads to.
  [[nodiscard]] bool is_excused(const Error& error) const;

  // Between a crash and the next start.

  /// Damages something. False: these stores know no such thing, or there is nothing of the kind.
  bool damage(DiskDamage kind, DamageScope scope, std::uint64_t seed);
  /// Errors: those of damaged stores.
  [[nodiscard]] Result<void> open();
  /// Whether there is damage that has not been found, or proven harmless.
  [[nodiscard]] bool is_damaged() const { return damage_.has_value(); }
  /// Whether the newest writes are gone and the stores do not say so.
  [[nodiscard]] bool has_lost_the_newest() const { return has_lost_the_newest_; }

  /// How often the last crash was followed by another one before the stores were open again.
  [[nodiscard]] std::size_t interrupted_recoveries() const { return interrupted_recoveries_; }
  /// A compaction that was said to have failed, and was found done after a crash: to what.
  [[nodiscard]] std::optional<std::pair<SnapshotMeta, Index>> take_compaction() {
    return std::exchange(compacted_, std::nullopt);
  }
  /// The batches that have become durable since the last call, in order.
  [[nodiscard]] std::vector<PersistBatch> take_durable() { return std::exchange(news_, {}); }

 private:
  class BorrowedSink;

  void end_received();
  void make_durable(const PersistBatch& batch);
  /// What the files hold beyond what is durable: the first ones of these batches, and perhaps a
  /// compaction that failed.
  struct Found {
    std::size_t batches = 0;
    bool has_compaction = false;
  };
  [[nodiscard]] Found find_survivors(const std::vector<PersistBatch>& maybe) const;
  void note_state();
  [[nodiscard]] Result<std::optional<LoadedLog>> load_damaged(GroupId group);
  void forget_healed_damage();
  /// Damages copies of the disk, and looks whether the stores notice.
  void try_damage(core::Random random);

  bool was_written_ = false;
  storage::MemoryLog live_;
  storage::MemoryLog durable_;
  std::vector<PersistBatch> unsynced_;
  std::vector<PersistBatch> news_;
  std::unique_ptr<SnapshotStore> snapshots_;  // null: in the files
  std::unique_ptr<SimFiles> files_;           // null: in memory
  std::vector<std::weak_ptr<std::unique_ptr<SnapshotSink>>> received_;
  std::optional<std::pair<SnapshotMeta, Index>> failed_compaction_;
  std::optional<std::pair<SnapshotMeta, Index>> compacted_;
  bool is_failing_ = false;
  bool is_full_ = false;
  std::size_t interrupted_recoveries_ = 0;
  std::optional<DamageScope> damage_;
  bool has_lost_the_newest_ = false;
  std::unordered_set<std::uint64_t> states_;  // of the log in files, that ever were durable, hashed
};

}  // namespace raftkit::testing
