#include <string_view>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "raftkit/logging.hpp"

#include "logging/format.hpp"
#include "logging/settings.hpp"

namespace raftkit::logging {

namespace {

using SpdlogLevel = spdlog::level::level_enum;

SpdlogLevel spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

SpdlogLevel spdlog_level(Threshold threshold) {
  switch (threshold) {
    case Threshold::debug:
      return spdlog::level::debug;
    case Threshold::info:
      return spdlog::level::info;
    case Threshold::warn:
      return spdlog::level::warn;
    case Threshold::error:
      return spdlog::level::err;
    case Threshold::panic:
    case Threshold::fatal:
      break;
  }
  return spdlog::level::critical;
}

std::string_view level_name(Format format, SpdlogLevel level) {
  const bool is_zap = format == Format::zap;
  if (level == spdlog::level::debug) return is_zap ? "debug" : "D";
  if (level == spdlog::level::info) return is_zap ? "info" : "I";
  if (level == spdlog::level::warn) return is_zap ? "warn" : "W";
  return is_zap ? "error" : "E";
}

// etcd's name of a level, as "%*" in a pattern.
class LevelFlag final : public spdlog::custom_flag_formatter {
 public:
  explicit LevelFlag(Format format) : format_(format) {}

  void format(const spdlog::details::log_msg& message,
              const std::tm& /*time*/,
              spdlog::memory_buf_t& line) override {
    const std::string_view name = level_name(format_, message.level);
    line.append(name.data(), name.data() + name.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<LevelFlag>(format_);
  }

 private:
  Format format_;
};

std::unique_ptr<spdlog::formatter> make_formatter(Format format) {
  const bool is_zap = format == Format::zap;
  auto formatter = std::make_unique<spdlog::pattern_formatter>(
      is_zap ? spdlog::pattern_time_type::utc : spdlog::pattern_time_type::local);
  formatter->add_flag<LevelFlag>('*', format);
  formatter->set_pattern(is_zap ? R"({"level":"%*","ts":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"
                                : "%Y-%m-%d %H:%M:%S.%f %* | %v");
  return formatter;
}

Result<spdlog::sink_ptr> open_output(const std::string& output) try {
  if (output == "stderr") return std::make_shared<spdlog::sinks::stderr_sink_mt>();
  if (output == "stdout") return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  return std::make_shared<spdlog::sinks::basic_file_sink_mt>(output);
} catch (const spdlog::spdlog_ex& exception) {
  return Error(Errc::io_error, "--log-outputs=" + output + ": " + exception.what());
}

// Thread-safe: spdlog's _mt outputs take turns.
class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(const Settings& settings, const std::vector<spdlog::sink_ptr>& outputs)
      : format_(settings.format), logger_("log", outputs.begin(), outputs.end()) {
    logger_.set_formatter(make_formatter(settings.format));
    logger_.set_level(spdlog_level(settings.threshold));
    // Somebody who follows the file must see what happens when it happens; only debug lines are
    // frequent enough to be worth a buffer.
    logger_.flush_on(spdlog::level::info);
  }

  [[nodiscard]] bool enabled(LogLevel level) const override {
    return logger_.should_log(spdlog_level(level));
  }

  // What an output throws, spdlog catches and reports on standard error, at most once a second.
  void write(const LogRecord& record) override {
    if (!enabled(record.level)) return;
    const std::string text = format_ == Format::zap ? zap_members(record) : capnslog_text(record);
    logger_.log(spdlog_level(record.level), spdlog::string_view_t(text));
  }

 private:
  Format format_;
  spdlog::logger logger_;
};

}  // namespace

Result<std::shared_ptr<LogSink>> make_log_sink(const LoggingOptions& options) {
  const auto settings = read_settings(options);
  if (!settings) return settings.error();
  std::vector<spdlog::sink_ptr> outputs;
  for (const std::string& name : settings->outputs) {
    auto output = open_output(name);
    if (!output) return output.error();
    outputs.push_back(*std::move(output));
  }
  return std::make_shared<SpdlogSink>(*settings, outputs);
}

}  // namespace raftkit::logging
