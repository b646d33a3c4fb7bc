// Clients that read and write a few hot keys, and what they saw.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "testing/linearizability.hpp"

namespace raftkit::jepsen {

enum class Action : std::uint8_t { get, put, compare_and_set };

struct Input {
  Action action = Action::get;
  std::int64_t expected = 0;  ///< compare_and_set
  std::int64_t value = 0;     ///< written; unique in the whole run
};

struct Output {
  std::int64_t value = 0;  ///< get; 0: no such key
  bool succeeded = false;  ///< compare_and_set
};

using Op = testing::Operation<Input, Output>;

/// One key: its value, 0 while it does not exist.
struct KeyModel {
  using State = std::int64_t;
  static State initial() { return 0; }
  static std::optional<State> step(const State& state, const Op& op);
  static std::size_t hash(const State& state) { return static_cast<std::size_t>(state); }
};

struct WorkloadOptions {
  std::vector<std::string> endpoints;
  std::size_t clients = 8;
  std::size_t hot_keys = 3;
  std::size_t operations_per_key = 600;  ///< then the next few keys become the hot ones
  std::uint64_t seed = 1;
};

/// Histories by key.
using Histories = std::map<std::string, std::vector<Op>>;

/// Runs until stopped. Each client has one request at a time, goes from member to member, and takes
/// a new name after a write whose outcome it does not know.
class Workload {
 public:
  explicit Workload(WorkloadOptions options);
  Workload(const Workload&) = delete;
  Workload& operator=(const Workload&) = delete;
  ~Workload();

  void start();
  /// Waits for the requests under way, and reads every key once more. Returns everything the
  /// clients saw. Throws std::runtime_error if a key cannot be read for some time.
  Histories stop();

  [[nodiscard]] std::uint64_t acknowledged_writes() const { return acknowledged_writes_; }
  [[nodiscard]] std::uint64_t unknown_writes() const { return unknown_writes_; }

 private:
  class Client;

  void end();
  std::string pick_key(std::uint64_t random);
  void record(const std::string& key, Op op);

  WorkloadOptions options_;
  std::vector<std::thread> threads_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<std::uint64_t> next_value_ = 1;
  std::atomic<std::uint64_t> next_client_ = 1;
  std::atomic<std::uint64_t> recorded_ = 0;  // operations
  std::atomic<std::uint64_t> acknowledged_writes_ = 0;
  std::atomic<std::uint64_t> unknown_writes_ = 0;
  std::mutex mutex_;  // guards histories_
  Histories histories_;
};

/// The share of operations that overlap another one on the same key: a checker that sees no overlap
/// proves little.
[[nodiscard]] double overlapping_share(const Histories& histories);

}  // namespace raftkit::jepsen
