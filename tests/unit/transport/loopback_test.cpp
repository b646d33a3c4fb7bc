// The switches of the loopback network; everything else is in the conformance suite.
#include <catch2/catch.hpp>

#include "testing/transport_bench.hpp"
#include "unit/transport/networks.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): its value types
using raftkit::testing::Bench;
using raftkit::testing::heartbeat;

namespace {

/// Three connected nodes and the network between them.
class Fixture {
 public:
  Fixture()
      : bench(
            [this] {
              auto made = std::make_unique<test::LoopbackTestNetwork>();
              network = &made->network;
              return made;
            },
            options),
        nodes(bench.connected(3)) {}

  testing::TransportSuiteOptions options;
  LoopbackNetwork* network = nullptr;
  Bench bench;
  std::vector<testing::TestNode*> nodes;
};

}  // namespace

TEST_CASE("A cut loses messages one way until it is mended", "[transport][loopback]") {
  Fixture fixture;
  auto* const one = fixture.nodes[0];
  auto* const two = fixture.nodes[1];
  auto* const three = fixture.nodes[2];
  fixture.network->cut(one->id(), two->id());
  one->await("a report", [&] { return one->state_of(*two) == PeerState::disconnected; });
  one->send({heartbeat(*one, *two, 1), heartbeat(*one, *three, 1)});
  two->send({heartbeat(*two, *one, 2)});
  three->await_messages(1);
  one->await_messages(1);
  fixture.bench.wait_quietly();
  CHECK(two->messages().empty());

  fixture.network->mend(one->id(), two->id());
  one->await_connected(*two);
  one->send({heartbeat(*one, *two, 3)});
  two->await_messages(1);
  CHECK(two->messages() == std::vector{heartbeat(*one, *two, 3)});
}

TEST_CASE("An isolated node talks to nobody until it rejoins", "[transport][loopback]") {
  Fixture fixture;
  testing::TestNode& lonely = *fixture.nodes[0];
  testing::TestNode& other = *fixture.nodes[1];
  fixture.network->isolate(lonely.id());
  lonely.await("a report", [&] { return lonely.state_of(other) == PeerState::disconnected; });
  other.await("a report", [&] { return other.state_of(lonely) == PeerState::disconnected; });
  CHECK(other.state_of(*fixture.nodes[2]) == PeerState::connected);

  fixture.network->rejoin(lonely.id());
  lonely.await_connected(other);
  other.await_connected(lonely);
}

TEST_CASE("What is on its way when the cable is pulled is lost", "[transport][loopback]") {
  Fixture fixture;
  testing::TestNode& one = *fixture.nodes[0];
  testing::TestNode& two = *fixture.nodes[1];
  const auto release = two.block();
  one.send({heartbeat(one, two, 1)});
  fixture.network->cut(one.id(), two.id());
  fixture.network->mend_all();
  release();
  one.await_connected(two);
  fixture.bench.wait_quietly();
  CHECK(two.messages().empty());
}

TEST_CASE("A cut ends a snapshot on its way", "[transport][loopback]") {
  Fixture fixture;
  testing::TestNode& one = *fixture.nodes[0];
  testing::TestNode& two = *fixture.nodes[1];
  const auto alive = std::make_shared<std::atomic<int>>(0);
  const SnapshotMeta meta{{Term{1}, Index{1}}, std::make_shared<const Membership>()};
  const auto outcome = one.send_snapshot(two, std::make_unique<testing::TestSource>(meta, alive));
  two.await("a snapshot", [&] { return !two.snapshots().empty(); });
  fixture.network->cut(one.id(), two.id());
  one.await("the end", [&] {
    (void)one.reports();
    return outcome->has_value();
  });
  CHECK((*outcome)->error() == Errc::peer_unreachable);
}
