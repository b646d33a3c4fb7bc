#include "transport/peer_link.hpp"

#include <catch2/catch.hpp>

using namespace raftkit;             // NOLINT(google-build-using-namespace): its message types
using namespace raftkit::transport;  // NOLINT(google-build-using-namespace)

namespace {

constexpr NodeId kPeer{2};

Envelope heartbeat(std::uint64_t round = 0) {
  return {GroupId{}, NodeId{1}, kPeer, Term{1}, HeartbeatRequest{Index{}, round}};
}

Envelope append(std::size_t payload_bytes) {
  AppendRequest request;
  request.entries.push_back(
      {{Term{1}, Index{1}}, EntryType::normal, Bytes::copy_of(std::string(payload_bytes, 'x'))});
  return {GroupId{}, NodeId{1}, kPeer, Term{1}, request};
}

/// A link and the clock it is told about.
class Fixture {
 public:
  explicit Fixture(std::vector<std::string> urls = {"http://a:1"}, PeerLinkOptions options = {})
      : link({kPeer, std::move(urls)}, options, 7, now) {}

  /// The URL to call now; empty: none.
  std::string dial() {
    const auto action = link.poll(now);
    const auto* dial = std::get_if<PeerLink::Dial>(&action);
    return dial == nullptr ? std::string() : dial->url;
  }
  bool hangs_up() { return std::holds_alternative<PeerLink::HangUp>(link.poll(now)); }
  void connect() {
    REQUIRE_FALSE(dial().empty());
    link.opened(now);
    link.established(now);
  }
  void fail(PeerState why = PeerState::refused, Errc code = Errc::peer_unreachable) {
    link.failed(why, Error(code), now);
  }
  /// Waits until the link wants something, and says how long that took.
  Milliseconds wait() {
    const TimePoint before = now;
    now = std::max(now, *link.deadline());
    return std::chrono::duration_cast<Milliseconds>(now - before);
  }
  std::vector<PeerState> states() {
    std::vector<PeerState> states;
    for (const PeerReport& report : link.take_reports())
      states.push_back(report.state);
    return states;
  }

  TimePoint now{std::chrono::hours{1}};
  PeerLink link;
};

}  // namespace

TEST_CASE("A new link calls its peer at once and says how it goes", "[transport][peer_link]") {
  Fixture fixture;
  CHECK(fixture.dial() == "http://a:1");
  CHECK(fixture.dial().empty());
  fixture.link.opened(fixture.now);
  fixture.link.established(fixture.now);
  CHECK(fixture.link.is_established());
  CHECK_FALSE(fixture.link.deadline());
  CHECK(fixture.states() == std::vector{PeerState::connecting, PeerState::connected});
}

TEST_CASE("Attempts that fail become rarer, with jitter, up to a limit", "[transport][peer_link]") {
  Fixture fixture;
  const PeerLinkOptions options;
  auto expected = options.backoff_min;
  for (int attempt = 0; attempt < 10; ++attempt) {
    REQUIRE_FALSE(fixture.dial().empty());
    fixture.fail();
    const auto waited = fixture.wait();
    CHECK(waited >= expected / 2);
    CHECK(waited <= expected);
    expected = std::min(expected * 2, options.backoff_max);
  }
}

TEST_CASE("Links with equal seeds wait equally long, others do not", "[transport][peer_link]") {
  const auto waits = [](std::uint64_t seed) {
    TimePoint now{};
    PeerLink link({kPeer, {"http://a:1"}}, {}, seed, now);
    std::vector<TimePoint> attempts;
    for (int attempt = 0; attempt < 8; ++attempt) {
      (void)link.poll(now);
      link.failed(PeerState::refused, Error(Errc::peer_unreachable), now);
      now = *link.deadline();
      attempts.push_back(now);
    }
    return attempts;
  };
  CHECK(waits(1) == waits(1));
  CHECK(waits(1) != waits(2));
}

TEST_CASE("The same failure over and over is reported once", "[transport][peer_link]") {
  Fixture fixture;
  for (int attempt = 0; attempt < 3; ++attempt) {
    REQUIRE_FALSE(fixture.dial().empty());
    fixture.fail();
    fixture.wait();
  }
  CHECK(fixture.states() == std::vector{PeerState::connecting, PeerState::refused});

  REQUIRE_FALSE(fixture.dial().empty());
  fixture.fail(PeerState::rejected, Errc::cluster_mismatch);
  fixture.wait();
  REQUIRE_FALSE(fixture.dial().empty());
  fixture.fail(PeerState::rejected, Errc::store_mismatch);
  CHECK(fixture.states() == std::vector{PeerState::rejected, PeerState::rejected});
}

