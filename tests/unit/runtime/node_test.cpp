#include "raftkit/node.hpp"

#include <algorithm>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include "raftkit/disk.hpp"

#include "support/temporary_directory.hpp"
#include "unit/runtime/cluster.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Strings = std::vector<std::string>;

namespace {

std::unique_ptr<Node> make_lone_node(boost::asio::io_context& context,
                                     LoopbackNetwork& network,
                                     Machine& machine,
                                     std::unique_ptr<LogStorage> log) {
  auto membership = std::make_shared<Membership>();
  membership->voters = {NodeId{1}};
  membership->members = {{NodeId{1}, "", {}, {}, {}}};
  NodeOptions options;
  options.self = {NodeId{1}, "n1", {}, StoreId{1}, {}};
  options.bootstrap = membership;
  auto node = Node::create(context.get_executor(),
                           options,
                           {.log = std::move(log),
                            .snapshots = storage::make_memory_snapshot_store(),
                            .transport =
                                [&](boost::asio::any_io_executor strand) {
                                  return network.make_transport(std::move(strand));
                                },
                            .state_machine = machine,
                            .metrics = nullptr});
  REQUIRE(node);
  return *std::move(node);
}

}  // namespace

TEST_CASE("Proposals and reads work on the leader and on followers", "[runtime]") {
  Cluster cluster;
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = cluster.somebody_else(leader);

  const auto first = get(cluster.propose(leader, "a"));
  CHECK_FALSE(first.code);
  CHECK(first.value.result.view() == "did a");
  const auto second = get(cluster.propose(follower, "b"));
  CHECK_FALSE(second.code);
  CHECK(second.value.result.view() == "did b");
  CHECK(second.value.index > first.value.index);

  for (const std::uint64_t id : {1U, 2U, 3U}) {
    const auto read = get(cluster.read(id));
    CHECK_FALSE(read.code);
    CHECK(read.value >= second.value.index);
    CHECK(cluster.machine(id).applied() == Strings{"a", "b"});
  }
}

TEST_CASE("Bad commands are refused before anything is sent", "[runtime]") {
  Cluster cluster(1, [](NodeOptions& options) { options.max_command_bytes = 10; });
  cluster.start_all();

  CHECK(get(cluster.propose(1, "")).code == Errc::invalid_argument);
  CHECK(get(cluster.propose(1, "more than 10 bytes")).code == Errc::command_too_large);
}

TEST_CASE("A handler runs on its own executor, never inside the call", "[runtime]") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.await_leader();
  boost::asio::io_context own;
  std::vector<std::thread::id> ran_on;
  const auto note = [&] { ran_on.push_back(std::this_thread::get_id()); };

  cluster.node(1).async_propose(
      Bytes::copy_of("a"),
      boost::asio::bind_executor(own, [&](error_code, const ProposeResult&) { note(); }));
  cluster.node(1).async_propose(  // refused at once, but not inside the call either
      Bytes(),
      boost::asio::bind_executor(own, [&](error_code, const ProposeResult&) { note(); }));
  cluster.node(1).async_read_index(
      boost::asio::bind_executor(own, [&](error_code, Index) { note(); }));
  cluster.node(1).async_transfer_leadership(
      std::nullopt, boost::asio::bind_executor(own, [&](error_code) { note(); }));
  get(cluster.read(1));
  CHECK(ran_on.empty());

  own.run();  // kept busy by what has not completed
  CHECK(ran_on == std::vector(4, std::this_thread::get_id()));
}

TEST_CASE("A handler may be bound to a strand, whatever it is a strand of", "[runtime]") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.await_leader();
  boost::asio::io_context own;
  const auto strand = boost::asio::make_strand(boost::asio::any_io_executor(own.get_executor()));
  std::vector<bool> in_strand;

  cluster.node(1).async_propose(
      Bytes::copy_of("a"),
      boost::asio::bind_executor(strand, [&](error_code, const ProposeResult&) {
        in_strand.push_back(strand.running_in_this_thread());
      }));
  own.run();  // kept busy by what has not completed
  CHECK(in_strand == std::vector<bool>{true});
}

TEST_CASE("A subscription begins with the current status", "[runtime]") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.await_leader();
  boost::asio::io_context own;
  std::vector<NodeStatus> seen;
  auto subscription = cluster.node(1).subscribe(
      own.get_executor(), [&](const NodeStatus& status) { seen.push_back(status); });
  get(cluster.read(1));

  own.run();
  REQUIRE_FALSE(seen.empty());
  CHECK(seen.front().role == Role::leader);

  subscription = {};
  seen.clear();
  get(cluster.async_stop(1));
  own.restart();
  own.run();
  CHECK(seen.empty());
}

