#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

std::vector<std::uint64_t> terms_of(const std::map<Index, Entry>& log) {
  std::vector<std::uint64_t> terms;
  for (const auto& [index, entry] : log)
    terms.push_back(entry.id.term.value);
  return terms;
}

}  // namespace

TEST_CASE("A new leader appends an empty entry of its term and sends it to all",
          "[core][commit][thesis:6.4][b64]") {
  CoreBench bench(
      {.term = 2, .log = {1, 2}, .tune = [](RaftOptions& options) { options.pre_vote = false; }});
  bench.node().campaign();
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 3, VoteResponse{VoteKind::election, true}));
  const Ready ready = bench.take();

  const auto appends = CoreBench::only<AppendRequest>(ready.send_now);
  REQUIRE(appends.size() == 2);
  for (const AppendRequest& append : appends) {
    CHECK(append.previous == at(2, 3));
    REQUIRE(append.entries.size() == 1);
    CHECK(append.entries[0] == Entry{at(3, 4), EntryType::normal, {}});
  }
  REQUIRE(ready.persist);
  CHECK(ready.persist->append.size() == 1);
}

TEST_CASE("A proposal is sent at once, before it is durable here",
          "[core][commit][thesis:10.2.1][b65]") {
  CoreBench bench;
  bench.lead_all();

  const auto outcome = bench.propose("a");
  const Ready ready = bench.take();

  REQUIRE(outcome);
  CHECK(outcome->first == at(2, 3));
  const auto appends = CoreBench::only<AppendRequest>(ready.send_now);
  REQUIRE(appends.size() == 2);
  CHECK(appends[0].previous == at(2, 2));
  CHECK(appends[0].commit == Index{2});
  CHECK(appends[0].entries[0].payload == Bytes::copy_of("a"));
}

TEST_CASE("An entry is committed when a majority holds it", "[core][commit][thesis:3.5][b87]") {
  const std::size_t size = GENERATE(1U, 2U, 3U, 4U, 5U, 7U);
  CoreBench bench({.voters = size});
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  bench.run();

  const std::size_t others_needed = size / 2;
  for (std::size_t voter = 2; voter < 2 + others_needed; ++voter) {
    CHECK(bench.status().commit == Index{2});
    bench.acknowledge(voter, 3);
  }

  CHECK(bench.status().commit == Index{3});
  CHECK(commands(bench.applied) == std::vector<std::string>{"a"});
}

TEST_CASE("A leader does not commit an older term's entry by counting replicas",
          "[core][commit][thesis:3.6.2][b88][b89]") {
  // The paper's figure 8: node 1 leads term 4 and has brought its entry of term 2 to a majority.
  // Node 5 with an entry of term 3 could still be elected and overwrite it.
  CoreBench bench({.voters = 5, .term = 3, .log = {2}});
  bench.lead();
  REQUIRE(bench.status().last == Index{3});

  bench.acknowledge(2, 2);
  bench.acknowledge(3, 2);
  bench.acknowledge(4, 2);
  CHECK(bench.status().commit == Index{1});
  CHECK(bench.applied.empty());

  bench.acknowledge(2, 3);
  bench.acknowledge(3, 3);
  CHECK(bench.status().commit == Index{3});
  CHECK(commands(bench.applied) == std::vector<std::string>{"2/2"});
}

TEST_CASE("The leader's own copy counts once it is durable", "[core][commit][thesis:10.2.1][b80]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  Ready ready = bench.take();

  CHECK(bench.progress(1).match == Index{2});
  REQUIRE(bench.receive(2, 2, AppendResponse{Index{3}, std::nullopt}));
  CHECK(bench.status().commit == Index{2});
  bench.persist(*std::move(ready.persist));

  CHECK(bench.status().commit == Index{3});
}

TEST_CASE("A majority without the leader's own copy commits too", "[core][commit][thesis:10.2.1]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  Ready ready = bench.take();

  REQUIRE(bench.receive(2, 2, AppendResponse{Index{3}, std::nullopt}));
  REQUIRE(bench.receive(3, 2, AppendResponse{Index{3}, std::nullopt}));

  CHECK(bench.status().commit == Index{3});
  CHECK(bench.take().apply.empty());  // it is not durable here
  bench.persist(*std::move(ready.persist));
  CHECK(commands(bench.take().apply) == std::vector<std::string>{"a"});
}

TEST_CASE("A leader's acknowledgement to itself is void in a later term",
          "[core][commit][b80][b122]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("lost"));
  Ready old = bench.take();
  REQUIRE(bench.receive(2, 3, append_of(at(2, 2), {})));  // another leader, which lacks the entry
  REQUIRE(bench.receive(2, 3, append_of(at(2, 2), {3})));
  Ready replacing = bench.take();

  bench.persist(*std::move(old.persist));

  CHECK(bench.status().stable == Index{2});
  CHECK(bench.status().commit == Index{2});
  bench.persist(*std::move(replacing.persist));
  CHECK(bench.status().stable == Index{3});
}

TEST_CASE("The commit index reaches the followers", "[core][commit][thesis:3.5][b90]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  bench.run();
  bench.take_sent();

  bench.acknowledge(2, 3);

  const auto sent = bench.take_sent();
  for (const std::uint64_t peer : {2U, 3U}) {
    const auto appends = CoreBench::only<AppendRequest>(sent, peer);
    REQUIRE_FALSE(appends.empty());
    CHECK(appends.back().commit == Index{3});
  }
}

TEST_CASE("Any log of the paper's figure 7 is brought into line",
          "[core][commit][thesis:3.5][b24][b66]") {
  const std::vector<std::uint64_t> leader_log = {1, 1, 4, 4, 5, 5, 6, 6, 6};
  const auto follower_log = GENERATE(std::vector<std::uint64_t>{1, 1, 4, 4, 5, 5, 6, 6},
                                     std::vector<std::uint64_t>{1, 1, 4},
                                     std::vector<std::uint64_t>{1, 1, 4, 4, 5, 5, 6, 6, 6, 6},
                                     std::vector<std::uint64_t>{1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},
                                     std::vector<std::uint64_t>{1, 1, 4, 4, 4, 4},
                                     std::vector<std::uint64_t>{1, 1, 2, 2, 2, 3, 3, 3, 3, 3});
  CoreGroup group({.logs = {{1, leader_log}, {2, follower_log}}, .term = 7});
  group.cut(1, 3);

  group.node(1).campaign();
  group.settle();
  group.heal();
  group.elect(1);
  group.tick(1, 2);
  group.propose(1, "a");
  group.settle();

  std::vector<std::uint64_t> expected = leader_log;
  expected.insert(expected.end(), {8, 8});
  REQUIRE(group.node(1).status().role == Role::leader);
  CHECK(terms_of(group.member(1).disk) == expected);
  CHECK(terms_of(group.member(2).disk) == expected);
  CHECK(terms_of(group.member(3).disk) == expected);
  CHECK(group.member(2).applied == group.member(1).applied);
  CHECK(group.member(3).applied == group.member(1).applied);
}
