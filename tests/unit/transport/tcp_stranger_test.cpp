// What the peer port makes of callers that are not what they should be.
#include <catch2/catch.hpp>

#include "unit/transport/raw_peer.hpp"
#include "unit/transport/tcp_fixture.hpp"
#include "wire/snapshot_records.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): its value types
using raftkit::test::kTestCluster;
using raftkit::test::RawPeer;
using raftkit::test::tcp_options;
using raftkit::test::TcpFixture;
using raftkit::testing::TestNode;
using raftkit::transport::Hello;
using raftkit::transport::StreamKind;

namespace {

Hello hello_to(const TestNode& node, std::uint64_t from = 0xa) {
  Hello hello;
  hello.cluster = kTestCluster;
  hello.from = NodeId{from};
  hello.to = node.id();
  hello.store = StoreId{1};
  hello.nonce = 5;
  return hello;
}

Envelope heartbeat_to(const TestNode& node, std::uint64_t round, std::uint64_t from = 0xa) {
  return {GroupId{}, NodeId{from}, node.id(), Term{1}, HeartbeatRequest{Index{}, round}};
}

/// Frames of one message on a fresh connection.
wire::WriteBatch framed(const Envelope& envelope, wire::ConnectionSeed seed) {
  wire::FrameWriter writer(seed, std::size_t{1} << 30);
  wire::WriteBatch batch;
  REQUIRE(writer.begin(envelope));
  const auto message_class = raftkit::message_class(envelope.message);
  while (writer.is_busy(message_class))
    writer.write_frame(message_class, batch);
  return batch;
}

}  // namespace

TEST_CASE("Two nodes that were started as the same member find out", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer impostor(one->peer_urls()[0]);
  const auto answer = impostor.greet(hello_to(*one, 1));
  CHECK(answer.error() == Errc::member_mismatch);
  CHECK_THAT(answer.error().message(), Catch::Contains("two nodes were started"));
  one->await("a report",
             [&] { return one->was_reported(*one, PeerState::rejected, Errc::member_mismatch); });
}

TEST_CASE("A caller with other versions is refused", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer caller(one->peer_urls()[0]);
  Hello hello = hello_to(*one);
  hello.versions = {2, 9};
  CHECK(caller.greet(hello).error() == Errc::protocol_mismatch);
  CHECK(caller.is_closed_by_peer());
}

TEST_CASE("Frames right behind the handshake are delivered", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer caller(one->peer_urls()[0]);
  const auto hello = hello_to(*one);
  const auto welcome = caller.greet(hello);
  REQUIRE(welcome);
  auto batch = framed(heartbeat_to(*one, 1), seed_of(hello, *welcome));
  for (const auto buffer : batch.buffers()) {
    for (const std::byte& byte : buffer)  // and byte by byte
      caller.write({reinterpret_cast<const char*>(&byte), 1});
  }
  one->await_messages(1);
  CHECK(one->messages() == std::vector{heartbeat_to(*one, 1)});
}

TEST_CASE("A newer connection of a peer replaces the older", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer older(one->peer_urls()[0]);
  REQUIRE(older.greet(hello_to(*one)));
  RawPeer newer(one->peer_urls()[0]);
  REQUIRE(newer.greet(hello_to(*one)));
  CHECK(older.is_closed_by_peer());
}

TEST_CASE("A connection is closed over which nonsense comes", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer caller(one->peer_urls()[0]);
  const auto hello = hello_to(*one);
  const auto welcome = caller.greet(hello);
  REQUIRE(welcome);
  const auto seed = seed_of(hello, *welcome);
  SECTION("random bytes") {
    caller.write(std::string(100, '\x5a'));
  }
  SECTION("a frame recorded elsewhere") {
    auto batch = framed(heartbeat_to(*one, 1), wire::ConnectionSeed{seed.value + 1});
    caller.write(batch);
  }
  SECTION("a frame that comes twice") {
    auto batch = framed(heartbeat_to(*one, 1), seed);
    caller.write(batch);
    caller.write(batch);
  }
  SECTION("a message for somebody else") {
    Envelope envelope = heartbeat_to(*one, 1);
    envelope.to = NodeId{9};
    auto batch = framed(envelope, seed);
    caller.write(batch);
  }
  SECTION("a SnapshotRequest among the messages") {
    SnapshotRequest request{{EntryId{Term{1}, Index{1}}, std::make_shared<const Membership>()}};
    Envelope envelope = heartbeat_to(*one, 1);
    envelope.message = request;
    auto batch = framed(envelope, seed);
    caller.write(batch);
  }
  SECTION("a message over the limit") {
    ProposeRequest request;
    request.proposals.push_back(
        {EntryType::normal,
         Bytes::copy_of(std::string(fixture.network.options.max_message_bytes, 'x'))});
    Envelope envelope = heartbeat_to(*one, 1);
    envelope.message = request;
    auto batch = framed(envelope, seed);
    caller.write(batch);
  }
  CHECK(caller.is_closed_by_peer());
  CHECK(one->messages().size() <= 1);
}

