#include "testing/transport_bench.hpp"

#include <algorithm>
#include <future>
#include <thread>

namespace raftkit::testing {

namespace {

/// Writes into a ReceivedSnapshot. Owner: one thread at a time.
class TestSink final : public SnapshotSink {
 public:
  TestSink(std::shared_ptr<ReceivedSnapshot> target, const SnapshotPolicy& policy)
      : target_(std::move(target)), policy_(policy) {}

  Result<void> write(std::span<const std::byte> bytes) override {
    if (policy_.fail_write) return Error(*policy_.fail_write, "the test's sink fails");
    const std::lock_guard lock(target_->mutex);
    target_->content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }

  Result<void> commit() override {
    if (policy_.fail_commit) return Error(*policy_.fail_commit, "the test's sink fails");
    const std::lock_guard lock(target_->mutex);
    target_->committed = true;
    return {};
  }

 private:
  std::shared_ptr<ReceivedSnapshot> target_;
  SnapshotPolicy policy_;
};

}  // namespace

void expect(bool condition, const std::string& what) {
  if (!condition) throw CaseFailed(what);
}

TestSource::TestSource(SnapshotMeta meta, std::string content, std::optional<Errc> failure)
    : meta_(std::move(meta)), content_(std::move(content)), failure_(failure) {}

TestSource::TestSource(SnapshotMeta meta, std::shared_ptr<std::atomic<int>> alive)
    : meta_(std::move(meta)), alive_(std::move(alive)) {
  ++*alive_;
}

TestSource::~TestSource() {
  if (alive_ != nullptr) --*alive_;
}

Result<std::size_t> TestSource::read(std::span<std::byte> buffer) {
  if (alive_ != nullptr) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    std::fill(buffer.begin(), buffer.end(), std::byte{'e'});
    return buffer.size();
  }
  const std::size_t count = std::min(buffer.size(), content_.size() - offset_);
  if (count == 0 && failure_) return Error(*failure_, "the test's source fails");
  const auto part = std::as_bytes(std::span(content_)).subspan(offset_, count);
  std::copy(part.begin(), part.end(), buffer.begin());
  offset_ += count;
  return count;
}

/// Notes when two are on the executor at once: a handler that is called from inside a call into the
/// transport, or from somewhere else.
class TestNode::Visit {
 public:
  Visit(TestNode& node, const char* who) : node_(node) {
    if (node_.occupied_.exchange(true))
      misconduct(std::string(who) + " while the executor is busy");
  }
  ~Visit() { node_.occupied_ = false; }
  Visit(const Visit&) = delete;
  Visit& operator=(const Visit&) = delete;

  void misconduct(std::string what) {
    const std::lock_guard lock(node_.mutex_);
    node_.misconduct_ = std::move(what);
  }

 private:
  TestNode& node_;
};

TestNode::TestNode(TransportNetwork& network,
                   LocalIdentity identity,
                   const TransportSuiteOptions& options)
    : options_(options), identity_(std::move(identity)), node_(network.make_node(identity_.node)) {
  Result<void> started;
  run([&](Transport& transport) {
    started = transport.start(*this, identity_);
    if (started) peer_urls_ = node_->peer_urls();
  });
  expect(started.has_value(), started ? "" : "start fails: " + started.error().message());
}

TestNode::~TestNode() {
  if (node_ != nullptr) kill();
}

void TestNode::stop() {
  std::promise<void> done;
  run([&](Transport& transport) {
    stopped_ = true;
    transport.stop([&] { done.set_value(); });
  });
  expect(done.get_future().wait_for(options_.patience) == std::future_status::ready,
         "stop does not complete");
  node_.reset();
}

void TestNode::kill() {
  node_.reset();
}

void TestNode::set_peers(const std::vector<const TestNode*>& peers) {
  std::vector<PeerAddress> addresses;
  for (const TestNode* peer : peers)
    addresses.push_back({peer->id(), peer->peer_urls()});
  run([&](Transport& transport) { transport.set_peers(std::move(addresses)); });
}

