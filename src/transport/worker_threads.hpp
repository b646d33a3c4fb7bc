// Threads for work that blocks: reading, sending, receiving and writing snapshots.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>

#include "raftkit/result.hpp"

#include "transport/asio.hpp"

namespace raftkit::transport {

/// Runs each piece of work on a thread of its own, and knows when the last has ended. How many
/// there may be is up to the caller. Owner: the executor; hold it in a shared_ptr.
class WorkerThreads : public std::enable_shared_from_this<WorkerThreads> {
 public:
  /// What is to be done on the executor afterwards.
  using Completion = std::function<void()>;

  struct Work {
    std::function<Completion()> run;  ///< on the new thread
    std::function<void()> cancel;  ///< makes `run` return soon; called at most once, on any thread
  };

  explicit WorkerThreads(asio::any_io_executor executor) : executor_(std::move(executor)) {}
  ~WorkerThreads();  // cancels and waits: the threads use what their owner is about to destroy
  WorkerThreads(const WorkerThreads&) = delete;
  WorkerThreads& operator=(const WorkerThreads&) = delete;

  /// Errors: overloaded: the system has no thread left · stopped. Nothing of `work` is called then.
  [[nodiscard]] Result<void> start(Work work);

  /// Cancels all work. `idle` is called on the executor, not from inside this call, when the last
  /// thread has ended and its completion has run.
  void stop(std::function<void()> idle);

 private:
  struct Worker {
    std::thread thread;
    std::function<void()> cancel;
  };

  void ended(std::uint64_t id, const Completion& completion);
  void maybe_idle();

  asio::any_io_executor executor_;
  std::map<std::uint64_t, Worker> workers_;
  std::uint64_t next_id_ = 0;
  bool stopping_ = false;
  std::function<void()> idle_;
};

}  // namespace raftkit::transport
