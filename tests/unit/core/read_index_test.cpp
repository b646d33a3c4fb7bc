#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

using Reads = std::vector<ReadReady>;

/// Lets a member confirm the newest read round that it was told of.
void confirm(CoreBench& bench, std::uint64_t from, std::uint64_t round) {
  bench.answer(from, HeartbeatResponse{round});
}

std::uint64_t newest_round(CoreBench& bench) {
  bench.run();
  const auto heartbeats = bench.take_sent<HeartbeatRequest>(2);
  REQUIRE_FALSE(heartbeats.empty());
  return heartbeats.back().read_round;
}

}  // namespace

TEST_CASE("A leader answers a read when a majority has confirmed its leadership since",
          "[core][read][thesis:6.4][b134]") {
  CoreBench bench({.voters = 5});
  bench.lead_all();

  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t round = newest_round(bench);
  confirm(bench, 2, round);
  confirm(bench, 2, round);
  CHECK(bench.reads.empty());
  confirm(bench, 4, round);

  CHECK(bench.reads == Reads{{ReadId{7}, Index{2}}});
}

TEST_CASE("A read is answered with the commit index of the moment it was asked",
          "[core][read][thesis:6.4][b134]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t round = newest_round(bench);

  REQUIRE(bench.propose("a"));
  bench.run();
  bench.acknowledge(2, 3);
  REQUIRE(bench.status().commit == Index{3});
  confirm(bench, 2, round);

  CHECK(bench.reads == Reads{{ReadId{7}, Index{2}}});
}

TEST_CASE("A confirmation from before the read does not count", "[core][read][thesis:6.4][b137]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t old_round = newest_round(bench);
  REQUIRE(bench.node().read_index(ReadId{8}));
  const std::uint64_t round = newest_round(bench);
  REQUIRE(round > old_round);

  confirm(bench, 3, 0);  // of a heartbeat that asked for nothing
  CHECK(bench.reads.empty());
  confirm(bench, 2, old_round);
  CHECK(bench.reads == Reads{{ReadId{7}, Index{2}}});
  confirm(bench, 3, round);

  CHECK(bench.reads == Reads{{ReadId{7}, Index{2}}, {ReadId{8}, Index{2}}});
}

TEST_CASE("A new round confirms all reads before it, in order", "[core][read]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{9}));
  REQUIRE(bench.node().read_index(ReadId{4}));
  const std::uint64_t round = newest_round(bench);

  confirm(bench, 3, round);

  CHECK(bench.reads == Reads{{ReadId{9}, Index{2}}, {ReadId{4}, Index{2}}});
}

TEST_CASE("Ordinary heartbeats repeat the round of a read that waits", "[core][read][b138]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t round = newest_round(bench);

  bench.tick(1);
  CHECK(newest_round(bench) == round);
  confirm(bench, 2, round);
  bench.tick(1);

  CHECK(newest_round(bench) == 0);
}

TEST_CASE("A new leader postpones reads until it has committed an entry of its term",
          "[core][read][thesis:6.4][b136]") {
  CoreBench bench({.term = 2, .log = {2}});
  bench.lead();

  REQUIRE(bench.node().read_index(ReadId{7}));
  bench.run();
  CHECK(bench.take_sent<HeartbeatRequest>().empty());
  bench.acknowledge(2, 3);
  REQUIRE(bench.status().commit == Index{3});
  confirm(bench, 2, newest_round(bench));

  CHECK(bench.reads == Reads{{ReadId{7}, Index{3}}});
}

TEST_CASE("A deposed leader answers no read", "[core][read][b137]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t round = newest_round(bench);

  REQUIRE(bench.receive(3, 5, HeartbeatRequest{}));
  REQUIRE(bench.receive(2, 2, HeartbeatResponse{round}));
  REQUIRE(bench.receive(2, 5, HeartbeatResponse{round}));
  bench.run();

  CHECK(bench.reads.empty());
}

TEST_CASE("A leader that is elected again starts its read rounds anew", "[core][read][b137]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  const std::uint64_t old_round = newest_round(bench);
  REQUIRE(bench.receive(3, 3, append_of(at(2, 2), {3}, 3)));
  bench.run();
  bench.tick(10);
  bench.lead();
  bench.acknowledge(2, 4);
  bench.acknowledge(3, 4);
  bench.take_sent();

  REQUIRE(bench.node().read_index(ReadId{8}));
  bench.run();
  REQUIRE(bench.receive(2, 2, HeartbeatResponse{old_round}));
  bench.run();

  CHECK(bench.reads.empty());
}

