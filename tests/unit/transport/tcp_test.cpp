// What the TCP transport does beyond the conformance suite: addresses, pages, options, limits.
#include <catch2/catch.hpp>

#include "unit/transport/raw_peer.hpp"
#include "unit/transport/tcp_fixture.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): its value types
using raftkit::test::kTestCluster;
using raftkit::test::RawPeer;
using raftkit::test::tcp_options;
using raftkit::test::TcpFixture;
using raftkit::testing::TestNode;

TEST_CASE("The peer port answers GET /version and GET /members", "[transport][tcp]") {
  TcpFixture fixture;
  const auto node = fixture.node(1);
  RawPeer version(node->peer_urls()[0]);
  version.write("GET /version HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = version.read();
  REQUIRE(answer);
  CHECK_THAT(*answer, Catch::StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(*answer, Catch::EndsWith("\r\n\r\n" + fixture.network.options.version_json));

  RawPeer members(node->peer_urls()[0]);
  members.write("GET /members HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_THAT(members.read().value_or(""), Catch::StartsWith("HTTP/1.1 503"));
}

TEST_CASE("A node that starts learns the members from whoever answers", "[transport][tcp]") {
  class Knowing final : public TransportHandler {
   public:
    void on_message(Envelope, StoreId) override {}
    void on_peer(PeerReport) override {}
    Result<void> admit(const Introduction&) override { return {}; }
    Index knows_up_to() const override { return {}; }
    Result<std::unique_ptr<SnapshotSink>> accept_snapshot(const Envelope&) override {
      return Errc::not_supported;
    }
    MembershipPtr membership() const override {
      Membership membership;
      membership.voters = {NodeId{7}};
      membership.members = {
          {NodeId{7}, "a", {"http://x:1"}, StoreId{3}, {{"client_urls", "http://y:2"}}}};
      return std::make_shared<const Membership>(membership);
    }
  };
  test::EventLoop loop;
  Knowing handler;
  auto transport = make_tcp_transport(loop.executor(), tcp_options(), null_log_sink());
  std::vector<std::string> urls = {"http://127.0.0.1:1"};  // nobody there
  loop.run([&] {
    REQUIRE(transport->start(handler, {kTestCluster, NodeId{7}, StoreId{3}, "a", {}}));
    urls.push_back(tcp_listen_urls(*transport)[0]);
  });

  const auto remote = fetch_members(urls, std::chrono::seconds{5});
  REQUIRE(remote);
  CHECK(remote->cluster == kTestCluster);
  CHECK(remote->membership == *handler.membership());

  const auto nobody = fetch_members(std::span(urls).first(1), std::chrono::seconds{5});
  CHECK(nobody.error() == Errc::peer_unreachable);
  CHECK_THAT(nobody.error().message(), Catch::Contains("127.0.0.1:1"));
  loop.run([&] { transport.reset(); });
}

TEST_CASE("An address that cannot be listened on is named with the reason", "[transport][tcp]") {
  TcpFixture fixture;
  const auto other = fixture.node(1);
  std::string url = other->peer_urls()[0];
  Errc expected = Errc::address_unavailable;
  std::string reason = "in use";
  SECTION("in use") {}
  SECTION("of another machine") {
    url = "http://192.0.2.1:2380";
    reason = "Cannot assign";
  }
  SECTION("a name") {
    url = "http://example.com:2380";
    expected = Errc::invalid_option;
    reason = "IP address";
  }
  SECTION("no URL") {
    url = "2380";
    expected = Errc::invalid_option;
    reason = "http://";
  }
  test::EventLoop loop;
  auto options = tcp_options();
  options.listen_urls = {"http://localhost:0", url};
  auto transport = make_tcp_transport(loop.executor(), options, null_log_sink());
  Result<void> started;
  loop.run([&] {
    started = transport->start(*other, {kTestCluster, NodeId{2}, StoreId{2}, "b"});
    transport.reset();
  });
  REQUIRE_FALSE(started);
  CHECK(started.error() == expected);
  CHECK_THAT(started.error().message(), Catch::Contains(url) && Catch::Contains(reason));
}

TEST_CASE("Options that make no sense are refused by name", "[transport][tcp]") {
  auto options = tcp_options();
  std::string name;
  SECTION("no address") {
    options.listen_urls.clear();
    name = "listen_urls";
  }
  SECTION("a tiny message limit") {
    options.max_message_bytes = 10;
    name = "max_message_bytes";
  }
  SECTION("no time") {
    options.idle_timeout = std::chrono::milliseconds{0};
    name = "idle_timeout";
  }
  SECTION("snapshots with longer pauses than the other side waits for") {
    options.snapshot_bytes_per_second = 1000;
    name = "snapshot_bytes_per_second";
  }
  SECTION("back-off upside down") {
    options.backoff_min = std::chrono::seconds{2};
    name = "backoff_min";
  }
  const auto valid = options.validate();
  CHECK(valid.error() == Errc::invalid_option);
  CHECK_THAT(valid.error().message(), Catch::Contains("TcpTransportOptions::" + name));
}

TEST_CASE("A node that is called under another's ID refuses, and both tell", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  const auto two = fixture.node(2);
  one->run([&](Transport& transport) { transport.set_peers({{NodeId{3}, two->peer_urls()}}); });
  const auto has_rejected = [](const TestNode& node, NodeId peer, const std::string& words) {
    for (const PeerReport& report : node.reports()) {
      if (report.peer == peer && report.state == PeerState::rejected) {
        CHECK(report.error == Errc::member_mismatch);
        CHECK_THAT(report.error.message(), Catch::Contains(words));
        return true;
      }
    }
    return false;
  };
  one->await("a rejection", [&] { return has_rejected(*one, NodeId{3}, "calls member 3"); });
  two->await("a rejection", [&] { return has_rejected(*two, NodeId{1}, "this is member 2"); });
}

TEST_CASE("A connection without traffic stays, because its ends say that they live",
          "[transport][tcp]") {
  auto options = tcp_options();
  options.idle_timeout = std::chrono::milliseconds{200};
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  const auto two = fixture.node(2);
  one->set_peers({two.get()});
  one->await_connected(*two);
  std::this_thread::sleep_for(std::chrono::milliseconds{600});
  CHECK(one->reports().size() == 2);  // connecting, connected
}

TEST_CASE("A listener that never answers counts as not connected", "[transport][tcp]") {
  auto options = tcp_options();
  options.dial_timeout = std::chrono::milliseconds{50};
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  boost::asio::io_context context;
  boost::asio::ip::tcp::acceptor mute(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
  const std::string url = "http://127.0.0.1:" + std::to_string(mute.local_endpoint().port());
  one->run([&](Transport& transport) { transport.set_peers({{NodeId{2}, {url}}}); });
  one->await("a report", [&] {
    const auto reports = one->reports();
    return !reports.empty() && reports.back().state == PeerState::disconnected &&
           reports.back().error == Errc::timed_out;
  });
}

TEST_CASE("A peer is reached under whichever of its URLs works", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  const auto two = fixture.node(2);
  one->run([&](Transport& transport) {
    transport.set_peers({{NodeId{2}, {"http://127.0.0.1:1", "not a URL", two->peer_urls()[0]}}});
  });
  one->await_connected(*two);
}

TEST_CASE("A peer that moves is called at its new address", "[transport][tcp]") {
  TcpFixture fixture;
  const auto one = fixture.node(1);
  one->run([&](Transport& transport) {
    transport.set_peers({{NodeId{2}, {"http://127.0.0.1:1"}}});
  });
  const auto two = fixture.node(2);
  one->await("a report", [&] { return one->state_of(*two) == PeerState::refused; });
  one->set_peers({two.get()});
  one->await_connected(*two);
  one->run([&](Transport& transport) {
    transport.set_peers({{NodeId{2}, {"http://127.0.0.1:1"}}});
  });
  one->await("a report", [&] { return one->state_of(*two) == PeerState::refused; });
}

TEST_CASE("A message over the limit is dropped and reported, and the next one goes through",
          "[transport][tcp]") {
  auto options = tcp_options();
  options.max_message_bytes = 65536;
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  const auto two = fixture.node(2);
  one->set_peers({two.get()});
  one->await_connected(*two);
  const auto small = testing::append(*one, *two, 2, testing::content(60'000));
  one->send({testing::append(*one, *two, 1, testing::content(70'000)), small});
  two->await_messages(1);
  CHECK(two->messages() == std::vector{small});
  one->await("a report",
             [&] { return one->was_reported(*two, PeerState::dropping, Errc::message_too_large); });
}

TEST_CASE("A snapshot's rate can be limited", "[transport][tcp]") {
  auto options = tcp_options();
  options.snapshot_bytes_per_second = 4'000'000;
  TcpFixture fixture(options);
  const auto one = fixture.node(1);
  const auto two = fixture.node(2);
  one->set_peers({two.get()});
  one->await_connected(*two);
  const auto start = std::chrono::steady_clock::now();
  const SnapshotMeta meta{{Term{1}, Index{1}}, std::make_shared<const Membership>()};
  const auto outcome = one->send_snapshot(
      *two, std::make_unique<testing::TestSource>(meta, std::string(1'200'000, 'x')));
  two->await_messages(1);
  CHECK(std::chrono::steady_clock::now() - start >= std::chrono::milliseconds{250});
}
