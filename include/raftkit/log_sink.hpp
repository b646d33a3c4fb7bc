// Where raftkit's own log lines go.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace raftkit {

/// error: an operator must act; warn: degraded but mending itself; info: role, term, membership;
/// debug: per message.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

struct LogField {
  std::string_view key;
  std::string value;
};

/// One log line: a stable event name ("role_changed"), a sentence, and key=value fields.
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string_view event;
  std::string_view text;
  std::span<const LogField> fields;
};

/// Implement it to receive raftkit's log. Thread-safe: called from all of raftkit's threads. Must
/// not block for long and must not call back.
class LogSink {
 public:
  virtual ~LogSink() = default;

  [[nodiscard]] virtual bool enabled(LogLevel level) const = 0;
  virtual void write(const LogRecord& record) = 0;

  /// Convenience: write if enabled.
  void log(LogLevel level,
           std::string_view event,
           std::string_view text,
           std::initializer_list<LogField> fields = {}) {
    if (enabled(level)) write({level, event, text, {fields.begin(), fields.size()}});
  }
};

/// A sink that drops everything.
[[nodiscard]] std::shared_ptr<LogSink> null_log_sink();

}  // namespace raftkit