TEST_CASE("A single voter answers a read at once", "[core][read]") {
  CoreBench bench({.voters = 1});
  bench.lead();

  REQUIRE(bench.node().read_index(ReadId{7}));
  bench.run();

  CHECK(bench.reads == Reads{{ReadId{7}, Index{2}}});
}

TEST_CASE("A follower asks its leader, and hands out the answer",
          "[core][read][thesis:6.4][b134]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.node().read_index(ReadId{7}));
  bench.run();
  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{1}, NodeId{2}, Term{0}, ReadIndexRequest{ReadId{7}}});
  bench.answer(2, ReadIndexResponse{ReadId{7}, Index{5}});

  CHECK(bench.reads == Reads{{ReadId{7}, Index{5}}});
}

TEST_CASE("A leader answers a read to whoever asked", "[core][read][b134]") {
  CoreBench bench;
  bench.lead_all();

  REQUIRE(bench.receive(3, 0, ReadIndexRequest{ReadId{7}}));
  confirm(bench, 2, newest_round(bench));

  CHECK(bench.reads.empty());
  CHECK(bench.take_sent<ReadIndexResponse>(3) ==
        std::vector{ReadIndexResponse{ReadId{7}, Index{2}}});
}

TEST_CASE("A deposed leader passes a read on to its successor, for the one who asked",
          "[core][read][b138]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(3, 0, ReadIndexRequest{ReadId{7}}));
  bench.run();

  const auto sent = bench.take_sent();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == Envelope{{}, NodeId{3}, NodeId{2}, Term{0}, ReadIndexRequest{ReadId{7}}});
}

TEST_CASE("A read without a leader is an error", "[core][read]") {
  CoreBench bench;

  const auto asked = bench.node().read_index(ReadId{7});
  const auto passed_on = bench.receive(3, 0, ReadIndexRequest{ReadId{7}});

  REQUIRE_FALSE(asked);
  CHECK(asked.error() == Errc::no_leader);
  REQUIRE_FALSE(passed_on);
  CHECK(passed_on.error() == Errc::no_leader);
}

TEST_CASE("Lease reads are answered at once, and hold on to their leader",
          "[core][read][thesis:6.4.1][b41][b135]") {
  const auto leases = [](RaftOptions& options) { options.lease_reads = LeaseReads::by_ticks; };
  CoreBench bench({.tune = leases});
  bench.lead_all();
  REQUIRE(bench.node().read_index(ReadId{7}));
  bench.run();
  CHECK(bench.reads == std::vector<ReadReady>{{ReadId{7}, Index{2}}});

  bench.node().transfer_leadership(NodeId{2});  // it may win at any time now
  bench.run();
  bench.tick(RaftOptions{}.election_timeout_ticks - 1);
  bench.reads.clear();
  REQUIRE(bench.node().read_index(ReadId{8}));
  bench.run();
  CHECK(bench.reads.empty());
  const auto round = bench.take_sent<HeartbeatRequest>(3).back().read_round;
  bench.answer(3, HeartbeatResponse{round});
  CHECK(bench.reads.size() == 1);

  CoreBench follower({.tune = leases});
  REQUIRE(follower.receive(2, 1, HeartbeatRequest{}));
  follower.node().forget_leader();
  CHECK(follower.status().leader == NodeId{2});

  RaftOptions options{.id = NodeId{1}};
  options.lease_reads = LeaseReads::by_ticks;
  options.check_quorum = false;
  CHECK(options.validate().error() == Errc::invalid_option);
}

namespace {

CoreBench leader_with_clock() {
  CoreBench bench(
      {.tune = [](RaftOptions& options) { options.lease_reads = LeaseReads::by_clock; }});
  bench.lead_all();
  return bench;
}

/// The round of the heartbeats that are due now.
std::uint64_t next_round(CoreBench& bench) {
  bench.tick(RaftOptions{}.heartbeat_interval_ticks);
  bench.run();
  return bench.take_sent<HeartbeatRequest>(2).at(0).read_round;
}

bool is_answered_at_once(CoreBench& bench, std::uint64_t read) {
  bench.reads.clear();
  REQUIRE(bench.node().read_index(ReadId{read}));
  bench.run();
  return bench.reads == std::vector<ReadReady>{{ReadId{read}, bench.status().commit}};
}

}  // namespace

