#include "runtime/disk_worker.hpp"

#include <algorithm>
#include <chrono>

#include "runtime/no_throw.hpp"

namespace raftkit::runtime {

DiskWorker::DiskWorker(LogStorage& log, MetricsSink& metrics, WriteDone done)
    : log_(log),
      metrics_(metrics),
      done_(std::move(done)),
      worker_([this](std::vector<Job> jobs) { work(std::move(jobs)); }) {}

void DiskWorker::compact(GroupId group, SnapshotMeta snapshot, Index keep_from, CompactDone done) {
  worker_.add(Compaction{group, std::move(snapshot), keep_from, std::move(done)});
}

template <class Call>
Result<void> DiskWorker::unless_failed(Call&& call) {
  if (outcome_) outcome_ = no_throw(Errc::storage_failed, call);
  return outcome_;
}

void DiskWorker::work(std::vector<Job> jobs) {
  std::vector<PersistBatch> group;
  for (Job& job : jobs) {
    if (auto* batch = std::get_if<PersistBatch>(&job)) {
      group.push_back(std::move(*batch));
      continue;
    }
    write_group(group);
    if (auto* compaction = std::get_if<Compaction>(&job)) {
      compaction->done(unless_failed([&] {
        return log_.compact(compaction->group, compaction->snapshot, compaction->keep_from);
      }));
    } else {
      std::get<std::function<void()>>(job)();
    }
  }
  write_group(group);
}

void DiskWorker::write_group(std::vector<PersistBatch>& group) {
  if (group.empty()) return;
  std::vector<PersistId> ids;
  std::size_t bytes = 0;
  for (const PersistBatch& batch : group) {
    ids.push_back(batch.id);
    for (const Entry& entry : batch.append)
      bytes += entry.payload.size();
  }
  const auto begin = std::chrono::steady_clock::now();
  auto outcome = unless_failed([&] { return log_.write(group); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto syncs = [](const PersistBatch& batch) { return batch.needs_sync(); };
  if (std::any_of(group.begin(), group.end(), syncs)) {
    metrics_.add(CounterMetric::log_syncs, 1);
    metrics_.observe(HistogramMetric::log_write, took.count());
  }
  metrics_.add(CounterMetric::log_bytes, bytes);
  group.clear();
  done_(std::move(ids), std::move(outcome));
}

}  // namespace raftkit::runtime
