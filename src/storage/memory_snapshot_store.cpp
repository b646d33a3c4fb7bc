#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "raftkit/storage.hpp"

#include "storage/encoding.hpp"

namespace raftkit::storage {

namespace {

struct Snapshot {
  SnapshotMeta meta;
  std::string content;
};

/// Shared by the store and its sinks, which may outlive it. Thread-safe.
class Shelf {
 public:
  void put(Snapshot snapshot) {
    const std::lock_guard lock(mutex_);
    const EntryId last = snapshot.meta.last;
    snapshots_.insert_or_assign(last, std::make_shared<const Snapshot>(std::move(snapshot)));
  }
  std::shared_ptr<const Snapshot> find(EntryId last) const {
    const std::lock_guard lock(mutex_);
    const auto found = snapshots_.find(last);
    return found == snapshots_.end() ? nullptr : found->second;
  }
  std::vector<SnapshotMeta> list() const {
    const std::lock_guard lock(mutex_);
    std::vector<SnapshotMeta> metas;
    for (const auto& [last, snapshot] : snapshots_)
      metas.push_back(snapshot->meta);
    return metas;
  }
  void remove(EntryId last) {
    const std::lock_guard lock(mutex_);
    snapshots_.erase(last);
  }

 private:
  mutable std::mutex mutex_;  // guards snapshots_
  std::map<EntryId, std::shared_ptr<const Snapshot>> snapshots_;
};

class MemorySource final : public SnapshotSource {
 public:
  explicit MemorySource(std::shared_ptr<const Snapshot> snapshot)
      : snapshot_(std::move(snapshot)) {}

  [[nodiscard]] const SnapshotMeta& meta() const override { return snapshot_->meta; }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    const std::string& content = snapshot_->content;
    const std::size_t count = std::min(buffer.size(), content.size() - position_);
    std::memcpy(buffer.data(), content.data() + position_, count);
    position_ += count;
    return count;
  }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::size_t position_ = 0;
};

class MemorySink final : public SnapshotSink {
 public:
  MemorySink(std::shared_ptr<Shelf> shelf, SnapshotMeta meta)
      : shelf_(std::move(shelf)), snapshot_(Snapshot{std::move(meta), {}}) {}

  Result<void> write(std::span<const std::byte> bytes) override {
    if (!snapshot_) return Error(Errc::invalid_argument, "the snapshot is committed already");
    snapshot_->content += text_of(bytes);
    return {};
  }
  Result<void> commit() override {
    if (!snapshot_) return Error(Errc::invalid_argument, "the snapshot is committed already");
    shelf_->put(*std::move(snapshot_));
    snapshot_.reset();
    return {};
  }

 private:
  std::shared_ptr<Shelf> shelf_;
  std::optional<Snapshot> snapshot_;  // until committed
};

class MemorySnapshotStore final : public SnapshotStore {
 public:
  Result<std::vector<SnapshotMeta>> list() override { return shelf_->list(); }

  Result<std::unique_ptr<SnapshotSink>> create(const SnapshotMeta& meta) override {
    if (meta.membership == nullptr)
      return Error(Errc::invalid_argument, "a snapshot without a membership");
    return std::make_unique<MemorySink>(shelf_, meta);
  }

  Result<std::unique_ptr<SnapshotSource>> open(EntryId last) override {
    auto snapshot = shelf_->find(last);
    if (snapshot == nullptr) return Error(Errc::not_found, "no snapshot " + to_string(last));
    return std::make_unique<MemorySource>(std::move(snapshot));
  }

  Result<void> remove(EntryId last) override {
    shelf_->remove(last);
    return {};
  }

 private:
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

}  // namespace

std::unique_ptr<SnapshotStore> make_memory_snapshot_store() {
  return std::make_unique<MemorySnapshotStore>();
}

}  // namespace raftkit::storage
