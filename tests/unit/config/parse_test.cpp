#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/config_parse.hpp"

#include "unit/config/server_options.hpp"

using raftkit::Errc;
using raftkit::Error;
using raftkit::LogLevel;
using raftkit::Result;
using raftkit::config::arguments_of;
using raftkit::config::bind;
using raftkit::config::effective_options;
using raftkit::config::Environment;
using raftkit::config::parse;
using raftkit::config::process_environment;
using raftkit::config::Run;
using raftkit::config::Stop;
using raftkit::config::ValueSource;
using raftkit::config::test::ServerOptions;

namespace {

using Arguments = std::vector<std::string>;

Run run(const ServerOptions& server, const Arguments& arguments, const Environment& environment) {
  auto outcome = parse(server.table, arguments, environment);
  if (const auto* stop = std::get_if<Stop>(&outcome)) FAIL("stopped: " << stop->standard_error);
  return std::get<Run>(std::move(outcome));
}

Stop stop(const ServerOptions& server, const Arguments& arguments, const Environment& environment) {
  auto outcome = parse(server.table, arguments, environment);
  REQUIRE(std::holds_alternative<Stop>(outcome));
  return std::get<Stop>(std::move(outcome));
}

// Writes down what it is given, one line each.
class Recorder final : public raftkit::LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel level) const override { return level >= LogLevel::info; }
  void write(const raftkit::LogRecord& record) override {
    lines_ += std::string(record.event) + ": " + std::string(record.text);
    for (const auto& field : record.fields)
      lines_ += " " + std::string(field.key) + "=" + field.value;
    lines_ += "\n";
  }

  [[nodiscard]] const std::string& lines() const { return lines_; }

 private:
  std::string lines_;
};

bool has_warning(const Run& result, const std::string& text) {
  for (const auto& notice : result.notices)
    if (notice.level == LogLevel::warn && notice.text == text) return true;
  return false;
}

}  // namespace

TEST_CASE("Without arguments and environment all options have their defaults", "[config]") {
  ServerOptions server;

  const Run result = run(server, {}, {});

  CHECK(server.name == "default");
  CHECK_FALSE(result.is_set("name"));
  CHECK(result.source("name") == ValueSource::preset);
  CHECK(result.notices.empty());
}

TEST_CASE("A flag and a variable each set their option, and it is known which did", "[config]") {
  ServerOptions server;

  const Run result = run(server, {"--name=a"}, {{"ETCD_ELECTION_TIMEOUT", "0x7d0"}});

  CHECK(server.name == "a");
  CHECK(server.election_timeout.count() == 2000);
  CHECK(result.source("name") == ValueSource::flag);
  CHECK(result.source("election-timeout") == ValueSource::environment);
  CHECK(result.is_set("election-timeout"));
}

TEST_CASE("An option set to its default is set", "[config]") {
  ServerOptions server;
  CHECK(run(server, {"--name=default"}, {}).is_set("name"));
}

TEST_CASE("Parsing again starts from the defaults", "[config]") {
  ServerOptions server;
  run(server, {"--name=a"}, {});

  run(server, {}, {});

  CHECK(server.name == "default");
}

TEST_CASE("A flag that cannot be read ends with status 2 and the usage on standard error",
          "[config]") {
  ServerOptions server;

  const Stop result = stop(server, {"--eletion-timeout", "1000"}, {});

  CHECK(result.exit_status == 2);
  CHECK(result.standard_output.empty());
  CHECK(result.standard_error ==
        "flag provided but not defined: -eletion-timeout (did you mean --election-timeout?)\n" +
            usage_text(server.table.program()));
  CHECK(result.reason ==
        "flag provided but not defined: -eletion-timeout (did you mean --election-timeout?)");
}

TEST_CASE("A stray word ends with status 1 and no usage", "[config]") {
  ServerOptions server;

  const Stop result = stop(server, {"--version", "start"}, {});

  CHECK(result.exit_status == 1);
  CHECK(result.standard_output.empty());
  CHECK(result.standard_error == "server: 'start' is not a valid flag. See 'server --help'.\n");
}

TEST_CASE("Help ends with status 0, the usage on standard error, the options on standard output",
          "[config]") {
  ServerOptions server;

  const Stop result = stop(server, {"--name=a", "--help"}, {{"ETCD_NAME", "conflicts"}});

  CHECK(result.exit_status == 0);
  CHECK(result.standard_output == help_text(server.table));
  CHECK(result.standard_error == usage_text(server.table.program()));
}

TEST_CASE("The version is printed before environment and limits are looked at", "[config]") {
  ServerOptions server;

  const Stop result =
      stop(server, {"--version", "--election-timeout=0"}, {{"ETCD_ELECTION_TIMEOUT", "x"}});

  CHECK(result.exit_status == 0);
  CHECK(result.standard_output == "server Version: 1.0\n");
  CHECK(result.standard_error.empty());
  CHECK(stop(server, {"--version", "--election-timeout=abc"}, {}).exit_status == 2);
}

TEST_CASE("A variable beside its flag is fatal, even if they agree or it is empty", "[config]") {
  const auto* const value = GENERATE("a", "b", "");
  ServerOptions server;

  const Stop result = stop(server, {"--name=a"}, {{"ETCD_NAME", value}});

  CHECK(result.exit_status == 1);
  CHECK(result.reason ==
        "conflicting environment variable \"ETCD_NAME\" is shadowed by the command-line flag "
        "--name: unset the variable or remove the flag");
}

