#include <algorithm>

#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

AppendResponse agreed(std::uint64_t index) {
  return {Index{index}, std::nullopt};
}
AppendResponse refused(std::uint64_t index, EntryId hint) {
  return {Index{index}, AppendResponse::Rejection{hint}};
}

/// The terms of everything this node wrote, entry by entry, as the next Ready tells.
std::vector<EntryId> ids(const std::vector<Entry>& entries) {
  std::vector<EntryId> found;
  for (const Entry& entry : entries)
    found.push_back(entry.id);
  return found;
}

}  // namespace

TEST_CASE("A follower acknowledges an append with the write that makes it durable",
          "[core][append][thesis:3.8][b130]") {
  CoreBench bench({.term = 2});

  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2})));
  const Ready ready = bench.take();

  CHECK(ready.send_now.empty());
  REQUIRE(ready.persist);
  CHECK(ids(ready.persist->append) == std::vector{at(2, 2), at(2, 3)});
  CHECK(ready.persist->stamp == PersistStamp{Term{2}, at(2, 3)});
  CHECK(ready.persist->truncate_from == std::nullopt);
  CHECK(ready.persist->needs_sync());
  CHECK(CoreBench::only<AppendResponse>(ready.persist->send_after, 2) == std::vector{agreed(3)});
}

TEST_CASE("A follower refuses what does not continue its log and says where it may",
          "[core][append][thesis:3.5][b53][b60]") {
  struct Case {
    EntryId previous;
    EntryId hint;
  };
  // The follower's log, from index 1: 1 1 2 2 4 4.
  const auto [previous, hint] =
      GENERATE(Case{at(3, 6), at(2, 4)},    // all of term 4 cannot match
               Case{at(1, 5), at(1, 2)},    // nor can term 2
               Case{at(5, 6), at(4, 6)},    // what is here may be a prefix of what is there
               Case{at(4, 9), at(4, 6)},    // it ends before
               Case{at(2, 100), at(2, 4)},  // both
               Case{at(0, 3), at(0, 0)});   // below the base nothing is known
  CoreBench bench({.term = 6, .log = {1, 2, 2, 4, 4}});

  REQUIRE(bench.receive(2, 6, append_of(previous, {6})));
  bench.run();

  CAPTURE(previous);
  CHECK(bench.take_sent<AppendResponse>() == std::vector{refused(previous.index.value, hint)});
  CHECK(bench.status().last == Index{6});
}

TEST_CASE("A conflicting entry goes with all that follow it",
          "[core][append][thesis:3.5][b54][b120]") {
  CoreBench bench({.term = 3, .log = {1, 2, 2, 2}});

  REQUIRE(bench.receive(2, 3, append_of(at(1, 1), {1, 3})));
  const Ready ready = bench.take();

  CHECK(bench.status().last == Index{3});
  REQUIRE(ready.persist);
  CHECK(ready.persist->truncate_from == Index{3});
  CHECK(ids(ready.persist->append) == std::vector{at(3, 3)});
  CHECK(CoreBench::only<AppendResponse>(ready.persist->send_after) == std::vector{agreed(3)});
  const bool told = std::any_of(ready.events.begin(), ready.events.end(), [](const Event& event) {
    const auto* replaced = std::get_if<event::SuffixReplaced>(&event);
    return replaced != nullptr && replaced->from == Index{3} && replaced->old_last == Index{5};
  });
  CHECK(told);
}

TEST_CASE("An old append that comes late undoes nothing", "[core][append][thesis:3.5][b55]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2, 2})));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2})));
  const Ready ready = bench.take();

  CHECK(bench.status().last == Index{4});
  REQUIRE(ready.persist);
  CHECK(ready.persist->append.empty());
  CHECK(ready.persist->truncate_from == std::nullopt);
  CHECK(CoreBench::only<AppendResponse>(ready.persist->send_after) == std::vector{agreed(2)});
}

TEST_CASE("A follower commits no further than the append that told it reaches",
          "[core][append][thesis:3.5][b56]") {
  // What it holds behind that may be another leader's.
  CoreBench bench({.term = 3, .log = {1, 2, 2}});

  REQUIRE(bench.receive(2, 3, append_of(at(1, 1), {1}, 4)));
  CHECK(bench.status().commit == Index{2});
  REQUIRE(bench.receive(2, 3, append_of(at(1, 2), {}, 4)));
  CHECK(bench.status().commit == Index{2});
  REQUIRE(bench.receive(2, 3, append_of(at(1, 2), {3, 3}, 3)));
  CHECK(bench.status().commit == Index{3});
}

TEST_CASE("The commit index never goes back", "[core][append][b56][b59]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}, .commit = 3});

  REQUIRE(bench.receive(2, 2, append_of(at(2, 4), {2}, 2)));
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{Index{1}}));

  CHECK(bench.status().commit == Index{3});
}

