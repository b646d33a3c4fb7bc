// Real nodes in one process, on one io_context with two threads, connected by a loopback network.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>  // before Asio: Boost 1.74 forgets it
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "raftkit/loopback_transport.hpp"
#include "raftkit/node.hpp"
#include "raftkit/session_client.hpp"
#include "raftkit/storage.hpp"

#include "support/log_lines.hpp"

namespace raftkit::test {

inline constexpr std::chrono::seconds kPatience{30};

/// Applies commands by remembering them.
class Machine : public StateMachine {
 public:
  void apply(std::span<const Command> commands, EntryId, std::span<Bytes> results) override {
    if (before_apply) before_apply();
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < commands.size(); ++i) {
      applied_.emplace_back(commands[i].payload.view());
      results[i] = Bytes::copy_of("did " + applied_.back());
    }
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    const std::lock_guard lock(mutex_);
    std::string content;
    for (const std::string& command : applied_)
      content += command + "\n";
    return make_snapshot_source(meta, Bytes::copy_of(content));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta&) override {
    return make_snapshot_sink([this](const std::string& content) -> Result<void> {
      const std::lock_guard lock(mutex_);
      applied_.clear();
      for (std::size_t at = 0; at < content.size(); at = content.find('\n', at) + 1)
        applied_.push_back(content.substr(at, content.find('\n', at) - at));
      return {};
    });
  }

  [[nodiscard]] std::vector<std::string> applied() const {
    const std::lock_guard lock(mutex_);
    return applied_;
  }

  std::function<void()> before_apply;  ///< may throw or block; set before the node starts

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> applied_;
};

/// A log that outlives the node, as a disk does.
class KeptLog final : public LogStorage {
 public:
  explicit KeptLog(std::shared_ptr<LogStorage> kept, std::function<Result<void>()> before)
      : kept_(std::move(kept)), before_(std::move(before)) {}

  Result<std::optional<LoadedLog>> load(GroupId group) override { return kept_->load(group); }
  Result<void> write(std::span<const PersistBatch> batches) override {
    if (auto allowed = before_(); !allowed) return allowed;
    return kept_->write(batches);
  }
  Result<std::vector<Entry>> read(const LogRange& range) override {
    if (auto allowed = before_(); !allowed) return allowed.error();
    return kept_->read(range);
  }
  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    if (auto allowed = before_(); !allowed) return allowed;
    return kept_->compact(group, snapshot, keep_from);
  }

 private:
  std::shared_ptr<LogStorage> kept_;
  std::function<Result<void>()> before_;
};

class Counts final : public MetricsSink {
 public:
  void add(CounterMetric counter, std::uint64_t amount) override {
    counts_.at(static_cast<std::size_t>(counter)) += amount;
  }
  void set(GaugeMetric, std::uint64_t) override {}
  void observe(HistogramMetric, double) override {}
  [[nodiscard]] std::uint64_t of(CounterMetric counter) const {
    return counts_.at(static_cast<std::size_t>(counter));
  }

 private:
  std::array<std::atomic<std::uint64_t>, 32> counts_{};
};

/// What an operation completed with.
template <class Value>
struct Reply {
  error_code code;
  Value value{};
};

template <class Value>
Value get(std::future<Value>&& future) {
  REQUIRE(future.wait_for(kPatience) == std::future_status::ready);
  return future.get();
}

class Cluster {
 public:
  using Tune = std::function<void(NodeOptions&)>;

  explicit Cluster(
      std::size_t size = 3, Tune tune = [](NodeOptions&) {})
      : tune_(std::move(tune)), guard_(boost::asio::make_work_guard(context_)) {
    auto membership = std::make_shared<Membership>();
    for (std::uint64_t id = 1; id <= size; ++id) {
      membership->voters.push_back(NodeId{id});
      membership->members.push_back({NodeId{id}, "", {}, {}, {}});
      members_.emplace(id, std::make_unique<Member>());
    }
    membership_ = std::move(membership);
    for (std::thread& thread : threads_)
      thread = std::thread([this] {
        context_.run();
        const std::lock_guard lock(mutex_);
        --running_;
        changed_.notify_all();
      });
  }
  ~Cluster() {
    stop_threads();
    for (auto& [id, member] : members_)
      member->node.reset();
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// Waits until there is nothing to do on the nodes' executor, nor to wait for.
  bool await_idle() {
    guard_.reset();
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [this] { return running_ == 0; });
  }

