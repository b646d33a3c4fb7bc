// A thread that does one thing after the other.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace raftkit::storage {

/// Takes work to be done.
using Background = std::function<void(std::function<void()>)>;

/// Starts its thread when there is something to do, and does what is left before it ends. The queue
/// is as long as its users make it: a LevelDB database never has more than one thing to do.
/// Thread-safe.
class Worker {
 public:
  Worker() = default;
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();  // waits for its thread

  void post(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace raftkit::storage
