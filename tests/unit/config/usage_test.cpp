#include <string>

#include <catch2/catch.hpp>

#include "raftkit/config_table.hpp"

#include "unit/config/server_options.hpp"

using raftkit::config::usage_text;
using raftkit::config::test::ServerOptions;

TEST_CASE("Usage names every way to call the program", "[config]") {
  const std::string usage = usage_text({"server", ""});

  CHECK(usage.starts_with("Usage:\n\n  server [flags]\n"));
  CHECK(usage.find("\n  server --version\n") != std::string::npos);
  CHECK(usage.find("\n  server -h | --help\n") != std::string::npos);
  CHECK(usage.find("\n  server --config-file\n") != std::string::npos);
}

TEST_CASE("Help lists the options by group, each with its default", "[config]") {
  const ServerOptions server;

  CHECK(help_text(server.table) == R"(
Member:
  --config-file ''
    A file.
  --name 'default'
    Its name.
  --election-timeout '1000'
    Patience. Unit: ms. Must be from 1 to 50000.
  --listen-peer-urls 'http://localhost:2380'
    Where to listen.

Clustering:
  --pre-vote 'true'
    Ask first.
  --initial-cluster-state 'new'
    New | old. Must be "new" or "existing". Counts only at the first start.
  --keep-alive '5s'
    How often.

Logging:
  --log-outputs 'default'
    Where to.

Security:
  --cert-file ''
    Certificate.
)");
}

TEST_CASE("Markdown has a table for each group and a line for each option", "[config]") {
  const ServerOptions server;
  const std::string markdown = markdown_text(server.table);

  CHECK(markdown.starts_with(
      "### Member\n\n"
      "| Flag | Environment | File key | Type | Default | Bounds | Counts at | Meaning |\n"
      "|---|---|---|---|---|---|---|---|\n"
      "| `--config-file` | `ETCD_CONFIG_FILE` | – | string | – | – | every start | A file. |\n"));
  CHECK(markdown.find("| `--election-timeout` | `ETCD_ELECTION_TIMEOUT` | `election-timeout` "
                      "(integer) | uint, ms | `1000` | from 1 to 50000 | every start | Patience. "
                      "|\n") != std::string::npos);
  CHECK(markdown.find("| `--initial-cluster-state` | `ETCD_INITIAL_CLUSTER_STATE` | "
                      "`initial-cluster-state` (string) | enum | `new` | \"new\" or \"existing\" | "
                      "first start | New \\| old. |\n") != std::string::npos);
  CHECK(markdown.find("`client-transport-security.cert-file` (string)") != std::string::npos);
  CHECK(markdown.find("\n\n### Security\n\n") != std::string::npos);
}

TEST_CASE("Help does not change with the values in force", "[config]") {
  ServerOptions server;
  const std::string before = help_text(server.table);

  REQUIRE(server.table.find("name")->value->set("other"));

  CHECK(help_text(server.table) == before);
}
