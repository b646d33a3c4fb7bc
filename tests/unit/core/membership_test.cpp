#include <algorithm>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

MemberStep step(MemberOperation operation, std::uint64_t node) {
  MemberStep step;
  step.operation = operation;
  step.member.id = NodeId{node};
  return step;
}

MembershipChange change(std::initializer_list<std::pair<char, std::uint64_t>> steps,
                        Transition transition = Transition::automatic) {
  MembershipChange change{transition, {}, {}};
  for (const auto& [operation, node] : steps) {
    change.steps.push_back(step(operation == 'v'   ? MemberOperation::make_voter
                                : operation == 'l' ? MemberOperation::make_learner
                                                   : MemberOperation::remove,
                                node));
  }
  return change;
}

std::vector<NodeId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<NodeId> nodes;
  for (const std::uint64_t number : numbers)
    nodes.emplace_back(number);
  return nodes;
}

MembershipPtr membership(std::initializer_list<std::uint64_t> incoming,
                         std::initializer_list<std::uint64_t> outgoing = {},
                         std::initializer_list<std::uint64_t> learners = {},
                         bool auto_leave = false) {
  auto made = std::make_shared<Membership>();
  made->voters = ids(incoming);
  made->voters_outgoing = ids(outgoing);
  made->learners = ids(learners);
  made->auto_leave = auto_leave;
  return made;
}

RaftOptions options_of(std::uint64_t id) {
  RaftOptions options;
  options.id = NodeId{id};
  return options;
}

EntryType type_at(const CoreBench& bench, std::uint64_t index) {
  for (const Entry& entry : bench.applied) {
    if (entry.id.index == Index{index}) return entry.type;
  }
  throw std::runtime_error("index " + std::to_string(index) + " was not applied");
}

/// Wins the election of a bench whose membership may be joint: these members say yes.
void win(CoreBench& bench, std::initializer_list<std::uint64_t> supporters) {
  const std::uint64_t term = bench.node().term().value + 1;
  bench.node().campaign();
  bench.run();
  for (const Role role : {Role::pre_candidate, Role::candidate}) {
    const VoteKind kind = role == Role::candidate ? VoteKind::election : VoteKind::pre_vote;
    for (const std::uint64_t supporter : supporters) {
      if (bench.status().role != role) continue;
      static_cast<void>(bench.receive(supporter, term, VoteResponse{kind, true}));
      bench.run();
    }
  }
}

std::size_t changes_in_log(const std::vector<Envelope>& sent, std::uint64_t to) {
  std::size_t count = 0;
  for (const AppendRequest& append : CoreBench::only<AppendRequest>(sent, to)) {
    count += static_cast<std::size_t>(
        std::count_if(append.entries.begin(), append.entries.end(), [](const Entry& entry) {
          return entry.type == EntryType::membership;
        }));
  }
  return count;
}

}  // namespace

TEST_CASE("A change takes effect when it is applied, on leader and follower alike",
          "[core][membership][thesis:4.1]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}})));
  bench.run();
  CHECK(bench.status().membership->voters == ids({1, 2, 3}));

  bench.acknowledge(2, 3);

  CHECK(bench.status().membership->voters == ids({1, 2, 3, 4}));
  CHECK(bench.progress(4).recently_active);
  CHECK_FALSE(bench.take_sent<AppendRequest>(4).empty());

  CoreGroup group({.voters = 3});
  group.elect(1);
  REQUIRE(group.node(1).propose_membership_change(change({{'r', 3}})));
  group.settle();
  for (const std::uint64_t id : {1U, 2U})
    CHECK(group.node(id).status().membership->voters == ids({1, 2}));
}

TEST_CASE("A second change before the first one is applied becomes an empty entry",
          "[core][membership][thesis:4.1][b105]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}})));
  const auto second = bench.node().propose_membership_change(change({{'v', 5}}));
  REQUIRE(second);
  CHECK(second->first == at(2, 4));
  bench.run();
  bench.acknowledge(2, 3);

  CHECK(type_at(bench, 3) == EntryType::membership);
  CHECK(bench.status().applied == Index{3});
  CHECK(bench.status().membership->voters == ids({1, 2, 3, 4}));
  CHECK(std::any_of(bench.events.begin(), bench.events.end(), [](const Event& event) {
    const auto* refused = std::get_if<event::MembershipChangeRefused>(&event);
    return refused != nullptr && refused->entry == at(2, 4);
  }));
  // The refused one is nobody's predecessor: the next one need not wait for its place.
  REQUIRE(bench.node().propose_membership_change(change({{'v', 5}})));
  bench.run();
  bench.acknowledge(2, 5);
  bench.acknowledge(3, 5);
  CHECK(type_at(bench, 4) == EntryType::normal);
  CHECK(type_at(bench, 5) == EntryType::membership);
}

