#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/config_cluster.hpp"

using raftkit::ClusterId;
using raftkit::Errc;
using raftkit::NodeId;
using raftkit::config::added_member_id;
using raftkit::config::make_initial_cluster;
using raftkit::config::parse_initial_cluster;

namespace {

// One line, for comparing: cluster ID, then each member's ID, name and URLs.
std::string summary(const std::string& text, const std::string& token = "etcd-cluster") {
  const auto cluster = make_initial_cluster(text, {token});
  if (!cluster) return "refused: " + cluster.error().message();
  std::string line = to_string(cluster->id);
  for (const auto& member : cluster->members) {
    line += " " + to_string(member.id) + "=" + member.name;
    for (const auto& url : member.peer_urls)
      line += "=" + url;
  }
  return line;
}

bool is_refused_for(const std::string& text, const std::string& reason) {
  const auto cluster = make_initial_cluster(text, {"etcd-cluster"});
  if (cluster) return false;
  INFO(cluster.error().message());
  CHECK(cluster.error() == Errc::invalid_option);
  CHECK(cluster.error().message().find("--initial-cluster") != std::string::npos);
  return cluster.error().message().find(reason) != std::string::npos;
}

constexpr const char* kThree =
    "infra0=http://10.0.1.10:2380,infra1=http://10.0.1.11:2380,infra2=http://10.0.1.12:2380";

}  // namespace

TEST_CASE("An unconfigured member has etcd's well-known IDs", "[config]") {
  CHECK(summary("default=http://localhost:2380") ==
        "cdf818194e3a8c32 8e9e05c52164694d=default=http://localhost:2380");
}

TEST_CASE("IDs are those of etcd", "[config]") {
  CHECK(summary("m1=http://127.0.0.1:42780", "t1") ==
        "62ba22ccf3cbec72 1f6ce9e948d89b1b=m1=http://127.0.0.1:42780");
  CHECK(summary("m1=http://LOCALHOST:42780") ==
        "8a7274e3c0418b9 4a6d97fbd13fbd18=m1=http://LOCALHOST:42780");
  CHECK(summary("m1=http://[::1]:42780") ==
        "4565b208f9d77eb d5a12e8c31408acb=m1=http://[::1]:42780");
  CHECK(summary("m1=https://127.0.0.1:42780") ==
        "c09ae96de2318e4e 5be2cf4c8b31473=m1=https://127.0.0.1:42780");
  CHECK(summary("m1=http://127.0.0.1:2380", "t\xC3\xB6k") ==
        "ff2542353e7046eb bbee291ec30d4de8=m1=http://127.0.0.1:2380");
  CHECK(summary("m1=http://u:p@127.0.0.1:2380") ==
        "7f9c49c243fb719d f8d3a87499328fe4=m1=http://u:p@127.0.0.1:2380");
}

TEST_CASE("Members stand in the order of their IDs", "[config]") {
  CHECK(summary(kThree, "etcd-cluster-1") ==
        "acccc8912db0cd57 8a0a11c6194fc77=infra2=http://10.0.1.12:2380 "
        "140fedbeeb74765d=infra0=http://10.0.1.10:2380 "
        "d5dc5f8d75d04e29=infra1=http://10.0.1.11:2380");
}

TEST_CASE("Every order of the entries gives the same cluster", "[config]") {
  std::vector<std::string> entries = {"a=http://10.0.0.1:2380",
                                      "a=http://192.168.0.1:2380",
                                      "b=http://10.0.0.2:2380",
                                      "b=http://192.168.0.2:2380",
                                      "c=http://10.0.0.3:2380,c=http://192.168.0.3:2380"};
  do {
    std::string text;
    for (const auto& entry : entries)
      text += entry + ",";
    CHECK(make_initial_cluster(text, {"multi"})->id == ClusterId{0x194c26972c91a8f6});
  } while (std::next_permutation(entries.begin(), entries.end()));
}

TEST_CASE("A member's URLs are sorted by text, not by number", "[config]") {
  CHECK(summary("m1=http://10.0.0.1:9,m1=http://10.0.0.1:10") ==
        "51b9c0cfb2ec8e8c f32d067b609267fb=m1=http://10.0.0.1:10=http://10.0.0.1:9");
}

TEST_CASE("A member's name does not enter its ID", "[config]") {
  CHECK(make_initial_cluster("m1=http://127.0.0.1:2380", {""})->id ==
        make_initial_cluster("other=http://127.0.0.1:2380", {""})->id);
}

TEST_CASE("The URLs and the token are joined without a separator, as in etcd", "[config]") {
  CHECK(make_initial_cluster("m1=http://127.0.0.1:238", {"0x"})->id ==
        make_initial_cluster("m1=http://127.0.0.1:2380", {"x"})->id);
}

TEST_CASE("A URL that stands twice counts twice", "[config]") {
  CHECK(summary("a=http://127.0.0.1:2380,a=http://127.0.0.1:2380") ==
        "f82e0ed3e2f22ace 9f9450b37898674d=a=http://127.0.0.1:2380=http://127.0.0.1:2380");
}

TEST_CASE("A cluster without members has an ID too", "[config]") {
  CHECK(summary("") == "da39a3ee5e6b4b0d");
  CHECK(summary(",,") == "da39a3ee5e6b4b0d");
}

TEST_CASE("A member is found by its name", "[config]") {
  const auto cluster = make_initial_cluster(kThree, {"etcd-cluster-1"});

  REQUIRE(cluster);
  REQUIRE(cluster->find("infra1") != nullptr);
  CHECK(cluster->find("infra1")->id == NodeId{0xd5dc5f8d75d04e29});
  CHECK(cluster->find("INFRA1") == nullptr);
}

TEST_CASE("A name is everything before the first equals sign, blanks included", "[config]") {
  const auto members = parse_initial_cluster("a b = http://h:1?x=y,=http://h:2");

  REQUIRE(members);
  REQUIRE(members->size() == 2);
  CHECK(members->at("a b ").front().text() == "http://h:1?x=y");
  CHECK(members->at("").front().text() == "http://h:2");
}

TEST_CASE("A malformed entry is quoted", "[config]") {
  CHECK(is_refused_for("m1=http://127.0.0.1:2380/", "\"m1=http://127.0.0.1:2380/\""));
  CHECK(is_refused_for("m1=http://127.0.0.1:2380/", "path"));
  CHECK(is_refused_for("m1=127.0.0.1:2380", "no scheme"));
  CHECK(is_refused_for("m1=http://127.0.0.1", "host:port"));
  CHECK(is_refused_for("m1=tcp://127.0.0.1:2380", "scheme"));
  CHECK(is_refused_for("m1", "write name=http://host:port"));
  CHECK(is_refused_for("m1=", "no scheme"));
  CHECK(is_refused_for("m1=http://a%41b:2380", "malformed"));
}

TEST_CASE("Two members with the same URLs are named, because they would have one ID", "[config]") {
  const std::string twins = "a=http://127.0.0.1:2380,b=http://127.0.0.1:2380";
  CHECK(is_refused_for(twins, "members \"a\" and \"b\" have the same ID b71f75320dc06a6c"));
}

TEST_CASE("The ID of a member added later depends on the second", "[config]") {
  CHECK(*added_member_id({"http://127.0.0.1:42740"}, 1795354099) == NodeId{0x10dbd902488e3425});
  CHECK(*added_member_id({"http://127.0.0.1:42750"}, 1795354137) == NodeId{0x4f42b351f488d7da});
  CHECK(*added_member_id({"http://127.0.0.1:42761", "http://127.0.0.1:42760"}, 1795354147) ==
        NodeId{0xf156335e0e966fbd});
}