TEST_CASE("An observer is told of one status after the other, also where two threads run",
          "[runtime]") {
  Cluster cluster(1);  // its context has two threads
  cluster.start(1);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t begun = 0;
  bool was_overtaken = false;
  NodeStatus latest;
  auto subscription = cluster.node(1).subscribe(cluster.executor(), [&](const NodeStatus& status) {
    std::unique_lock lock(mutex);
    ++begun;
    changed.notify_all();
    // A slow observer: what it would be told meanwhile must not come first.
    if (begun == 1)
      was_overtaken = changed.wait_for(lock, milliseconds(1000), [&] { return begun > 1; });
    latest = status;
    changed.notify_all();
  });
  const auto is_published = [&] {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, kPatience, [&] { return latest.published; });
  };
  CHECK(is_published());
  cluster.stop_threads();
  CHECK(begun > 1);
  CHECK_FALSE(was_overtaken);
}

TEST_CASE("A stop answers everybody who waits, once", "[runtime]") {
  Cluster cluster;
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  cluster.network.isolate(NodeId{leader});
  std::vector<std::future<Reply<ProposeResult>>> proposals;
  std::vector<std::future<Reply<Index>>> reads;
  for (int i = 0; i < 5; ++i) {
    proposals.push_back(cluster.propose(leader, "a"));
    reads.push_back(cluster.read(leader));
  }

  CHECK_FALSE(get(cluster.async_stop(leader)).code);
  proposals.push_back(cluster.propose(leader, "late"));
  CHECK_FALSE(get(cluster.async_stop(leader)).code);  // again

  for (auto& proposal : proposals)
    CHECK(get(std::move(proposal)).code);
  for (auto& read : reads)
    CHECK(get(std::move(read)).code);
  CHECK(cluster.node(leader).status().role == Role::follower);
}

TEST_CASE("A leader that stops hands over instead of letting the others time out", "[runtime]") {
  // Nobody else wants to lead meanwhile.
  Cluster cluster(3, [](NodeOptions& options) {
    options.heartbeat_interval = milliseconds(400);
    options.election_timeout = milliseconds(2000);
  });
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const Term term = cluster.node(leader).status().term;
  REQUIRE_FALSE(get(cluster.propose(leader, "a")).code);

  cluster.stop(leader);
  const std::uint64_t next = cluster.await_leader();

  CHECK(next != leader);
  CHECK(cluster.node(next).status().term == Term{term.value + 1});
  CHECK(cluster.lines(next).contain("role_changed: leadership is handed over"));
}

TEST_CASE("A node restarts with what it has stored, and is heard again at once", "[runtime]") {
  // The same jitter each time must not make it look like its own past.
  Cluster cluster(3, [](NodeOptions& options) { options.seed = 1; });
  cluster.start_all();
  std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = cluster.somebody_else(leader);
  for (int i = 0; i < 3; ++i)
    REQUIRE_FALSE(get(cluster.propose(follower, "before")).code);

  cluster.stop(follower);
  cluster.start(follower);
  leader = cluster.await_leader();
  REQUIRE(leader != follower);

  const auto begin = steady_clock::now();
  CHECK_FALSE(get(cluster.propose(follower, "after")).code);
  CHECK(steady_clock::now() - begin < milliseconds(4000));  // not by waiting for a timeout
}

TEST_CASE("A follower that was away too long gets a snapshot", "[runtime]") {
  Cluster cluster(3, [](NodeOptions& options) {
    options.snapshot_count = 10;
    options.retained_entries = 2;
    options.retained_bytes = 0;
    options.log_window_bytes = 0;
  });
  cluster.start_all();
  std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = cluster.somebody_else(leader);
  cluster.network.isolate(NodeId{follower});
  for (int i = 0; i < 50; ++i)
    REQUIRE_FALSE(get(cluster.propose(leader, "c" + std::to_string(i))).code);

  cluster.network.rejoin(NodeId{follower});
  CHECK_FALSE(get(cluster.read(follower)).code);
  CHECK(cluster.machine(follower).applied() == cluster.machine(leader).applied());
  leader = cluster.await_leader();
  CHECK(cluster.counts(follower).of(CounterMetric::snapshots_received) >= 1);
}

TEST_CASE("A node may be destroyed as soon as its stop has completed", "[runtime]") {
  for (int i = 0; i < 20; ++i) {
    Cluster cluster(1);
    cluster.start_all();
    if (i % 5 == 0) get(cluster.propose(1, "a"));
    std::promise<void> gone;
    const auto node = std::make_shared<std::unique_ptr<Node>>(cluster.release(1));
    (*node)->async_stop([&gone, node](error_code) {
      node->reset();
      gone.set_value();
    });
    get(gone.get_future());
  }
}