  /// Nothing runs any more.
  void stop_threads() {
    context_.stop();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  void start(std::uint64_t id) {
    Member& member = *members_.at(id);
    NodeOptions options;
    options.cluster = ClusterId{7};
    options.self = {NodeId{id}, "n" + std::to_string(id), {}, StoreId{100 + id}, {}};
    options.bootstrap = membership_;
    options.join = !membership_->contains(NodeId{id});
    options.heartbeat_interval = std::chrono::milliseconds(20);
    options.election_timeout = std::chrono::milliseconds(300);
    tune_(options);
    member.counts = std::make_shared<Counts>();
    member.lines = std::make_shared<Lines>();
    auto log = std::make_unique<KeptLog>(member.log, [&member]() -> Result<void> {
      return member.before_log ? member.before_log() : Result<void>();
    });
    auto node = Node::create(context_.get_executor(),
                             options,
                             {.log = std::move(log),
                              .snapshots = storage::make_memory_snapshot_store(),
                              .transport =
                                  [this](boost::asio::any_io_executor strand) {
                                    return network.make_transport(std::move(strand));
                                  },
                              .state_machine = *member.state_machine,
                              .log_sink = member.lines,
                              .metrics = member.counts});
    REQUIRE(node);
    member.node = *std::move(node);
    member.subscription = member.node->subscribe(
        context_.get_executor(), [this, id](const NodeStatus& status) { note(id, status); });
  }
  /// Room for a node that the others do not know yet.
  void add(std::uint64_t id) { members_.emplace(id, std::make_unique<Member>()); }
  void start_all() {
    for (const auto& [id, member] : members_)
      start(id);
  }

  /// Puts sessions in front of every machine; before any node starts.
  void add_sessions() {
    for (auto& [id, member] : members_) {
      member->clock = make_cluster_clock();
      auto made = SessionStateMachine::create(member->machine, member->clock);
      REQUIRE(made);
      member->with_sessions = *std::move(made);
      member->state_machine = member->with_sessions.get();
    }
  }
  const std::shared_ptr<ClusterClock>& clock(std::uint64_t id) { return members_.at(id)->clock; }

  /// Of the nodes and of everything else; two threads run it.
  boost::asio::any_io_executor executor() { return context_.get_executor(); }
  Node& node(std::uint64_t id) { return *members_.at(id)->node; }
  Machine& machine(std::uint64_t id) { return members_.at(id)->machine; }
  Counts& counts(std::uint64_t id) { return *members_.at(id)->counts; }
  const Lines& lines(std::uint64_t id) { return *members_.at(id)->lines; }
  /// Called before each access to the log; its error becomes the log's. Set before start().
  void before_log(std::uint64_t id, std::function<Result<void>()> call) {
    members_.at(id)->before_log = std::move(call);
  }
  /// Completes the stop, then destroys the node.
  void stop(std::uint64_t id) {
    get(async_stop(id));
    members_.at(id)->subscription = {};
    members_.at(id)->node.reset();
    const std::lock_guard lock(mutex_);
    statuses_.erase(id);
  }
  std::unique_ptr<Node> release(std::uint64_t id) { return std::move(members_.at(id)->node); }

  std::future<Reply<int>> async_stop(std::uint64_t id) {
    auto promise = std::make_shared<std::promise<Reply<int>>>();
    node(id).async_stop([promise](error_code code) { promise->set_value({code, 0}); });
    return promise->get_future();
  }
  std::future<Reply<ProposeResult>> propose(std::uint64_t id, const std::string& command) {
    auto promise = std::make_shared<std::promise<Reply<ProposeResult>>>();
    node(id).async_propose(Bytes::copy_of(command),
                           [promise](error_code code, ProposeResult result) {
                             promise->set_value({code, result});
                           });
    return promise->get_future();
  }
  std::future<Reply<MembershipPtr>> change(std::uint64_t id,
                                           MemberOperation operation,
                                           std::uint64_t whom) {
    auto promise = std::make_shared<std::promise<Reply<MembershipPtr>>>();
    MembershipChange change;
    change.steps.push_back({operation, {NodeId{whom}, "", {}, {}, {}}});
    node(id).async_change_membership(change, [promise](error_code code, MembershipPtr membership) {
      promise->set_value({code, std::move(membership)});
    });
    return promise->get_future();
  }
  std::future<Reply<int>> transfer(std::uint64_t id, std::uint64_t target) {
    auto promise = std::make_shared<std::promise<Reply<int>>>();
    node(id).async_transfer_leadership(NodeId{target}, [promise](error_code code) {
      promise->set_value({code, 0});
    });
    return promise->get_future();
  }
  std::future<Reply<Index>> read(std::uint64_t id) {
    auto promise = std::make_shared<std::promise<Reply<Index>>>();
    node(id).async_read_index([promise](error_code code, Index index) {
      promise->set_value({code, index});
    });
    return promise->get_future();
  }

  /// Waits until node `id` has taken in what it was asked for before.
  void barrier(std::uint64_t id) { CHECK(get(transfer(id, 999)).code); }

  /// Waits until the nodes' latest statuses are as wanted.
  using Statuses = std::map<std::uint64_t, NodeStatus>;
  template <class Predicate>
  bool await(Predicate&& is_wanted, std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return is_wanted(statuses_); });
  }
  /// Waits until all running nodes agree who leads.
  std::uint64_t await_leader(std::chrono::milliseconds patience = kPatience) {
    std::uint64_t leader = 0;
    const bool is_there = await(
        [&](const Statuses& statuses) {
          const auto first = statuses.begin();
          if (first == statuses.end() || !first->second.leader) return false;
          leader = first->second.leader->value;
          const auto at = statuses.find(leader);
          if (at == statuses.end() || at->second.role != Role::leader) return false;
          return std::all_of(statuses.begin(), statuses.end(), [&](const auto& entry) {
            return entry.second.leader == NodeId{leader} && entry.second.term == at->second.term;
          });
        },
        patience);
    REQUIRE(is_there);
    return leader;
  }
  std::uint64_t somebody_else(std::uint64_t leader) const { return leader % members_.size() + 1; }

  LoopbackNetwork network;

 private:
  struct Member {
    std::shared_ptr<LogStorage> log = storage::make_memory_log_storage();
    std::function<Result<void>()> before_log;
    Machine machine;
    std::shared_ptr<ClusterClock> clock;
    std::unique_ptr<StateMachine> with_sessions;
    StateMachine* state_machine = &machine;
    std::shared_ptr<Counts> counts;
    std::shared_ptr<Lines> lines;
    std::unique_ptr<Node> node;
    Subscription subscription;
  };

  void note(std::uint64_t id, const NodeStatus& status) {
    const std::lock_guard lock(mutex_);
    statuses_[id] = status;
    changed_.notify_all();
  }

  Tune tune_;
  MembershipPtr membership_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::array<std::thread, 2> threads_;
  std::map<std::uint64_t, std::unique_ptr<Member>> members_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::size_t running_ = threads_.size();
  Statuses statuses_;
};

}  // namespace raftkit::test
