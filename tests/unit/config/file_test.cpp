#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <variant>

#include <catch2/catch.hpp>

#include "raftkit/config_parse.hpp"

#include "unit/config/server_options.hpp"

using raftkit::LogLevel;
using raftkit::config::Environment;
using raftkit::config::parse;
using raftkit::config::Run;
using raftkit::config::Stop;
using raftkit::config::ValueSource;
using raftkit::config::test::ServerOptions;
using raftkit::config::test::State;

namespace {

// A file that goes when the test ends.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() /
              ("raftkit-config-" + std::to_string(getpid()) + ".yml")) {
    std::ofstream(path_) << content;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  TemporaryFile(TemporaryFile&&) = delete;
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile() { std::filesystem::remove(path_); }

  [[nodiscard]] std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Run run(const ServerOptions& server, const std::string& content) {
  const TemporaryFile file(content);
  auto outcome = parse(server.table, std::vector{"--config-file=" + file.path()}, {});
  if (const auto* stop = std::get_if<Stop>(&outcome)) FAIL("stopped: " << stop->standard_error);
  return std::get<Run>(std::move(outcome));
}

// What is said about the content, without the path of the file.
std::string refusal_of(const std::string& content) {
  const ServerOptions server;
  const TemporaryFile file(content);
  const auto outcome = parse(server.table, std::vector{"--config-file=" + file.path()}, {});
  REQUIRE(std::holds_alternative<Stop>(outcome));
  const Stop& stop = std::get<Stop>(outcome);
  CHECK(stop.exit_status == 1);
  CHECK(stop.standard_output.empty());
  const std::string begin = "cannot use the configuration file \"" + file.path() + "\": ";
  REQUIRE(stop.reason.starts_with(begin));
  return stop.reason.substr(begin.size());
}

std::vector<std::string> warnings(const Run& result) {
  std::vector<std::string> texts;
  for (const auto& notice : result.notices)
    if (notice.level == LogLevel::warn) texts.push_back(notice.text);
  return texts;
}

}  // namespace

TEST_CASE("A file sets options of every type", "[config]") {
  ServerOptions server;

  const Run result = run(server, R"(
name: 'a b'
PRE-VOTE: no
election-timeout: 2_000
listen-peer-urls: http://b:1, http://a:1
initial-cluster-state: existing
keep-alive: 1000000
log-outputs: [stderr, "/var/log/x"]
client-transport-security:
  cert-file: /cert
)");

  CHECK(server.name == "a b");
  CHECK_FALSE(server.pre_vote);
  CHECK(server.election_timeout.count() == 2000);
  CHECK(to_string(server.urls) == "http://a:1,http://b:1");
  CHECK(server.state == State::existing);
  CHECK(server.keep_alive == std::chrono::milliseconds(1));
  CHECK(server.log_outputs == std::vector<std::string>{"stderr", "/var/log/x"});
  CHECK(server.cert_file == "/cert");
  CHECK(result.source("name") == ValueSource::file);
  CHECK(result.source("config-file") == ValueSource::flag);
  CHECK(warnings(result).empty());
}

TEST_CASE("A file replaces flags and environment, which must still be readable", "[config]") {
  ServerOptions server;
  const TemporaryFile file("pre-vote: false\n");
  const std::string flag = "--config-file=" + file.path();
  const Environment environment = {{"ETCD_NAME", "conflicts"}, {"ETCD_ELECTION_TIMEOUT", "bad"}};

  const auto outcome = parse(server.table, std::vector<std::string>{flag, "--name=a"}, environment);

  REQUIRE(std::holds_alternative<Run>(outcome));
  const Run& result = std::get<Run>(outcome);
  CHECK(server.name == "default");
  CHECK_FALSE(server.pre_vote);
  CHECK_FALSE(result.is_set("name"));
  CHECK(server.config_file == file.path());
  REQUIRE(result.notices.size() == 1);
  CHECK(result.notices.front().fields.back().value == "--name");

  const auto malformed = parse(server.table, std::vector<std::string>{flag, "--what"}, {});
  CHECK(std::get<Stop>(malformed).exit_status == 2);
}

TEST_CASE("The file may be named by a variable, and the flag wins", "[config]") {
  ServerOptions server;
  const TemporaryFile file("name: a\n");

  const auto by_variable = parse(server.table, {}, {{"ETCD_CONFIG_FILE", file.path()}});
  REQUIRE(std::holds_alternative<Run>(by_variable));
  CHECK(server.name == "a");
  CHECK(std::get<Run>(by_variable).source("config-file") == ValueSource::environment);

  const auto both = parse(server.table,
                          std::vector{"--config-file=" + file.path()},
                          {{"ETCD_CONFIG_FILE", "/missing"}});
  CHECK(std::holds_alternative<Run>(both));
}