TEST_CASE("Of two changes in one proposal only the first counts", "[core][membership][b105]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose({Proposal{EntryType::membership, encode(change({{'v', 4}}))},
                                Proposal{EntryType::membership, encode(change({{'v', 5}}))}}));
  bench.run();
  bench.acknowledge(2, 4);

  CHECK(type_at(bench, 3) == EntryType::membership);
  CHECK(type_at(bench, 4) == EntryType::normal);
}

TEST_CASE("A new leader takes all of its log for a possible change",
          "[core][membership][thesis:4.1][b106]") {
  CoreBench bench;
  bench.lead();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}})));
  bench.run();
  bench.acknowledge(2, 3);
  // Its log ended at index 1, which is applied.
  CHECK(type_at(bench, 3) == EntryType::membership);

  CoreBench with_tail({.log = {1}});
  with_tail.lead();
  REQUIRE(with_tail.node().propose_membership_change(change({{'v', 4}})));
  with_tail.run();
  with_tail.acknowledge(2, 4);
  CHECK(type_at(with_tail, 4) == EntryType::normal);
}

TEST_CASE("What can never be carried out is refused before it is appended",
          "[core][membership][b108]") {
  CoreBench bench({.voters = 1});
  bench.lead();

  const auto refused = bench.node().propose_membership_change(change({{'r', 1}}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Errc::invalid_argument);
  CHECK(refused.error().message() == "removed all voters");
  const auto malformed =
      bench.node().propose({Proposal{EntryType::membership, Bytes::copy_of("\xff")}});
  REQUIRE_FALSE(malformed);
  CHECK(malformed.error() == Errc::malformed);
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("Joint phases are entered and left only in turn", "[core][membership]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change({}));  // there is none to leave
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}}, Transition::joint_explicit)));
  bench.run();
  bench.acknowledge(2, 4);
  CHECK(type_at(bench, 3) == EntryType::normal);
  REQUIRE(bench.status().membership->is_joint());

  REQUIRE(bench.node().propose_membership_change(change({{'v', 5}})));  // first leave this one
  bench.run();
  bench.acknowledge(2, 5);
  bench.acknowledge(3, 5);
  CHECK(type_at(bench, 5) == EntryType::normal);

  REQUIRE(bench.node().propose_membership_change({}));
  bench.run();
  bench.acknowledge(2, 6);
  bench.acknowledge(3, 6);
  CHECK_FALSE(bench.status().membership->is_joint());
  CHECK(bench.status().membership->voters == ids({1, 2, 3, 4}));
}

TEST_CASE("In a joint phase a commit needs both majorities", "[core][membership][thesis:4.3]") {
  CoreBench bench(options_of(1), bootstrapped(membership({1, 2, 3}, {1, 4, 5})));
  win(bench, {2, 4});
  REQUIRE(bench.status().role == Role::leader);

  bench.acknowledge(2, 2);
  bench.acknowledge(3, 2);
  CHECK(bench.status().commit == Index{1});
  bench.acknowledge(4, 2);
  CHECK(bench.status().commit == Index{2});
}

TEST_CASE("In a joint phase an election needs both majorities",
          "[core][membership][thesis:4.3][b112]") {
  CoreBench incoming(options_of(1), bootstrapped(membership({1, 2, 3}, {4, 5, 6})));
  win(incoming, {2, 3});
  CHECK(incoming.status().role == Role::pre_candidate);

  CoreBench outgoing(options_of(1), bootstrapped(membership({1, 2, 3}, {4, 5, 6})));
  win(outgoing, {4, 5, 6});
  CHECK(outgoing.status().role == Role::pre_candidate);

  CoreBench both(options_of(1), bootstrapped(membership({1, 2, 3}, {4, 5, 6})));
  win(both, {2, 4, 5});
  CHECK(both.status().role == Role::leader);
}