TEST_CASE("After a good connection broke the peer is called again at once",
          "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.now += PeerLinkOptions{}.stable_after;
  fixture.fail(PeerState::disconnected);
  CHECK(fixture.wait() == Milliseconds{0});
  CHECK(fixture.dial() == "http://a:1");
}

TEST_CASE("A connection that breaks again and again is not a good one", "[transport][peer_link]") {
  Fixture fixture;
  Milliseconds waited{0};
  for (int attempt = 0; attempt < 10; ++attempt) {
    fixture.connect();
    fixture.fail(PeerState::disconnected);
    waited = fixture.wait();
  }
  CHECK(waited >= PeerLinkOptions{}.backoff_max / 2);
}

TEST_CASE("All URLs of a peer are tried before waiting", "[transport][peer_link]") {
  Fixture fixture({"http://a:1", "http://b:1", "http://c:1"});
  std::vector<std::string> called;
  for (int attempt = 0; attempt < 3; ++attempt) {
    called.push_back(fixture.dial());
    fixture.fail();
    if (attempt < 2) CHECK(fixture.wait() <= Milliseconds{1});
  }
  CHECK(called == std::vector<std::string>{"http://a:1", "http://b:1", "http://c:1"});
  CHECK(fixture.wait() >= PeerLinkOptions{}.backoff_min / 2);
  CHECK(fixture.dial() == "http://a:1");
}

TEST_CASE("The URL that worked is called again first", "[transport][peer_link]") {
  Fixture fixture({"http://a:1", "http://b:1"});
  CHECK(fixture.dial() == "http://a:1");
  fixture.fail();
  fixture.wait();
  fixture.connect();
  fixture.now += PeerLinkOptions{}.stable_after;
  fixture.fail(PeerState::disconnected);
  CHECK(fixture.dial() == "http://b:1");
}

TEST_CASE("An attempt without answer ends in time", "[transport][peer_link]") {
  Fixture fixture;
  SECTION("while connecting") {
    CHECK(fixture.dial() == "http://a:1");
  }
  SECTION("while shaking hands") {
    CHECK(fixture.dial() == "http://a:1");
    fixture.now += PeerLinkOptions{}.dial_timeout / 2;
    fixture.link.opened(fixture.now);
  }
  CHECK(fixture.wait() == PeerLinkOptions{}.dial_timeout);
  CHECK(fixture.hangs_up());
  const auto reports = fixture.link.take_reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports[1].state == PeerState::disconnected);
  CHECK(reports[1].error == Errc::timed_out);
  fixture.wait();
  CHECK(fixture.dial() == "http://a:1");
}

TEST_CASE("A peer that calls us is called back without waiting", "[transport][peer_link]") {
  Fixture fixture;
  CHECK_FALSE(fixture.dial().empty());
  fixture.fail();
  CHECK(fixture.dial().empty());
  fixture.link.nudge(fixture.now);
  CHECK(fixture.dial() == "http://a:1");
}

TEST_CASE("Messages wait in order, each class for itself", "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.link.send(append(1));
  fixture.link.send(heartbeat(1));
  fixture.link.send(heartbeat(2));
  fixture.link.send(append(2));

  CHECK(fixture.link.next(MessageClass::control) == heartbeat(1));
  CHECK(fixture.link.next(MessageClass::bulk) == append(1));
  CHECK(fixture.link.next(MessageClass::bulk) == append(2));
  CHECK(fixture.link.next(MessageClass::control) == heartbeat(2));
  CHECK_FALSE(fixture.link.next(MessageClass::control));
  CHECK_FALSE(fixture.link.next(MessageClass::bulk));
  CHECK(fixture.link.queued_bytes() == 0);
}

TEST_CASE("Without a connection messages are dropped", "[transport][peer_link]") {
  Fixture fixture;
  fixture.link.send(heartbeat());
  CHECK_FALSE(fixture.dial().empty());
  fixture.link.send(heartbeat());
  fixture.link.opened(fixture.now);
  fixture.link.send(heartbeat());
  fixture.link.established(fixture.now);
  CHECK(fixture.link.queued_bytes() == 0);
}

TEST_CASE("What is queued when a connection breaks is dropped", "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.link.send(heartbeat());
  fixture.link.send(append(10));
  fixture.fail(PeerState::disconnected);
  CHECK(fixture.link.queued_bytes() == 0);
  fixture.wait();
  fixture.connect();
  CHECK_FALSE(fixture.link.next(MessageClass::control));
  CHECK_FALSE(fixture.link.next(MessageClass::bulk));
}