TEST_CASE("An append behind the commit index is acknowledged with the commit index",
          "[core][append][b58]") {
  CoreBench bench({.term = 2, .log = {2, 2, 2}, .commit = 3});

  REQUIRE(bench.receive(2, 2, append_of(at(1, 2), {2})));
  bench.run();

  CHECK(bench.take_sent<AppendResponse>() == std::vector{agreed(3)});
  CHECK(bench.status().last == Index{4});
}

TEST_CASE("A heartbeat moves the commit index forward and is answered with its read round",
          "[core][append][b59]") {
  CoreBench bench({.term = 2, .log = {2, 2}});

  REQUIRE(bench.receive(2, 2, HeartbeatRequest{Index{2}, 17}));
  const Ready ready = bench.take();

  CHECK(bench.status().commit == Index{2});
  CHECK(CoreBench::only<HeartbeatResponse>(ready.send_now, 2) ==
        std::vector{HeartbeatResponse{17}});
}

TEST_CASE("A heartbeat that knows more to be here than there is, is an error and no commit",
          "[core][append]") {
  CoreBench bench({.term = 2, .log = {2}});

  const auto taken = bench.receive(2, 2, HeartbeatRequest{Index{9}});

  REQUIRE_FALSE(taken);
  CHECK(taken.error() == Errc::corrupt_data);
  CHECK(bench.status().commit == Index{1});
  CHECK(bench.node().violation().empty());
}

TEST_CASE("Committed entries are applied in order, each once", "[core][append][b63]") {
  CoreBench bench({.term = 2});

  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2, 2}, 2)));
  bench.run();
  CHECK(commands(bench.applied) == std::vector<std::string>{"2/2"});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2, 2}, 2)));
  REQUIRE(bench.receive(2, 2, append_of(at(2, 4), {2}, 5)));
  bench.run();

  CHECK(commands(bench.applied) == std::vector<std::string>{"2/2", "2/3", "2/4", "2/5"});
  CHECK(bench.status().applied == Index{5});
}

TEST_CASE("A follower with too much to apply takes no appends but answers heartbeats",
          "[core][append]") {
  CoreBench bench({.term = 2, .tune = [](RaftOptions& options) {
                     options.max_uncommitted_bytes = 2 * (Entry::kOverheadBytes + 3);
                   }});
  bench.applies = false;
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2}, 3)));
  bench.run();
  bench.take_sent();

  REQUIRE(bench.receive(2, 2, append_of(at(2, 3), {2}, 3)));
  REQUIRE(bench.receive(2, 2, HeartbeatRequest{Index{3}, 5}));
  bench.run();
  CHECK(bench.status().last == Index{3});
  const auto sent = bench.take_sent();
  CHECK(CoreBench::only<AppendResponse>(sent).empty());
  CHECK(CoreBench::only<HeartbeatResponse>(sent) == std::vector{HeartbeatResponse{5}});

  bench.node().applied(Index{3});
  REQUIRE(bench.receive(2, 2, append_of(at(2, 3), {2}, 3)));
  CHECK(bench.status().last == Index{4});
}

TEST_CASE("A long uncommitted tail does not keep a follower from taking its leader's entries",
          "[core][append]") {
  // Otherwise a deposed leader with a full quota could never be repaired: nothing of its tail will
  // ever be applied.
  CoreBench bench({.term = 3, .log = {2, 2, 2}, .tune = [](RaftOptions& options) {
                     options.max_uncommitted_bytes = 2 * (Entry::kOverheadBytes + 3);
                   }});

  REQUIRE(bench.receive(2, 3, append_of(at(1, 1), {3})));
  bench.run();

  CHECK(bench.take_sent<AppendResponse>() == std::vector{agreed(2)});
  CHECK(bench.status().last == Index{2});
}

TEST_CASE("A deposed leader's messages do not enter the log", "[core][append][thesis:3.3][b92]") {
  CoreGroup group({.tune = [](RaftOptions& options) { options.check_quorum = false; }});
  group.elect(1);
  group.elect(2);
  group.elect(1);
  const Index last = group.node(1).status().last;

  for (const std::uint64_t id : {1U, 3U})
    group.network().push_back({{}, NodeId{2}, NodeId{id}, Term{3}, append_of(at(3, 3), {3})});
  group.settle();
  CHECK(group.node(3).status().leader == NodeId{1});
  group.propose(1, "a");
  group.settle();

  CHECK(group.node(1).status().last == last + 1);
  for (const std::uint64_t id : {1U, 2U, 3U})
    CHECK(commands(group.member(id).applied) == std::vector<std::string>{"a"});
}
