// The write-ahead log, for whoever wants no thread of its own in it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "raftkit/log_storage.hpp"
#include "raftkit/storage.hpp"

#include "storage/worker.hpp"

namespace raftkit::storage {

struct WalInternals {
  /// Makes and removes segments; none: a thread of the log's own does. Nothing of it may run when
  /// the log is gone, or when opening it has failed.
  Background background;
  std::function<std::uint64_t()> draw;  ///< a random number; none: the operating system's
};

/// open_wal_log_storage() with what only raftkit's own tests want to choose.
[[nodiscard]] Result<std::unique_ptr<LogStorage>> open_wal_log(Disk& disk,
                                                               const WalLogOptions& options,
                                                               WalInternals internals);

}  // namespace raftkit::storage
