#include <limits>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

/// Node 1 of three in term 3, with this log: 1 2 2 3, of which the first three are committed.
CoreBench bench_in(Role role) {
  CoreBench bench({.term = role == Role::follower ? 3U : 2U, .log = {2, 2}, .commit = 3});
  switch (role) {
    case Role::follower:
      static_cast<void>(bench.receive(2, 3, append_of(at(2, 3), {3})));
      break;
    case Role::pre_candidate:
    case Role::candidate:
      bench.node().campaign();
      bench.run();
      if (role == Role::candidate) bench.answer(3, VoteResponse{VoteKind::pre_vote, true});
      break;
    case Role::leader:
      bench.lead();
      break;
  }
  bench.run();
  return bench;
}

AppendRequest with_entries(EntryId previous, std::initializer_list<EntryId> ids) {
  AppendRequest request{previous, Index{3}, {}};
  for (const EntryId& id : ids)
    request.entries.push_back({id, EntryType::normal, {}});
  return request;
}

AppendResponse refused(std::uint64_t index, EntryId hint) {
  return {Index{index}, AppendResponse::Rejection{hint}};
}

Membership strange_membership() {
  Membership membership;
  membership.learners = {NodeId{1}};
  return membership;
}

/// What a peer could send that has lost its disk, its mind or its key.
std::vector<Message> hostile_messages() {
  const auto strange = std::make_shared<const Membership>(strange_membership());
  return {
      VoteRequest{VoteKind::election, at(kMax, kMax)},
      VoteRequest{VoteKind::transfer, at(0, 0)},
      VoteRequest{VoteKind::pre_vote, at(kMax, 0)},
      VoteResponse{VoteKind::election, true},
      VoteResponse{VoteKind::transfer, true},
      VoteResponse{VoteKind::pre_vote, true},
      VoteResponse{VoteKind::pre_vote, false},
      with_entries(at(0, 0), {}),
      with_entries(at(0, 0), {at(1, 1), at(9, 2)}),  // replaces what is committed
      with_entries(at(2, 3), {at(2, 4), at(1, 5)}),  // goes back in term
      with_entries(at(2, 3), {at(3, 4), at(3, 6)}),  // has a gap
      with_entries(at(2, 3), {at(3, 3)}),            // repeats
      with_entries(at(2, 3), {at(kMax, 4)}),         // is from the future
      with_entries(at(2, kMax), {at(2, 0)}),         // wraps around
      with_entries(at(kMax, kMax), {}),
      AppendRequest{at(2, 3), Index{kMax}, {}},
      AppendResponse{},
      AppendResponse{Index{kMax}, std::nullopt},
      refused(0, at(0, 0)),
      refused(3, at(kMax, kMax)),
      refused(4, at(1, kMax)),
      refused(kMax, at(0, 0)),
      HeartbeatRequest{Index{kMax}, kMax},
      HeartbeatResponse{kMax},
      SnapshotRequest{},
      SnapshotRequest{{at(kMax, 9), voters(3)}},  // of a later term than its sender's
      SnapshotRequest{{at(0, 0), voters(3)}},
      SnapshotRequest{{at(2, 9), strange}},
      TransferRequest{NodeId{0}},
      TransferRequest{NodeId{1}},
      TimeoutNow{},
      ProposeRequest{},
      ProposeRequest{{}, {Proposal{EntryType::membership, {}}}},
      ProposeResponse{},
      ReadIndexRequest{ReadId{0}},
      ReadIndexResponse{ReadId{kMax}, Index{kMax}},
  };
}

}  // namespace

TEST_CASE("No message of a peer violates an invariant", "[core][hostile]") {
  const Role role = GENERATE(Role::follower, Role::pre_candidate, Role::candidate, Role::leader);
  const std::uint64_t term = GENERATE(0U, 1U, 3U, 4U);
  const std::uint64_t from = GENERATE(2U, 99U);

  for (const Message& message : hostile_messages()) {
    CoreBench bench = bench_in(role);
    CAPTURE(message_name(message), to_string(role), term, from);

    static_cast<void>(bench.receive(from, term, message));
    bench.run();
    // Whatever it made of the message, it still can do its work.
    bench.tick(25);
    bench.run();
    static_cast<void>(bench.receive(2, bench.node().term().value + 1, append_of(at(2, 3), {3})));
    bench.run();

    CHECK(bench.node().violation().empty());
    CHECK(bench.status().commit >= Index{3});
  }
}

TEST_CASE("A sequence of hostile messages does no more than one", "[core][hostile]") {
  const Role role = GENERATE(Role::follower, Role::leader);
  CoreBench bench = bench_in(role);

  for (int round = 0; round < 3; ++round) {
    for (const Message& message : hostile_messages()) {
      CAPTURE(message_name(message), to_string(role));
      static_cast<void>(bench.receive(2, bench.node().term().value, message));
      bench.run();
      bench.tick(1);
      bench.run();
      CHECK(bench.node().violation().empty());
    }
  }
}