TEST_CASE("A frame that breaks off in the middle delivers nothing", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  {
    RawPeer caller(one->peer_urls()[0]);
    const auto hello = hello_to(*one);
    const auto welcome = caller.greet(hello);
    REQUIRE(welcome);
    auto batch = framed(heartbeat_to(*one, 1), seed_of(hello, *welcome));
    const auto bytes = batch.buffers()[0];
    caller.write({reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1});
  }
  RawPeer next(one->peer_urls()[0]);
  REQUIRE(next.greet(hello_to(*one)));
  CHECK(one->messages().empty());
}

TEST_CASE("Strangers are shown the door", "[transport][tcp]") {
  auto options = tcp_options();
  options.request_timeout = std::chrono::milliseconds{100};
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  RawPeer stranger(one->peer_urls()[0]);
  SECTION("who speak TLS") {
    stranger.write(std::string_view("\x16\x03\x01\x02\x00\x01", 6));
  }
  SECTION("who speak HTTP/2") {
    stranger.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  }
  SECTION("who say nothing") {}
  SECTION("who never come to the point") {
    stranger.write("GET /vers");
  }
  SECTION("who talk without end") {
    stranger.write("GET / HTTP/1.1\r\nX: " + std::string(20'000, 'x'));
  }
  SECTION("who ask for a page that is not there") {
    stranger.write("GET / HTTP/1.1\r\n\r\n");
  }
  SECTION("who greet without saying who they are") {
    stranger.write("GET /raftkit/stream HTTP/1.1\r\nUpgrade: raftkit/1\r\n\r\n");
  }
  CHECK(stranger.is_closed_by_peer());
  RawPeer peer(one->peer_urls()[0]);
  CHECK(peer.greet(hello_to(*one)));
}

TEST_CASE("Many silent connections do not keep a peer out", "[transport][tcp]") {
  auto options = tcp_options();
  options.max_pending_connections = 4;
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  std::vector<std::unique_ptr<RawPeer>> silent;
  for (int i = 0; i < 12; ++i)
    silent.push_back(std::make_unique<RawPeer>(one->peer_urls()[0]));
  CHECK(silent.front()->is_closed_by_peer());
  RawPeer peer(one->peer_urls()[0]);
  CHECK(peer.greet(hello_to(*one)));
}

TEST_CASE("A connection over which nothing comes any more is closed", "[transport][tcp]") {
  auto options = tcp_options();
  options.idle_timeout = std::chrono::milliseconds{100};
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  RawPeer caller(one->peer_urls()[0]);
  REQUIRE(caller.greet(hello_to(*one)));
  CHECK(caller.is_closed_by_peer());
}

TEST_CASE("A snapshot's connection that sends nonsense delivers nothing", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  RawPeer caller(one->peer_urls()[0]);
  Hello hello = hello_to(*one);
  hello.kind = StreamKind::snapshot;
  const auto welcome = caller.greet(hello);
  REQUIRE(welcome);
  const auto seed = seed_of(hello, *welcome);
  SECTION("at once") {
    caller.write(std::string(100, '\x5a'));
  }
  const auto offer = wire::encode_record(wire::RecordKind::offer, 1, {}, seed);
  const std::string offered(reinterpret_cast<const char*>(offer.data()), offer.size());
  SECTION("another message") {
    caller.write(offered);
    auto batch = framed(heartbeat_to(*one, 1), seed);
    caller.write(batch);
  }
  SECTION("after the announcement") {
    Envelope envelope = heartbeat_to(*one, 1);
    envelope.message =
        SnapshotRequest{{EntryId{Term{1}, Index{1}}, std::make_shared<const Membership>()}};
    caller.write(offered);
    auto batch = framed(envelope, seed);
    caller.write(batch);
    one->await("a snapshot", [&] { return !one->snapshots().empty(); });
    caller.write(std::string(100, '\x5a'));
  }
  CHECK(caller.is_closed_by_peer());
  CHECK(one->messages().empty());
}

TEST_CASE("A peer that calls again about a snapshot gives up the one before", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  Hello hello = hello_to(*one);
  hello.kind = StreamKind::snapshot;
  RawPeer older(one->peer_urls()[0]);
  REQUIRE(older.greet(hello));
  RawPeer newer(one->peer_urls()[0]);
  REQUIRE(newer.greet(hello));
  CHECK(older.is_closed_by_peer());
}
