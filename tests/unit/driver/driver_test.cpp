#include "driver/driver.hpp"

#include <algorithm>

#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;
using Strings = std::vector<std::string>;

TEST_CASE("A proposal at the leader is answered with the state machine's result", "[driver]") {
  DriverGroup group({});
  group.elect(1);

  const auto answer = group.propose(1, "a");
  group.settle();

  CHECK(answer->count == 1);
  CHECK_FALSE(answer->code);
  CHECK(answer->result == "did a");
  CHECK(group.applied(3) == Strings{"a"});
}

TEST_CASE("A proposal at a follower is answered with its own state machine's result", "[driver]") {
  DriverGroup group({});
  group.elect(1);

  const auto answer = group.propose(2, "a");
  group.settle();

  CHECK(answer->count == 1);
  CHECK_FALSE(answer->code);
  CHECK(answer->result == "did a");
}

TEST_CASE("Proposals that wait together travel together", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);

  for (const char* command : {"a", "b", "c"})
    group.propose(1, command);
  group.settle();

  int appends = 0;
  for (const Envelope& envelope : group.ports(1).sent) {
    if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
      ++appends;
      CHECK(append->entries.size() == 3);
    }
  }
  CHECK(appends == 2);
}

TEST_CASE("A proposal waits for a leader and is answered no_leader when none comes", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.request_timeout_ticks = 5; }});
  group.hold(1, Port::network);

  const auto answer = group.propose(1, "a");
  group.tick(1, 4);
  CHECK(answer->count == 0);
  group.tick(1, 1);

  CHECK(answer->count == 1);
  CHECK(answer->code == Errc::no_leader);
}

TEST_CASE("Requests that wait and those that fail are counted", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.request_timeout_ticks = 5; }});
  group.hold(1, Port::network);
  auto& gauges = group.metrics().gauges;
  auto& counters = group.metrics().counters;

  group.propose(1, "a");
  group.propose(1, "b");
  group.read(1);
  group.settle();
  CHECK(gauges[GaugeMetric::proposals_pending] == 2);
  CHECK(counters[CounterMetric::proposals_failed] == 0);
  group.tick(1, 5);

  CHECK(gauges[GaugeMetric::proposals_pending] == 0);
  CHECK(counters[CounterMetric::proposals_failed] == 2);
  CHECK(counters[CounterMetric::reads_failed] == 1);
}

TEST_CASE("Requests that succeed are not counted as failed, refused ones are", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  auto& counters = group.metrics().counters;

  group.propose(1, "a");
  group.read(1);
  group.settle();
  CHECK(counters[CounterMetric::proposals_failed] == 0);
  CHECK(counters[CounterMetric::reads_failed] == 0);
  group.node(1).begin_stop([] {});
  const auto proposed = group.propose(1, "b");
  const auto read = group.read(1);
  group.settle();

  CHECK(proposed->code == Errc::stopped);
  CHECK(read->code == Errc::stopped);
  CHECK(counters[CounterMetric::proposals_failed] == 1);
  CHECK(counters[CounterMetric::reads_failed] == 1);
}

TEST_CASE("A node that stops takes no transfer of its leadership", "[driver]") {
  DriverGroup group({});
  group.elect(1);

  group.node(1).begin_stop([] {});
  const auto transferred = group.transfer(1, NodeId{3});

  CHECK(transferred->code == Errc::stopped);
}

TEST_CASE("A proposal made before the election is carried out after it", "[driver]") {
  DriverGroup group({});
  const auto answer = group.propose(2, "early");

  group.elect(1);

  CHECK(answer->count == 1);
  CHECK(answer->result == "did early");
}

TEST_CASE("A proposal whose place went to another leader's entry is dropped", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.raft.check_quorum = false; }});
  group.elect(1);
  group.hold(1, Port::network);
  const auto lost = group.propose(1, "lost");
  group.settle();

  group.ports(1).sent.clear();
  group.elect(2);
  group.propose(2, "kept");
  group.settle();
  group.resume(1, Port::network);
  group.tick(2, 3);

  CHECK(lost->count == 1);
  CHECK(lost->code == Errc::proposal_dropped);
  CHECK(group.applied(1) == Strings{"kept"});
}

TEST_CASE("A proposal that may still commit when its time is up is unknown", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.request_timeout_ticks = 5; }});
  group.elect(1);
  group.hold(1, Port::network);
  const auto answer = group.propose(1, "a");

  group.tick(1, 5);

  CHECK(answer->count == 1);
  CHECK(answer->code == Errc::commit_unknown);
}