TEST_CASE("A snapshot from a later term than its sender's is malformed", "[core][hostile]") {
  // Accepted, it would put a term into the log that this node has not heard of: its next start
  // would fail, and so would its own leadership.
  CoreBench bench({.term = 2});

  const auto taken = bench.receive(2, 2, SnapshotRequest{{at(3, 9), voters(3)}});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::malformed);
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("A snapshot at an index that no log reaches is malformed", "[core][hostile]") {
  // Accepted, it would leave no room behind it: the next entries would begin at 0 again.
  CoreBench bench({.term = 2});

  for (const std::uint64_t index : {kMax, kMax - 1, kMax / 2 + 1}) {
    const auto taken = bench.receive(2, 2, SnapshotRequest{{at(2, index), voters(3)}});
    REQUIRE_FALSE(taken);
    CHECK(taken.error() == Errc::malformed);
  }
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("A snapshot whose members are in no order is malformed", "[core][hostile]") {
  // Members are looked up by halving: as a leader the node would miss some of them.
  CoreBench bench({.term = 2});
  const auto first = NodeId{1};
  const auto second = NodeId{2};
  Membership membership;

  SECTION("voters descend") {
    membership.voters = {second, first};
  }
  SECTION("a voter is there twice") {
    membership.voters = {first, first};
  }
  SECTION("outgoing voters descend") {
    membership.voters = {first};
    membership.voters_outgoing = {second, first};
  }
  SECTION("learners descend") {
    membership.voters = {first};
    membership.learners = {NodeId{3}, second};
  }
  const auto taken = bench.receive(
      2, 2, SnapshotRequest{{at(2, 9), std::make_shared<const Membership>(membership)}});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::malformed);
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("An append whose entries do not follow each other is malformed",
          "[core][hostile][b127]") {
  CoreBench bench({.term = 3});

  for (const AppendRequest& request : {with_entries(at(1, 1), {at(2, 2), at(2, 4)}),
                                       with_entries(at(1, 1), {at(2, 2), at(1, 3)}),
                                       with_entries(at(1, 1), {at(4, 2)}),
                                       with_entries(at(1, 1), {at(2, 3)})}) {
    const auto taken = bench.receive(2, 3, request);
    REQUIRE_FALSE(taken);
    CHECK(taken.error() == Errc::malformed);
  }
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("A second leader in a term is an error, and the first one stays", "[core][hostile]") {
  CoreBench bench;
  bench.lead();

  const auto taken = bench.receive(2, 2, HeartbeatRequest{});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::invariant_violated);
  CHECK(bench.status().role == Role::leader);
  CHECK(bench.node().violation().empty());
}

TEST_CASE("Nobody can acknowledge what is not in the leader's log", "[core][hostile]") {
  CoreBench bench;
  bench.lead();

  const auto taken = bench.receive(2, 2, AppendResponse{Index{3}, std::nullopt});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::malformed);
  CHECK(bench.progress(2).match == Index{0});
}

TEST_CASE("The last term is not followed by the first one", "[core][hostile]") {
  const bool pre_vote = GENERATE(true, false);
  CoreBench bench({.tune = [&](RaftOptions& options) { options.pre_vote = pre_vote; }});

  static_cast<void>(bench.receive(2, kMax, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();
  SECTION("in time") {
    bench.tick(50);
  }
  SECTION("on request") {
    static_cast<void>(bench.receive(2, kMax, TimeoutNow{}));
  }
  bench.run();

  CHECK(bench.status().term == Term{kMax});
  CHECK(bench.status().role == Role::follower);
  CHECK(bench.take_sent().empty());
}

TEST_CASE("A proposal of an unknown kind is refused", "[core][hostile]") {
  // Appended and committed, it would stop every node that has to apply it.
  CoreBench bench;
  bench.lead();

  const auto taken =
      bench.receive(2, 2, ProposeRequest{{}, {Proposal{static_cast<EntryType>(7), {}}}});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::not_supported);
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("A snapshot whose membership contradicts itself is malformed", "[core][hostile]") {
  Membership twice = *voters(3);
  twice.learners = {NodeId{3}};
  Membership early = *voters(3);  // 3 is to become a learner and still is a voter
  early.voters_outgoing = {NodeId{2}, NodeId{3}};
  early.learners_next = {NodeId{3}};
  for (const Membership& membership : {twice, early}) {
    CoreBench bench = bench_in(Role::follower);

    const auto taken = bench.receive(
        2, 3, SnapshotRequest{{at(3, 9), std::make_shared<const Membership>(membership)}});

    REQUIRE_FALSE(taken);
    CHECK(taken.error() == Errc::malformed);
    CHECK(bench.take().persist.has_value() == false);
    CHECK(bench.status().last == Index{4});
  }
}

TEST_CASE("A violated invariant is told once, and then the node is silent", "[core][hostile]") {
  CoreBench bench;
  bench.node().persisted(PersistId{77});  // which it never handed out
  REQUIRE_FALSE(bench.node().violation().empty());
  CHECK_FALSE(bench.node().has_ready());

  CHECK(bench.take().events.size() == 1);
  CHECK(bench.take().events.empty());
  CHECK(bench.propose("a").error() == Errc::invariant_violated);
}
