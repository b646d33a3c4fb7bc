// The state machine's thread.
#pragma once

#include <functional>
#include <memory>
#include <variant>
#include <vector>

#include "raftkit/metrics_sink.hpp"
#include "raftkit/snapshot.hpp"
#include "raftkit/state_machine.hpp"

#include "driver/ports.hpp"
#include "runtime/worker.hpp"

namespace raftkit::runtime {

/// Calls the state machine, in order; what queued while it was busy is applied in one call.
/// Thread-safe.
class ApplyWorker {
 public:
  struct Reports {  // called on a worker thread
    std::function<void(driver::ApplyBatch, Result<void>)> applied;
    std::function<void(SnapshotMeta, Result<void>)> restored;
    std::function<void(SnapshotMeta, Result<void>)> saved;
    /// A source to be sent; its meta() says which state it is.
    std::function<void(Envelope, Result<std::unique_ptr<SnapshotSource>>)> captured;
  };

  ApplyWorker(StateMachine& state_machine,
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
  void when_drained(std::function<void()> done) { worker_.add(std::move(done)); }
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

  void work(std::vector<Job> jobs);
  void apply_now(std::vector<driver::ApplyBatch>& waiting);
  void run(Restore& job);
  void run(Save& job);
  void run(Capture& job);
  void run(std::function<void()>& job) { job(); }
  void run(driver::ApplyBatch&) {}  // collected by work()

  StateMachine& state_machine_;
  SnapshotStore& snapshots_;
  MetricsSink& metrics_;
  Reports reports_;
  Worker<std::function<void()>> writer_;  // writes snapshot files while apply goes on
  Worker<Job> worker_;                    // last: its thread uses the others
};

}  // namespace raftkit::runtime
