// Leases by the clock. [thesis §6.4.1]
#include <algorithm>

#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;

namespace {

constexpr std::uint64_t kLease = 700'000'000;  // nanoseconds

DriverGroup::Options with_leases(std::uint64_t term = 1) {
  return {.tune =
              [](driver::DriverOptions& options) {
                options.raft.lease_reads = LeaseReads::by_clock;
                options.lease_nanoseconds = kLease;
              },
          .joining = {4},
          .term = term};
}

/// Of the first member, without anybody else's help.
bool answers_alone(DriverGroup& group) {
  group.hold(1, Port::network);
  const auto answer = group.read(1);
  group.settle();
  group.resume(1, Port::network);
  return answer->count == 1 && !answer->code;
}

template <class Kind>
bool has_sent(DriverGroup& group, std::uint64_t id) {
  const auto& sent = group.ports(id).sent;
  return std::any_of(sent.begin(), sent.end(), [](const Envelope& envelope) {
    return std::holds_alternative<Kind>(envelope.message);
  });
}

/// Whether the second member answers a candidate.
bool answers_candidate(DriverGroup& group) {
  group.hold(2, Port::network);
  group.node(2).receive(
      {{}, NodeId{1}, NodeId{2}, Term{9}, VoteRequest{VoteKind::pre_vote, {Term{1}, Index{1}}, 0}});
  group.settle();
  const bool answered = has_sent<VoteResponse>(group, 2);
  group.ports(2).sent.clear();
  group.resume(2, Port::network);
  return answered;
}

}  // namespace

TEST_CASE("A leader that a quorum has answered reads without asking again", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.tick(1);

  CHECK(answers_alone(group));
}

TEST_CASE("Without leases every read is confirmed by a quorum", "[driver][lease]") {
  DriverGroup group({});
  group.elect(1);
  group.tick(1);

  CHECK_FALSE(answers_alone(group));
}

TEST_CASE("A lease ends by the clock, counted from before the heartbeat left", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.tick(1);
  group.hold(2, Port::network);
  group.hold(3, Port::network);
  group.tick(1);  // a later round, that nobody answers

  group.ports(1).clock += kLease - 1;
  CHECK(answers_alone(group));
  group.ports(1).clock += 1;
  CHECK_FALSE(answers_alone(group));
}

TEST_CASE("The answers to a heartbeat count from when it left, however late they are",
          "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.ports(1).clock += 2 * kLease;
  group.hold(1, Port::network);
  group.tick(1);  // leaves now
  group.ports(1).clock += kLease - 1;
  group.resume(1, Port::network);
  group.settle();

  CHECK(answers_alone(group));
  group.ports(1).clock += 1;
  CHECK_FALSE(answers_alone(group));
}

TEST_CASE("A lease does not outlive the membership it was given by", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.tick(1);
  REQUIRE(answers_alone(group));

  const auto changed = group.change(1, MemberOperation::make_learner, 4);
  group.settle();
  REQUIRE(changed->count == 1);
  CHECK_FALSE(answers_alone(group));
  group.settle();
  group.tick(1);
  CHECK(answers_alone(group));
}

TEST_CASE("A leader with a lease answers other members' reads at once", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.tick(1);
  group.hold(1, Port::network);

  group.node(1).receive({{}, NodeId{2}, NodeId{1}, Term{0}, ReadIndexRequest{ReadId{7}}});
  group.settle();
  CHECK(has_sent<ReadIndexResponse>(group, 1));

  group.ports(1).sent.clear();
  group.ports(1).clock += kLease;
  group.node(1).receive({{}, NodeId{2}, NodeId{1}, Term{0}, ReadIndexRequest{ReadId{8}}});
  group.settle();
  CHECK_FALSE(has_sent<ReadIndexResponse>(group, 1));
  CHECK(has_sent<HeartbeatRequest>(group, 1));
}

TEST_CASE("A restarted member gives no vote for an election timeout", "[driver][lease]") {
  DriverGroup group(with_leases(2));
  CHECK_FALSE(answers_candidate(group));
  group.hold(2, Port::network);
  group.tick(2, 10);
  CHECK_FALSE(answers_candidate(group));
  group.hold(2, Port::network);
  group.tick(2, 1);
  CHECK(answers_candidate(group));
}

TEST_CASE("A promise outlives the leader that it was given to, and its term", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);
  group.tick(1);  // the second member answers
  const Term term = group.node(2).term();

  // Somebody in a higher term refuses a vote, late; whom this member followed is forgotten.
  group.node(2).receive(
      {{}, NodeId{3}, NodeId{2}, Term{term.value + 1}, VoteResponse{VoteKind::pre_vote, false}});
  group.node(2).flush();
  REQUIRE_FALSE(group.node(2).soft_state().leader);

  CHECK_FALSE(answers_candidate(group));
  group.hold(2, Port::network);
  for (std::uint32_t tick = 0; tick < 11; ++tick)
    group.node(2).tick();
  CHECK(answers_candidate(group));
}

TEST_CASE("A member of a new cluster votes at once, for it has promised nothing",
          "[driver][lease]") {
  DriverGroup group(with_leases(1));
  CHECK(answers_candidate(group));
}

TEST_CASE("With leases a follower waits although the leader's process is gone", "[driver][lease]") {
  DriverGroup group(with_leases());
  group.elect(1);

  group.node(2).on_peer({NodeId{1}, PeerState::disconnected});
  group.node(2).on_peer({NodeId{1}, PeerState::refused});

  CHECK_FALSE(group.ports(2).alarm);
  CHECK(group.node(2).soft_state().leader == NodeId{1});
}