void TestNode::send(std::vector<Envelope> envelopes) {
  run([&](Transport& transport) { transport.send(envelopes); });
}

std::shared_ptr<std::optional<Result<void>>> TestNode::send_snapshot(
    const TestNode& to, std::unique_ptr<SnapshotSource> source) {
  auto result = std::make_shared<std::optional<Result<void>>>();
  SnapshotRequest request{source->meta()};
  run([&](Transport& transport) {
    transport.send_snapshot(envelope(*this, to, std::move(request)),
                            std::move(source),
                            [this, result](Result<void> end) {
                              Visit visit(*this, "the end of a snapshot");
                              const std::lock_guard lock(mutex_);
                              if (*result) misconduct_ = "a snapshot ends twice";
                              *result = std::move(end);
                              changed_.notify_all();
                            });
  });
  return result;
}

void TestNode::run(const std::function<void(Transport&)>& action) {
  std::promise<void> done;
  node_->post([&] {
    {
      Visit visit(*this, "a task");
      action(node_->transport());
    }
    done.set_value();
  });
  done.get_future().wait();
}

std::function<void()> TestNode::block() {
  auto release = std::make_shared<std::promise<void>>();
  std::promise<void> blocked;
  node_->post([&blocked, future = release->get_future().share()] {
    blocked.set_value();
    future.wait();
  });
  blocked.get_future().wait();
  return [release] { release->set_value(); };
}

std::vector<Envelope> TestNode::messages() const {
  const std::lock_guard lock(mutex_);
  return messages_;
}

std::vector<PeerReport> TestNode::reports() const {
  const std::lock_guard lock(mutex_);
  return reports_;
}

std::optional<PeerState> TestNode::state_of(const TestNode& peer) const {
  const auto all = reports();
  const auto last = std::find_if(
      all.rbegin(), all.rend(), [&](const PeerReport& report) { return report.peer == peer.id(); });
  return last == all.rend() ? std::nullopt : std::optional(last->state);
}

bool TestNode::was_reported(const TestNode& peer,
                            PeerState state,
                            Errc code,
                            PeerReport::By by) const {
  const auto all = reports();
  return std::any_of(all.begin(), all.end(), [&](const PeerReport& report) {
    return report.peer == peer.id() && report.state == state && report.error == code &&
           report.by == by;
  });
}

std::vector<std::shared_ptr<ReceivedSnapshot>> TestNode::snapshots() const {
  const std::lock_guard lock(mutex_);
  return snapshots_;
}

void TestNode::await(const std::string& what, const std::function<bool()>& condition) const {
  const auto deadline = std::chrono::steady_clock::now() + options_.patience;
  while (!condition()) {
    expect(std::chrono::steady_clock::now() < deadline,
           "node " + to_string(id()) + " waits in vain for: " + what);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds{5});
  }
}

void TestNode::await_connected(const TestNode& peer) const {
  await("a connection to " + to_string(peer.id()),
        [&] { return state_of(peer) == PeerState::connected; });
}

void TestNode::await_messages(std::size_t count) const {
  await(std::to_string(count) + " messages", [&] {
    const std::lock_guard lock(mutex_);
    return messages_.size() >= count;
  });
}

void TestNode::check_calls() const {
  const std::lock_guard lock(mutex_);
  expect(misconduct_.empty(), "node " + to_string(id()) + ": " + misconduct_);
}

void TestNode::refuse(NodeId peer, std::optional<Errc> why) {
  const std::lock_guard lock(mutex_);
  if (why) refused_.insert_or_assign(peer, *why);
  if (!why) refused_.erase(peer);
}

void TestNode::set_snapshot_policy(const SnapshotPolicy& policy) {
  const std::lock_guard lock(mutex_);
  snapshot_policy_ = policy;
}

void TestNode::on_message(Envelope envelope, StoreId store) {
  Visit visit(*this, "on_message");
  if (stopped_) visit.misconduct("on_message after stop");
  if (!has_introduced_itself(envelope.from, store))
    visit.misconduct("on_message with a data directory that was not introduced");
  const std::lock_guard lock(mutex_);
  messages_.push_back(std::move(envelope));
  changed_.notify_all();
}

