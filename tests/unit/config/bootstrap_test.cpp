#include <string>

#include <catch2/catch.hpp>

#include "raftkit/config_member.hpp"

using raftkit::ClusterId;
using raftkit::Errc;
using raftkit::NodeId;
using raftkit::config::ClusterState;
using raftkit::config::complete;
using raftkit::config::MemberOptions;
using raftkit::config::parse_url_list;
using raftkit::config::validate_bootstrap;

namespace {

MemberOptions member(const std::string& name, const std::string& advertised) {
  MemberOptions options;
  options.name = name;
  options.initial_advertise_peer_urls = parse_url_list(advertised).value();
  options.initial_cluster = "a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,b=http://10.0.0.2:2381";
  return options;
}

std::string refusal_of(const MemberOptions& options) {
  const auto cluster = validate_bootstrap(options);
  if (cluster) return "accepted";
  CHECK(cluster.error() == Errc::invalid_option);
  return cluster.error().message();
}

}  // namespace

TEST_CASE("A first start gives the members with their IDs", "[config]") {
  MemberOptions options;
  (void)complete(options);

  const auto cluster = validate_bootstrap(options);

  REQUIRE(cluster);
  CHECK(cluster->id == ClusterId{0xcdf818194e3a8c32});
  REQUIRE(cluster->find("default") != nullptr);
  CHECK(cluster->find("default")->id == NodeId{0x8e9e05c52164694d});
}

TEST_CASE("The order of the URLs in both options does not matter", "[config]") {
  MemberOptions options = member("b", "http://10.0.0.2:2380,http://10.0.0.2:2381");
  std::swap(options.initial_advertise_peer_urls[0], options.initial_advertise_peer_urls[1]);

  CHECK(refusal_of(options) == "accepted");
}

TEST_CASE("A name that is no member is refused with the names that are", "[config]") {
  CHECK(refusal_of(member("A", "http://10.0.0.1:2380")) ==
        "--name=\"A\" is not a member of "
        "--initial-cluster=a=http://10.0.0.1:2380,b=http://10.0.0.2:2380,b=http://10.0.0.2:2381: "
        "add A=URL there, or correct --name (the members are \"a\", \"b\")");
}

TEST_CASE("A name that can be in no list of members is refused as such", "[config]") {
  CHECK(refusal_of(member("a,b", "http://10.0.0.1:2380")).find("without ',' and '='") !=
        std::string::npos);
}

TEST_CASE("An empty list of members has no member to start", "[config]") {
  MemberOptions options = member("a", "http://10.0.0.1:2380");
  options.initial_cluster = "";
  CHECK(refusal_of(options) ==
        "--name=\"a\" is not a member of --initial-cluster=: add a=URL there, or correct --name");
}

TEST_CASE("A URL that only the list of members has is named, with both options", "[config]") {
  CHECK(refusal_of(member("b", "http://10.0.0.2:2380")) ==
        "--initial-cluster has b=http://10.0.0.2:2381 but missing from "
        "--initial-advertise-peer-urls=http://10.0.0.2:2380: both must list the same URLs for "
        "\"b\"");
}

TEST_CASE("A URL that only this member advertises is named, with both options", "[config]") {
  CHECK(refusal_of(member("a", "http://10.0.0.1:2380,http://10.0.0.9:2380")) ==
        "--initial-advertise-peer-urls has http://10.0.0.9:2380 but missing from "
        "--initial-cluster=a=http://10.0.0.1:2380: both must list the same URLs for \"a\"");
}

TEST_CASE("A URL that is repeated on one side only is a mismatch", "[config]") {
  CHECK(refusal_of(member("a", "http://10.0.0.1:2380,http://10.0.0.1:2380")) ==
        "--initial-advertise-peer-urls=http://10.0.0.1:2380,http://10.0.0.1:2380 and "
        "--initial-cluster=a=http://10.0.0.1:2380 repeat a URL differently: list each URL once");
}

TEST_CASE("localhost and 127.0.0.1 are different texts", "[config]") {
  MemberOptions options = member("a", "http://127.0.0.1:2380");
  options.initial_cluster = "a=http://localhost:2380";
  CHECK(refusal_of(options) != "accepted");
}

TEST_CASE("An advertised URL without name and cluster does not match the default cluster",
          "[config]") {
  MemberOptions options;
  options.initial_advertise_peer_urls = parse_url_list("http://10.0.0.1:2380").value();
  (void)complete(options);

  CHECK(refusal_of(options) ==
        "--initial-cluster has default=http://localhost:2380 but missing from "
        "--initial-advertise-peer-urls=http://10.0.0.1:2380: set --initial-cluster, which still "
        "has its default");
}

TEST_CASE("A URL of two members is refused before their IDs collide", "[config]") {
  MemberOptions options = member("a", "http://10.0.0.1:2380");
  options.initial_cluster = "a=http://10.0.0.1:2380,b=http://10.0.0.1:2380";
  CHECK(refusal_of(options) ==
        "--initial-cluster has the duplicate URL http://10.0.0.1:2380 for the members \"a\" and "
        "\"b\": give each member its own");
}

TEST_CASE("A URL that stands twice for one member is refused", "[config]") {
  MemberOptions options = member("a", "http://10.0.0.1:2380");
  options.initial_cluster = "a=http://10.0.0.1:2380,b=http://10.0.0.2:1,b=http://10.0.0.2:1";
  CHECK(refusal_of(options).find("twice for member \"b\"") != std::string::npos);
}

TEST_CASE("A malformed entry is refused", "[config]") {
  MemberOptions options = member("a", "http://10.0.0.1:2380");
  options.initial_cluster = "a=10.0.0.1:2380";
  CHECK(refusal_of(options).starts_with("--initial-cluster: \"a=10.0.0.1:2380\": "));
}

TEST_CASE("A member with a transport that is not served is refused", "[config]") {
  MemberOptions options = member("a", "http://10.0.0.1:2380");
  options.initial_cluster = "a=https://10.0.0.1:2380";
  CHECK(refusal_of(options) ==
        "--initial-cluster has a=https://10.0.0.1:2380: this build serves http only: write "
        "http://10.0.0.1:2380");
  options.initial_cluster = "a=http://10.0.0.1:65536";
  CHECK(refusal_of(options).ends_with("the port must be at most 65535"));
}

TEST_CASE("A member that joins may advertise anything, but must be named and distinct",
          "[config]") {
  MemberOptions options = member("a", "http://127.0.0.1:1");
  options.initial_cluster_state = ClusterState::existing;
  CHECK(refusal_of(options) == "accepted");

  options.name = "c";
  CHECK(refusal_of(options).starts_with("--name=\"c\" is not a member"));

  options.name = "a";
  options.initial_cluster = "a=http://10.0.0.1:2380,b=http://10.0.0.1:2380";
  CHECK(refusal_of(options).find("duplicate URL") != std::string::npos);
}