TEST_CASE("A forwarded proposal is unknown once the connection to its leader is lost", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);
  const auto answer = group.propose(2, "a");
  group.settle();
  CHECK(answer->count == 0);

  group.node(2).on_peer({NodeId{1}, PeerState::disconnected});
  group.settle();

  CHECK(answer->count == 1);
  CHECK(answer->code == Errc::commit_unknown);
}

TEST_CASE("A forwarded proposal that is refused is offered again", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::network);
  const auto answer = group.propose(2, "a");
  group.settle();
  Envelope forwarded = group.ports(2).sent.back();
  REQUIRE(std::holds_alternative<ProposeRequest>(forwarded.message));
  group.ports(2).sent.clear();

  group.node(3).receive(forwarded);  // not the leader
  group.settle();
  group.resume(2, Port::network);
  group.node(2).receive(
      {{},
       NodeId{3},
       NodeId{2},
       group.node(3).term(),
       ProposeResponse{std::get<ProposeRequest>(forwarded.message).tag, std::nullopt}});
  group.tick(2);

  CHECK(answer->count == 1);
  CHECK(answer->result == "did a");
  CHECK(group.applied(3) == Strings{"a"});
}

TEST_CASE("A forwarded batch that arrives twice is appended once", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::network);
  group.propose(2, "a");
  group.settle();
  const Envelope forwarded = group.ports(2).sent.back();
  group.resume(2, Port::network);

  group.node(1).receive(forwarded);
  group.settle();

  CHECK(group.applied(1) == Strings{"a"});
}

TEST_CASE("A command beyond the pending limit is refused at once", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.max_pending_bytes = 100; }});

  const auto first = group.propose(1, std::string(200, 'x'));
  const auto second = group.propose(1, "y");

  CHECK(first->count == 0);
  CHECK(second->code == Errc::overloaded);
}

TEST_CASE("A vote request waits until the candidate's term is durable, a pre-vote does not",
          "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.raft.pre_vote = false; }});
  group.hold(1, Port::disk);
  group.hold(1, Port::network);

  group.tick(1, 20);
  CHECK(group.ports(1).sent.empty());

  group.resume(1, Port::disk);
  group.settle();
  REQUIRE(group.ports(1).sent.size() == 2);
  CHECK(std::holds_alternative<VoteRequest>(group.ports(1).sent[0].message));
}

TEST_CASE("A pre-vote request is sent although its term is not durable", "[driver]") {
  DriverGroup group({});
  group.hold(1, Port::disk);
  group.hold(1, Port::network);

  group.tick(1, 20);

  REQUIRE_FALSE(group.ports(1).sent.empty());
  CHECK(std::get<VoteRequest>(group.ports(1).sent[0].message).kind == VoteKind::pre_vote);
}

TEST_CASE("A vote leaves only after the write that makes it true", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.raft.pre_vote = false; }});
  group.hold(2, Port::disk);
  group.hold(3, Port::disk);

  group.tick(1, 20);
  CHECK(group.node(1).soft_state().role == Role::candidate);

  group.resume(2, Port::disk);
  group.settle();
  CHECK(group.node(1).soft_state().role == Role::leader);
}

TEST_CASE("A leader whose own disk is slow commits with the others", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::disk);

  group.propose(1, "a");
  group.settle();

  CHECK(group.node(1).status().commit > group.node(1).status().stable);
  CHECK(group.applied(2) == Strings{"a"});
  CHECK(group.applied(1).empty());  // it applies only what it holds itself
}

TEST_CASE("A failed write ends everything", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::disk);
  const auto answer = group.propose(2, "a");
  group.settle();
  group.ports(2).sent.clear();

  group.node(2).persisted(group.ports(2).writes.front().id, Errc::storage_failed);
  group.ports(2).writes.clear();
  group.tick(2, 50);

  REQUIRE(group.ports(2).failures.size() == 1);
  CHECK(group.ports(2).failures[0] == Errc::storage_failed);
  CHECK(group.ports(2).sent.empty());
  CHECK(group.ports(2).writes.empty());
  group.node(2).end_stop();
  CHECK(answer->code == Errc::commit_unknown);
  CHECK(group.propose(2, "b")->code == Errc::stopped);
}

TEST_CASE("Linearizable reads on any node see what was committed before", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.propose(1, "a");
  group.settle();

  const auto on_leader = group.read(1);
  const auto on_follower = group.read(3);
  group.settle();

  CHECK(on_leader->count == 1);
  CHECK_FALSE(on_leader->code);
  CHECK(on_follower->count == 1);
  CHECK_FALSE(on_follower->code);
  CHECK(on_follower->index >= group.node(1).status().commit);
}

