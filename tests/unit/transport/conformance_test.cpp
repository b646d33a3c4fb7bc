// Both transports of raftkit keep what transport.hpp promises; and the suite notices those that do
// not.
#include <catch2/catch.hpp>

#include "unit/transport/networks.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): its value types

namespace {

constexpr std::size_t kQueueBytes = std::size_t{4} << 20;

testing::TransportSuiteOptions suite_options() {
  testing::TransportSuiteOptions options;
  options.max_queue_bytes = 2 * kQueueBytes;
  return options;
}

std::unique_ptr<testing::TransportNetwork> loopback() {
  LoopbackOptions options;
  options.max_queue_bytes = kQueueBytes;
  return std::make_unique<test::LoopbackTestNetwork>(options);
}

std::unique_ptr<testing::TransportNetwork> tcp() {
  TcpTransportOptions options = test::tcp_options();
  options.max_queue_bytes = kQueueBytes;
  return std::make_unique<test::TcpTestNetwork>(options);
}

void check_case(const std::string& name, const testing::TransportNetworkFactory& factory) {
  const auto result = testing::run_transport_case(name, factory, suite_options());
  INFO(name << ": " << result.what);
  CHECK(result.passed);
}

/// A transport with a defect: passes everything on but what a subclass spoils.
class Spoiled : public Transport {
 public:
  explicit Spoiled(std::unique_ptr<Transport> sound) : sound_(std::move(sound)) {}

  Result<void> start(TransportHandler& handler, LocalIdentity identity) override {
    return sound_->start(handler, std::move(identity));
  }
  void set_peers(std::vector<PeerAddress> peers) override { sound_->set_peers(std::move(peers)); }
  void send(std::span<Envelope> envelopes) override { sound_->send(envelopes); }
  void send_snapshot(Envelope envelope,
                     std::unique_ptr<SnapshotSource> source,
                     std::function<void(Result<void>)> done) override {
    sound_->send_snapshot(std::move(envelope), std::move(source), std::move(done));
  }
  void stop(std::function<void()> done) override { sound_->stop(std::move(done)); }

 protected:
  [[nodiscard]] Transport& sound() { return *sound_; }

 private:
  std::unique_ptr<Transport> sound_;
};

struct TurnsMessagesRound final : Spoiled {
  using Spoiled::Spoiled;
  void send(std::span<Envelope> envelopes) override {
    std::reverse(envelopes.begin(), envelopes.end());
    sound().send(envelopes);
  }
};

struct SendsTwice final : Spoiled {
  using Spoiled::Spoiled;
  void send(std::span<Envelope> envelopes) override {
    std::vector<Envelope> copies(envelopes.begin(), envelopes.end());
    sound().send(copies);
    sound().send(envelopes);
  }
};

struct NeverForgetsAPeer final : Spoiled {
  using Spoiled::Spoiled;
  void set_peers(std::vector<PeerAddress> peers) override {
    if (!peers.empty() && peers.size() >= known_) sound().set_peers(peers);
    known_ = std::max(known_, peers.size());
  }
  std::size_t known_ = 0;
};

struct ForgetsToReport final : Spoiled {
  using Spoiled::Spoiled;
  void send_snapshot(Envelope,
                     std::unique_ptr<SnapshotSource>,
                     std::function<void(Result<void>)>) override {}
};

struct ConcealsItsAddress final : Spoiled {
  using Spoiled::Spoiled;
  Result<void> start(TransportHandler& handler, LocalIdentity identity) override {
    identity.peer_urls.clear();
    return sound().start(handler, std::move(identity));
  }
};

struct CallsBackInline final : Spoiled {
  using Spoiled::Spoiled;
  Result<void> start(TransportHandler& handler, LocalIdentity identity) override {
    handler_ = &handler;
    return sound().start(handler, std::move(identity));
  }
  void set_peers(std::vector<PeerAddress> peers) override {
    for (const PeerAddress& peer : peers)
      handler_->on_peer({peer.node, PeerState::connecting, Error(error_code{})});
    sound().set_peers(std::move(peers));
  }
  TransportHandler* handler_ = nullptr;
};

template <class Defect>
class SpoiledNetwork final : public testing::TransportNetwork {
 public:
  std::unique_ptr<testing::TransportNode> make_node(NodeId) override {
    return std::make_unique<test::LoopNode>(
        [&](auto executor) {
          return std::make_unique<Defect>(network_.make_transport(std::move(executor)));
        },
        [](const Transport&) { return std::vector<std::string>(); });
  }

 private:
  LoopbackNetwork network_;
};

template <class Defect>
bool is_noticed(const std::string& name) {
  auto options = suite_options();
  options.patience = std::chrono::milliseconds{500};
  return !testing::run_transport_case(
              name, [] { return std::make_unique<SpoiledNetwork<Defect>>(); }, options)
              .passed;
}

}  // namespace

TEST_CASE("The loopback transport passes the conformance suite", "[transport][conformance]") {
  for (const auto& name : testing::transport_case_names()) {
    DYNAMIC_SECTION(name) {
      check_case(name, loopback);
    }
  }
}

TEST_CASE("The TCP transport passes the conformance suite", "[transport][conformance][tcp]") {
  for (const auto& name : testing::transport_case_names()) {
    DYNAMIC_SECTION(name) {
      check_case(name, tcp);
    }
  }
}

TEST_CASE("The conformance suite notices transports that break a promise",
          "[transport][conformance]") {
  CHECK(is_noticed<TurnsMessagesRound>("messages of one class arrive in order"));
  CHECK(is_noticed<SendsTwice>("messages of every kind arrive unaltered"));
  CHECK(is_noticed<NeverForgetsAPeer>("a removed peer gets what was queued and nothing else"));
  CHECK(is_noticed<ForgetsToReport>("a snapshot that the handler refuses fails there"));
  CHECK(is_noticed<CallsBackInline>("added peers are reached"));
  CHECK(is_noticed<ConcealsItsAddress>("callers and those who answer introduce themselves"));
  CHECK_FALSE(testing::run_transport_case("none such", loopback).passed);
}
