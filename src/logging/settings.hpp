// What the texts of LoggingOptions mean.
#pragma once

#include <string>
#include <vector>

#include "raftkit/logging.hpp"

namespace raftkit::logging {

/// In ascending order; the last two are etcd's and above everything that raftkit writes.
enum class Threshold { debug, info, warn, error, panic, fatal };

enum class Format { capnslog, zap };

struct Settings {
  Threshold threshold = Threshold::info;
  Format format = Format::capnslog;
  std::vector<std::string> outputs;  ///< "stderr", "stdout" or paths, none twice
};

/// Errors: invalid_option, naming flag, value and what may stand there.
[[nodiscard]] Result<Settings> read_settings(const LoggingOptions& options);

}  // namespace raftkit::logging
