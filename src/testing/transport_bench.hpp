// What the cases of the transport suite are made of.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "raftkit/testing/transport_conformance.hpp"

#include "testing/suite.hpp"

namespace raftkit::testing {

/// Ends a case that does not pass. Does not leave this library.
struct CaseFailed : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Ends the case unless `condition` holds.
void expect(bool condition, const std::string& what);

/// What a node did with a snapshot that was sent to it. Thread-safe.
struct ReceivedSnapshot {
  std::mutex mutex;
  std::string content;
  bool committed = false;
};

/// How a node treats snapshots.
struct SnapshotPolicy {
  std::optional<Errc> refuse;      ///< accept_snapshot
  std::optional<Errc> fail_write;  ///< the first one
  std::optional<Errc> fail_commit;
};

/// Content that a test sends. Owner: one thread at a time.
class TestSource final : public SnapshotSource {
 public:
  /// Ends after `content`; fails there if `failure` is given.
  TestSource(SnapshotMeta meta, std::string content, std::optional<Errc> failure = std::nullopt);
  /// Never ends by itself, and counts itself in `alive` while it exists.
  TestSource(SnapshotMeta meta, std::shared_ptr<std::atomic<int>> alive);
  ~TestSource() override;
  TestSource(const TestSource&) = delete;
  TestSource& operator=(const TestSource&) = delete;

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  SnapshotMeta meta_;
  std::string content_;
  std::size_t offset_ = 0;
  std::optional<Errc> failure_;
  std::shared_ptr<std::atomic<int>> alive_;
};

/// A node of a case: a transport, and a handler that remembers everything and checks where it is
/// called. All methods but the handler's are for the thread of the test.
class TestNode final : public TransportHandler {
 public:
  TestNode(TransportNetwork& network, LocalIdentity identity, const TransportSuiteOptions& options);
  ~TestNode() override;
  TestNode(const TestNode&) = delete;
  TestNode& operator=(const TestNode&) = delete;

  /// Both end without the other nodes being told by us.
  void stop();  ///< Transport::stop, then destruction
  void kill();  ///< destruction alone

  void set_peers(const std::vector<const TestNode*>& peers);
  void send(std::vector<Envelope> envelopes);
  /// Calls Transport::send_snapshot; the result once there is one.
  std::shared_ptr<std::optional<Result<void>>> send_snapshot(
      const TestNode& to, std::unique_ptr<SnapshotSource> source);
  /// Runs `action` on the executor and waits for it.
  void run(const std::function<void(Transport&)>& action);
  /// Occupies the executor until the returned function is called.
  [[nodiscard]] std::function<void()> block();

  [[nodiscard]] NodeId id() const { return identity_.node; }
  [[nodiscard]] const std::vector<std::string>& peer_urls() const { return peer_urls_; }

  /// What happened so far.
  [[nodiscard]] std::vector<Envelope> messages() const;
  [[nodiscard]] std::vector<PeerReport> reports() const;
  [[nodiscard]] std::optional<PeerState> state_of(const TestNode& peer) const;
  [[nodiscard]] bool was_reported(const TestNode& peer,
                                  PeerState state,
                                  Errc code,
                                  PeerReport::By by = PeerReport::By::us) const;
  [[nodiscard]] std::vector<std::shared_ptr<ReceivedSnapshot>> snapshots() const;

  /// Ends the case if `condition` does not become true in time.
  void await(const std::string& what, const std::function<bool()>& condition) const;
  void await_connected(const TestNode& peer) const;
  void await_messages(std::size_t count) const;
  /// Ends the case if the handler was called where or when it must not be.
  void check_calls() const;

  void refuse(NodeId peer, std::optional<Errc> why);
  /// How this peer introduced itself last.
  [[nodiscard]] std::optional<Introduction> introduction_of(const TestNode& peer) const;
  [[nodiscard]] const LocalIdentity& identity() const { return identity_; }
  static constexpr Index kKnowsUpTo{0x1234};
  void set_snapshot_policy(const SnapshotPolicy& policy);

  void on_message(Envelope envelope, StoreId store) override;
  void on_peer(PeerReport report) override;
  [[nodiscard]] Result<void> admit(const Introduction& peer) override;
  [[nodiscard]] Index knows_up_to() const override { return kKnowsUpTo; }
  [[nodiscard]] Result<std::unique_ptr<SnapshotSink>> accept_snapshot(
      const Envelope& envelope) override;
  [[nodiscard]] MembershipPtr membership() const override { return nullptr; }

 private:
  class Visit;  // somebody is on the executor
  [[nodiscard]] bool has_introduced_itself(NodeId peer, StoreId store) const;

  const TransportSuiteOptions& options_;
  LocalIdentity identity_;
  std::unique_ptr<TransportNode> node_;
  std::vector<std::string> peer_urls_;

  std::atomic<bool> occupied_{false};
  std::atomic<bool> stopped_{false};

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Envelope> messages_;
  std::vector<PeerReport> reports_;
  std::map<NodeId, Errc> refused_;
  std::map<NodeId, Introduction> introduced_;
  SnapshotPolicy snapshot_policy_;
  std::vector<std::shared_ptr<ReceivedSnapshot>> snapshots_;
  std::string misconduct_;
};

/// The network of one case, and its nodes.
class Bench {
 public:
  Bench(const TransportNetworkFactory& factory, const TransportSuiteOptions& the_options)
      : options(the_options), network(factory()) {}

  /// A started node. `cluster` and `store` as all others have them unless said otherwise.
  TestNode& add(std::uint64_t id, ClusterId cluster = ClusterId{0xc1});
  /// Started nodes 1 to `count`, each connected to all others.
  std::vector<TestNode*> connected(std::uint64_t count);
  /// Destroys the node.
  void remove(std::uint64_t id) { nodes.erase(NodeId{id}); }
  /// Lets time pass in which something forbidden would happen.
  void wait_quietly() const;

  const TransportSuiteOptions& options;
  std::unique_ptr<TransportNetwork> network;
  std::map<NodeId, std::unique_ptr<TestNode>> nodes;
};

// Messages from one node to another.
[[nodiscard]] Envelope envelope(const TestNode& from, const TestNode& to, Message message);
[[nodiscard]] Envelope heartbeat(const TestNode& from, const TestNode& to, std::uint64_t round);
[[nodiscard]] Envelope append(const TestNode& from,
                              const TestNode& to,
                              std::uint64_t index,
                              const Bytes& payload);
[[nodiscard]] Bytes content(std::size_t size);

[[nodiscard]] CaseDefinitions<Bench> message_cases();
[[nodiscard]] CaseDefinitions<Bench> connection_cases();
[[nodiscard]] CaseDefinitions<Bench> snapshot_cases();

}  // namespace raftkit::testing
