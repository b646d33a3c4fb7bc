#include "logging/settings.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace raftkit::logging {

namespace {

constexpr std::string_view kDefault = "default";
constexpr std::string_view kStderr = "stderr";
constexpr std::string_view kStdout = "stdout";
constexpr std::string_view kJournal = "systemd/journal";

Error refused(std::string_view flag, std::string_view value, std::string_view why) {
  std::string text = "--";
  text.append(flag).append("=").append(value).append(": ").append(why);
  return {Errc::invalid_option, std::move(text)};
}

std::optional<Threshold> threshold_named(std::string_view name) {
  if (name == "debug") return Threshold::debug;
  if (name == "info") return Threshold::info;
  if (name == "warn") return Threshold::warn;
  if (name == "error") return Threshold::error;
  if (name == "panic") return Threshold::panic;
  if (name == "fatal") return Threshold::fatal;
  return std::nullopt;
}

std::optional<Format> format_named(std::string_view name) {
  if (name == "capnslog") return Format::capnslog;
  if (name == "zap") return Format::zap;
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& outputs) {
  std::string text;
  for (const std::string& output : outputs) {
    if (&output != outputs.data()) text += ',';
    text += output;
  }
  return text;
}

Result<void> check_outputs(const std::vector<std::string>& outputs, Format format) {
  const auto refuse = [&](std::string_view why) {
    return refused("log-outputs", joined(outputs), why);
  };
  const auto has = [&](std::string_view word) {
    return std::find(outputs.begin(), outputs.end(), word) != outputs.end();
  };
  if (outputs.empty() || has(""))
    return refuse("must be default, stderr, stdout or a path, not nothing");
  if (has(kJournal))
    return refuse("the journal is not written to directly; use stderr, which systemd hands to it");
  if (has(kDefault) && outputs.size() > 1)
    return refuse("default cannot stand beside others; write stderr");
  const bool is_one_word = outputs.size() == 1 && (has(kDefault) || has(kStderr) || has(kStdout));
  if (format == Format::capnslog && !is_one_word)
    return refuse(
        "with --logger=capnslog this must be one of default, stderr and stdout; use --logger=zap "
        "for files and for several outputs");
  return {};
}

std::vector<std::string> distinct(const std::vector<std::string>& outputs) {
  std::vector<std::string> result;
  for (const std::string& output : outputs) {
    const std::string name(output == kDefault ? kStderr : output);
    if (std::find(result.begin(), result.end(), name) == result.end()) result.push_back(name);
  }
  return result;
}

}  // namespace

Result<Settings> read_settings(const LoggingOptions& options) {
  const auto threshold = threshold_named(options.level);
  if (!threshold)
    return refused("log-level", options.level, "must be debug, info, warn, error, panic or fatal");
  const auto format = format_named(options.format);
  if (!format) return refused("logger", options.format, "must be capnslog or zap");
  if (const auto checked = check_outputs(options.outputs, *format); !checked)
    return checked.error();
  return Settings{*threshold, *format, distinct(options.outputs)};
}

}  // namespace raftkit::logging
