#include "transport/worker_threads.hpp"

#include <system_error>

#include <boost/asio/executor_work_guard.hpp>

namespace raftkit::transport {

WorkerThreads::~WorkerThreads() {
  for (auto& [id, worker] : workers_) {
    if (!stopping_) worker.cancel();
  }
  for (auto& [id, worker] : workers_)
    worker.thread.join();
}

Result<void> WorkerThreads::start(Work work) {
  if (stopping_) return Errc::stopped;
  const std::uint64_t id = next_id_++;
  // The guard keeps the executor's context running until the completion has been posted to it.
  auto body = [weak = weak_from_this(),
               id,
               run = std::move(work.run),
               executor = executor_,
               guard = asio::make_work_guard(executor_)] {
    Completion completion = run();
    asio::post(executor, [weak, id, completion = std::move(completion)] {
      if (const auto self = weak.lock()) self->ended(id, completion);
    });
  };
  try {
    workers_.emplace(id, Worker{std::thread(std::move(body)), std::move(work.cancel)});
  } catch (const std::system_error& error) {
    return Error(Errc::overloaded, std::string("cannot start a thread: ") + error.what());
  }
  return {};
}

void WorkerThreads::stop(std::function<void()> idle) {
  idle_ = std::move(idle);
  stopping_ = true;
  for (auto& [id, worker] : workers_)
    worker.cancel();
  asio::post(executor_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->maybe_idle();
  });
}

void WorkerThreads::ended(std::uint64_t id, const Completion& completion) {
  const auto at = workers_.find(id);
  at->second.thread.join();  // it has nothing left to do but to return
  workers_.erase(at);
  if (completion) completion();
  maybe_idle();
}

void WorkerThreads::maybe_idle() {
  if (!workers_.empty() || !idle_) return;
  std::exchange(idle_, nullptr)();
}

}  // namespace raftkit::transport
