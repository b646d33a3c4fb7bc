// What a follower passes on to its leader, and what becomes of it.
#include <algorithm>

#include <catch2/catch.hpp>

#include "support/driver_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using Port = DriverGroup::Port;
using Strings = std::vector<std::string>;

namespace {

template <class Message>
std::vector<Envelope> sent(DriverGroup& group, std::uint64_t id) {
  std::vector<Envelope> found;
  for (const Envelope& envelope : group.ports(id).sent) {
    if (std::holds_alternative<Message>(envelope.message)) found.push_back(envelope);
  }
  return found;
}

/// Removes them from the queue of `id`.
template <class Message>
std::vector<Envelope> take(DriverGroup& group, std::uint64_t id) {
  auto found = sent<Message>(group, id);
  std::erase_if(group.ports(id).sent, [](const Envelope& envelope) {
    return std::holds_alternative<Message>(envelope.message);
  });
  return found;
}

/// What node 2 forwards when "a" is proposed there; it has not arrived anywhere.
Envelope forwarded_by_2(DriverGroup& group, std::shared_ptr<Answer>& answer) {
  group.hold(2, Port::network);
  answer = group.propose(2, "a");
  group.settle();
  auto requests = take<ProposeRequest>(group, 2);
  group.resume(2, Port::network);
  REQUIRE(requests.size() == 1);
  return requests.front();
}

}  // namespace

TEST_CASE("A place in the log that is told after it was applied leaves the fate unknown",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  std::shared_ptr<Answer> answer;
  const Envelope request = forwarded_by_2(group, answer);
  group.node(1).receive(request);
  group.node(1).flush();
  const auto late = take<ProposeResponse>(group, 1);
  REQUIRE(late.size() == 1);
  group.settle();
  REQUIRE(group.applied(2) == Strings{"a"});

  group.node(2).receive(late.front());
  group.settle();
  group.propose(1, "b");
  group.settle();

  CHECK(answer->count == 1);
  CHECK(answer->code == Errc::commit_unknown);
}

TEST_CASE("A refused proposal is offered again after a tick, not at once", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::network);
  group.propose(2, "a");
  group.settle();
  const auto requests = take<ProposeRequest>(group, 2);
  REQUIRE(requests.size() == 1);
  const ForwardTag tag = std::get<ProposeRequest>(requests[0].message).tag;

  group.node(2).receive(
      {{}, NodeId{1}, NodeId{2}, group.node(1).term(), ProposeResponse{tag, std::nullopt}});
  group.settle();
  CHECK(sent<ProposeRequest>(group, 2).empty());

  group.tick(2);
  CHECK(sent<ProposeRequest>(group, 2).size() == 1);
}

TEST_CASE("A refused proposal is offered to a new leader at once", "[driver]") {
  DriverGroup group(
      {.tune = [](driver::DriverOptions& options) { options.raft.check_quorum = false; }});
  group.elect(1);
  std::shared_ptr<Answer> answer;
  const Envelope request = forwarded_by_2(group, answer);
  const ForwardTag tag = std::get<ProposeRequest>(request.message).tag;
  group.node(2).receive(
      {{}, NodeId{1}, NodeId{2}, group.node(1).term(), ProposeResponse{tag, std::nullopt}});
  group.settle();
  CHECK(answer->count == 0);

  group.elect(3);

  CHECK(answer->count == 1);
  CHECK(answer->result == "did a");
}

TEST_CASE("What is forwarded and not answered has a limit", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(1, Port::network);

  for (int i = 0; i < 20; ++i)
    group.propose(2, std::string(std::size_t{1} << 20, 'x'));
  group.hold(2, Port::network);
  group.settle();
  CHECK(sent<ProposeRequest>(group, 2).size() == 8);

  group.resume(1, Port::network);
  group.resume(2, Port::network);
  group.settle();
  CHECK(group.applied(2).size() == 20);
}

TEST_CASE("Nothing is forwarded to a leader that is not connected", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.node(2).on_peer({NodeId{1}, PeerState::disconnected});

  const auto answer = group.propose(2, "a");
  group.settle();
  CHECK(answer->count == 0);
  CHECK(group.applied(1).empty());

  group.node(2).on_peer({NodeId{1}, PeerState::connected});
  group.settle();
  CHECK(answer->count == 1);
  CHECK(answer->result == "did a");
}

TEST_CASE("An impostor that is turned away does not cut a follower off from its leader",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.node(2).on_peer({NodeId{1}, PeerState::rejected, Errc::store_mismatch});

  const auto answer = group.propose(2, "a");
  group.settle();

  CHECK(answer->count == 1);
}

