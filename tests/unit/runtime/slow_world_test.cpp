// Disks and state machines may be slow; only they and their clients shall notice.
#include <algorithm>

#include "core/random.hpp"
#include "unit/runtime/cluster.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

constexpr seconds kSlowness{2};
constexpr std::uint32_t kElectionTicks = 30;

/// A seed that makes node `id` wait for this share of the election timeout's jitter at first.
std::uint64_t seed_for(std::uint64_t id, double least, double most) {
  for (std::uint64_t seed = 1;; ++seed) {
    const double drawn = core::Random(seed ^ id).below(kElectionTicks);
    if (drawn >= least * kElectionTicks && drawn <= most * kElectionTicks) return seed;
  }
}

/// Asks three times: a machine that is busy may keep a thread waiting once, a lock would each time.
bool answers_at_once(const Node& node) {
  for (int i = 0; i < 3; ++i) {
    const auto begin = steady_clock::now();
    (void)node.status();
    if (steady_clock::now() - begin <= milliseconds(10)) return true;
  }
  return false;
}

/// Until then node `leader` leads `term`, everybody knows, and heartbeats go on.
void watch(Cluster& cluster, std::uint64_t leader, Term term, steady_clock::time_point end) {
  const Counts& follower = cluster.counts(cluster.somebody_else(leader));
  std::uint64_t messages = 0;
  auto next_second = steady_clock::now();
  while (steady_clock::now() < end) {
    if (steady_clock::now() >= next_second) {
      CHECK(follower.of(CounterMetric::messages_received) > messages);
      messages = follower.of(CounterMetric::messages_received);
      next_second += seconds(1);
    }
    for (const std::uint64_t id : {1U, 2U, 3U}) {
      REQUIRE(answers_at_once(cluster.node(id)));
      const NodeStatus status = cluster.node(id).status();
      REQUIRE(status.term == term);
      REQUIRE(status.leader == NodeId{leader});
      REQUIRE_FALSE(status.failure);
    }
    (void)cluster.await([](const auto&) { return false; }, milliseconds(10));
  }
}

void make_slow(Cluster& cluster, const std::atomic<bool>& is_slow) {
  const auto be_slow = [&is_slow] {
    if (is_slow) std::this_thread::sleep_for(kSlowness);
  };
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    cluster.machine(id).before_apply = be_slow;
    cluster.before_log(id, [be_slow]() -> Result<void> {
      be_slow();
      return {};
    });
  }
}

}  // namespace

TEST_CASE("With a log and a state machine that take 2 s for everything a leader stays",
          "[runtime]") {
  std::atomic<bool> is_slow = false;  // from the start on, but not while the logs are created
  // An election takes two writes, so the timeout must allow for them. Node 1 is the first to lose
  // patience, by more than one write.
  Cluster cluster(3, [](NodeOptions& options) {
    options.heartbeat_interval = milliseconds(100);
    options.election_timeout = milliseconds(100 * kElectionTicks);
    const std::uint64_t id = options.self.id.value;
    options.seed = id == 1 ? seed_for(id, 0, 0) : seed_for(id, 0.9, 1);
  });
  make_slow(cluster, is_slow);
  cluster.start_all();
  is_slow = true;
  const auto begin = steady_clock::now();

  const std::uint64_t leader = cluster.await_leader(seconds(12));
  const Term term = cluster.node(leader).status().term;
  auto answer = cluster.propose(leader == 1 ? 2 : 1, "a");
  watch(cluster, leader, term, begin + seconds(16));

  CHECK_FALSE(get(std::move(answer)).code);
  is_slow = false;
}

TEST_CASE("A leader stays when log and state machine become slower than an election timeout",
          "[runtime]") {
  std::atomic<bool> is_slow = false;
  Cluster cluster(3, [](NodeOptions& options) {
    options.heartbeat_interval = milliseconds(100);
    options.election_timeout = milliseconds(1000);
  });
  make_slow(cluster, is_slow);
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const Term term = cluster.node(leader).status().term;
  REQUIRE_FALSE(get(cluster.propose(leader, "a")).code);

  is_slow = true;
  auto answer = cluster.propose(leader, "b");
  watch(cluster, leader, term, steady_clock::now() + seconds(6));

  is_slow = false;
  CHECK_FALSE(get(std::move(answer)).code);
}
