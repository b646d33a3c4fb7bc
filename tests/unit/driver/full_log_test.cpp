// A log that finds no room on its device.
#include <algorithm>

#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;

namespace {

constexpr int kElectionTimeout = 10;  // ticks

/// The writes that wait in these nodes' ports find no room.
void fill(DriverGroup& group, std::initializer_list<std::uint64_t> ids) {
  for (const std::uint64_t id : ids)
    group.node(id).log_is_full(Error(Errc::out_of_space, "4 bytes are left"));
  group.settle();
}

/// And now they do.
void make_room(DriverGroup& group, std::uint64_t id) {
  group.resume(id, Port::disk);
  group.settle();
  group.node(id).log_has_room();
  group.settle();
}

/// Node 1 leads, and has an entry that these nodes cannot write.
std::shared_ptr<Answer> hold_an_entry(DriverGroup& group,
                                      std::initializer_list<std::uint64_t> ids) {
  group.elect(1);
  for (const std::uint64_t id : ids)
    group.hold(id, Port::disk);
  auto answer = group.propose(1, "held");
  group.settle();
  return answer;
}

template <class Kind>
std::ptrdiff_t count(const std::vector<Event>& events) {
  return std::count_if(events.begin(), events.end(), [](const Event& event) {
    return std::holds_alternative<Kind>(event);
  });
}

}  // namespace

TEST_CASE("A node without room for its log refuses what would end there", "[driver]") {
  DriverGroup group({.voters = 1});
  const auto held = hold_an_entry(group, {1});

  fill(group, {1});
  CHECK(group.node(1).is_log_full());
  const auto refused = group.propose(1, "more");
  const auto change = group.change(1, MemberOperation::make_learner, 2);
  const auto read = group.read(1);
  group.settle();
  CHECK(refused->code == Errc::out_of_space);
  CHECK(change->code == Errc::out_of_space);
  CHECK(read->count == 1);
  CHECK(read->code == error_code{});
  CHECK(held->count == 0);
  CHECK(group.ports(1).failures.empty());

  make_room(group, 1);
  CHECK_FALSE(group.node(1).is_log_full());
  CHECK(held->result == "did held");
  const auto taken = group.propose(1, "again");
  group.settle();
  CHECK(taken->result == "did again");
  CHECK(count<event::LogFull>(group.ports(1).events) == 1);
  CHECK(count<event::LogHasRoom>(group.ports(1).events) == 1);
}

TEST_CASE("Proposals that wait for a leader are refused when the log is full", "[driver]") {
  DriverGroup group({});
  const auto waiting = group.propose(1, "x");
  group.settle();
  REQUIRE(waiting->count == 0);

  fill(group, {1});

  CHECK(waiting->code == Errc::out_of_space);
}

TEST_CASE("A leader without room takes no proposals of others", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {1, 2});
  fill(group, {1});

  const Index last = group.node(1).status().last;
  const auto forwarded = group.propose(3, "x");
  group.settle();

  CHECK(group.node(1).status().last == last);
  CHECK(forwarded->count == 0);  // it waits for a leader that takes it
}

TEST_CASE("What is held is tried again once in an election timeout", "[driver]") {
  DriverGroup group({.voters = 1});
  hold_an_entry(group, {1});
  fill(group, {1});
  REQUIRE(group.ports(1).attempts == 0);

  group.tick(1, kElectionTimeout);
  CHECK(group.ports(1).attempts == 1);
  group.tick(1, 3 * kElectionTimeout);  // nobody says how that ended
  CHECK(group.ports(1).attempts == 1);
  fill(group, {1});
  group.tick(1, kElectionTimeout);
  CHECK(group.ports(1).attempts == 2);

  make_room(group, 1);
  group.tick(1, 3 * kElectionTimeout);
  CHECK(group.ports(1).attempts == 2);
  CHECK(count<event::LogFull>(group.ports(1).events) == 1);
}

