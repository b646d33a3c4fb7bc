#include <catch2/catch.hpp>

#include "support/core_group.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Strings = std::vector<std::string>;

TEST_CASE("Three nodes elect a leader and apply the same commands", "[core]") {
  CoreGroup group({});

  group.elect(1);
  group.propose(1, "a");
  group.propose(1, "b");
  group.settle();

  CHECK(group.node(1).status().role == Role::leader);
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    CHECK(commands(group.member(id).applied) == Strings{"a", "b"});
    CHECK(group.node(id).status().leader == NodeId{1});
  }
}

TEST_CASE("A node that nobody hears of elects itself by ticking when it is alone", "[core]") {
  CoreGroup group({.voters = 1});

  for (int tick = 0; tick < 20; ++tick) {
    group.node(1).tick();
    group.settle();
  }

  CHECK(group.node(1).status().role == Role::leader);
  group.propose(1, "a");
  group.settle();
  CHECK(commands(group.member(1).applied) == Strings{"a"});
}

TEST_CASE("A deposed leader's uncommitted entries are replaced", "[core]") {
  CoreGroup group(
      {.tune = [](RaftOptions& options) { options.pre_vote = options.check_quorum = false; }});
  group.elect(1);

  group.isolate(1);
  group.propose(1, "lost");
  group.settle();
  group.elect(2);
  group.propose(2, "kept");
  group.settle();
  group.heal();
  group.node(2).tick();
  group.settle();
  group.propose(2, "after");
  group.settle();

  CHECK(commands(group.member(1).applied) == Strings{"kept", "after"});
  CHECK(group.node(1).status().leader == NodeId{2});
}

TEST_CASE("A read on a follower is confirmed by a quorum before it is answered", "[core]") {
  CoreGroup group({});
  group.elect(1);
  group.propose(1, "a");
  group.settle();

  REQUIRE(group.node(2).read_index(ReadId{7}));
  group.settle();

  REQUIRE(group.member(2).reads.size() == 1);
  CHECK(group.member(2).reads[0] == ReadReady{ReadId{7}, group.node(1).status().commit});
}

TEST_CASE("Leadership is handed over on request", "[core]") {
  CoreGroup group({});
  group.elect(1);

  group.node(3).transfer_leadership(NodeId{2});
  group.settle();

  CHECK(group.node(2).status().role == Role::leader);
  CHECK(group.node(1).status().leader == NodeId{2});
}
