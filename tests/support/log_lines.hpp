// What was logged.
#pragma once

#include <mutex>
#include <set>
#include <string>

#include "raftkit/log_sink.hpp"

namespace raftkit::test {

/// Keeps the lines, without their fields. Thread-safe.
class Lines final : public LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(const LogRecord& record) override {
    const std::lock_guard lock(mutex_);
    lines_.insert(std::string(record.event) + ": " + std::string(record.text));
  }
  [[nodiscard]] bool contain(const std::string& line) const {
    const std::lock_guard lock(mutex_);
    return lines_.contains(line);
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return lines_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::string> lines_;
};

}  // namespace raftkit::test
