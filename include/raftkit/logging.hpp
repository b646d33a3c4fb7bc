// raftkit's log in etcd's two formats.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "raftkit/log_sink.hpp"
#include "raftkit/result.hpp"

namespace raftkit::logging {

/// As an operator writes them: --log-level, --log-outputs, --logger.
struct LoggingOptions {
  /// Least important lines to be written: debug, info, warn, error, panic or fatal. raftkit writes
  /// nothing above error, so the last two silence it.
  std::string level = "info";
  /// "default" and "stderr": standard error; "stdout"; with zap also paths of files, which are
  /// appended to, and several outputs, but "default" only alone. With capnslog exactly one of the
  /// three words. "systemd/journal" is refused: systemd hands standard error to its journal.
  std::vector<std::string> outputs = {"default"};
  /// "capnslog": `2026-11-23 01:02:03.123456 I | event: text key=value`, in local time.
  /// "zap": `{"level":"info","ts":"2026-11-23T01:02:03.123Z","msg":"text","event":"event",...}`, in
  /// UTC.
  std::string format = "capnslog";
};

/// A sink for these options. Every line of info and above is handed to the operating system before
/// write() returns; debug lines to files may wait for the next such line. A line that cannot be
/// written (full disk, closed pipe) is lost, with a word about it on standard error, never an
/// exception. The signal that comes with a closed pipe is the program's: ignore SIGPIPE to survive
/// it. Errors: invalid_option, naming flag and value · io_error: an output cannot be opened.
[[nodiscard]] Result<std::shared_ptr<LogSink>> make_log_sink(const LoggingOptions& options);

}  // namespace raftkit::logging
