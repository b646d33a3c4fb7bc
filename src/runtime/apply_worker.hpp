// The state machine's thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <variant>
#include <vector>

#include "raftkit/metrics_sink.hpp"
#include "raftkit/snapshot.hpp"
#include "raftkit/state_machine.hpp"

#include "driver/ports.hpp"
#include "runtime/worker.hpp"

namespace raftkit::runtime {

/// Calls the state machine, in order; what queued while it was busy is applied in one call. After
/// it has failed it is left alone: a state machine that missed a command must not get the next.
/// Thread-safe.
class ApplyWorker {
 public:
  struct Reports {  // called on a worker thread
    std::function<void(driver::ApplyBatch, Result<void>)> applied;
    std::function<void(SnapshotMeta, Result<void>)> restored;
    std::function<void(SnapshotMeta, Result<void>)> saved;
    /// A source to be sent; the request says which state it is.
    std::function<void(Envelope, Result<std::unique_ptr<SnapshotSource>>)> captured;
  };

  ApplyWorker(StateMachine& state_machine,
              StateMachineKind kind,
              SnapshotStore& snapshots,
              MetricsSink& metrics,
              Reports reports);

  void apply(driver::ApplyBatch batch) { worker_.add(std::move(batch)); }
  void restore(SnapshotMeta snapshot) { worker_.add(Restore{std::move(snapshot)}); }
  void save(SnapshotMeta snapshot) { worker_.add(Save{std::move(snapshot)}); }
  /// For sending: what `request` names from the store or, on disk, the state as of `current`.
  void capture(Envelope request, SnapshotMeta current) {
    worker_.add(Capture{std::move(request), std::move(current)});
  }
  /// Called when everything asked for before is done, snapshot files included.
  void when_drained(std::function<void()> done);
  /// Nothing is reported afterwards.
  void stop();

 private:
  struct Restore {
    SnapshotMeta snapshot;
  };
  struct Save {
    SnapshotMeta snapshot;
  };
  struct Capture {
    Envelope request;
    SnapshotMeta current;
  };
  using Job = std::variant<driver::ApplyBatch, Restore, Save, Capture, std::function<void()>>;

  /// A state machine may complete its sync on any thread, also when the node is gone: then nobody
  /// hears of it. Thread-safe.
  class SavedReport {
   public:
    explicit SavedReport(std::function<void(SnapshotMeta, Result<void>)> report)
        : report_(std::move(report)) {}

    void operator()(SnapshotMeta snapshot, Result<void> outcome) {
      const std::lock_guard lock(mutex_);
      if (report_) report_(std::move(snapshot), std::move(outcome));
    }
    void close() {
      const std::lock_guard lock(mutex_);
      report_ = nullptr;
    }

   private:
    std::mutex mutex_;  // guards report_; held while it posts to the strand
    std::function<void(SnapshotMeta, Result<void>)> report_;
  };

  void work(std::vector<Job> jobs);
  void apply_now(std::vector<driver::ApplyBatch>& waiting);
  void run(Restore& job);
  void run(Save& job);
  void sync(Save& job);
  void run(Capture& job);
  void run(std::function<void()>& job) { job(); }
  void run(driver::ApplyBatch&) {}  // collected by work()
  /// The result of `call`, or the first failure there was.
  template <class Call>
  Result<void> unless_failed(Call&& call);

  StateMachine& state_machine_;
  StateMachineKind kind_;
  SnapshotStore& snapshots_;
  MetricsSink& metrics_;
  Reports reports_;
  std::shared_ptr<SavedReport> saved_;
  Result<void> outcome_;                  // so far; used by the worker alone
  Worker<std::function<void()>> writer_;  // writes snapshot files while apply goes on
  Worker<Job> worker_;                    // last: its thread uses the others
};

}  // namespace raftkit::runtime