void TestNode::on_peer(PeerReport report) {
  Visit visit(*this, "on_peer");
  if (stopped_) visit.misconduct("on_peer after stop");
  const std::lock_guard lock(mutex_);
  reports_.push_back(std::move(report));
  changed_.notify_all();
}

Result<void> TestNode::admit(const Introduction& peer) {
  Visit visit(*this, "admit");
  if (stopped_) visit.misconduct("admit after stop");
  const std::lock_guard lock(mutex_);
  introduced_.insert_or_assign(peer.node, peer);
  const auto at = refused_.find(peer.node);
  if (at == refused_.end()) return {};
  return Error(at->second, "the test refuses " + to_string(peer.node));
}

bool TestNode::has_introduced_itself(NodeId peer, StoreId store) const {
  const std::lock_guard lock(mutex_);
  const auto found = introduced_.find(peer);
  return found != introduced_.end() && found->second.store == store;
}

std::optional<Introduction> TestNode::introduction_of(const TestNode& peer) const {
  const std::lock_guard lock(mutex_);
  const auto found = introduced_.find(peer.id());
  return found == introduced_.end() ? std::nullopt : std::optional(found->second);
}

Result<std::unique_ptr<SnapshotSink>> TestNode::accept_snapshot(const Envelope&) {
  const std::lock_guard lock(mutex_);
  if (snapshot_policy_.refuse) return Error(*snapshot_policy_.refuse, "the test refuses snapshots");
  auto received = std::make_shared<ReceivedSnapshot>();
  snapshots_.push_back(received);
  changed_.notify_all();
  return std::unique_ptr<SnapshotSink>(
      std::make_unique<TestSink>(std::move(received), snapshot_policy_));
}

TestNode& Bench::add(std::uint64_t id, ClusterId cluster) {
  const NodeId node{id};
  nodes.erase(node);  // the older one ends before its successor begins
  LocalIdentity identity{cluster, node, StoreId{0x500 + id}, "node" + std::to_string(id), {}};
  identity.peer_urls = {"http://node" + std::to_string(id) + ":1", "http://[::1]:2"};
  auto added = std::make_unique<TestNode>(*network, std::move(identity), options);
  return *nodes.insert_or_assign(node, std::move(added)).first->second;
}

std::vector<TestNode*> Bench::connected(std::uint64_t count) {
  std::vector<TestNode*> all;
  for (std::uint64_t id = 1; id <= count; ++id)
    all.push_back(&add(id));
  for (TestNode* node : all)
    node->set_peers({all.begin(), all.end()});
  for (const TestNode* node : all) {
    for (const TestNode* peer : all) {
      if (node != peer) node->await_connected(*peer);
    }
  }
  return all;
}

void Bench::wait_quietly() const {
  std::this_thread::sleep_for(options.quiet);
}

Envelope envelope(const TestNode& from, const TestNode& to, Message message) {
  return {GroupId{}, from.id(), to.id(), Term{7}, std::move(message)};
}

Envelope heartbeat(const TestNode& from, const TestNode& to, std::uint64_t round) {
  return envelope(from, to, HeartbeatRequest{Index{3}, round});
}

Envelope append(const TestNode& from,
                const TestNode& to,
                std::uint64_t index,
                const Bytes& payload) {
  AppendRequest request{{Term{7}, Index{index - 1}}, Index{}, {}};
  request.entries.push_back({{Term{7}, Index{index}}, EntryType::normal, payload});
  return envelope(from, to, std::move(request));
}

Bytes content(std::size_t size) {
  return Bytes::build(size, [](std::span<std::byte> memory) {
    std::uint32_t state = 1;
    for (std::byte& byte : memory) {
      state = state * 1664525U + 1013904223U;
      byte = std::byte{static_cast<unsigned char>(state >> 24)};
    }
  });
}

}  // namespace raftkit::testing