TEST_CASE("A stop completes also if nothing else keeps the executor running", "[runtime]") {
  for (int i = 0; i < 20; ++i) {
    boost::asio::io_context context;
    LoopbackNetwork network;
    Machine machine;
    const auto node = make_lone_node(context, network, machine, storage::make_memory_log_storage());
    std::thread thread([&] { context.run(); });
    auto stopped = node->async_stop(boost::asio::use_future);
    const auto outcome = stopped.wait_for(kPatience);
    context.stop();
    thread.join();
    REQUIRE(outcome == std::future_status::ready);
  }
}

TEST_CASE("A node that is destroyed while nothing runs answers whoever waits", "[runtime]") {
  auto cluster = std::make_unique<Cluster>();
  cluster->start_all();
  const std::uint64_t leader = cluster->await_leader();
  cluster->network.isolate(NodeId{leader});
  boost::asio::io_context own;
  std::vector<error_code> answers;
  for (int i = 0; i < 3; ++i) {
    cluster->node(leader).async_propose(
        Bytes::copy_of("a"),
        boost::asio::bind_executor(
            own, [&](error_code code, const ProposeResult&) { answers.push_back(code); }));
  }
  cluster->barrier(leader);
  cluster->stop_threads();
  cluster.reset();

  own.run();
  CHECK(answers.size() == 3);
  CHECK(std::all_of(answers.begin(), answers.end(), [](error_code code) { return code.failed(); }));
}

TEST_CASE("A log that fails stops the node, and is left alone from then on", "[runtime]") {
  std::atomic<bool> is_broken = false;
  std::atomic<int> accesses_since = 0;
  Cluster cluster;
  cluster.before_log(1, [&]() -> Result<void> {
    if (!is_broken) return {};
    ++accesses_since;
    return Error(Errc::storage_failed, "the disk is gone");
  });
  cluster.start_all();
  cluster.await_leader();

  is_broken = true;
  std::vector<std::future<Reply<ProposeResult>>> proposals;
  for (int i = 0; i < 20; ++i)
    proposals.push_back(cluster.propose(1, "a"));
  REQUIRE(cluster.await(
      [](const Cluster::Statuses& statuses) { return statuses.at(1).failure.has_value(); }));

  CHECK(*cluster.node(1).status().failure == Errc::storage_failed);
  CHECK(cluster.node(1).status().failure->message() == "the disk is gone");
  for (auto& proposal : proposals)
    get(std::move(proposal));  // each is answered
  CHECK(get(cluster.propose(1, "late")).code == Errc::stopped);
  CHECK_FALSE(get(cluster.async_stop(1)).code);
  CHECK(accesses_since == 1);
  REQUIRE(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.at(2).leader && statuses.at(2).leader != NodeId{1};
  }));
  CHECK_FALSE(get(cluster.propose(2, "goes on")).code);
}

TEST_CASE("A state machine that throws stops the node, and gets no other command", "[runtime]") {
  std::atomic<int> calls = 0;
  Cluster cluster(1);
  cluster.machine(1).before_apply = [&] {
    ++calls;
    throw std::runtime_error("no such table");
  };
  cluster.start_all();

  REQUIRE(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(1) && statuses.at(1).failure.has_value();
  }));
  const NodeStatus status = cluster.node(1).status();
  CHECK(*status.failure == Errc::state_machine_failed);
  CHECK(status.failure->message().find("no such table") != std::string::npos);
  get(cluster.async_stop(1));
  CHECK(calls == 1);
}

TEST_CASE("After a failure a stop still waits for the state machine", "[runtime]") {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::promise<void> entered;
  std::atomic<bool> is_blocking = false;
  std::atomic<bool> is_broken = false;
  std::atomic<bool> has_left = false;
  Cluster cluster(1);
  cluster.machine(1).before_apply = [&] {
    if (!is_blocking.exchange(false)) return;
    entered.set_value();
    released.wait();
    has_left = true;
  };
  cluster.before_log(1, [&]() -> Result<void> {
    if (is_broken) return Errc::storage_failed;
    return {};
  });
  cluster.start_all();
  cluster.await_leader();
  REQUIRE_FALSE(get(cluster.propose(1, "a")).code);

  is_blocking = true;
  auto slow = cluster.propose(1, "b");
  entered.get_future().wait();
  is_broken = true;
  auto failing = cluster.propose(1, "c");
  REQUIRE(cluster.await(
      [](const Cluster::Statuses& statuses) { return statuses.at(1).failure.has_value(); }));
  auto stopped = cluster.async_stop(1);
  get(std::move(failing));
  CHECK(stopped.wait_for(milliseconds(50)) == std::future_status::timeout);

  release.set_value();
  CHECK_FALSE(get(std::move(stopped)).code);
  CHECK(has_left);
  get(std::move(slow));
}

