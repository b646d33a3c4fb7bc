// The log's thread.
#pragma once

#include <functional>
#include <variant>
#include <vector>

#include "raftkit/log_storage.hpp"
#include "raftkit/metrics_sink.hpp"

#include "runtime/worker.hpp"

namespace raftkit::runtime {

/// Writes everything that queued while the last write was in flight as one group, with one sync.
/// After a failed write or compaction the log is not touched any more: what is durable is not
/// known, so everything that follows fails as that did. Thread-safe.
class DiskWorker {
 public:
  using WriteDone = std::function<void(std::vector<PersistId>, Result<void>)>;
  using CompactDone = std::function<void(Result<void>)>;

  /// `done` is called on the worker's thread.
  DiskWorker(LogStorage& log, MetricsSink& metrics, WriteDone done);

  void write(PersistBatch batch) { worker_.add(std::move(batch)); }
  void compact(GroupId group, SnapshotMeta snapshot, Index keep_from, CompactDone done);
  /// Called when everything asked for before is done.
  void when_drained(std::function<void()> done) { worker_.add(std::move(done)); }
  void stop() { worker_.stop(); }

 private:
  struct Compaction {
    GroupId group;
    SnapshotMeta snapshot;
    Index keep_from;
    CompactDone done;
  };
  using Job = std::variant<PersistBatch, Compaction, std::function<void()>>;

  void work(std::vector<Job> jobs);
  void write_group(std::vector<PersistBatch>& group);
  /// The result of `call`, or the first failure there was.
  template <class Call>
  Result<void> unless_failed(Call&& call);

  LogStorage& log_;
  MetricsSink& metrics_;
  WriteDone done_;
  Result<void> outcome_;  // so far; used by the worker alone
  Worker<Job> worker_;    // last: its thread uses the others
};

}  // namespace raftkit::runtime