TEST_CASE("In a joint phase reads and check-quorum need both majorities",
          "[core][membership][thesis:4.3]") {
  CoreBench bench(options_of(1), bootstrapped(membership({1, 2, 3}, {1, 4, 5})));
  win(bench, {2, 4});
  bench.acknowledge(2, 2);
  bench.acknowledge(4, 2);
  REQUIRE(bench.node().read_index(ReadId{1}));
  bench.run();
  const auto round = bench.take_sent<HeartbeatRequest>(2).back().read_round;
  bench.answer(2, HeartbeatResponse{round});
  bench.answer(3, HeartbeatResponse{round});
  CHECK(bench.reads.empty());
  bench.answer(4, HeartbeatResponse{round});
  CHECK(bench.reads.size() == 1);

  const std::uint32_t timeout = RaftOptions{}.election_timeout_ticks;
  bench.tick(timeout);  // all of them were heard of until now
  bench.answer(2, HeartbeatResponse{});
  bench.answer(3, HeartbeatResponse{});
  CHECK(bench.status().role == Role::leader);
  bench.tick(timeout);
  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("The leader ends an implicit joint phase by itself, once",
          "[core][membership][thesis:4.3][b113]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}, {'r', 3}})));
  REQUIRE(bench.propose("x"));
  bench.run();
  bench.take_sent();
  bench.acknowledge(2, 3);  // both halves hold it: {1, 2, 3} and, once applied, {1, 2, 4}
  CHECK(bench.status().membership->is_joint());
  CHECK(changes_in_log(bench.take_sent(), 2) == 1);
  REQUIRE(bench.status().last == Index{5});
  bench.acknowledge(2, 4);
  bench.acknowledge(4, 4);
  REQUIRE(bench.status().applied == Index{4});
  CHECK(bench.status().last == Index{5});  // the end is on its way already

  bench.acknowledge(2, 5);
  bench.acknowledge(4, 5);
  CHECK_FALSE(bench.status().membership->is_joint());
  CHECK(bench.status().membership->voters == ids({1, 2, 4}));
}

TEST_CASE("A transfer that fails does not keep the leader from ending a joint phase",
          "[core][membership][transfer]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}, {'r', 3}})));
  bench.run();
  bench.node().transfer_leadership(NodeId{2});  // which still lacks the change
  bench.acknowledge(3, 3);
  REQUIRE(bench.status().membership->is_joint());
  REQUIRE(bench.status().last == Index{3});

  bench.tick(10);
  bench.run();

  REQUIRE_FALSE(bench.status().transfer_target);
  CHECK(bench.status().last == Index{4});
}

TEST_CASE("A follower leaves it to the leader to end the joint phase; a later leader does",
          "[core][membership][b113]") {
  CoreBench bench(options_of(1), bootstrapped(membership({1, 2}, {1}, {}, true)));
  REQUIRE(bench.receive(2, 1, AppendRequest{at(1, 1), Index{2}, {Entry{at(1, 2), {}, {}}}}));
  bench.run();
  CHECK(bench.take_sent<ProposeRequest>().empty());
  CHECK(bench.status().last == Index{2});
  bench.node().forget_leader();

  win(bench, {2});
  REQUIRE(bench.status().role == Role::leader);
  bench.acknowledge(2, 3);
  CHECK(changes_in_log(bench.take_sent(), 2) == 1);
}

TEST_CASE("A removed leader steps down when it has applied that",
          "[core][membership][thesis:4.2.2]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'r', 1}})));
  bench.run();
  CHECK(bench.status().role == Role::leader);

  bench.acknowledge(2, 3);
  CHECK(bench.status().role == Role::follower);
  CHECK(bench.status().term == Term{2});
  bench.tick(3 * RaftOptions{}.election_timeout_ticks);
  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("A demoted leader steps down, too", "[core][membership][b107]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'l', 1}})));
  bench.run();
  bench.acknowledge(2, 3);

  CHECK(bench.status().role == Role::follower);
}

TEST_CASE("Told not to step down, a removed leader leads without counting itself",
          "[core][membership][thesis:4.2.2]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.step_down_on_removal = false; }});
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'r', 1}})));
  REQUIRE(bench.propose("behind it"));
  bench.run();
  bench.acknowledge(2, 3);
  REQUIRE(bench.status().role == Role::leader);
  CHECK(bench.propose("later").error() == Errc::proposal_dropped);

  bench.acknowledge(2, 4);
  CHECK(bench.status().commit == Index{3});
  bench.acknowledge(3, 4);
  CHECK(bench.status().commit == Index{4});
}

