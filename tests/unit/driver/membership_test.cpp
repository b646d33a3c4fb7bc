// Changes of the membership, and who makes them.
#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;

namespace {

/// Three voters and a fourth member that nobody knows yet.
DriverGroup::Options with_newcomer(bool promote = true) {
  return {.tune = [promote](driver::DriverOptions& options) { options.promote_learners = promote; },
          .joining = {4}};
}

constexpr int kElectionTimeout = 10;  // ticks

}  // namespace

TEST_CASE("A change is answered when it is applied, at the leader and elsewhere",
          "[driver][membership]") {
  for (const std::uint64_t node : {1U, 2U}) {
    CAPTURE(node);
    DriverGroup group(with_newcomer(false));
    group.elect(1);

    const auto answer = group.change(node, MemberOperation::make_voter, 4);
    group.settle();

    CHECK(answer->count == 1);
    CHECK_FALSE(answer->code);
    CHECK(group.node(node).membership()->is_voter(NodeId{4}));
    CHECK(group.ports(node).membership->contains(NodeId{4}));
  }
}

TEST_CASE("A newcomer gets the log and takes part", "[driver][membership]") {
  DriverGroup group(with_newcomer());
  group.elect(1);
  group.propose(1, "before");
  group.settle();

  group.change(1, MemberOperation::make_voter, 4);
  group.settle();
  group.tick(1);
  const auto answer = group.propose(4, "by the newcomer");
  group.settle();

  CHECK(answer->count == 1);
  CHECK_FALSE(answer->code);
  CHECK(group.applied(4) == std::vector<std::string>{"before", "by the newcomer"});
}

TEST_CASE("A change that cannot be carried out is refused, and nothing else with it",
          "[driver][membership]") {
  DriverGroup group({.voters = 1});
  group.elect(1);

  const auto before = group.propose(1, "a");
  const auto last = group.change(1, MemberOperation::remove, 1);
  const auto after = group.propose(1, "b");
  group.settle();

  CHECK(last->code == Errc::invalid_argument);
  CHECK_FALSE(before->code);
  CHECK_FALSE(after->code);
  CHECK(group.applied(1) == std::vector<std::string>{"a", "b"});
}

TEST_CASE("Whether somebody is a member is for the leader to say", "[driver][membership]") {
  DriverGroup group(with_newcomer());
  group.elect(1);
  CHECK(group.change(1, MemberOperation::make_voter, 4, true)->code == Errc::invalid_argument);

  group.hold(2, DriverGroup::Port::disk);
  group.change(1, MemberOperation::make_learner, 4);
  group.settle();
  REQUIRE_FALSE(group.node(2).membership()->contains(NodeId{4}));
  const auto promoted = group.change(2, MemberOperation::make_voter, 4, true);
  group.settle();
  group.resume(2, DriverGroup::Port::disk);
  group.settle();

  CHECK(promoted->count == 1);
  CHECK_FALSE(promoted->code);
  CHECK(group.node(2).membership()->is_voter(NodeId{4}));
}

TEST_CASE("Of two changes at once the second is dropped", "[driver][membership]") {
  DriverGroup group(with_newcomer());
  group.elect(1);

  const auto first = group.change(1, MemberOperation::make_voter, 4);
  const auto second = group.change(1, MemberOperation::remove, 3);
  group.settle();

  CHECK_FALSE(first->code);
  CHECK(second->code == Errc::proposal_dropped);
  CHECK(second->count == 1);
  CHECK(group.node(1).membership()->contains(NodeId{3}));
}

TEST_CASE("Commands around a change are applied around it", "[driver][membership]") {
  DriverGroup group(with_newcomer());
  group.elect(1);

  const auto before = group.propose(1, "a");
  const auto change = group.change(1, MemberOperation::make_learner, 4);
  const auto after = group.propose(1, "b");
  group.settle();

  CHECK(before->index < change->index);
  CHECK(change->index < after->index);
  CHECK_FALSE(after->code);
}

TEST_CASE("A learner that has caught up within an election timeout becomes a voter",
          "[driver][membership][thesis:4.2.1]") {
  DriverGroup group(with_newcomer());
  group.elect(1);
  group.change(1, MemberOperation::make_learner, 4);
  group.settle();
  REQUIRE(group.node(1).membership()->is_learner(NodeId{4}));

  group.tick(1, 2 * kElectionTimeout);

  CHECK(group.node(1).membership()->is_voter(NodeId{4}));
  CHECK(group.node(4).membership()->is_voter(NodeId{4}));
}

TEST_CASE("A learner that lags stays one until it has caught up",
          "[driver][membership][thesis:4.2.1]") {
  DriverGroup group(with_newcomer());
  group.elect(1);
  group.hold(4, Port::disk);
  group.change(1, MemberOperation::make_learner, 4);
  group.settle();
  group.tick(1, 3 * kElectionTimeout);
  CHECK(group.node(1).membership()->is_learner(NodeId{4}));

  group.resume(4, Port::disk);
  group.settle();
  group.tick(1, 2 * kElectionTimeout);
  CHECK(group.node(1).membership()->is_voter(NodeId{4}));
}

TEST_CASE("A learner that is gone is not promoted, however much it holds", "[driver][membership]") {
  DriverGroup group(with_newcomer());
  group.elect(1);
  group.change(1, MemberOperation::make_learner, 4);
  group.settle();
  group.tick(1);
  group.hold(4, Port::network);
  group.node(1).on_peer({NodeId{4}, PeerState::disconnected});

  group.tick(1, 3 * kElectionTimeout);

  CHECK(group.node(1).membership()->is_learner(NodeId{4}));
}

TEST_CASE("Learners stay learners where nobody promotes them", "[driver][membership]") {
  DriverGroup group(with_newcomer(false));
  group.elect(1);
  group.change(1, MemberOperation::make_learner, 4);
  group.settle();

  group.tick(1, 5 * kElectionTimeout);

  CHECK(group.node(1).membership()->is_learner(NodeId{4}));
}