TEST_CASE("A key without a value leaves the default, and so does an empty file", "[config]") {
  ServerOptions server;

  CHECK_FALSE(run(server, "name:\npre-vote: ~\n").is_set("name"));
  CHECK(run(server, "# nothing\n").sources.size() == 1);
  CHECK(run(server, "").sources.size() == 1);
  CHECK(run(server, "listen-peer-urls: ''\n").is_set("listen-peer-urls"));
  CHECK(to_string(server.urls) == "http://localhost:2380");
}

TEST_CASE("Of repeated keys the last counts, and of documents the first", "[config]") {
  ServerOptions server;

  run(server, "name: 5\nname: b\n---\nname: c\n");

  CHECK(server.name == "b");
}

TEST_CASE("An unknown key is a warning that names the nearest", "[config]") {
  ServerOptions server;

  const Run result = run(server, "naem: a\nwal-dir: /x\nconfig-file: /y\n");

  CHECK(warnings(result) ==
        std::vector<std::string>{
            "unrecognized key \"naem\" in the configuration file (did you mean name?)",
            "unrecognized key \"wal-dir\" in the configuration file (etcd has this option, server "
            "has not)",
            "unrecognized key \"config-file\" in the configuration file (etcd has this option, "
            "server has not)"});
}

TEST_CASE("A value of another type is refused with key, line and both types", "[config]") {
  CHECK(refusal_of("name: a\nelection-timeout: \"100\"\n") ==
        "line 2: election-timeout must be a whole number, not the string \"100\"");
  CHECK(refusal_of("election-timeout: 1e3\n") ==
        "line 1: election-timeout must be a whole number, not the number 1e3");
  CHECK(refusal_of("name: 5\n") == "line 1: name must be a string, not the number 5");
  CHECK(refusal_of("name: off\n") == "line 1: name must be a string, not the boolean off");
  CHECK(refusal_of("pre-vote: \"true\"\n") ==
        "line 1: pre-vote must be true or false, not the string \"true\"");
  CHECK(refusal_of("pre-vote: 1\n") == "line 1: pre-vote must be true or false, not the number 1");
  CHECK(refusal_of("listen-peer-urls: [http://a:1]\n") ==
        "line 1: listen-peer-urls must be a string, not a list");
  CHECK(refusal_of("log-outputs: stderr\n") ==
        "line 1: log-outputs must be a list of strings, not the string \"stderr\"");
  CHECK(refusal_of("log-outputs: [5]\n") ==
        "line 1: log-outputs must be a string, not the number 5");
  CHECK(refusal_of("log-outputs: ['a,b']\n") ==
        "line 1: log-outputs must not contain a comma: \"a,b\"");
  CHECK(refusal_of("keep-alive: 5s\n") ==
        "line 1: keep-alive must be a whole number of nanoseconds, not the string \"5s\"");
}

TEST_CASE("A tag or quotes make a string of anything", "[config]") {
  ServerOptions server;

  run(server, "name: !!str 5\n");
  CHECK(server.name == "5");
  run(server, "name: 'true'\n");
  CHECK(server.name == "true");
}

TEST_CASE("A value that cannot be read is refused with key, line and reason", "[config]") {
  CHECK(refusal_of("initial-cluster-state: old\n") ==
        "line 1: initial-cluster-state: invalid value \"old\": must be \"new\" or \"existing\"");
  CHECK(refusal_of("election-timeout: -1\n") ==
        "line 1: election-timeout: invalid value \"-1\": not a whole number from 0 up (the unit is "
        "ms)");
}

TEST_CASE("What is no map of keys and values is refused", "[config]") {
  CHECK(refusal_of("- a\n") == "must be a map of keys and values, not a list");
  CHECK(refusal_of("a\n") == "must be a map of keys and values, not the string \"a\"");
  CHECK(refusal_of("name: [\n").starts_with("line "));
  CHECK(refusal_of(std::string(2000000, ' ')) == "it is larger than 1 MiB");
}

TEST_CASE("A file that cannot be read is refused with the system's reason", "[config]") {
  const ServerOptions server;
  const auto reason = [&](const std::string& path) {
    return std::get<Stop>(parse(server.table, std::vector{"--config-file=" + path}, {})).reason;
  };

  CHECK(reason("/missing.yml") ==
        "cannot use the configuration file \"/missing.yml\": No such file or directory");
  CHECK(reason("/") == "cannot use the configuration file \"/\": Is a directory");
}

TEST_CASE("Limits hold for files too", "[config]") {
  const ServerOptions server;
  const TemporaryFile file("election-timeout: 0\n");

  const auto outcome = parse(server.table, std::vector{"--config-file=" + file.path()}, {});

  CHECK(std::get<Stop>(outcome).reason ==
        "--election-timeout=0 (set in the configuration file): must be from 1 to 50000 ms");
}