TEST_CASE("Removing a member can commit what waited for it", "[core][membership][b91]") {
  CoreBench bench({.voters = 4});
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'r', 4}})));
  REQUIRE(bench.propose("waits"));
  bench.applies = false;
  bench.run();
  bench.acknowledge(2, 4);
  bench.acknowledge(3, 3);
  CHECK(bench.status().commit == Index{3});  // two of four hold what waits

  bench.apply({bench.applied.end() - 1, bench.applied.end()});
  CHECK(bench.status().membership->voters == ids({1, 2, 3}));
  CHECK(bench.status().commit == Index{4});
}

TEST_CASE("A change that is committed and not applied keeps a node from campaigning",
          "[core][membership][b27]") {
  // Also who a member is: somebody else may answer to its ID.
  const Entry entry = GENERATE(
      Entry{at(1, 2), EntryType::membership, encode(change({{'v', 4}}))},
      Entry{at(1, 2), EntryType::member_update, encode(Member{NodeId{2}, "n2", {}, {}, {}})});
  CoreBench bench;
  bench.applies = false;
  REQUIRE(bench.receive(2, 1, AppendRequest{at(1, 1), Index{2}, {entry}}));
  bench.run();
  bench.node().campaign();
  CHECK(bench.status().role == Role::follower);

  bench.apply(bench.applied);
  bench.node().campaign();
  CHECK(bench.status().role == Role::pre_candidate);
}

TEST_CASE("An order to take over waits until what is committed of the membership is applied",
          "[core][membership][transfer][thesis:3.10][b27]") {
  const std::uint32_t waits = GENERATE(0U, 1U, 9U, 10U);
  CoreBench bench;
  REQUIRE(bench.status().role == Role::follower);
  bench.applies = false;
  REQUIRE(bench.receive(
      2,
      1,
      AppendRequest{
          at(1, 1),
          Index{2},
          {{at(1, 2), EntryType::member_update, encode(Member{NodeId{2}, "n2", {}, {}, {}})}}}));
  bench.run();
  REQUIRE(bench.receive(2, 1, TimeoutNow{}));
  CHECK(bench.status().role == Role::follower);
  for (std::uint32_t i = 0; i < waits; ++i) {
    REQUIRE(bench.receive(2, 1, HeartbeatRequest{}));
    bench.tick(1);
  }

  bench.apply(bench.applied);

  // After an election timeout the leader has given it up.
  const bool is_in_time = waits < RaftOptions{}.election_timeout_ticks;
  CHECK(bench.status().role == (is_in_time ? Role::candidate : Role::follower));
}

TEST_CASE("A leader that appends has given up handing over, and is not deposed",
          "[core][membership][transfer][thesis:3.10]") {
  CoreBench bench;
  bench.applies = false;
  const Entry update{
      at(1, 2), EntryType::member_update, encode(Member{NodeId{2}, "n2", {}, {}, {}})};
  REQUIRE(bench.receive(2, 1, AppendRequest{at(1, 1), Index{2}, {update}}));
  bench.run();
  REQUIRE(bench.receive(2, 1, TimeoutNow{}));
  const bool is_new = GENERATE(true, false);
  const Entry next{at(1, 3), EntryType::normal, {}};
  REQUIRE(bench.receive(
      2,
      1,
      is_new ? AppendRequest{at(1, 2), Index{2}, {next}} : AppendRequest{at(1, 2), Index{2}, {}}));
  bench.run();

  bench.apply(bench.applied);

  CHECK(bench.status().role == (is_new ? Role::follower : Role::candidate));
}

TEST_CASE("A learner gets the log, counts for nothing and does not campaign",
          "[core][membership][thesis:4.2.1][b25][b117][b118]") {
  CoreBench bench(options_of(1), bootstrapped(membership({1, 2}, {}, {3})));
  win(bench, {2});
  bench.acknowledge(3, 2);
  CHECK(bench.progress(3).match == Index{2});
  CHECK(bench.progress(3).learner);
  CHECK(bench.status().commit == Index{1});
  bench.acknowledge(2, 2);
  CHECK(bench.status().commit == Index{2});

  CoreBench learner(options_of(3), bootstrapped(membership({1, 2}, {}, {3})));
  learner.tick(3 * RaftOptions{}.election_timeout_ticks);
  learner.node().campaign();
  CHECK(learner.status().role == Role::follower);
  REQUIRE(learner.receive(2, 2, VoteRequest{VoteKind::election, at(1, 1)}));
  learner.run();
  CHECK(learner.take_sent<VoteResponse>(2) ==
        std::vector<VoteResponse>{{VoteKind::election, true}});
}

