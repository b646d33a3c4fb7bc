// Nodes on TCP for tests that look closer than the conformance suite.
#pragma once

#include <memory>
#include <string>

#include "testing/transport_bench.hpp"
#include "unit/transport/networks.hpp"

namespace raftkit::test {

inline constexpr ClusterId kTestCluster{0xc1};

/// Makes nodes that share a network and options.
class TcpFixture {
 public:
  explicit TcpFixture(TcpTransportOptions options = tcp_options()) : network(std::move(options)) {}

  std::unique_ptr<testing::TestNode> node(std::uint64_t id) {
    return std::make_unique<testing::TestNode>(
        network, LocalIdentity{kTestCluster, NodeId{id}, StoreId{0x500 + id}, "n"}, suite_options);
  }

  testing::TransportSuiteOptions suite_options;
  TcpTestNetwork network;
};

}  // namespace raftkit::test