TEST_CASE("A read waits until the state machine has caught up", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(3, Port::state_machine);
  group.propose(1, "a");
  group.settle();

  const auto read = group.read(3);
  group.settle();
  CHECK(read->count == 0);

  group.resume(3, Port::state_machine);
  group.settle();
  CHECK(read->count == 1);
  CHECK_FALSE(read->code);
}

TEST_CASE("A leader that is cut off answers no read", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.request_timeout_ticks = 30; }});
  group.elect(1);
  group.hold(1, Port::network);

  const auto read = group.read(1);
  group.tick(1, 29);
  CHECK(read->count == 0);
  group.tick(1);

  CHECK(read->count == 1);
  CHECK(read->code);
}

TEST_CASE("A read whose round is lost is asked for again", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(3, Port::network);
  const auto read = group.read(3);
  group.settle();
  group.ports(3).sent.clear();
  group.resume(3, Port::network);

  for (int i = 0; i < 12; ++i) {
    group.tick(1);
    group.tick(3);
  }

  CHECK(read->count == 1);
  CHECK_FALSE(read->code);
}

TEST_CASE("A new leader is asked at once for what the old one did not answer", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(3, Port::network);
  const auto read = group.read(3);
  group.settle();
  group.ports(3).sent.clear();
  group.resume(3, Port::network);

  group.transfer(1, NodeId{2});
  group.settle();

  CHECK(group.node(2).soft_state().role == Role::leader);
  CHECK(read->count == 1);
  CHECK_FALSE(read->code);
}

TEST_CASE("Leadership goes to the voter that is furthest", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::network);
  group.propose(1, "a");
  group.settle();
  group.resume(2, Port::network);

  const auto answer = group.transfer(1, std::nullopt);
  group.settle();

  CHECK(answer->count == 1);
  CHECK_FALSE(answer->code);
  CHECK(group.node(3).soft_state().role == Role::leader);
}

TEST_CASE("A transfer that does not succeed is reported after an election timeout", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(3, Port::network);

  const auto answer = group.transfer(1, NodeId{3});
  group.tick(1, 11);

  CHECK(answer->count == 1);
  CHECK(answer->code == Errc::transfer_aborted);
  CHECK(group.transfer(2, NodeId{1})->code == Errc::not_leader);
  CHECK(group.transfer(1, NodeId{9})->code == Errc::peer_not_found);
}

TEST_CASE("Each member publishes itself through the log", "[driver]") {
  DriverGroup group({});

  group.elect(1);

  for (const std::uint64_t id : {1U, 2U, 3U}) {
    CHECK(group.node(id).is_published());
    REQUIRE(group.node(id).membership()->find(NodeId{2}) != nullptr);
    CHECK(group.node(id).membership()->find(NodeId{2})->name == "n2");
    CHECK(group.node(id).admit({NodeId{2}, StoreId{102}, {}, {}}));
    CHECK(group.node(id).admit({NodeId{2}, StoreId{7}, {}, {}}).error() == Errc::store_mismatch);
    CHECK(group.node(id).admit({NodeId{9}, StoreId{7}, {}, {}}).error() == Errc::peer_not_found);
  }
}

TEST_CASE(
    "What another data directory of a member says is not taken in, once the right one is known",
    "[driver]") {
  DriverGroup group({});
  const auto heartbeat = [](Term term) {
    return Envelope{{}, NodeId{3}, NodeId{2}, term, HeartbeatRequest{Index{0}, 0}};
  };
  group.node(2).receive(heartbeat(Term{2}), StoreId{7});
  CHECK(group.node(2).term() == Term{2});
  group.settle();
  group.elect(1);
  const Term term = group.node(2).term();
  const Term next{term.value + 1};

  group.node(2).receive(heartbeat(next), StoreId{7});
  CHECK(group.node(2).term() == term);
  group.node(2).receive(heartbeat(next), StoreId{103});
  CHECK(group.node(2).term() == next);
}

TEST_CASE("Whoever knows more of the cluster is let in, until this node knows as much",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  driver::Driver& node = group.node(1);
  const Index known = node.knows_up_to();
  const std::vector<std::string> urls = {"http://n9:1"};
  const auto is_peer = [&] {
    const auto& peers = group.ports(1).peers;
    return std::find(peers.begin(), peers.end(), PeerAddress{NodeId{9}, urls}) != peers.end();
  };

  CHECK(node.admit({NodeId{9}, StoreId{109}, known, urls}).error() == Errc::peer_not_found);
  CHECK(node.admit({NodeId{9}, StoreId{109}, known + 1, urls}));
  CHECK_FALSE(is_peer());  // not from inside the call
  group.settle();
  CHECK(is_peer());
  CHECK(node.admit({NodeId{9}, StoreId{109}, {}, {}}));  // it answers our call

  group.propose(1, "x");
  group.settle();
  CHECK(node.knows_up_to() > known);
  CHECK_FALSE(is_peer());
  CHECK(node.admit({NodeId{9}, StoreId{109}, known + 1, urls}).error() == Errc::peer_not_found);
}

