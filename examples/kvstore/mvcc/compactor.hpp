// Removes what nobody can read any more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include <boost/asio/thread_pool.hpp>

#include "mvcc/database.hpp"

namespace kvstore::mvcc {

/// Works through the table of changes in small batches on a thread of its own, beside readers and
/// writers. What it had not finished when the process ended it does after the next start.
/// Thread-safe.
class Compactor {
 public:
  using Done = std::function<void(const raftkit::Result<void>&)>;

  explicit Compactor(std::shared_ptr<Database> database) : database_(std::move(database)) {}
  Compactor(const Compactor&) = delete;
  Compactor& operator=(const Compactor&) = delete;
  ~Compactor();  // ends the thread; whoever waits is told `stopped`

  /// Versions superseded at `revision` or before may go.
  void start(std::int64_t revision);
  /// Calls `done`, on any thread, when everything up to `revision` is gone, or cannot go. Errors:
  /// io_error · corrupt_data · stopped.
  void wait(std::int64_t revision, Done done);
  /// Whoever waits, now or later, is told `stopped`.
  void stop_waiting();

 private:
  void run();
  /// One batch; returns whether there may be more.
  [[nodiscard]] raftkit::Result<bool> step(std::int64_t revision);
  void finish(std::int64_t revision);
  void fail(const raftkit::Error& why);

  std::shared_ptr<Database> database_;
  std::string from_;  // the pool's: where the next batch begins
  std::atomic<bool> is_stopping_ = false;
  std::mutex mutex_;  // guards everything down to waiting_
  bool is_running_ = false;
  std::int64_t wanted_ = 0;
  std::int64_t reached_ = 0;
  std::optional<raftkit::Error> failure_;  // why nothing will be reached any more
  std::multimap<std::int64_t, Done> waiting_;
  boost::asio::thread_pool pool_{1};
};

}  // namespace kvstore::mvcc
