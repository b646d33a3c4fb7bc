#include "runtime/apply_worker.hpp"

#include <chrono>

#include "runtime/no_throw.hpp"

namespace raftkit::runtime {

namespace {

constexpr std::size_t kCopyBytes = std::size_t{256} << 10;

Error state_machine_failure(const Error& why) {
  return {Errc::state_machine_failed, why.message()};
}

/// A snapshot goes from the state machine to a file or back; the state machine's failures are
/// another matter than the file's.
enum class Embedders : std::uint8_t { source, sink };

template <class Call>
auto copy_step(bool is_embedders, Call&& call) {
  auto done = no_throw(is_embedders ? Errc::state_machine_failed : Errc::io_error, call);
  if (!done && is_embedders) done = state_machine_failure(done.error());
  return done;
}

/// Copies all of it and commits.
Result<void> copy(SnapshotSource& from, SnapshotSink& to, Embedders embedders) {
  const bool source = embedders == Embedders::source;
  std::vector<std::byte> buffer(kCopyBytes);
  while (true) {
    const auto count = copy_step(source, [&] { return from.read(buffer); });
    if (!count) return count.error();
    if (*count == 0) return copy_step(!source, [&] { return to.commit(); });
    auto written = copy_step(!source, [&] { return to.write({buffer.data(), *count}); });
    if (!written) return written;
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
                         StateMachineKind kind,
                         SnapshotStore& snapshots,
                         MetricsSink& metrics,
                         Reports reports)
    : state_machine_(state_machine),
      kind_(kind),
      snapshots_(snapshots),
      metrics_(metrics),
      reports_(std::move(reports)),
      saved_(std::make_shared<SavedReport>(reports_.saved)),
      writer_([](std::vector<std::function<void()>> jobs) {
        for (auto& job : jobs)
          job();
      }),
      worker_([this](std::vector<Job> jobs) { work(std::move(jobs)); }) {}

void ApplyWorker::stop() {
  worker_.stop();
  writer_.stop();
  saved_->close();
}

void ApplyWorker::when_drained(std::function<void()> done) {
  worker_.add([this, done = std::move(done)]() mutable { writer_.add(std::move(done)); });
}

template <class Call>
Result<void> ApplyWorker::unless_failed(Call&& call) {
  if (outcome_) outcome_ = no_throw(Errc::state_machine_failed, call);
  return outcome_;
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
  auto outcome = unless_failed([&]() -> Result<void> {
    state_machine_.apply(batch.commands, batch.last, batch.results);
    return {};
  });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!batch.commands.empty()) metrics_.observe(HistogramMetric::apply, took.count());
  reports_.applied(std::move(batch), std::move(outcome));
}

void ApplyWorker::run(Restore& job) {
  auto outcome = unless_failed([&]() -> Result<void> {
    auto source = snapshots_.open(job.snapshot.last);
    if (!source) return std::move(source).error();
    auto sink = state_machine_.restore(job.snapshot);
    if (!sink) return state_machine_failure(sink.error());
    return copy(**source, **sink, Embedders::sink);
  });
  reports_.restored(std::move(job.snapshot), std::move(outcome));
}

void ApplyWorker::run(Save& job) {
  if (!outcome_) return (*saved_)(std::move(job.snapshot), outcome_);
  if (kind_ == StateMachineKind::on_disk) return sync(job);
  auto source =
      no_throw(Errc::state_machine_failed, [&] { return state_machine_.capture(job.snapshot); });
  if (!source) {
    const bool is_offered = !(source.error() == Errc::not_supported);
    const Error why = is_offered ? state_machine_failure(source.error()) : source.error();
    return (*saved_)(std::move(job.snapshot), why);
  }
  // The state is held; writing it down must not keep the next commands waiting.
  writer_.add([this, meta = std::move(job.snapshot), held = std::shared_ptr(std::move(*source))] {
    const auto begin = std::chrono::steady_clock::now();
    auto outcome = no_throw(Errc::io_error, [&]() -> Result<void> {
      auto sink = snapshots_.create(meta);
      if (!sink) return std::move(sink).error();
      return copy(*held, **sink, Embedders::source);
    });
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    metrics_.observe(HistogramMetric::snapshot_save, took.count());
    (*saved_)(meta, std::move(outcome));
  });
}

void ApplyWorker::sync(Save& job) {
  const auto thrown = no_throw(Errc::state_machine_failed, [&]() -> Result<void> {
    state_machine_.async_sync([saved = saved_, meta = job.snapshot](const Result<Index>& durable) {
      // Less than asked for is no failure, but no snapshot either.
      Result<void> outcome;
      if (durable ? *durable < meta.last.index : durable.error() == Errc::not_supported) {
        outcome = Error(Errc::not_supported);
      } else if (!durable) {
        outcome = state_machine_failure(durable.error());
      }
      (*saved)(meta, std::move(outcome));
    });
    return {};
  });
  if (!thrown) (*saved_)(std::move(job.snapshot), thrown);
}

void ApplyWorker::run(Capture& job) {
  auto& wanted = std::get<SnapshotRequest>(job.request.message).snapshot;
  using Source = Result<std::unique_ptr<SnapshotSource>>;
  auto source = no_throw(Errc::state_machine_failed, [&]() -> Source {
    if (!outcome_) return outcome_.error();
    auto found = kind_ == StateMachineKind::on_disk ? state_machine_.capture(job.current)
                                                    : snapshots_.open(wanted.last);
    if (found) wanted = (*found)->meta();
    return found;
  });
  reports_.captured(std::move(job.request), std::move(source));
}

}  // namespace raftkit::runtime
