#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

/// A leader of term 3 that holds only its newest entries in memory. The log, from index 1:
/// 1 2 2 2 2, and 3 at index 6.
CoreBench forgetful_leader() {
  InitialState initial = bootstrapped(voters(3));
  initial.hard_state = {Term{2}, std::nullopt, Index{5}};
  initial.applied = Index{5};
  initial.older_terms = {{Index{2}, Term{2}}};
  initial.entries = entries_of(5, {2});
  CoreBench bench({.id = NodeId{1}, .max_append_bytes = 100}, std::move(initial));
  bench.lead();
  return bench;
}

AppendResponse refused(std::uint64_t index, EntryId hint) {
  return {Index{index}, AppendResponse::Rejection{hint}};
}

}  // namespace

TEST_CASE("Entries that are no longer in memory are asked for", "[core][fetch][b124]") {
  CoreBench bench = forgetful_leader();

  bench.answer(2, refused(5, at(1, 1)));

  REQUIRE(bench.fetches.size() == 1);
  CHECK(bench.fetches[0] == FetchRequest{bench.fetches[0].id, NodeId{2}, Index{2}, Index{6}, 100});
  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("What was fetched is sent", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.answer(2, refused(5, at(1, 1)));

  bench.node().fetched(bench.fetches[0].id, entries_of(2, {2, 2}));
  bench.run();

  const auto appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].previous == at(1, 1));
  CHECK(appends[0].entries.size() == 2);

  bench.acknowledge(2, 3);
  REQUIRE(bench.fetches.size() == 2);  // the rest
  CHECK(bench.fetches[1].first == Index{4});
}

TEST_CASE("While entries are being read for a member nothing else is sent to it", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.answer(2, refused(5, at(1, 1)));

  REQUIRE(bench.propose("a"));
  bench.run();
  bench.answer(2, HeartbeatResponse{});

  CHECK(bench.fetches.size() == 1);
  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("If the entries are gone the member gets the snapshot", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.node().snapshot_available({at(2, 4), voters(3)});
  bench.answer(2, refused(5, at(1, 1)));

  bench.node().fetch_failed(bench.fetches[0].id);
  bench.run();

  CHECK(bench.take_sent<SnapshotRequest>(2).size() == 1);
}

TEST_CASE("A member that holds more than the snapshot does not get it", "[core][fetch]") {
  // It was asked to go back, and then an older acknowledgement came in. Sent the snapshot, it would
  // count as a member that is behind what it has acknowledged.
  CoreBench bench = forgetful_leader();
  bench.node().snapshot_available({at(2, 4), voters(3)});
  bench.answer(2, refused(5, at(1, 1)));
  bench.acknowledge(2, 5);

  bench.node().fetch_failed(bench.fetches[0].id);
  bench.run();
  CHECK(bench.progress(2).match < bench.progress(2).next);
  CHECK(bench.take_sent().empty());

  bench.answer(2, HeartbeatResponse{});
  const auto appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].previous == at(2, 5));
}

TEST_CASE("What was read for another moment is not sent", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.answer(2, refused(5, at(1, 1)));
  const FetchId id = bench.fetches[0].id;
  std::vector<Entry> entries = entries_of(2, {2, 2});

  SECTION("nobody asked for it") {
    bench.node().fetched(FetchId{id.value + 1}, std::move(entries));
  }
  SECTION("the member has moved on") {
    bench.acknowledge(2, 6);
    bench.node().fetched(id, std::move(entries));
  }
  SECTION("this node leads no more") {
    REQUIRE(bench.receive(3, 9, HeartbeatRequest{}));
    bench.node().fetched(id, std::move(entries));
  }
  SECTION("it is not what this leader's log holds") {
    bench.node().fetched(id, entries_of(2, {1, 1}));
  }
  bench.run();

  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("A slow follower is served from the disk", "[core][fetch][b125]") {
  CoreGroup group({.tune = [](RaftOptions& options) { options.log_window_bytes = 1; }});
  group.elect(1);
  group.isolate(3);
  for (const char* command : {"a", "b", "c", "d"}) {
    group.propose(1, command);
    group.settle();
  }

  group.heal();
  group.tick(1, 2);

  CHECK_FALSE(group.member(1).fetched.empty());
  CHECK(group.member(3).snapshots_received == 0);
  CHECK(commands(group.member(3).applied) == std::vector<std::string>{"a", "b", "c", "d"});
}

TEST_CASE("Compaction forgets entries, not where the log stands", "[core][fetch][b126]") {
  CoreBench bench({.term = 3, .log = {2, 2, 3, 3}, .commit = 5});
  bench.run();

  bench.node().compact(Index{3});
  CHECK(bench.status().first == Index{4});
  CHECK(bench.status().last == Index{5});
  REQUIRE(bench.receive(2, 3, append_of(at(3, 5), {3}, 5)));
  CHECK(bench.status().last == Index{6});

  bench.node().compact(Index{2});  // an old one
  CHECK(bench.status().first == Index{4});
  bench.run();
  bench.node().compact(Index{5});
  bench.lead();
  CHECK(bench.status().last == Index{7});
}

TEST_CASE("An answer without entries is no answer: the leader asks again", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.answer(2, refused(5, at(1, 1)));

  bench.node().fetched(bench.fetches[0].id, {});
  bench.run();

  CHECK(bench.take_sent<AppendRequest>(2).empty());
  REQUIRE(bench.fetches.size() == 2);
  CHECK(bench.fetches[1].first == Index{2});
}

TEST_CASE("Answers to what nobody asked for change nothing", "[core][fetch]") {
  CoreBench bench = forgetful_leader();
  bench.run();
  bench.take_sent();

  bench.node().fetched(FetchId{77}, entries_of(2, {2}));
  bench.node().fetch_failed(FetchId{77});
  bench.run();

  CHECK(bench.take_sent().empty());
  CHECK(bench.fetches.empty());
}
