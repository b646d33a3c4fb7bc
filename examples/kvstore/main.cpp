#include "server/server.hpp"

int main(int argc, char** argv) {
  return kvstore::server_main(
      argc, argv, [](raftkit::Node& node) { return std::make_unique<kvstore::NodeReplica>(node); });
}