TEST_CASE("A restarted node does not ask to read under the names it used before", "[driver]") {
  const auto first_read = [](std::uint64_t incarnation) {
    DriverGroup group(
        {.tune = [=](driver::DriverOptions& options) { options.incarnation = incarnation; }});
    group.elect(1);
    group.hold(2, Port::network);
    group.read(2);
    group.settle();
    const auto requests = sent<ReadIndexRequest>(group, 2);
    REQUIRE(requests.size() == 1);
    return std::get<ReadIndexRequest>(requests[0].message).read;
  };
  const ReadId before = first_read(1);
  const ReadId after = first_read(2);
  CHECK((before.value - after.value) + (1 << 20) > (2 << 20));  // not even close
}

TEST_CASE("Nobody speaks in another node's name", "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::network);

  group.node(2).receive({{}, NodeId{3}, NodeId{2}, Term{0}, ReadIndexRequest{ReadId{7}}});
  group.settle();

  CHECK(sent<ReadIndexRequest>(group, 2).empty());
}

namespace {

/// Node 3's disk is held; node 1 leads a term that node 3 knows of but has not stored.
void leave_term_unstored_at_3(DriverGroup& group) {
  group.hold(3, Port::disk);
  group.elect(1);
  REQUIRE(group.node(3).term() == group.node(1).term());
  group.hold(3, Port::network);
}

}  // namespace

TEST_CASE("An answer to a forwarded proposal waits for the term to be durable", "[driver]") {
  DriverGroup group({});
  leave_term_unstored_at_3(group);
  group.ports(3).sent.clear();

  group.node(3).receive(
      {{}, NodeId{2}, NodeId{3}, Term{0}, ProposeRequest{{2, 1}, {{EntryType::normal, {}}}}});
  group.settle();
  CHECK(sent<ProposeResponse>(group, 3).empty());

  group.resume(3, Port::disk);
  group.settle();
  CHECK(sent<ProposeResponse>(group, 3).size() == 1);
}

TEST_CASE("Of the withheld answers to heartbeats only the latest is kept", "[driver]") {
  DriverGroup group({});
  group.hold(3, Port::disk);
  group.elect(1);
  group.tick(1, 30);
  REQUIRE(group.node(1).soft_state().role == Role::leader);
  group.hold(3, Port::network);
  group.ports(3).sent.clear();

  group.resume(3, Port::disk);
  group.settle();

  CHECK(sent<HeartbeatResponse>(group, 3).size() == 1);
}

TEST_CASE("What was withheld for a peer is dropped when the connection to it breaks", "[driver]") {
  DriverGroup group({});
  group.hold(3, Port::disk);
  group.elect(1);
  group.tick(1, 3);
  group.hold(3, Port::network);
  group.ports(3).sent.clear();

  group.node(3).on_peer({NodeId{1}, PeerState::disconnected});
  group.resume(3, Port::disk);
  group.settle();

  CHECK(sent<HeartbeatResponse>(group, 3).empty());
}

TEST_CASE("A message that waits for no write does not wait for the disk", "[driver]") {
  DriverGroup group({});
  for (const std::uint64_t id : {1U, 2U, 3U})
    group.hold(id, Port::disk);

  group.tick(1, 20);

  CHECK(group.node(1).soft_state().role == Role::candidate);  // the pre-votes have come
}

TEST_CASE("A promise is kept behind the writes before it even if it needs none itself",
          "[driver]") {
  DriverGroup group({});
  group.elect(1);
  group.hold(2, Port::disk);
  group.propose(1, "a");
  group.settle();
  group.hold(2, Port::network);
  group.ports(2).sent.clear();
  const RaftStatus leader = group.node(1).status();

  // A repeated append: there is nothing to write, but what it acknowledges is not durable yet.
  group.node(2).receive({{},
                         NodeId{1},
                         NodeId{2},
                         leader.term,
                         AppendRequest{{leader.term, leader.last}, leader.commit, {}}});
  group.settle();
  CHECK(sent<AppendResponse>(group, 2).empty());

  group.resume(2, Port::disk);
  group.settle();
  CHECK_FALSE(sent<AppendResponse>(group, 2).empty());
}

TEST_CASE("A candidate waits for its own vote to be durable however long that takes", "[driver]") {
  DriverGroup group({});
  group.hold(1, Port::disk);
  group.tick(1, 20);
  REQUIRE(group.node(1).soft_state().role == Role::candidate);
  const Term term = group.node(1).term();

  group.tick(1, 200);
  CHECK(group.node(1).term() == term);
  CHECK(group.node(1).soft_state().role == Role::candidate);

  group.resume(1, Port::disk);
  group.settle();
  CHECK(group.node(1).soft_state().role == Role::leader);
}

TEST_CASE("A voter does not campaign while its vote is being written", "[driver]") {
  DriverGroup group({});
  group.hold(2, Port::disk);
  group.hold(3, Port::disk);
  group.tick(1, 20);
  REQUIRE(group.node(1).soft_state().role == Role::candidate);

  group.tick(2, 200);
  CHECK(group.node(2).soft_state().role == Role::follower);

  group.resume(2, Port::disk);
  group.settle();
  CHECK(group.node(1).soft_state().role == Role::leader);
}
