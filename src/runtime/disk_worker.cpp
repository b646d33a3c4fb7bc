#include "runtime/disk_worker.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "runtime/no_throw.hpp"

namespace raftkit::runtime {

namespace {

bool found_no_room(const Result<void>& outcome) {
  return !outcome && outcome.error() == Errc::out_of_space;
}

}  // namespace

DiskWorker::DiskWorker(LogStorage& log, MetricsSink& metrics, Reports reports)
    : log_(log),
      metrics_(metrics),
      reports_(std::move(reports)),
      worker_([this](std::vector<Job> jobs) { work(std::move(jobs)); }) {}

void DiskWorker::compact(GroupId group, SnapshotMeta snapshot, Index keep_from, CompactDone done) {
  worker_.add(Compaction{group, std::move(snapshot), keep_from, std::move(done)});
}

template <class Call>
Result<void> DiskWorker::unless_failed(Call&& call) {
  if (!outcome_) return outcome_;
  auto outcome = no_throw(Errc::storage_failed, call);
  if (!found_no_room(outcome)) outcome_ = outcome;
  return outcome;
}

void DiskWorker::work(std::vector<Job> jobs) {
  const auto write_first = [this] {
    if (!is_full_) carry_out();
  };
  for (Job& job : jobs) {
    if (auto* batch = std::get_if<PersistBatch>(&job)) {
      writes_.push_back(std::move(*batch));
    } else if (auto* compaction = std::get_if<Compaction>(&job)) {
      write_first();
      compactions_.push_back(std::move(*compaction));
      carry_out();
    } else if (std::holds_alternative<TryHeld>(job)) {
      carry_out();
    } else {
      write_first();
      std::get<std::function<void()>>(job)();
    }
  }
  write_first();
}

void DiskWorker::carry_out() {
  for (; !compactions_.empty(); compactions_.pop_front()) {
    const Compaction& next = compactions_.front();
    auto outcome =
        unless_failed([&] { return log_.compact(next.group, next.snapshot, next.keep_from); });
    if (found_no_room(outcome)) return hold(outcome.error());
    next.done(std::move(outcome));
  }
  if (!writes_.empty()) {
    auto outcome = write();
    if (found_no_room(outcome)) return hold(outcome.error());
    std::vector<PersistId> ids;
    for (const PersistBatch& batch : std::exchange(writes_, {}))
      ids.push_back(batch.id);
    reports_.written(std::move(ids), std::move(outcome));
  }
  if (std::exchange(is_full_, false)) reports_.has_room();
}

void DiskWorker::hold(const Error& error) {
  is_full_ = true;
  reports_.is_full(error);
}

Result<void> DiskWorker::write() {
  const auto begin = std::chrono::steady_clock::now();
  auto outcome = unless_failed([&] { return log_.write(writes_); });
  if (found_no_room(outcome)) return outcome;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const auto syncs = [](const PersistBatch& batch) { return batch.needs_sync(); };
  if (std::any_of(writes_.begin(), writes_.end(), syncs)) {
    metrics_.add(CounterMetric::log_syncs, 1);
    metrics_.observe(HistogramMetric::log_write, took.count());
  }
  std::size_t bytes = 0;
  for (const PersistBatch& batch : writes_) {
    for (const Entry& entry : batch.append)
      bytes += entry.payload.size();
  }
  metrics_.add(CounterMetric::log_bytes, bytes);
  return outcome;
}

}  // namespace raftkit::runtime