TEST_CASE("A promoted learner can campaign", "[core][membership][b118]") {
  CoreBench bench(options_of(3), bootstrapped(membership({1, 2}, {}, {3})));
  REQUIRE(bench.node().step(
      {{},
       NodeId{1},
       NodeId{3},
       Term{1},
       AppendRequest{at(1, 1),
                     Index{2},
                     {Entry{at(1, 2), EntryType::membership, encode(change({{'v', 3}}))}}}}));
  bench.run();
  bench.node().campaign();

  CHECK(bench.status().role == Role::pre_candidate);
}

TEST_CASE("A transfer is given up when its target is no voter any more",
          "[core][membership][thesis:3.10][b51]") {
  for (const char operation : {'r', 'l'}) {
    CoreBench bench;
    bench.lead_all();
    REQUIRE(bench.node().propose_membership_change(change({{operation, 3}})));
    bench.run();
    bench.node().transfer_leadership(NodeId{3});
    REQUIRE(bench.status().transfer_target == NodeId{3});

    bench.acknowledge(2, 3);
    CHECK_FALSE(bench.status().transfer_target);
  }
}

TEST_CASE("A member that is removed and added again in one change starts anew",
          "[core][membership]") {
  CoreBench bench;
  bench.lead_all();
  CHECK(bench.progress(3).match == Index{2});
  REQUIRE(bench.node().propose_membership_change(
      change({{'r', 3}, {'v', 3}}, Transition::joint_explicit)));
  bench.run();
  bench.acknowledge(2, 3);
  CHECK(bench.progress(3).match == Index{2});  // an outgoing voter is never forgotten

  CoreBench learners(options_of(1), bootstrapped(membership({1, 2}, {}, {3})));
  win(learners, {2});
  learners.acknowledge(2, 2);
  learners.acknowledge(3, 2);
  REQUIRE(learners.node().propose_membership_change(
      change({{'r', 3}, {'l', 3}}, Transition::joint_explicit)));
  learners.run();
  learners.acknowledge(2, 3);
  CHECK(learners.progress(3).match == Index{0});
}

TEST_CASE("Applied, an entry of a newer version ends the node", "[core][membership]") {
  CoreBench bench;
  REQUIRE(bench.receive(
      2,
      1,
      AppendRequest{at(1, 1),
                    Index{2},
                    {Entry{at(1, 2), EntryType::membership, Bytes::copy_of("\x08\x07")}}}));

  CHECK_THROWS_WITH(bench.run(), Catch::Contains("INV-KNOWN-ENTRY-TYPE"));
}

TEST_CASE("A refusal tells a candidate that it no longer needs the vote", "[core][membership]") {
  // Node 2 has demoted itself, stepped down, and alone knows that this is committed.
  CoreBench bench;
  REQUIRE(bench.receive(
      2,
      1,
      AppendRequest{at(1, 1),
                    Index{1},
                    {Entry{at(1, 2), EntryType::membership, encode(change({{'r', 3}}))},
                     Entry{at(1, 3), EntryType::normal, {}}}}));
  bench.run();
  bench.node().forget_leader();
  bench.node().campaign();
  bench.run();
  REQUIRE(bench.status().membership->voters == ids({1, 2, 3}));

  bench.answer(2, VoteResponse{VoteKind::pre_vote, false, at(2, 3)});
  CHECK(bench.status().commit == Index{1});  // an entry that is not here says nothing
  bench.answer(2, VoteResponse{VoteKind::pre_vote, false, at(1, 2)});
  CHECK(bench.status().commit == Index{2});
  CHECK(bench.status().membership->voters == ids({1, 2}));
  bench.answer(2, VoteResponse{VoteKind::pre_vote, false, at(1, 1)});
  CHECK(bench.status().commit == Index{2});
}

