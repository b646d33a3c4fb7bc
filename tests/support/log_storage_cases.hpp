// What every LogStorage promises, as test cases that know nothing but the interface.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "raftkit/log_storage.hpp"

namespace raftkit::test {

/// Where one kind of store keeps its data. Destroyed with its data.
class LogStorageHome {
 public:
  virtual ~LogStorageHome() = default;

  /// The store; at first empty, later with what was written before. The earlier one is gone then.
  [[nodiscard]] virtual LogStorage& reopen() = 0;
};

struct LogStorageKind {
  std::string name;
  bool is_durable = true;  ///< false: a reopened store is empty
  std::function<std::unique_ptr<LogStorageHome>()> make_home;
};

/// The stores to try: whoever links the cases defines it.
[[nodiscard]] std::vector<LogStorageKind> log_storage_kinds();

}  // namespace raftkit::test
