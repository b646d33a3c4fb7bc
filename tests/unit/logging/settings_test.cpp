#include <string>

#include <catch2/catch.hpp>

#include "raftkit/logging.hpp"

using raftkit::Errc;
using raftkit::LogLevel;
using raftkit::logging::LoggingOptions;
using raftkit::logging::make_log_sink;

namespace {

std::string refusal_of(const LoggingOptions& options) {
  const auto sink = make_log_sink(options);
  if (sink) return "accepted";
  CHECK(sink.error() == Errc::invalid_option);
  return sink.error().message();
}

// The levels that are written, by their first letters.
std::string levels(const std::string& threshold) {
  const auto sink = make_log_sink({threshold, {"stderr"}, "zap"}).value();
  std::string letters;
  if (sink->enabled(LogLevel::debug)) letters += 'd';
  if (sink->enabled(LogLevel::info)) letters += 'i';
  if (sink->enabled(LogLevel::warn)) letters += 'w';
  if (sink->enabled(LogLevel::error)) letters += 'e';
  return letters;
}

}  // namespace

TEST_CASE("The level says which lines are written", "[logging]") {
  CHECK(levels("debug") == "diwe");
  CHECK(levels("info") == "iwe");
  CHECK(levels("warn") == "we");
  CHECK(levels("error") == "e");
  CHECK(levels("panic").empty());
  CHECK(levels("fatal").empty());
}

TEST_CASE("An unknown level is refused with the flag and the levels that exist", "[logging]") {
  CHECK(refusal_of({"warning", {"default"}, "capnslog"}) ==
        "--log-level=warning: must be debug, info, warn, error, panic or fatal");
  CHECK(refusal_of({"INFO", {"default"}, "capnslog"}) != "accepted");
}

TEST_CASE("An unknown logger is refused with the flag and the loggers that exist", "[logging]") {
  CHECK(refusal_of({"info", {"default"}, "glog"}) == "--logger=glog: must be capnslog or zap");
}

TEST_CASE("Text lines go to one of the standard streams", "[logging]") {
  CHECK(refusal_of({"info", {"default"}, "capnslog"}) == "accepted");
  CHECK(refusal_of({"info", {"stderr"}, "capnslog"}) == "accepted");
  CHECK(refusal_of({"info", {"stdout"}, "capnslog"}) == "accepted");
  CHECK(refusal_of({"info", {"/tmp/x"}, "capnslog"}) ==
        "--log-outputs=/tmp/x: with --logger=capnslog this must be one of default, stderr and "
        "stdout; use --logger=zap for files and for several outputs");
  CHECK(refusal_of({"info", {"stderr", "stdout"}, "capnslog"}).starts_with("--log-outputs="));
}

TEST_CASE("JSON lines may go to several outputs, default only to itself", "[logging]") {
  CHECK(refusal_of({"info", {"stderr", "stdout", "stderr"}, "zap"}) == "accepted");
  CHECK(refusal_of({"info", {"default"}, "zap"}) == "accepted");
  CHECK(refusal_of({"info", {"default", "stdout"}, "zap"}) ==
        "--log-outputs=default,stdout: default cannot stand beside others; write stderr");
}

TEST_CASE("No output at all is refused", "[logging]") {
  CHECK(refusal_of({"info", {}, "zap"}) ==
        "--log-outputs=: must be default, stderr, stdout or a path, not nothing");
  CHECK(refusal_of({"info", {"stderr", ""}, "zap"}).starts_with("--log-outputs=stderr,: "));
}

TEST_CASE("The journal is refused with a word about what to do instead", "[logging]") {
  CHECK(refusal_of({"info", {"systemd/journal"}, "zap"}) ==
        "--log-outputs=systemd/journal: the journal is not written to directly; use stderr, which "
        "systemd hands to it");
}
