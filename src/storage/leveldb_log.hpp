// The log in LevelDB, for whoever wants no thread of its own in it.
#pragma once

#include <functional>
#include <memory>

#include "raftkit/log_storage.hpp"
#include "raftkit/storage.hpp"

namespace raftkit::storage {

/// open_leveldb_log_storage(), with LevelDB's own work done by `background`: see LevelDbEnv.
[[nodiscard]] Result<std::unique_ptr<LogStorage>> open_leveldb_log(
    Disk& disk,
    const LevelDbLogOptions& options,
    std::function<void(std::function<void()>)> background);

}  // namespace raftkit::storage