TEST_CASE("A leader without room hands over to those that can do without it", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {1});
  fill(group, {1});

  group.tick(1, kElectionTimeout);
  const auto leader = group.node(2).soft_state().leader;
  REQUIRE(leader);
  CHECK(*leader != NodeId{1});
  CHECK(group.applied(leader->value) == std::vector<std::string>{"held"});
  const auto taken = group.propose(leader->value, "more");
  group.settle();
  CHECK(taken->result == "did more");

  make_room(group, 1);
  group.tick(leader->value);
  CHECK(group.applied(1) == std::vector<std::string>{"held", "more"});
}

TEST_CASE("A leader without room stays when too many others have none either", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {1, 2});
  fill(group, {1, 2});

  for (int i = 0; i < 5 * kElectionTimeout; ++i) {
    for (const std::uint64_t id : {1U, 2U, 3U})
      group.tick(id);
  }

  CHECK(group.node(1).soft_state().role == Role::leader);
  CHECK(count<event::TransferStarted>(group.ports(1).events) == 0);
  const auto read = group.read(3);
  group.settle();
  CHECK(read->count == 1);
  CHECK(read->code == error_code{});
}

TEST_CASE("A leader without room stays as long as not all it has is committed", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {1});  // 2 and 3 commit it
  group.hold(3, Port::disk);
  group.propose(1, "second");
  group.settle();
  fill(group, {1, 3});

  for (int i = 0; i < 6 * kElectionTimeout; ++i) {
    for (const std::uint64_t id : {1U, 2U, 3U})
      group.tick(id);
  }

  // 2 would be told to campaign, and nobody could vote for it.
  CHECK(count<event::TransferStarted>(group.ports(1).events) == 0);
  CHECK(group.node(1).soft_state().role == Role::leader);
  const auto read = group.read(2);
  group.settle();
  CHECK(read->count == 1);
  CHECK(read->code == error_code{});
}

TEST_CASE("What a node without room holds does not grow", "[driver]") {
  const bool is_probed = GENERATE(false, true);
  DriverGroup group({});
  hold_an_entry(group, {3});
  fill(group, {3});
  if (is_probed) {
    group.node(1).on_peer({NodeId{3}, PeerState::disconnected});
    group.node(1).on_peer({NodeId{3}, PeerState::connected});
  }

  for (int i = 0; i < 300; ++i) {
    group.tick(1);
    group.tick(3);
  }
  group.resume(3, Port::disk);
  group.hold(3, Port::network);
  group.settle();

  CHECK(group.ports(3).sent.size() < 10);
  group.resume(3, Port::network);
  group.node(3).log_has_room();
  group.tick(1, 3);
  CHECK(group.applied(3) == std::vector<std::string>{"held"});
}

TEST_CASE("A node without room refuses what the leader gives back, too", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {1, 2, 3});
  fill(group, {1});
  const auto forwarded = group.propose(3, "x");
  group.settle();
  REQUIRE(forwarded->count == 0);
  group.hold(3, Port::network);
  group.tick(3);  // on its way again, when
  fill(group, {3});
  REQUIRE(forwarded->count == 0);
  group.resume(3, Port::network);
  group.settle();

  CHECK(forwarded->code == Errc::out_of_space);
}

TEST_CASE("A node without room does not campaign", "[driver]") {
  DriverGroup group({});
  hold_an_entry(group, {3});
  fill(group, {3});
  const Term term = group.node(3).term();

  group.tick(3, 10 * kElectionTimeout);
  CHECK(group.node(3).soft_state().role == Role::follower);
  const NodeId full{3};
  group.node(3).receive({{}, NodeId{1}, full, term, TimeoutNow{}});
  group.node(3).on_peer({NodeId{1}, PeerState::disconnected});
  group.node(3).on_peer({NodeId{1}, PeerState::refused});
  group.node(3).alarm();
  group.settle();
  CHECK(group.node(3).term() == term);
  CHECK(group.node(3).soft_state().role == Role::follower);
}

TEST_CASE("A full log is a reason for a snapshot, behind which it can be cut", "[driver]") {
  DriverGroup group({.voters = 1});
  group.elect(1);
  group.propose(1, "a");
  group.settle();
  group.hold(1, Port::state_machine);
  group.hold(1, Port::disk);
  group.propose(1, "held");
  group.settle();
  REQUIRE(group.ports(1).saves.empty());

  fill(group, {1});
  fill(group, {1});

  CHECK(group.ports(1).saves.size() == 1);
}