TEST_CASE("For a lease by the clock it is told which round of heartbeats a quorum has answered",
          "[core][read][thesis:6.4.1]") {
  CoreBench bench = leader_with_clock();
  const std::uint64_t first = next_round(bench);
  const std::uint64_t second = next_round(bench);
  CHECK(first > 0);
  CHECK(second > first);

  const auto confirmed_after = [&](std::uint64_t round) {
    REQUIRE(bench.receive(2, bench.status().term.value, HeartbeatResponse{round}));
    const bool has_ready = bench.node().has_ready();
    const std::uint64_t confirmed = bench.take().confirmed_round;
    CHECK(has_ready == (confirmed > 0));
    return confirmed;
  };
  CHECK(confirmed_after(first) == first);
  CHECK(confirmed_after(first) == 0);  // nothing new
  CHECK(confirmed_after(second) == second);
  CHECK(confirmed_after(second + 1) == 0);  // not asked yet
}

TEST_CASE("A round that one of five has answered is not confirmed", "[core][read][thesis:6.4.1]") {
  CoreBench bench({.voters = 5, .tune = [](RaftOptions& options) {
                     options.lease_reads = LeaseReads::by_clock;
                   }});
  bench.lead_all();
  const std::uint64_t round = next_round(bench);

  REQUIRE(bench.receive(2, bench.status().term.value, HeartbeatResponse{round}));
  CHECK(bench.take().confirmed_round == 0);
  REQUIRE(bench.receive(3, bench.status().term.value, HeartbeatResponse{round}));
  CHECK(bench.take().confirmed_round == round);
}

TEST_CASE("A leader that is a quorum alone confirms no round that it has not begun",
          "[core][read][thesis:6.4.1]") {
  Membership membership = *voters(1);
  membership.learners = {NodeId{2}};
  CoreBench bench(RaftOptions{.id = NodeId{1}, .lease_reads = LeaseReads::by_clock},
                  bootstrapped(std::make_shared<const Membership>(membership)));
  bench.lead();
  const std::uint64_t round = next_round(bench);

  REQUIRE(bench.receive(2, bench.status().term.value, HeartbeatResponse{round}));

  CHECK(bench.take().confirmed_round == round);
}

TEST_CASE("Reads are answered at once while the lease is held, and only then",
          "[core][read][thesis:6.4.1]") {
  CoreBench bench = leader_with_clock();
  CHECK_FALSE(is_answered_at_once(bench, 1));
  bench.node().hold_lease(true);
  CHECK(is_answered_at_once(bench, 2));
  bench.node().hold_lease(false);
  CHECK_FALSE(is_answered_at_once(bench, 3));

  bench.node().hold_lease(true);
  bench.node().transfer_leadership(NodeId{2});  // it may win at any time now
  CHECK_FALSE(is_answered_at_once(bench, 4));
}

TEST_CASE("A lease does not answer before an entry of its term is committed",
          "[core][read][thesis:6.4.1]") {
  CoreBench bench(
      {.tune = [](RaftOptions& options) { options.lease_reads = LeaseReads::by_clock; }});
  bench.lead();
  bench.node().hold_lease(true);
  CHECK_FALSE(is_answered_at_once(bench, 1));
  bench.node().hold_lease(false);  // over, by the time that the entry is committed

  bench.acknowledge(2, bench.status().last.value);

  CHECK(bench.reads.empty());
  bench.answer(2, HeartbeatResponse{bench.take_sent<HeartbeatRequest>(2).back().read_round});
  CHECK(bench.reads.size() == 1);
}

TEST_CASE("A member that took part in a lease does not forget its leader",
          "[core][read][thesis:6.4.1]") {
  CoreBench follower(
      {.tune = [](RaftOptions& options) { options.lease_reads = LeaseReads::by_clock; }});
  REQUIRE(follower.receive(2, 1, HeartbeatRequest{}));

  follower.node().forget_leader();

  CHECK(follower.status().leader == NodeId{2});
}