TEST_CASE("A caller knows of the members what is committed, applied or not", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  driver::Driver& node = group.node(2);
  CHECK(node.knows_up_to() == node.applied_index());
  group.hold(2, Port::disk);
  group.propose(1, "x");
  group.settle();
  group.tick(1);
  group.settle();

  CHECK(node.knows_up_to() > node.applied_index());
  CHECK(node.knows_up_to() == group.node(1).applied_index());
}

TEST_CASE("Of many strangers the newest count", "[driver]") {
  DriverGroup group({});
  for (std::uint64_t id = 100; id < 300; ++id)
    REQUIRE(group.node(1).admit({NodeId{id}, StoreId{1}, Index{1000}, {}}));
  group.settle();
  const auto& peers = group.ports(1).peers;
  CHECK(peers.size() >= 64);
  CHECK(peers.size() <= 66);
  CHECK(peers.back().node == NodeId{299});
}

TEST_CASE("A member that knows more and says that it has moved is called there", "[driver]") {
  DriverGroup group({});
  const auto url_of_second = [&] {
    for (const PeerAddress& peer : group.ports(1).peers) {
      if (peer.node == NodeId{2}) return peer.peer_urls;
    }
    return std::vector<std::string>();
  };
  group.elect(1);
  const Index known = group.node(1).knows_up_to();
  const std::vector<std::string> moved = {"http://moved:1"};

  CHECK(group.node(1).admit({NodeId{2}, StoreId{102}, known, moved}));
  group.settle();
  CHECK(url_of_second().empty());
  CHECK(group.node(1).admit({NodeId{2}, StoreId{102}, known + 1, moved}));
  group.settle();
  CHECK(url_of_second() == moved);
  CHECK(group.node(1).admit({NodeId{2}, StoreId{7}, known + 1, moved}).error() ==
        Errc::store_mismatch);

  group.propose(1, "x");
  group.settle();
  CHECK(url_of_second().empty());
}

TEST_CASE("A stranger cannot stop a node", "[driver]") {
  DriverGroup group({});
  REQUIRE(group.node(1).admit({NodeId{9}, StoreId{109}, Index{1000}, {}}));
  group.node(1).on_peer(
      {NodeId{9}, PeerState::rejected, Error(Errc::store_mismatch), PeerReport::By::peer});
  CHECK_FALSE(group.node(1).failure());
}

TEST_CASE("A member that others know with another data directory stops", "[driver]") {
  DriverGroup group({});
  group.elect(1);

  group.node(2).on_peer(
      {NodeId{1}, PeerState::rejected, Error(Errc::store_mismatch, "wiped"), PeerReport::By::peer});

  REQUIRE(group.ports(2).failures.size() == 1);
  CHECK(group.ports(2).failures[0] == Errc::store_mismatch);
}

TEST_CASE("A stopping leader hands over first", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  bool is_settled = false;

  group.node(1).begin_stop([&] { is_settled = true; });
  group.settle();

  CHECK(is_settled);
  CHECK(group.node(1).soft_state().role == Role::follower);
  CHECK(group.propose(1, "late")->code == Errc::stopped);
}

TEST_CASE("A leader that has just asked who is there can hand over all the same", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  for (int i = 0; i < 10; ++i)
    group.node(1).tick();  // the quorum check forgets who was heard of
  bool is_settled = false;

  group.node(1).begin_stop([&] { is_settled = true; });
  CHECK_FALSE(is_settled);
  group.settle();

  CHECK(is_settled);
  CHECK(group.node(1).soft_state().role == Role::follower);
}

TEST_CASE("Nothing leaves a driver that has stopped", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::disk);
  group.propose(1, "a");
  group.settle();
  REQUIRE_FALSE(group.ports(2).writes.empty());
  group.ports(2).sent.clear();

  group.node(2).end_stop();
  group.resume(2, Port::disk);
  group.hold(2, Port::network);
  group.settle();
  group.node(2).fetched(FetchId{1}, Errc::io_error);
  group.node(2).snapshot_sent(NodeId{3}, Errc::io_error);

  CHECK(group.ports(2).sent.empty());
  CHECK(group.ports(2).applies.empty());
  CHECK(group.ports(2).failures.empty());
}

