#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

Errc refusal(const Result<ProposeOutcome>& outcome) {
  return outcome ? Errc{} : static_cast<Errc>(outcome.error().code().value());
}

SmallVector<Proposal, 1> proposals(std::initializer_list<const char*> commands) {
  SmallVector<Proposal, 1> made;
  for (const char* command : commands)
    made.push_back({EntryType::normal, Bytes::copy_of(command)});
  return made;
}

constexpr std::size_t kSize = 100;
void small_quota(RaftOptions& options) {
  options.max_uncommitted_bytes = 2 * (kSize + Entry::kOverheadBytes);
}
const std::string kCommand(kSize, 'c');

}  // namespace

TEST_CASE("Proposals of one call get consecutive places", "[core][propose]") {
  CoreBench bench;
  bench.lead_all();

  const auto outcome = bench.node().propose(proposals({"a", "b", "c"}));
  bench.run();
  bench.acknowledge(2, 5);

  REQUIRE(outcome);
  CHECK(outcome->first == at(2, 3));
  CHECK(commands(bench.applied) == std::vector<std::string>{"a", "b", "c"});
}

TEST_CASE("A follower passes proposals on to its leader, with their tag", "[core][propose][b62]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  const auto outcome = bench.node().propose(proposals({"a"}), ForwardTag{5, 6});
  bench.run();

  REQUIRE(outcome);
  CHECK(outcome->first == std::nullopt);
  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] ==
        Envelope{
            {}, NodeId{1}, NodeId{2}, Term{0}, ProposeRequest{ForwardTag{5, 6}, proposals({"a"})}});
}

TEST_CASE("A proposal that comes to a former leader goes on to its successor for its origin",
          "[core][propose]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(3, 0, ProposeRequest{ForwardTag{5, 6}, proposals({"a"})}));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0].from == NodeId{3});
  CHECK(sent[0].to == NodeId{2});
}

TEST_CASE("A forwarded proposal is appended by the leader", "[core][propose]") {
  CoreGroup group({});
  group.elect(1);

  group.propose(3, "a");
  group.settle();

  for (const std::uint64_t id : {1U, 2U, 3U})
    CHECK(commands(group.member(id).applied) == std::vector<std::string>{"a"});
}

TEST_CASE("Without a leader a proposal is an error", "[core][propose][b62]") {
  CoreBench bench;
  CHECK(refusal(bench.propose("a")) == Errc::no_leader);

  bench.node().campaign();
  bench.run();
  CHECK(refusal(bench.propose("a")) == Errc::no_leader);
  CHECK(bench.status().last == Index{1});
}

TEST_CASE("With forwarding off a follower refuses proposals", "[core][propose][b62]") {
  CoreBench bench({.tune = [](RaftOptions& options) { options.forward_proposals = false; }});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));

  CHECK(refusal(bench.propose("a")) == Errc::not_leader);

  bench.run();
  CHECK(bench.take_sent<ProposeRequest>().empty());
}

TEST_CASE("Proposing nothing is an error", "[core][propose]") {
  CoreBench bench;
  bench.lead_all();

  CHECK(refusal(bench.node().propose({})) == Errc::invalid_argument);
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("A leader with too much that waits refuses proposals until something is applied",
          "[core][propose][b139]") {
  CoreBench bench({.tune = small_quota});
  bench.lead_all();
  bench.applies = false;
  REQUIRE(bench.propose(kCommand));
  REQUIRE(bench.propose(kCommand));
  CHECK(refusal(bench.propose(kCommand)) == Errc::overloaded);
  CHECK(bench.status().last == Index{4});

  bench.run();
  bench.acknowledge(2, 4);
  CHECK(refusal(bench.propose(kCommand)) == Errc::overloaded);  // committed, but not applied
  bench.node().applied(Index{3});

  CHECK(refusal(bench.propose(kCommand)) == Errc{});
}

TEST_CASE("The bound on what waits holds while the leader is cut off", "[core][propose][b139]") {
  CoreBench bench({.tune = small_quota});
  bench.lead_all();

  for (int proposal = 0; proposal < 100; ++proposal)
    static_cast<void>(bench.propose(kCommand));
  bench.run();

  CHECK(bench.status().last == Index{4});
}

TEST_CASE("A proposal over the whole limit passes when nothing waits", "[core][propose][b139]") {
  CoreBench bench({.tune = small_quota});
  bench.lead_all();

  CHECK(refusal(bench.propose(std::string(10 * kSize, 'x'))) == Errc{});
  CHECK(refusal(bench.propose("y")) == Errc::overloaded);
}

TEST_CASE("An empty proposal always passes", "[core][propose][b139]") {
  CoreBench bench({.tune = small_quota});
  bench.lead_all();
  REQUIRE(bench.propose(std::string(10 * kSize, 'x')));

  CHECK(refusal(bench.propose("")) == Errc{});
}

TEST_CASE("The answer to a forwarded proposal is not for the core", "[core][propose][b8]") {
  CoreBench bench;

  const auto taken = bench.receive(2, 1, ProposeResponse{});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::not_supported);
}

TEST_CASE("A single voter commits its proposals once they are durable", "[core][propose]") {
  CoreBench bench({.voters = 1});
  bench.lead();

  REQUIRE(bench.propose("a"));
  Ready ready = bench.take();
  CHECK(ready.send_now.empty());
  CHECK(bench.status().commit == Index{2});
  bench.persist(*std::move(ready.persist));
  bench.run();

  CHECK(bench.status().commit == Index{3});
  CHECK(commands(bench.applied) == std::vector<std::string>{"a"});
}
