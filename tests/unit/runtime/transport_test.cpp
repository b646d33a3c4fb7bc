// What a node asks of its transport, and what it does with what comes in.
#include "raftkit/transport.hpp"

#include "unit/runtime/cluster.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

/// What the node and the test share of a transport.
struct Wire {
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  std::vector<Envelope> sent;
  bool is_stopped = false;
  bool was_used_after_stop = false;

  boost::asio::any_io_executor strand;  ///< before the node runs
  TransportHandler* handler = nullptr;  ///< as above

  void deliver(Envelope envelope) {
    boost::asio::post(strand, [this, envelope] { handler->on_message(envelope, {}); });
  }
  template <class Message>
  std::optional<Envelope> await() {
    std::unique_lock lock(mutex);
    std::optional<Envelope> found;
    changed.wait_for(lock, kPatience, [&] {
      const auto at = std::find_if(sent.begin(), sent.end(), [](const Envelope& envelope) {
        return std::holds_alternative<Message>(envelope.message);
      });
      if (at != sent.end()) found = *at;
      return at != sent.end();
    });
    return found;
  }
};

class FakeTransport final : public Transport {
 public:
  FakeTransport(Wire& wire, boost::asio::any_io_executor strand) : wire_(wire) {
    wire_.strand = std::move(strand);
  }

  Result<void> start(TransportHandler& handler, LocalIdentity) override {
    wire_.handler = &handler;
    if (on_start) on_start();
    return {};
  }
  void set_peers(std::vector<PeerAddress>) override { note_use(); }
  void send(std::span<Envelope> envelopes) override {
    note_use();
    const std::lock_guard lock(wire_.mutex);
    wire_.sent.insert(wire_.sent.end(), envelopes.begin(), envelopes.end());
    wire_.changed.notify_all();
  }
  void send_snapshot(Envelope,
                     std::unique_ptr<SnapshotSource>,
                     std::function<void(Result<void>)>) override {
    note_use();
  }
  void stop(std::function<void()> done) override {
    const std::lock_guard lock(wire_.mutex);
    wire_.is_stopped = true;
    boost::asio::post(wire_.strand, std::move(done));
  }

  std::function<void()> on_start;

 private:
  void note_use() {
    const std::lock_guard lock(wire_.mutex);
    if (wire_.is_stopped) wire_.was_used_after_stop = true;
  }

  Wire& wire_;
};

/// Node 1 of two; the test is node 2.
struct OneOfTwo {
  explicit OneOfTwo(std::function<void()> on_start = nullptr) {
    auto membership = std::make_shared<Membership>();
    membership->voters = {NodeId{1}, NodeId{2}};
    membership->members = {{NodeId{1}, "", {}, {}, {}}, {NodeId{2}, "", {}, {}, {}}};
    options.self = {NodeId{1}, "n1", {}, StoreId{1}, {}};
    options.bootstrap = membership;
    options.election_timeout = std::chrono::milliseconds(50'000);  // it stays a follower
    auto made = Node::create(context.get_executor(),
                             options,
                             {.log = storage::make_memory_log_storage(),
                              .snapshots = storage::make_memory_snapshot_store(),
                              .transport =
                                  [&](boost::asio::any_io_executor strand) {
                                    auto transport =
                                        std::make_unique<FakeTransport>(wire, std::move(strand));
                                    transport->on_start = on_start;
                                    return transport;
                                  },
                              .state_machine = machine,
                              .metrics = nullptr});
    if (made)
      node = *std::move(made);
    else
      error = made.error();
  }
  ~OneOfTwo() {
    context.stop();
    if (thread.joinable()) thread.join();
  }
  OneOfTwo(const OneOfTwo&) = delete;
  OneOfTwo& operator=(const OneOfTwo&) = delete;

  void run() {
    thread = std::thread([this] { context.run(); });
  }
  [[nodiscard]] Envelope from_2(std::uint64_t term, Message message) const {
    return {{}, NodeId{2}, NodeId{1}, Term{term}, std::move(message)};
  }
  [[nodiscard]] Envelope snapshot_at(std::uint64_t term, Index index) const {
    return from_2(term, SnapshotRequest{{{Term{1}, index}, options.bootstrap}});
  }

  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard =
      boost::asio::make_work_guard(context);
  Wire wire;
  Machine machine;
  NodeOptions options;
  std::optional<Error> error;
  std::unique_ptr<Node> node;
  std::thread thread;
};

}  // namespace

TEST_CASE("What arrives before the node has begun is not taken in", "[runtime]") {
  OneOfTwo world;
  REQUIRE(world.node);
  // Before the executor runs for the first time, and with it the node.
  world.wire.handler->on_message(world.from_2(5, HeartbeatRequest{Index{1}, 0}), {});
  world.run();
  world.wire.deliver(world.from_2(7, HeartbeatRequest{Index{1}, 0}));

  const auto answer = world.wire.await<HeartbeatResponse>();
  REQUIRE(answer);
  CHECK(answer->term == Term{7});
}

TEST_CASE("A snapshot that cannot be of use is refused before its content comes", "[runtime]") {
  OneOfTwo world;
  REQUIRE(world.node);
  world.run();
  world.wire.deliver(world.from_2(5, HeartbeatRequest{Index{1}, 0}));
  REQUIRE(world.wire.await<HeartbeatResponse>());

  CHECK(world.wire.handler->accept_snapshot(world.snapshot_at(5, Index{50})));
  CHECK(world.wire.handler->accept_snapshot(world.snapshot_at(4, Index{50})).error() ==
        Errc::not_leader);
  CHECK(world.wire.handler->accept_snapshot(world.snapshot_at(5, Index{1})).error() ==
        Errc::invalid_argument);

  const auto position = world.wire.await<AppendResponse>();  // the leader hears why all the same
  REQUIRE(position);
  CHECK(std::get<AppendResponse>(position->message).index == Index{1});
}

TEST_CASE("A transport is not used after it was stopped", "[runtime]") {
  OneOfTwo world;
  REQUIRE(world.node);
  world.run();
  for (std::uint64_t term = 5; term < 50; ++term)
    world.wire.deliver(world.from_2(term, HeartbeatRequest{Index{1}, 0}));
  std::promise<void> stopped;
  world.node->async_stop([&](error_code) { stopped.set_value(); });
  for (std::uint64_t term = 50; term < 100; ++term)
    world.wire.deliver(world.from_2(term, HeartbeatRequest{Index{1}, 0}));

  get(stopped.get_future());
  const std::lock_guard lock(world.wire.mutex);
  CHECK(world.wire.is_stopped);
  CHECK_FALSE(world.wire.was_used_after_stop);
}

TEST_CASE("A transport that throws is a reason not to start", "[runtime]") {
  OneOfTwo world([] { throw std::runtime_error("no network"); });
  REQUIRE_FALSE(world.node);
  REQUIRE(world.error);
  CHECK(world.error->message().find("no network") != std::string::npos);
}