TEST_CASE("A state machine may complete a sync when the node is long gone", "[runtime]") {
  class OnDisk final : public StateMachine {
   public:
    void apply(std::span<const Command>, EntryId, std::span<Bytes>) override {}
    [[nodiscard]] StateMachineKind kind() const override { return StateMachineKind::on_disk; }
    Result<Index> applied_index() override { return Index{0}; }
    void async_sync(std::function<void(Result<Index>)> done) override {
      asked.set_value(std::move(done));
    }
    std::promise<std::function<void(Result<Index>)>> asked;
  };
  OnDisk machine;
  auto asked = machine.asked.get_future();
  auto context = std::make_unique<boost::asio::io_context>();
  LoopbackNetwork network;
  auto membership = std::make_shared<Membership>();
  membership->voters = {NodeId{1}};
  membership->members = {{NodeId{1}, "", {}, {}, {}}};
  NodeOptions options;
  options.self = {NodeId{1}, "n1", {}, StoreId{1}, {}};
  options.bootstrap = membership;
  options.heartbeat_interval = milliseconds(10);
  options.election_timeout = milliseconds(50);
  options.snapshot_count = 1;
  auto node = Node::create(context->get_executor(),
                           options,
                           {.log = storage::make_memory_log_storage(),
                            .snapshots = storage::make_memory_snapshot_store(),
                            .transport =
                                [&](boost::asio::any_io_executor strand) {
                                  return network.make_transport(std::move(strand));
                                },
                            .state_machine = machine,
                            .metrics = nullptr});
  REQUIRE(node);
  std::thread thread([&] { context->run(); });
  REQUIRE(asked.wait_for(kPatience) == std::future_status::ready);
  const auto done = asked.get();
  context->stop();
  thread.join();
  node->reset();
  context.reset();

  done(Index{2});
}

TEST_CASE("A node can start again on the same directory as soon as it was destroyed", "[runtime]") {
  const TemporaryDirectory directory;
  boost::asio::io_context context;
  LoopbackNetwork network;
  for (int i = 0; i < 3; ++i) {
    auto log = storage::open_leveldb_log_storage(storage::posix_disk(),
                                                 {.directory = directory.path() + "/log"});
    REQUIRE(log);
    Machine machine;
    const auto node = make_lone_node(context, network, machine, *std::move(log));
    context.poll();  // leaves handlers behind that hold on to the node's insides
    context.stop();
    context.restart();
  }
}

TEST_CASE("A node joins a running cluster as a learner, becomes a voter, and takes part",
          "[runtime][membership]") {
  Cluster cluster;
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  REQUIRE_FALSE(get(cluster.propose(leader, "before")).code);

  cluster.add(4);
  cluster.start(4);
  const auto added = get(cluster.change(leader, MemberOperation::make_learner, 4));
  REQUIRE_FALSE(added.code);
  CHECK(added.value->is_learner(NodeId{4}));
  CHECK(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(4) && statuses.at(4).membership->is_voter(NodeId{4}) &&
           statuses.at(4).published;
  }));

  CHECK_FALSE(get(cluster.propose(4, "by the new one")).code);
  CHECK(cluster.machine(4).applied() == Strings{"before", "by the new one"});
}

TEST_CASE("A node joins a cluster that is led by nobody it began with", "[runtime][membership]") {
  Cluster cluster(1);
  cluster.start_all();
  const std::uint64_t founder = cluster.await_leader();
  cluster.add(2);
  cluster.start(2);
  REQUIRE_FALSE(get(cluster.change(founder, MemberOperation::make_voter, 2)).code);
  REQUIRE(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(2) && statuses.at(2).published;
  }));
  REQUIRE_FALSE(get(cluster.transfer(founder, 2)).code);
  REQUIRE_FALSE(get(cluster.change(2, MemberOperation::remove, founder)).code);
  cluster.stop(founder);

  cluster.add(3);
  cluster.start(3);
  REQUIRE_FALSE(get(cluster.change(2, MemberOperation::make_learner, 3)).code);
  CHECK(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(3) && statuses.at(3).membership->is_voter(NodeId{3}) &&
           statuses.at(3).published;
  }));
  CHECK_FALSE(get(cluster.propose(3, "by the new one")).code);
}

