#include "runtime/apply_worker.hpp"

#include <chrono>

#include "runtime/no_throw.hpp"

namespace raftkit::runtime {

namespace {

constexpr std::size_t kCopyBytes = std::size_t{256} << 10;

/// Copies all of it and commits.
Result<void> copy(SnapshotSource& from, SnapshotSink& to) {
  std::vector<std::byte> buffer(kCopyBytes);
  while (true) {
    const auto count = from.read(buffer);
    if (!count) return count.error();
    if (*count == 0) return to.commit();
    if (auto written = to.write({buffer.data(), *count}); !written) return written;
  }
}

/// Appends `more` to `batch`: applied as one.
void merge(driver::ApplyBatch& batch, driver::ApplyBatch more) {
  batch.commands.insert(batch.commands.end(),
                        std::make_move_iterator(more.commands.begin()),
                        std::make_move_iterator(more.commands.end()));
  batch.own.insert(batch.own.end(), more.own.begin(), more.own.end());
  batch.last = more.last;
}

}  // namespace

ApplyWorker::ApplyWorker(StateMachine& state_machine,
                         SnapshotStore& snapshots,
                         MetricsSink& metrics,
                         Reports reports)
    : state_machine_(state_machine),
      snapshots_(snapshots),
      metrics_(metrics),
      reports_(std::move(reports)),
      writer_([](std::vector<std::function<void()>> jobs) {
        for (auto& job : jobs)
          job();
      }),
      worker_([this](std::vector<Job> jobs) { work(std::move(jobs)); }) {}

void ApplyWorker::stop() {
  worker_.stop();
  writer_.stop();
}

void ApplyWorker::work(std::vector<Job> jobs) {
  std::vector<driver::ApplyBatch> waiting;
  for (Job& job : jobs) {
    if (auto* batch = std::get_if<driver::ApplyBatch>(&job)) {
      waiting.push_back(std::move(*batch));
      continue;
    }
    apply_now(waiting);
    std::visit([this](auto& other) { run(other); }, job);
  }
  apply_now(waiting);
}

void ApplyWorker::apply_now(std::vector<driver::ApplyBatch>& waiting) {
  if (waiting.empty()) return;
  driver::ApplyBatch batch = std::move(waiting.front());
  for (std::size_t i = 1; i < waiting.size(); ++i)
    merge(batch, std::move(waiting[i]));
  waiting.clear();

  batch.results.resize(batch.commands.size());
  const auto begin = std::chrono::steady_clock::now();
  auto outcome = no_throw(Errc::state_machine_failed, [&]() -> Result<void> {
    state_machine_.apply(batch.commands, batch.last, batch.results);
    return {};
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!batch.commands.empty()) metrics_.observe(Histogram::apply, took.count());
  reports_.applied(std::move(batch), std::move(outcome));
}

void ApplyWorker::run(Restore& job) {
  auto outcome = no_throw(Errc::state_machine_failed, [&]() -> Result<void> {
    auto source = snapshots_.open(job.snapshot.last);
    if (!source) return std::move(source).error();
    auto sink = state_machine_.restore(job.snapshot);
    if (!sink) return std::move(sink).error();
    return copy(**source, **sink);
  });
  reports_.restored(std::move(job.snapshot), std::move(outcome));
}

void ApplyWorker::run(Save& job) {
  if (state_machine_.kind() == StateMachineKind::on_disk) {
    const auto thrown = no_throw(Errc::state_machine_failed, [&]() -> Result<void> {
      state_machine_.async_sync([this, meta = job.snapshot](Result<Index> durable) {
        if (durable && *durable < meta.last.index) durable = Error(Errc::not_supported);
        reports_.saved(meta, durable ? Result<void>() : Result<void>(durable.error()));
      });
      return {};
    });
    if (!thrown) reports_.saved(std::move(job.snapshot), thrown);
    return;
  }
  auto source =
      no_throw(Errc::state_machine_failed, [&] { return state_machine_.capture(job.snapshot); });
  if (!source) return reports_.saved(std::move(job.snapshot), std::move(source).error());
  // The state is held; writing it down must not keep the next commands waiting.
  writer_.add([this, meta = std::move(job.snapshot), held = std::shared_ptr(std::move(*source))] {
    const auto begin = std::chrono::steady_clock::now();
    auto outcome = no_throw(Errc::state_machine_failed, [&]() -> Result<void> {
      auto sink = snapshots_.create(meta);
      if (!sink) return std::move(sink).error();
      return copy(*held, **sink);
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    metrics_.observe(Histogram::snapshot_save, took.count());
    reports_.saved(meta, std::move(outcome));
  });
}

void ApplyWorker::run(Capture& job) {
  const bool on_disk = state_machine_.kind() == StateMachineKind::on_disk;
  const EntryId stored = std::get<SnapshotRequest>(job.request.message).snapshot.last;
  auto source = no_throw(Errc::state_machine_failed, [&] {
    return on_disk ? state_machine_.capture(job.current) : snapshots_.open(stored);
  });
  reports_.captured(std::move(job.request), std::move(source));
}

}  // namespace raftkit::runtime
