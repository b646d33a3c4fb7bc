#include <algorithm>
#include <csignal>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/logging.hpp"

#include "unit/logging/captured_output.hpp"

using raftkit::Errc;
using raftkit::LogLevel;
using raftkit::logging::make_log_sink;
using raftkit::logging::test::output_of;
using raftkit::logging::test::Redirection;
using raftkit::logging::test::TemporaryPath;

namespace {

// Times differ from run to run, their shape must not.
std::string with_zeros(std::string text) {
  for (char& character : text)
    if (character >= '0' && character <= '9') character = '0';
  return text;
}

std::map<std::string, std::ptrdiff_t> count_equal_lines(const std::string& text) {
  std::map<std::string, std::ptrdiff_t> counts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    ++counts[line];
  return counts;
}

std::ptrdiff_t count_lines(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

}  // namespace

TEST_CASE("A text line has capnslog's shape and goes to standard error", "[logging]") {
  const auto sink = make_log_sink({}).value();

  const std::string line = output_of(STDERR_FILENO, [&] {
    sink->log(LogLevel::warn, "slow_disk", "a write took long", {{"ms", "120"}});
  });

  CHECK(with_zeros(line) == "0000-00-00 00:00:00.000000 W | slow_disk: a write took long ms=000\n");
}

TEST_CASE("A JSON line has zap's keys in zap's order", "[logging]") {
  const auto sink = make_log_sink({"info", {"stdout"}, "zap"}).value();

  const std::string line = output_of(STDOUT_FILENO, [&] {
    sink->log(LogLevel::info, "became_leader", "this node leads", {{"term", "7"}});
  });

  CHECK(with_zeros(line) == R"({"level":"info","ts":"0000-00-00T00:00:00.000Z",)"
                            R"("msg":"this node leads","event":"became_leader","term":"0"})"
                            "\n");
}

TEST_CASE("Every level has etcd's name", "[logging]") {
  const auto text = make_log_sink({"debug", {"stderr"}, "capnslog"}).value();
  const auto json = make_log_sink({"debug", {"stderr"}, "zap"}).value();
  const auto [level, letter, name] =
      GENERATE(table<LogLevel, std::string, std::string>({{LogLevel::debug, " D | ", "debug"},
                                                          {LogLevel::info, " I | ", "info"},
                                                          {LogLevel::warn, " W | ", "warn"},
                                                          {LogLevel::error, " E | ", "error"}}));

  CHECK(output_of(STDERR_FILENO, [&, level = level] { text->log(level, "e", ""); }).find(letter) !=
        std::string::npos);
  CHECK(output_of(STDERR_FILENO, [&, level = level] {
          json->log(level, "e", "");
        }).starts_with("{\"level\":\"" + name + "\""));
}

TEST_CASE("A line below the level is not written", "[logging]") {
  const auto sink = make_log_sink({"warn", {"stderr"}, "capnslog"}).value();

  CHECK(output_of(STDERR_FILENO, [&] { sink->write({LogLevel::info, "e", "", {}}); }).empty());
}

TEST_CASE("A percent sign or a brace in a line means nothing", "[logging]") {
  const auto sink = make_log_sink({}).value();

  CHECK(output_of(STDERR_FILENO, [&] {
          sink->log(LogLevel::info, "e", "100% {} {0} %s");
        }).ends_with("e: 100% {} {0} %s\n"));
}

TEST_CASE("A file is appended to, and a line is there when write returns", "[logging]") {
  const TemporaryPath path("-file");
  for (const auto* const event : {"first", "second"}) {
    const auto sink = make_log_sink({"info", {path.text(), path.text()}, "zap"}).value();
    sink->log(LogLevel::info, event, "");
    CHECK(path.content().find(event) != std::string::npos);
  }

  CHECK(count_lines(path.content()) == 2);
}

TEST_CASE("One line goes to all outputs", "[logging]") {
  const TemporaryPath path("-both");
  const auto sink = make_log_sink({"info", {"stderr", path.text()}, "zap"}).value();

  const std::string line =
      output_of(STDERR_FILENO, [&] { sink->log(LogLevel::info, "e", "twice"); });

  CHECK_FALSE(line.empty());
  CHECK(path.content() == line);
}

TEST_CASE("A file that cannot be opened is refused with flag, path and reason", "[logging]") {
  const auto sink = make_log_sink({"info", {"/dev/null/log"}, "zap"});

  REQUIRE_FALSE(sink);
  CHECK(sink.error() == Errc::io_error);
  CHECK(sink.error().message().starts_with("--log-outputs=/dev/null/log: "));
}

TEST_CASE("A full disk loses lines, is reported and harms nobody", "[logging]") {
  const auto sink = make_log_sink({"info", {"/dev/full", "stdout"}, "zap"}).value();

  std::string report;
  const std::string other = output_of(STDOUT_FILENO, [&] {
    report = output_of(STDERR_FILENO, [&] {
      for (int line = 0; line < 1000; ++line)
        sink->log(LogLevel::error, "e", std::string(100, 'x'));
    });
  });

  CHECK(count_lines(other) == 1000);
  CHECK(report.find("/dev/full") != std::string::npos);
  CHECK(count_lines(report) < 100);
}

TEST_CASE("A reader that went away harms nobody", "[logging]") {
  auto* const previous = std::signal(SIGPIPE, SIG_IGN);
  int ends[2] = {};
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  const auto sink = make_log_sink({}).value();

  {
    const Redirection redirection(STDERR_FILENO, ends[1]);
    for (int line = 0; line < 100; ++line)
      CHECK_NOTHROW(sink->log(LogLevel::error, "e", "nobody reads this"));
  }

  close(ends[1]);
  (void)std::signal(SIGPIPE, previous);
}

TEST_CASE("Lines of several threads do not mix", "[logging]") {
  constexpr std::ptrdiff_t lines = 500;
  const std::vector<std::string> texts = {
      std::string(200, 'a'), std::string(200, 'b'), std::string(200, 'c'), std::string(200, 'd')};
  const TemporaryPath path("-threads");
  const auto sink = make_log_sink({"info", {path.text()}, "zap"}).value();

  std::map<std::string, std::ptrdiff_t> expected;
  std::vector<std::thread> writers;
  writers.reserve(texts.size());
  for (const std::string& text : texts) {
    expected[R"({"level":"info","ts":"0000-00-00T00:00:00.000Z","msg":")" + text +
             R"(","event":"e"})"] = lines;
    writers.emplace_back([&] {
      for (std::ptrdiff_t line = 0; line < lines; ++line)
        sink->log(LogLevel::info, "e", text);
    });
  }
  for (auto& writer : writers)
    writer.join();

  CHECK(count_equal_lines(with_zeros(path.content())) == expected);
}
