// The store as raftkit replicates it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "raftkit/state_machine.hpp"

#include "mvcc/store.hpp"

namespace kvstore {

/// A state machine on disk: every batch of commands is written together with the index of its last
/// entry. Raft's log makes it durable; this store is synced only when the log is about to be
/// compacted.
///
/// Threads: the methods of StateMachine on raftkit's apply worker, the others on any.
class KvStateMachine final : public raftkit::StateMachine {
 public:
  /// Errors: io_error · out_of_space · corrupt_data.
  [[nodiscard]] static raftkit::Result<std::unique_ptr<KvStateMachine>> open(
      const mvcc::StoreOptions& options);

  /// There was nothing in the directory.
  [[nodiscard]] bool is_new() const { return store_->is_new(); }
  /// What was applied last; later changes do not disturb it.
  [[nodiscard]] std::shared_ptr<const mvcc::View> view() const { return store_->view(); }
  [[nodiscard]] mvcc::Store::Sizes sizes() const { return store_->sizes(); }
  /// Completes, on any thread, when the history before `revision` is removed. Errors: io_error ·
  /// stopped.
  void async_compacted(std::int64_t revision, mvcc::Compactor::Done done) {
    store_->async_compacted(revision, std::move(done));
  }

  /// Whoever waits for async_compacted() is told `stopped`.
  void stop_waiting() { store_->stop_waiting(); }

  /// Throws std::runtime_error when the store fails: the node stops.
  void apply(std::span<const raftkit::Command> commands,
             raftkit::EntryId last,
             std::span<raftkit::Bytes> results) override;
  [[nodiscard]] raftkit::StateMachineKind kind() const override {
    return raftkit::StateMachineKind::on_disk;
  }
  [[nodiscard]] raftkit::Result<raftkit::Index> applied_index() override;
  void async_sync(std::function<void(raftkit::Result<raftkit::Index>)> done) override;
  [[nodiscard]] raftkit::Result<std::unique_ptr<raftkit::SnapshotSource>> capture(
      const raftkit::SnapshotMeta& meta) override;
  [[nodiscard]] raftkit::Result<std::unique_ptr<raftkit::SnapshotSink>> restore(
      const raftkit::SnapshotMeta& meta) override;

 private:
  explicit KvStateMachine(std::unique_ptr<mvcc::Store> store) : store_(std::move(store)) {}

  std::unique_ptr<mvcc::Store> store_;
};

}  // namespace kvstore