TEST_CASE("A member for which the newest snapshot is too old is served when there is another",
          "[core][membership][snapshot]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().propose_membership_change(change({{'v', 4}})));
  bench.run();
  bench.acknowledge(2, 3);
  bench.node().snapshot_available({at(2, 2), membership({1, 2, 3})});
  bench.node().compact(Index{2});
  bench.take_sent();

  REQUIRE(bench.receive(4, 2, AppendResponse{Index{2}, AppendResponse::Rejection{{}}}));
  CHECK(bench.take().snapshot_wanted);
  REQUIRE(bench.receive(4, 2, HeartbeatResponse{}));
  bench.run();
  CHECK(bench.take_sent<SnapshotRequest>(4).empty());
  CHECK_FALSE(bench.take().snapshot_wanted);  // asked once

  bench.node().snapshot_available({at(2, 3), bench.status().membership});
  bench.answer(4, HeartbeatResponse{});
  CHECK(bench.take_sent<SnapshotRequest>(4).size() == 1);
}

TEST_CASE("A leader that is a quorum by itself answers reads, also in a joint phase",
          "[core][membership][thesis:6.4]") {
  CoreBench bench(options_of(1), bootstrapped(membership({1}, {1}, {2})));
  win(bench, {});
  REQUIRE(bench.status().role == Role::leader);
  REQUIRE(bench.node().read_index(ReadId{1}));
  bench.run();

  CHECK(bench.reads.size() == 1);
}

namespace {

Member published(std::uint64_t id, const std::string& name, std::uint64_t store) {
  Member member;
  member.id = NodeId{id};
  member.name = name;
  member.store = StoreId{store};
  member.attributes = {{"client", "there"}};
  member.peer_urls = {"http://elsewhere"};
  return member;
}

MembershipPtr after(CoreBench& bench, EntryType type, Bytes payload) {
  return bench.node().membership_applied({at(2, 2), type, std::move(payload)});
}

}  // namespace

TEST_CASE("What a member publishes describes it, and changes neither quorums nor URLs",
          "[core][membership]") {
  CoreBench bench;
  const Membership before = *bench.status().membership;

  const auto changed = after(bench, EntryType::member_update, encode(published(2, "two", 22)));

  REQUIRE(changed->find(NodeId{2}) != nullptr);
  CHECK(changed->find(NodeId{2})->name == "two");
  CHECK(changed->find(NodeId{2})->store == StoreId{22});
  CHECK(changed->find(NodeId{2})->attributes == published(2, "two", 22).attributes);
  CHECK(changed->find(NodeId{2})->peer_urls == before.find(NodeId{2})->peer_urls);
  CHECK(changed->voters == before.voters);
  CHECK(bench.status().membership == changed);

  const auto renamed = after(bench, EntryType::member_update, encode(published(2, "zwei", 22)));
  CHECK(renamed->find(NodeId{2})->name == "zwei");
}

TEST_CASE("What a stranger, another directory or nobody publishes changes nothing",
          "[core][membership]") {
  CoreBench bench;
  const auto before = after(bench, EntryType::member_update, encode(published(2, "two", 22)));

  CHECK(after(bench, EntryType::member_update, encode(published(9, "nine", 9))) == before);
  CHECK(after(bench, EntryType::member_update, encode(published(2, "other", 23))) == before);
  CHECK(after(bench, EntryType::member_update, Bytes::copy_of("\xff")) == before);
  CHECK(bench.node().violation().empty());
}

TEST_CASE("A committed change that cannot be carried out changes nothing", "[core][membership]") {
  CoreBench bench({.voters = 1});
  const auto before = bench.status().membership;

  CHECK(after(bench, EntryType::membership, encode(change({{'r', 1}}))) == before);
  CHECK(bench.node().violation().empty());
}

TEST_CASE("A candidate that learns of its own removal campaigns no more", "[core][membership]") {
  InitialState initial = bootstrapped(voters(4));
  initial.hard_state.term = Term{2};
  initial.entries = {{at(2, 2), EntryType::membership, encode(change({{'r', 1}}))}};
  CoreBench bench(options_of(1), std::move(initial));
  bench.node().campaign();
  bench.run();
  bench.answer(2, VoteResponse{VoteKind::pre_vote, true});
  bench.answer(3, VoteResponse{VoteKind::pre_vote, true});
  REQUIRE(bench.node().soft_state().role == Role::candidate);

  bench.answer(2, VoteResponse{VoteKind::election, false, at(2, 2)});
  REQUIRE(bench.status().membership->voters == ids({2, 3, 4}));
  bench.answer(3, VoteResponse{VoteKind::election, true});
  bench.answer(4, VoteResponse{VoteKind::election, true});

  // As the leader it would keep the others from electing one that takes proposals.
  CHECK(bench.node().soft_state().role == Role::follower);
}
