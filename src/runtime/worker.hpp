// A thread that does blocking work in order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace raftkit::runtime {

/// One thread, started with the first job, that hands all waiting jobs at once to `work`: so that
/// one sync can serve many writes. The queue is bounded by whoever fills it (the core's windows and
/// limits). Thread-safe. Stopping waits for the batch that is being worked on and drops the rest.
template <class Job>
class Worker {
 public:
  using Work = std::function<void(std::vector<Job>)>;

  explicit Worker(Work work) : work_(std::move(work)) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { stop(); }

  void add(Job job) {
    const std::lock_guard lock(mutex_);
    if (is_stopped_) return;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    jobs_.push_back(std::move(job));
    wake_.notify_one();
  }

  /// Joins the thread; must not be called from it.
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      is_stopped_ = true;
      jobs_.clear();
      wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    while (true) {
      std::vector<Job> batch;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return is_stopped_ || !jobs_.empty(); });
        if (is_stopped_) return;
        std::swap(batch, jobs_);
      }
      work_(std::move(batch));
    }
  }

  Work work_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<Job> jobs_;
  bool is_stopped_ = false;
  std::thread thread_;
};

}  // namespace raftkit::runtime