TEST_CASE("A bad value in a variable ends with status 1 and names the variable", "[config]") {
  ServerOptions server;

  const Stop result = stop(server, {}, {{"ETCD_PRE_VOTE", "yes"}});

  CHECK(result.exit_status == 1);
  CHECK(result.reason == "invalid value \"yes\" for ETCD_PRE_VOTE: neither true nor false");
}

TEST_CASE("An empty variable counts as not set, with a warning", "[config]") {
  ServerOptions server;

  const Run result = run(server, {}, {{"ETCD_NAME", ""}});

  CHECK_FALSE(result.is_set("name"));
  CHECK(has_warning(result, "environment variable ETCD_NAME is empty and therefore ignored"));
}

TEST_CASE("A variable that names no option is warned of, others are not looked at", "[config]") {
  ServerOptions server;

  const Run result = run(server,
                         {},
                         {{"ETCD_NAEM", "a"},
                          {"ETCD_WAL_DIR", "/x"},
                          {"ETCD_name", "a"},
                          {"ETCDCTL_API", "3"},
                          {"PATH", "/bin"}});

  CHECK(result.notices.size() == 3);
  CHECK(
      has_warning(result, "unrecognized environment variable ETCD_NAEM (did you mean ETCD_NAME?)"));
  CHECK(has_warning(result,
                    "unrecognized environment variable ETCD_WAL_DIR (etcd has this option, "
                    "server has not)"));
  CHECK_FALSE(result.is_set("name"));
}

TEST_CASE("A program may choose another prefix for its variables", "[config]") {
  std::string name = "default";
  raftkit::config::OptionTable table({"kv", "", "KV_"});
  table.add({"name", "Member", "Its name."}, bind(name));

  const auto outcome = parse(table, {}, {{"KV_NAME", "a"}, {"ETCD_NAME", "b"}});

  REQUIRE(std::holds_alternative<Run>(outcome));
  CHECK(name == "a");
}

TEST_CASE("A value out of its limits ends with status 1 and names option, value and limits",
          "[config]") {
  ServerOptions server;

  CHECK(stop(server, {"--election-timeout=0"}, {}).exit_status == 1);
  CHECK(stop(server, {"--election-timeout=0"}, {}).reason ==
        "--election-timeout=0: must be from 1 to 50000 ms");
  CHECK(stop(server, {}, {{"ETCD_ELECTION_TIMEOUT", "50001"}}).reason ==
        "--election-timeout=50001 (set by ETCD_ELECTION_TIMEOUT): must be from 1 to 50000 ms");
}

TEST_CASE("A check sees the values and where they come from, and can refuse them", "[config]") {
  ServerOptions server;
  server.table.add_check([&server](Run& result) -> Result<void> {
    result.notices.push_back({LogLevel::info, "checked", server.name});
    if (result.is_set("name") && !result.is_set("pre-vote"))
      return Error(Errc::invalid_option, "--name needs --pre-vote");
    return {};
  });

  CHECK(run(server, {"--name=a", "--pre-vote"}, {}).notices.back().text == "a");
  CHECK(stop(server, {"--name=a"}, {}).reason == "--name needs --pre-vote");
  CHECK(stop(server, {}, {{"ETCD_NAME", "a"}}).exit_status == 1);
}

TEST_CASE("A wrong table is reported at every start", "[config]") {
  ServerOptions server;
  std::string twin;
  server.table.add({"name", "", ""}, bind(twin));

  CHECK(stop(server, {"--version"}, {}).exit_status == 1);
  CHECK(stop(server, {}, {}).reason.find("\"name\"") != std::string::npos);
}

TEST_CASE("The options in force are listed with their sources", "[config]") {
  ServerOptions server;
  const Run result = run(server, {"--election-timeout=0x64"}, {{"ETCD_KEEP_ALIVE", "60s"}});

  std::string list;
  for (const auto& option : effective_options(server.table, result))
    list += option.name + "=" + option.value + " " + std::string(to_string(option.source)) + "\n";

  CHECK(list ==
        "config-file= default\n"
        "name=default default\n"
        "pre-vote=true default\n"
        "election-timeout=100 flag\n"
        "listen-peer-urls=http://localhost:2380 default\n"
        "initial-cluster-state=new default\n"
        "keep-alive=1m environment\n"
        "log-outputs=default default\n"
        "cert-file= default\n");
}

TEST_CASE("Notices and chosen options are logged once there is a log", "[config]") {
  std::string name = "default";
  raftkit::config::OptionTable table({"server", ""});
  std::string left_alone = "default";
  table.add({"name", "Member", "Its name."}, bind(name));
  table.add({"other", "Member", "Not set."}, bind(left_alone));
  Run result = std::get<Run>(parse(table, {}, {{"ETCD_NAME", "a"}}));
  result.notices.push_back({LogLevel::debug, "hidden", "below the level"});
  Recorder recorder;

  log_notices(recorder, result.notices);
  log_options(recorder, table, result);

  CHECK(recorder.lines() ==
        "environment_variable_used: recognized and used environment variable variable=ETCD_NAME "
        "value=a\n"
        "option: option in force name=name value=a source=environment\n");
}

TEST_CASE("A process hands over its words and its environment", "[config]") {
  const char* const words[] = {"server", "--name", "a"};
  CHECK(arguments_of(3, words) == Arguments{"--name", "a"});
  CHECK(arguments_of(0, nullptr).empty());

  REQUIRE(setenv("RAFTKIT_TEST_VARIABLE", "a=b", 1) == 0);  // NOLINT(concurrency-mt-unsafe)
  CHECK(process_environment().at("RAFTKIT_TEST_VARIABLE") == "a=b");
}
