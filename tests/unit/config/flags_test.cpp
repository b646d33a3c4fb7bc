#include "config/flags.hpp"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "unit/config/server_options.hpp"

using raftkit::config::Flags;
using raftkit::config::FlagsEnd;
using raftkit::config::parse_flags;
using raftkit::config::VersionAsked;
using raftkit::config::test::ServerOptions;

namespace {

struct Reader : ServerOptions {
  [[nodiscard]] Flags read(const std::vector<std::string>& arguments) const {
    return parse_flags(table, arguments);
  }
  [[nodiscard]] std::string complaint(const std::vector<std::string>& arguments) const {
    return read(arguments).complaint;
  }
};

}  // namespace

TEST_CASE("One dash or two, an equals sign or the next word", "[config]") {
  const auto arguments = GENERATE(std::vector<std::string>{"--name", "a"},
                                  std::vector<std::string>{"-name", "a"},
                                  std::vector<std::string>{"--name=a"},
                                  std::vector<std::string>{"-name=a"});
  Reader server;

  const auto flags = server.read(arguments);

  CHECK(flags.end == FlagsEnd::complete);
  CHECK(server.name == "a");
  CHECK(flags.given.count("name") == 1);
  CHECK(flags.given.size() == 1);
}

TEST_CASE("A value may look like a flag, be empty or contain equals signs", "[config]") {
  Reader server;

  CHECK(server.read({"--name", "--pre-vote"}).end == FlagsEnd::complete);
  CHECK(server.name == "--pre-vote");
  CHECK(server.read({"--name="}).end == FlagsEnd::complete);
  CHECK(server.name.empty());
  CHECK(server.read({"--name=a=b"}).end == FlagsEnd::complete);
  CHECK(server.name == "a=b");
}

TEST_CASE("The last repetition of a flag wins, also for lists", "[config]") {
  Reader server;

  CHECK(server
            .read({"--name=a",
                   "--listen-peer-urls=http://a:1",
                   "--name=b",
                   "--listen-peer-urls=http://b:2,http://b:1"})
            .end == FlagsEnd::complete);

  CHECK(server.name == "b");
  CHECK(to_string(server.urls) == "http://b:1,http://b:2");
}

TEST_CASE("An empty list of URLs means the default, but counts as given", "[config]") {
  Reader server;

  const auto flags = server.read({"--listen-peer-urls=http://a:1", "--listen-peer-urls="});

  CHECK(to_string(server.urls) == "http://localhost:2380");
  CHECK(flags.given.count("listen-peer-urls") == 1);
}

TEST_CASE("A boolean takes a value only with an equals sign", "[config]") {
  Reader server;

  CHECK(server.read({"--pre-vote=F"}).end == FlagsEnd::complete);
  CHECK_FALSE(server.pre_vote);
  CHECK(server.read({"--pre-vote"}).end == FlagsEnd::complete);
  CHECK(server.pre_vote);

  const auto flags = server.read({"--pre-vote", "false"});
  CHECK(flags.end == FlagsEnd::stray_word);
  CHECK(flags.complaint == "'false' is not a valid flag: write --pre-vote=false");
  CHECK(server.pre_vote);
}

TEST_CASE("Two dashes end the flags, and a word after them is refused", "[config]") {
  Reader server;

  CHECK(server.read({"--name=a", "--"}).end == FlagsEnd::complete);
  const auto flags = server.read({"--", "--name=b"});
  CHECK(flags.end == FlagsEnd::stray_word);
  CHECK(flags.complaint == "'--name=b' is not a valid flag");
  CHECK(server.name == "a");
}

TEST_CASE("A word that is no flag is refused, a lone dash too", "[config]") {
  Reader server;

  CHECK(server.complaint({"gateway"}) == "'gateway' is not a valid flag");
  CHECK(server.complaint({"--name=a", "-"}) == "'-' is not a valid flag");
  CHECK(server.complaint({""}) == "'' is not a valid flag");
  CHECK(server.read({"gateway", "--name="}).end == FlagsEnd::stray_word);
}

TEST_CASE("Malformed flags are quoted", "[config]") {
  Reader server;

  CHECK(server.complaint({"---name"}) == "bad flag syntax: ---name");
  CHECK(server.complaint({"--=v"}) == "bad flag syntax: --=v");
  CHECK(server.complaint({"-=v"}) == "bad flag syntax: -=v");
  CHECK(server.complaint({"--name"}) == "flag needs an argument: -name");
  CHECK(server.complaint({"--pre-vote=yes"}) ==
        "invalid boolean value \"yes\" for -pre-vote: neither true nor false");
  CHECK(server.complaint({"--election-timeout=100ms"}) ==
        "invalid value \"100ms\" for flag -election-timeout: not a whole number from 0 up "
        "(the unit is ms)");
  CHECK(server.complaint({"--listen-peer-urls", "http://a:1/"}) ==
        "invalid value \"http://a:1/\" for flag -listen-peer-urls: "
        "URL \"http://a:1/\" must not contain a path: remove \"/\"");
  CHECK(server.read({"--name"}).end == FlagsEnd::malformed);
}

TEST_CASE("An unknown flag is named with one dash, and the nearest with two", "[config]") {
  Reader server;

  CHECK(server.complaint({"--eletion-timeout=1"}) ==
        "flag provided but not defined: -eletion-timeout (did you mean --election-timeout?)");
  CHECK(server.complaint({"--Name=a"}) ==
        "flag provided but not defined: -Name (did you mean --name?)");
  CHECK(server.complaint({"-verson"}) ==
        "flag provided but not defined: -verson (did you mean --version?)");
  CHECK(server.complaint({"--what=ever"}) == "flag provided but not defined: -what");
}

TEST_CASE("A flag that only etcd has is said to be etcd's", "[config]") {
  Reader server;

  CHECK(server.complaint({"--auto-tls"}) ==
        "flag provided but not defined: -auto-tls (etcd has this flag, server has not)");
  CHECK(server.complaint({"--test.outputdir=x"}) ==
        "flag provided but not defined: -test.outputdir (etcd has this flag, server has not)");
}

TEST_CASE("The first mistake ends the reading", "[config]") {
  Reader server;

  const auto flags = server.read({"--name=a", "--wrong", "--name=b", "--help"});

  CHECK(flags.end == FlagsEnd::malformed);
  CHECK(server.name == "a");
}

TEST_CASE("Help is found anywhere among the flags, with any value", "[config]") {
  Reader server;

  for (const auto* const help : {"-h", "--h", "-help", "--help", "--help=anything"}) {
    CHECK(server.read({"--name=a", help, "--wrong"}).end == FlagsEnd::help);
  }
  CHECK(server.read({"--name", "--help"}).end == FlagsEnd::complete);
}

TEST_CASE("The version is a boolean that belongs to no option", "[config]") {
  Reader server;

  CHECK(server.read({"--version"}).version == VersionAsked::yes);
  CHECK(server.read({"--version", "--version=false"}).version == VersionAsked::no);
  CHECK(server.read({"--version"}).given.empty());
  CHECK(server.complaint({"--version=x"}) ==
        "invalid boolean value \"x\" for -version: neither true nor false");
}
