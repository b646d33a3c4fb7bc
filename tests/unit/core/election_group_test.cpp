// Elections seen from a whole group.
#include <algorithm>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

/// Node 3 is of an older kind that knows no pre-vote.
void mixed(RaftOptions& options) {
  options.pre_vote = options.id != NodeId{3};
  options.check_quorum = false;
}

/// Cut off, node 3 campaigns in vain, while the others go on.
void strand_node_3(CoreGroup& group) {
  group.elect(1);
  group.isolate(3);
  group.propose(1, "a");
  group.settle();
  for (int election = 0; election < 3; ++election)
    group.elect(3);
}

/// Starts a node anew with other options and with what it has written.
void restart(CoreGroup& group, const RaftOptions& options) {
  CoreMember& member = group.member(options.id.value);
  const RaftStatus status = member.node.status();
  InitialState initial = bootstrapped(status.membership);
  initial.hard_state = {status.term, status.voted_for, status.commit};
  initial.applied = status.applied;
  for (const auto& [index, entry] : member.disk)
    initial.entries.push_back(entry);
  auto node = testing::CheckedNode::create(options, initial, testing::Peers::honest, report);
  REQUIRE(node);
  member.node = *std::move(node);
}

}  // namespace

TEST_CASE("Whatever the voters answer, only majorities decide an election",
          "[core][election][thesis:3.4][b12]") {
  const std::size_t size = GENERATE(1U, 2U, 3U, 4U, 5U);
  std::size_t patterns = 1;
  for (std::size_t voter = 2; voter <= size; ++voter)
    patterns *= 3;

  for (std::size_t pattern = 0; pattern < patterns; ++pattern) {
    CAPTURE(size, pattern);
    CoreBench bench(
        {.voters = size, .tune = [](RaftOptions& options) { options.pre_vote = false; }});
    bench.node().campaign();
    bench.run();

    std::size_t yes = 1;
    std::size_t no = 0;
    for (std::size_t voter = 2, rest = pattern; voter <= size; ++voter, rest /= 3) {
      if (rest % 3 == 2) continue;  // it is not heard of
      const bool granted = rest % 3 == 1;
      ++(granted ? yes : no);
      bench.answer(voter, VoteResponse{VoteKind::election, granted});
    }

    const bool is_won = 2 * yes > size;
    const bool is_lost = 2 * (size - no) <= size;
    CHECK(bench.status().role == (is_won    ? Role::leader
                                  : is_lost ? Role::follower
                                            : Role::candidate));
    CHECK(bench.status().term == Term{2});
  }
}

TEST_CASE("Members of a group rarely time out in the same tick",
          "[core][election][thesis:3.4][b11]") {
  constexpr std::uint64_t kGroups = 500;
  std::uint64_t conflicts = 0;

  for (std::uint64_t group = 0; group < kGroups; ++group) {
    std::vector<std::uint32_t> timeouts;
    for (std::uint64_t id = 1; id <= 5; ++id) {
      CoreBench bench({.id = NodeId{id}, .seed = 8 * group}, bootstrapped(voters(5)));
      std::uint32_t ticks = 0;
      for (; bench.node().soft_state().role == Role::follower; ++ticks)
        bench.tick(1);
      timeouts.push_back(ticks);
    }
    std::sort(timeouts.begin(), timeouts.end());
    if (timeouts[0] == timeouts[1]) ++conflicts;
  }

  CHECK(conflicts < kGroups * 3 / 10);
}

TEST_CASE("An election needs nobody but a majority", "[core][election][thesis:3.4][b23]") {
  const bool pre_vote = GENERATE(false, true);
  CoreGroup group(
      {.voters = 5, .tune = [=](RaftOptions& options) { options.pre_vote = pre_vote; }});
  group.isolate(4);
  group.isolate(5);

  SECTION("which is there") {
    group.elect(1);
    CHECK(group.node(1).status().role == Role::leader);
    CHECK(group.node(1).status().term == Term{2});
  }
  SECTION("which is not there") {
    group.isolate(3);
    group.elect(1);
    CHECK(group.node(1).status().role == (pre_vote ? Role::pre_candidate : Role::candidate));
    CHECK(group.node(1).status().term == Term{pre_vote ? 1U : 2U});
  }
}

TEST_CASE("Without pre-vote a candidate that was cut off deposes the leader when it returns",
          "[core][election][thesis:3.4][b7]") {
  CoreGroup group(
      {.tune = [](RaftOptions& options) { options.pre_vote = options.check_quorum = false; }});
  strand_node_3(group);
  REQUIRE(group.node(3).status().role == Role::candidate);
  REQUIRE(group.node(3).status().term == Term{5});
  REQUIRE(group.node(1).status().role == Role::leader);

  group.heal();
  group.elect(3);

  // Its log is older: the term is all that it wins.
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    CHECK(group.node(id).status().role == Role::follower);
    CHECK(group.node(id).status().term == Term{6});
  }
  group.elect(1);
  CHECK(group.node(1).status().role == Role::leader);
  CHECK(group.node(3).status().leader == NodeId{1});
}

TEST_CASE("A group of which only some members use pre-vote elects leaders",
          "[core][pre-vote][thesis:9.6][b33]") {
  CoreGroup group({.tune = mixed});
  strand_node_3(group);
  group.heal();

  group.elect(3);
  for (const std::uint64_t id : {1U, 2U, 3U})
    CHECK(group.node(id).status().term == Term{6});
  group.elect(2);
  group.tick(2, 2);

  CHECK(group.node(2).status().role == Role::leader);
  CHECK(group.node(2).status().term == Term{7});
  CHECK(commands(group.member(3).applied) == std::vector<std::string>{"a"});
}

TEST_CASE("A node in a higher term that takes up pre-vote is not left behind",
          "[core][pre-vote][thesis:9.6][b31][b33]") {
  CoreGroup group({.tune = mixed});
  strand_node_3(group);
  restart(group, {.id = NodeId{3}, .pre_vote = true, .check_quorum = false});
  group.heal();

  group.elect(3);
  // Nobody votes for its old log, and as a pre-candidate it takes nobody to its term.
  CHECK(group.node(3).status().role == Role::pre_candidate);
  CHECK(group.node(1).status().role == Role::leader);
  group.tick(1);
  CHECK(group.node(1).status().role == Role::follower);
  CHECK(group.node(1).status().term == Term{5});
  group.elect(1);

  CHECK(group.node(1).status().role == Role::leader);
  CHECK(group.node(3).status().leader == NodeId{1});
  group.tick(1, 2);
  CHECK(commands(group.member(3).applied) == std::vector<std::string>{"a"});
}