TEST_CASE("A member that was away is reached by a leader it has never heard of",
          "[runtime][membership]") {
  Cluster cluster(2);
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t other = 3 - leader;
  cluster.add(3);
  cluster.start(3);
  REQUIRE_FALSE(get(cluster.change(leader, MemberOperation::make_voter, 3)).code);
  REQUIRE(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(3) && statuses.at(3).published;
  }));
  cluster.stop(other);
  cluster.add(4);
  cluster.start(4);
  REQUIRE_FALSE(get(cluster.change(leader, MemberOperation::make_voter, 4)).code);
  REQUIRE(cluster.await([](const Cluster::Statuses& statuses) {
    return statuses.contains(4) && statuses.at(4).published;
  }));
  REQUIRE_FALSE(get(cluster.change(leader, MemberOperation::remove, 3)).code);
  cluster.stop(3);
  REQUIRE_FALSE(get(cluster.transfer(leader, 4)).code);
  REQUIRE_FALSE(get(cluster.propose(4, "while it was away")).code);

  cluster.start(other);
  CHECK(cluster.await([&](const Cluster::Statuses& statuses) {
    return statuses.contains(other) && statuses.at(other).membership->contains(NodeId{4});
  }));
  CHECK_FALSE(get(cluster.propose(other, "back")).code);
}

TEST_CASE("Members leave, and the last voter stays", "[runtime][membership]") {
  Cluster cluster;
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t first = cluster.somebody_else(leader);
  const std::uint64_t second = cluster.somebody_else(first);

  REQUIRE_FALSE(get(cluster.change(leader, MemberOperation::remove, first)).code);
  const auto alone = get(cluster.change(leader, MemberOperation::remove, second));
  REQUIRE_FALSE(alone.code);
  CHECK(alone.value->voters == std::vector<NodeId>{NodeId{leader}});
  CHECK(get(cluster.change(leader, MemberOperation::remove, leader)).code ==
        Errc::invalid_argument);

  CHECK_FALSE(get(cluster.propose(leader, "alone")).code);
}

TEST_CASE("Reads under a lease see everything, also after the leader has gone",
          "[runtime][lease]") {
  Cluster cluster(3, [](NodeOptions& options) { options.lease_reads = true; });
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  for (int i = 0; i < 20; ++i) {
    const auto written = get(cluster.propose(leader, std::to_string(i)));
    REQUIRE_FALSE(written.code);
    const auto read = get(cluster.read(i % 2 == 0 ? leader : cluster.somebody_else(leader)));
    CHECK_FALSE(read.code);
    CHECK(read.value >= written.value.index);
  }

  cluster.stop(leader);
  const std::uint64_t next = cluster.await_leader();
  CHECK_FALSE(get(cluster.read(next)).code);
  CHECK(cluster.machine(next).applied().size() == 20);
}

TEST_CASE("Options that contradict each other are refused", "[runtime]") {
  const auto refuses = [](const std::function<void(NodeOptions&)>& spoil, const char* field) {
    NodeOptions options;
    options.self = {NodeId{1}, "n1", {}, StoreId{1}, {}};
    spoil(options);
    const auto valid = options.validate();
    return !valid && valid.error() == Errc::invalid_option &&
           valid.error().message().find(field) != std::string::npos;
  };
  const auto of = [](std::uint64_t node) {
    Membership membership;
    membership.voters.emplace_back(node);
    return std::make_shared<const Membership>(std::move(membership));
  };

  CHECK(refuses([&](NodeOptions& options) { options.bootstrap = of(2); }, "bootstrap"));
  CHECK(refuses(
      [&](NodeOptions& options) {
        options.bootstrap = of(1);
        options.join = true;
      },
      "join"));
  CHECK(refuses(
      [](NodeOptions& options) {
        options.lease_reads = true;
        options.check_quorum = false;
      },
      "lease_reads"));
  CHECK(refuses([](NodeOptions& options) { options.clock_drift_percent = 91; },
                "clock_drift_percent"));
}

TEST_CASE("Sizes that no message could carry are refused", "[runtime]") {
  NodeOptions options;
  options.self = {NodeId{1}, "n1", {}, StoreId{1}, {}};
  CHECK(options.validate());
  options.max_command_bytes = (std::size_t{512} << 20) + 1;
  CHECK(options.validate().error() == Errc::invalid_option);
  CHECK(options.validate().error().message().find("max_command_bytes") != std::string::npos);
  options.max_command_bytes = 1;
  options.max_append_bytes = 0;
  CHECK(options.validate().error().message().find("max_append_bytes") != std::string::npos);
}
