// Compares with IDs that were read from running etcd servers. They are reference data beside the
// project, not a part of it: where they are missing, the test says so and cluster_test.cpp stands
// alone.
#include <filesystem>
#include <string>
#include <vector>
#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>

#include "raftkit/config_cluster.hpp"

using raftkit::ClusterId;
using raftkit::NodeId;
using raftkit::config::InitialCluster;
using raftkit::config::make_initial_cluster;

namespace {

std::uint64_t number(const YAML::Node& id) {
  return std::stoull(id.as<std::string>(), nullptr, 16);
}

InitialCluster expected_cluster(const YAML::Node& vector) {
  InitialCluster cluster;
  cluster.id = ClusterId{number(vector["cluster_id"])};
  for (const auto& member : vector["members"]) {
    cluster.members.push_back({member["name"].as<std::string>(),
                               member["peer_urls"].as<std::vector<std::string>>(),
                               NodeId{number(member["id"])}});
  }
  return cluster;
}

}  // namespace

TEST_CASE("IDs equal those of the reference vectors", "[config][vectors]") {
  const std::string file = RAFTKIT_SHARED_DIR "/reference/ids_vectors.json";
  if (!std::filesystem::exists(file)) {
    WARN("skipped: there is no " << file << "; set RAFTKIT_SHARED_DIR");
    return;
  }

  const YAML::Node vectors = YAML::LoadFile(file);  // JSON is YAML

  REQUIRE(vectors.size() >= 45);
  for (const auto& vector : vectors) {
    CAPTURE(vector["name"].as<std::string>());
    const auto cluster = make_initial_cluster(vector["initial_cluster"].as<std::string>(),
                                              {vector["token"].as<std::string>()});
    REQUIRE(cluster);
    CHECK(*cluster == expected_cluster(vector));
  }
}