TEST_CASE("A full queue takes no more, says so once, and keeps what it has",
          "[transport][peer_link]") {
  PeerLinkOptions options;
  options.max_bulk_bytes = 10'000;
  Fixture fixture({"http://a:1"}, options);
  fixture.connect();
  (void)fixture.states();
  for (int i = 0; i < 100; ++i)
    fixture.link.send(append(1000));
  CHECK(fixture.link.queued_bytes() <= options.max_bulk_bytes);
  const auto reports = fixture.link.take_reports();
  REQUIRE(reports.size() == 1);
  CHECK(reports[0].state == PeerState::dropping);
  CHECK(reports[0].error == Errc::overloaded);

  fixture.link.send(heartbeat());  // the other class has room of its own
  CHECK(fixture.link.next(MessageClass::control));

  while (fixture.link.next(MessageClass::bulk)) {
  }
  for (int i = 0; i < 100; ++i)
    fixture.link.send(append(1000));
  CHECK(fixture.states() == std::vector{PeerState::dropping});
}

TEST_CASE("A message larger than the queue is sent when nothing else waits",
          "[transport][peer_link]") {
  PeerLinkOptions options;
  options.max_bulk_bytes = 10;
  Fixture fixture({"http://a:1"}, options);
  fixture.connect();
  fixture.link.send(append(1000));
  fixture.link.send(append(1001));
  CHECK(fixture.link.next(MessageClass::bulk) == append(1000));
  CHECK_FALSE(fixture.link.next(MessageClass::bulk));
}

TEST_CASE("A removed peer is sent what is queued, and nothing else", "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.link.send(heartbeat(1));
  (void)fixture.states();
  fixture.link.remove(fixture.now);
  fixture.link.send(heartbeat(2));
  CHECK_FALSE(fixture.link.is_done());
  fixture.link.drained();  // not yet: there is something queued
  CHECK_FALSE(fixture.link.is_done());

  CHECK(fixture.link.next(MessageClass::control) == heartbeat(1));
  CHECK_FALSE(fixture.link.next(MessageClass::control));
  fixture.link.drained();
  CHECK(fixture.hangs_up());
  CHECK(fixture.link.is_done());
  CHECK(fixture.states().empty());
}

TEST_CASE("A removed peer that takes nothing is given up after a while", "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.link.send(heartbeat(1));
  fixture.link.remove(fixture.now);
  CHECK(fixture.wait() == PeerLinkOptions{}.linger);
  CHECK(fixture.hangs_up());
  CHECK(fixture.link.is_done());
}

TEST_CASE("A peer that is removed while nobody is connected is forgotten at once",
          "[transport][peer_link]") {
  Fixture fixture;
  SECTION("waiting") {
    fixture.link.remove(fixture.now);
    CHECK_FALSE(fixture.hangs_up());
  }
  SECTION("calling") {
    CHECK_FALSE(fixture.dial().empty());
    fixture.link.remove(fixture.now);
    CHECK(fixture.hangs_up());
  }
  CHECK(fixture.link.is_done());
  CHECK(fixture.dial().empty());
}

TEST_CASE("A peer that comes back before its connection closed keeps it",
          "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  (void)fixture.states();
  fixture.link.remove(fixture.now);
  fixture.link.set_address({kPeer, {"http://a:1"}}, fixture.now);
  CHECK_FALSE(fixture.hangs_up());
  CHECK(fixture.states() == std::vector{PeerState::connected});
  fixture.link.send(heartbeat());
  CHECK(fixture.link.next(MessageClass::control));
}

TEST_CASE("A new address closes the connection to the old one", "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  fixture.link.send(heartbeat());
  (void)fixture.states();
  fixture.link.set_address({kPeer, {"http://b:1"}}, fixture.now);
  CHECK(fixture.hangs_up());
  CHECK(fixture.dial() == "http://b:1");
  CHECK(fixture.link.queued_bytes() == 0);
  CHECK(fixture.states() == std::vector{PeerState::disconnected});
}

TEST_CASE("A connection survives when its URL is still one of the peer's",
          "[transport][peer_link]") {
  Fixture fixture;
  fixture.connect();
  (void)fixture.states();
  fixture.link.set_address({kPeer, {"http://b:1", "http://a:1"}}, fixture.now);
  CHECK_FALSE(fixture.hangs_up());
  CHECK(fixture.link.is_established());
  CHECK(fixture.states().empty());
}

TEST_CASE("A peer without URL is not called until it has one", "[transport][peer_link]") {
  Fixture fixture(std::vector<std::string>{});
  CHECK(fixture.dial().empty());
  CHECK_FALSE(fixture.link.deadline());
  fixture.link.set_address({kPeer, {"http://a:1"}}, fixture.now);
  CHECK(fixture.dial() == "http://a:1");
}