TEST_CASE("Nothing happens before the start", "[driver]") {
  DriverGroup group({.start = false});

  group.node(2).receive(
      {{}, NodeId{1}, NodeId{2}, Term{5}, VoteRequest{VoteKind::election, {Term{4}, Index{9}}}});
  group.node(2).flush();
  CHECK(group.ports(2).writes.empty());
  CHECK(group.node(2).term() == Term{1});

  group.node(2).start();
  CHECK(group.ports(2).membership != nullptr);
}

TEST_CASE("An entry that this version does not know stops the node before it is applied",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  const RaftStatus leader = group.node(1).status();
  AppendRequest append{{leader.term, leader.last}, leader.last + 1, {}};
  append.entries.push_back(
      {{leader.term, leader.last + 1}, EntryType::membership, Bytes::copy_of("?")});

  group.hold(3, Port::state_machine);
  group.node(3).receive({{}, NodeId{1}, NodeId{3}, leader.term, append});
  group.settle();

  REQUIRE(group.ports(3).failures.size() == 1);
  CHECK(group.ports(3).failures[0] == Errc::invariant_violated);
  CHECK(group.ports(3).applies.empty());
  CHECK(group.node(3).membership() != nullptr);
}

TEST_CASE("A stopping leader that nobody can replace waits one election timeout", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.raft.check_quorum = false; }});
  group.elect(1);
  group.hold(1, Port::network);
  bool is_settled = false;

  group.node(1).begin_stop([&] { is_settled = true; });
  group.tick(1, 9);
  CHECK_FALSE(is_settled);
  group.tick(1);
  CHECK(is_settled);
}

TEST_CASE("When the leader's process is gone a follower campaigns without waiting", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);

  for (const std::uint64_t id : {2U, 3U}) {
    group.node(id).on_peer({NodeId{1}, PeerState::disconnected});
    group.node(id).on_peer({NodeId{1}, PeerState::refused});
    CHECK(group.ports(id).alarm);
  }
  group.node(3).alarm();
  group.settle();

  CHECK(group.node(3).soft_state().role == Role::leader);
}

TEST_CASE("A campaign that runs is not given up for another one", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);
  group.node(3).on_peer({NodeId{1}, PeerState::disconnected});
  group.node(3).on_peer({NodeId{1}, PeerState::refused});
  group.node(2).on_peer({NodeId{1}, PeerState::disconnected});
  group.node(2).on_peer({NodeId{1}, PeerState::refused});
  group.hold(3, Port::disk);  // its own vote takes a while

  group.node(3).alarm();
  group.settle();
  REQUIRE(group.node(3).soft_state().role == Role::candidate);
  const Term term = group.node(3).term();
  group.node(3).alarm();
  group.settle();
  CHECK(group.node(3).term() == term);

  group.resume(3, Port::disk);
  group.settle();
  CHECK(group.node(3).soft_state().role == Role::leader);
}

TEST_CASE("A follower that finds no support for its campaign tries again more and more slowly",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);
  group.hold(2, Port::network);
  group.node(3).on_peer({NodeId{1}, PeerState::disconnected});
  group.node(3).on_peer({NodeId{1}, PeerState::refused});

  std::vector<std::uint32_t> delays;
  while (const auto delay = std::exchange(group.ports(3).alarm, std::nullopt)) {
    delays.push_back(*delay);
    REQUIRE(delays.size() < 20);
    group.node(3).alarm();
    group.settle();
  }

  CHECK(delays.size() >= 3);
  CHECK(delays.front() <= 50);
  CHECK(std::is_sorted(delays.begin(), delays.end()));
  CHECK(delays.back() > 200);
}

TEST_CASE("A broken connection alone does not make a follower disloyal", "[driver]") {
  DriverGroup group({});
  group.elect(1);

  group.node(2).on_peer({NodeId{1}, PeerState::disconnected});
  CHECK_FALSE(group.ports(2).alarm);
  group.node(2).on_peer({NodeId{1}, PeerState::connected});
  group.node(2).on_peer({NodeId{1}, PeerState::refused});
  CHECK_FALSE(group.ports(2).alarm);
  CHECK(group.node(2).soft_state().leader == NodeId{1});
}

TEST_CASE("A member whose log lacks what it has acknowledged stops", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  const RaftStatus leader = group.node(1).status();

  group.node(3).receive(
      {{}, NodeId{1}, NodeId{3}, leader.term, HeartbeatRequest{leader.last + 100, 0}});
  group.settle();

  REQUIRE(group.ports(3).failures.size() == 1);
  CHECK(group.ports(3).failures[0] == Errc::corrupt_data);
}
