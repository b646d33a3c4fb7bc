// A snapshot over one connection after the other, each of which breaks.
#include "transport/snapshot_stream.hpp"

#include <array>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "support/printing.hpp"
#include "support/snapshots.hpp"

namespace raftkit::transport {

namespace {

constexpr std::chrono::milliseconds kIdle{20'000};
constexpr SnapshotLimits kLimits{std::size_t{8} << 20, kIdle, kIdle, 0, kIdle};
constexpr wire::ConnectionSeed kSeed{7};
constexpr std::size_t kMiB = std::size_t{1} << 20;

SnapshotMeta meta() {
  static const auto membership = std::make_shared<const Membership>();
  return {{Term{3}, Index{9}}, membership};
}

Envelope request() {
  return {GroupId{}, NodeId{1}, NodeId{2}, Term{3}, SnapshotRequest{meta()}};
}

/// Counts what is read, in pieces of an odd size.
class Source final : public SnapshotSource {
 public:
  Source(const std::string& content, std::size_t& read, std::optional<std::size_t> fails_at)
      : content_(content), read_(read), fails_at_(fails_at) {}

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (fails_at_ && read_ >= *fails_at_) return Error(Errc::corrupt_data, "the source is broken");
    const auto part =
        std::string_view(content_).substr(read_, std::min<std::size_t>(buffer.size(), 77'777));
    std::memcpy(buffer.data(), part.data(), part.size());
    read_ += part.size();
    return part.size();
  }

 private:
  const SnapshotMeta meta_ = transport::meta();
  const std::string& content_;
  std::size_t& read_;
  std::optional<std::size_t> fails_at_;
};

/// Takes snapshots, and breaks the connection when it has taken so much.
class Receiver final : public TransportHandler {
 public:
  void on_message(Envelope, StoreId) override {}
  void on_peer(PeerReport) override {}
  Result<void> admit(const Introduction&) override { return {}; }
  [[nodiscard]] Index knows_up_to() const override { return {}; }
  [[nodiscard]] MembershipPtr membership() const override { return nullptr; }
  Result<std::unique_ptr<SnapshotSink>> accept_snapshot(const Envelope&) override {
    ++accepted;
    content.clear();
    return std::make_unique<Sink>(*this);
  }

  int accepted = 0;
  int dropped = 0;  // sinks that were not committed
  std::string content;
  bool is_committed = false;
  std::optional<std::size_t> breaks_at;
  std::optional<std::size_t> throws_at;
  int connection = -1;

 private:
  struct Sink final : SnapshotSink {
    explicit Sink(Receiver& to) : owner(to) {}
    ~Sink() override { owner.dropped += owner.is_committed ? 0 : 1; }
    Result<void> write(std::span<const std::byte> bytes) override {
      owner.content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (owner.throws_at && owner.content.size() >= *owner.throws_at)
        throw std::runtime_error("the sink throws");
      if (!owner.breaks_at || owner.content.size() < *owner.breaks_at) return {};
      owner.breaks_at.reset();
      ::shutdown(owner.connection, SHUT_RDWR);
      return {};
    }
    Result<void> commit() override {
      owner.is_committed = true;
      return {};
    }
    Receiver& owner;
  };
};

struct Ended {
  SendOutcome sent;
  Result<Envelope> received = Errc::stopped;
};

/// What becomes of the transfer on one more connection.
Ended connect(OutgoingSnapshot& outgoing,
              Receiver& receiver,
              std::optional<IncomingSnapshot>& half) {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  Ended ended;
  receiver.connection = ends[1];
  std::thread sender([&, end = ends[0]] {
    BlockingSocket socket(end, {});
    ended.sent = send_snapshot(socket, kSeed, outgoing, kLimits);
  });
  {
    BlockingSocket socket(ends[1], {});
    try {
      ended.received =
          receive_snapshot(socket, kSeed, {NodeId{1}, NodeId{2}}, receiver, kLimits, half);
    } catch (const std::exception&) {
      ended.received = Errc::state_machine_failed;
    }
  }
  sender.join();
  return ended;
}

}  // namespace

TEST_CASE("A snapshot goes on where its connection broke", "[transport][snapshot]") {
  const std::string content = test::noise(40 * kMiB + 12'345);
  std::size_t read = 0;
  OutgoingSnapshot outgoing(request(), std::make_unique<Source>(content, read, std::nullopt), 5);
  Receiver receiver;
  std::optional<IncomingSnapshot> half;

  for (const std::size_t at : {std::size_t{1}, 17 * kMiB, 39 * kMiB}) {
    receiver.breaks_at = at;
    const Ended broken = connect(outgoing, receiver, half);
    CHECK_FALSE(broken.sent.result);
    CHECK(broken.sent.has_lost_connection);
    CHECK_FALSE(broken.received);
    REQUIRE(half);
    CHECK(half->position == receiver.content.size());
    CHECK(half->position >= at);
  }
  const Ended ended = connect(outgoing, receiver, half);

  CHECK(ended.sent.result);
  CHECK(ended.received.value() == request());
  CHECK(receiver.is_committed);
  CHECK(receiver.accepted == 1);
  CHECK(receiver.content == content);
  CHECK(read == content.size());
  CHECK_FALSE(half);
}

TEST_CASE("What the receiver has lost is sent again while it is kept", "[transport][snapshot]") {
  const bool is_kept = GENERATE(true, false);
  const std::string content = test::noise(20 * kMiB);
  std::size_t read = 0;
  OutgoingSnapshot outgoing(request(), std::make_unique<Source>(content, read, std::nullopt), 5);
  Receiver receiver;
  std::optional<IncomingSnapshot> half;
  receiver.breaks_at = is_kept ? 2 * kMiB : 19 * kMiB;
  CHECK(connect(outgoing, receiver, half).sent.has_lost_connection);

  half.reset();  // the receiver's process has been started again
  const Ended ended = connect(outgoing, receiver, half);

  CHECK(receiver.accepted == 2);
  if (is_kept) {
    CHECK(ended.sent.result);
    CHECK(receiver.content == content);
  } else {
    CHECK(ended.sent.result.error() == Errc::not_found);
    CHECK_FALSE(ended.sent.has_lost_connection);
    CHECK(ended.received.error() == Errc::not_found);
    CHECK_FALSE(half);
  }
}

TEST_CASE("Half a snapshot is of no use to another transfer", "[transport][snapshot]") {
  const std::string content = test::noise(3 * kMiB);
  std::size_t read = 0;
  OutgoingSnapshot first(request(), std::make_unique<Source>(content, read, std::nullopt), 5);
  Receiver receiver;
  std::optional<IncomingSnapshot> half;
  receiver.breaks_at = kMiB;
  (void)connect(first, receiver, half);
  REQUIRE(half);

  const std::string other = test::noise(2 * kMiB);
  std::size_t other_read = 0;
  OutgoingSnapshot second(request(), std::make_unique<Source>(other, other_read, std::nullopt), 6);
  const Ended ended = connect(second, receiver, half);

  CHECK(ended.sent.result);
  CHECK(receiver.dropped == 1);
  CHECK(receiver.accepted == 2);
  CHECK(receiver.content == other);
}

TEST_CASE("What fails by itself is not gone on with", "[transport][snapshot]") {
  const std::string content = test::noise(3 * kMiB);
  std::size_t read = 0;
  Receiver receiver;
  std::optional<IncomingSnapshot> half;

  SECTION("the source") {
    OutgoingSnapshot outgoing(request(), std::make_unique<Source>(content, read, kMiB), 5);
    const Ended ended = connect(outgoing, receiver, half);
    CHECK(ended.sent.result.error() == Errc::corrupt_data);
    CHECK_FALSE(ended.sent.has_lost_connection);
    CHECK(ended.received.error() == Errc::corrupt_data);
  }
  SECTION("the sink, which throws") {
    OutgoingSnapshot outgoing(request(), std::make_unique<Source>(content, read, std::nullopt), 5);
    receiver.throws_at = kMiB;
    (void)connect(outgoing, receiver, half);
  }
  CHECK_FALSE(half);
  CHECK(receiver.dropped == 1);
  CHECK_FALSE(receiver.is_committed);
}

}  // namespace raftkit::transport
