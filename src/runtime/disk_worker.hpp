// The log's thread.
#pragma once

#include <deque>
#include <functional>
#include <variant>
#include <vector>

#include "raftkit/log_storage.hpp"
#include "raftkit/metrics_sink.hpp"

#include "runtime/worker.hpp"

namespace raftkit::runtime {

/// Writes everything that queued while the last write was in flight as one group, with one sync.
/// After a failed write or compaction the log is not touched any more: what is durable is not
/// known, so everything that follows fails as that did. What finds no room has changed nothing: it
/// is held and tried again, and compactions, which make room, pass it. Thread-safe.
class DiskWorker {
 public:
  using CompactDone = std::function<void(Result<void>)>;
  /// Called on the worker's thread.
  struct Reports {
    std::function<void(std::vector<PersistId>, Result<void>)> written;
    std::function<void(Error)> is_full;  ///< something is held: after every attempt
    std::function<void()> has_room;      ///< nothing is any more
  };

  DiskWorker(LogStorage& log, MetricsSink& metrics, Reports reports);

  void write(PersistBatch batch) { worker_.add(std::move(batch)); }
  void compact(GroupId group, SnapshotMeta snapshot, Index keep_from, CompactDone done);
  /// Another attempt at what is held, if anything is.
  void try_held() { worker_.add(TryHeld{}); }
  /// Called when everything asked for before is done or held.
  void when_drained(std::function<void()> done) { worker_.add(std::move(done)); }
  void stop() { worker_.stop(); }

 private:
  struct Compaction {
    GroupId group;
    SnapshotMeta snapshot;
    Index keep_from;
    CompactDone done;
  };
  struct TryHeld {};
  using Job = std::variant<PersistBatch, Compaction, TryHeld, std::function<void()>>;

  void work(std::vector<Job> jobs);
  /// Whatever there is to compact and to write; if there is no room, the rest stays.
  void carry_out();
  void hold(const Error& error);
  Result<void> write();
  /// The result of `call`, or the first failure there was.
  template <class Call>
  Result<void> unless_failed(Call&& call);

  LogStorage& log_;
  MetricsSink& metrics_;
  Reports reports_;
  // Used by the worker alone:
  Result<void> outcome_;  // so far
  std::vector<PersistBatch> writes_;
  std::deque<Compaction> compactions_;
  bool is_full_ = false;  // what there is, is held
  Worker<Job> worker_;    // last: its thread uses the others
};

}  // namespace raftkit::runtime
