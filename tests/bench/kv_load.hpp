// Load on a server that speaks etcd's v3 API.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace raftkit::bench {

enum class Operation : std::uint8_t { put, get, range };

struct LoadOptions {
  std::vector<std::string> endpoints;  ///< clients are spread over them
  Operation operation = Operation::put;
  bool serializable = false;    ///< get, range
  std::size_t clients = 1;      ///< each has one request at a time
  std::size_t connections = 0;  ///< 0: one for each client, but at most 16
  std::size_t value_bytes = 256;
  std::uint64_t first_key = 0;
  std::uint64_t keys = 10'000;               ///< put, get: chosen at random among them
  bool sequential = false;                   ///< put: every key once, in order
  std::uint64_t range_keys = 100;            ///< range: so many in a row
  std::chrono::milliseconds duration{5000};  ///< unless sequential
  std::uint64_t seed = 1;
};

struct LoadResult {
  std::uint64_t operations = 0;
  std::uint64_t failures = 0;
  std::string first_failure;
  double seconds = 0;
  std::vector<std::uint32_t> microseconds;  ///< of each success, sorted

  /// `share` in [0, 1]. Needs a success.
  [[nodiscard]] std::uint32_t quantile(double share) const;
};

/// Runs the load on the calling thread.
[[nodiscard]] LoadResult run_load(const LoadOptions& options);

/// Ten bytes and more: "key-" and six digits at least.
[[nodiscard]] std::string key_name(std::uint64_t number);

}  // namespace raftkit::bench
