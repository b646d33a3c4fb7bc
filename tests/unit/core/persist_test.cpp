#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

using Strings = std::vector<std::string>;

std::vector<EntryId> ids(const std::vector<Entry>& entries) {
  std::vector<EntryId> found;
  for (const Entry& entry : entries)
    found.push_back(entry.id);
  return found;
}

Errc refusal(InitialState initial) {
  const auto node = RawNode::create({.id = NodeId{1}}, std::move(initial));
  return node ? Errc{} : static_cast<Errc>(node.error().code().value());
}

}  // namespace

TEST_CASE("Writes complete in the order of their hand-out; anything else stops the node",
          "[core][persist]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2})));
  const Ready first = bench.take();
  REQUIRE(bench.receive(2, 2, append_of(at(2, 2), {2})));
  const Ready second = bench.take();
  REQUIRE(first.persist->id < second.persist->id);

  SECTION("in order") {
    bench.node().persisted(first.persist->id);
    CHECK(bench.status().stable == Index{2});
    bench.node().persisted(second.persist->id);
    CHECK(bench.status().stable == Index{3});
    CHECK(bench.node().violation().empty());
  }
  SECTION("out of order") {
    bench.node().persisted(second.persist->id);
    CHECK_THAT(bench.node().violation(), Catch::Contains("INV-WRITES-COMPLETE-IN-ORDER"));
    CHECK_FALSE(bench.node().has_ready());
    CHECK_FALSE(bench.propose("a"));
    CHECK(std::holds_alternative<event::InvariantViolated>(bench.take().events.at(0)));
  }
}

TEST_CASE("An old write does not vouch for a later leader's entry with the same id",
          "[core][persist][b122]") {
  // The entry was written, replaced, and appended again; the write that completes is the first one,
  // and the disk holds the replacement by the time that the second one is lost.
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2})));
  Ready first = bench.take();
  REQUIRE(bench.receive(3, 3, append_of(at(1, 1), {3})));
  Ready second = bench.take();
  REQUIRE(bench.receive(2, 4, append_of(at(1, 1), {2}, 2)));
  Ready third = bench.take();
  REQUIRE(bench.status().last == Index{2});

  bench.persist(*std::move(first.persist));
  CHECK(bench.status().stable == Index{1});
  CHECK(bench.take().apply.empty());
  bench.persist(*std::move(second.persist));
  CHECK(bench.status().stable == Index{1});
  bench.persist(*std::move(third.persist));

  CHECK(bench.status().stable == Index{2});
  CHECK(commands(bench.take().apply) == Strings{"2/2"});
}

TEST_CASE("A write of this term does not vouch for what replaced its entries",
          "[core][persist][b121]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2, 2})));
  Ready first = bench.take();
  REQUIRE(bench.receive(3, 3, HeartbeatRequest{}));
  Ready second = bench.take();
  REQUIRE(second.persist);
  REQUIRE(second.persist->stamp == PersistStamp{Term{3}, at(2, 4)});
  REQUIRE(bench.receive(3, 3, append_of(at(1, 1), {3, 3, 3}, 4)));
  Ready third = bench.take();

  bench.persist(*std::move(first.persist));
  bench.persist(*std::move(second.persist));
  CHECK(bench.status().stable == Index{1});
  CHECK(bench.take().apply.empty());
  bench.persist(*std::move(third.persist));

  CHECK(bench.status().stable == Index{4});
}

TEST_CASE("A new term's write vouches for older entries that were under way", "[core][persist]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2})));
  Ready first = bench.take();
  REQUIRE(bench.receive(3, 3, HeartbeatRequest{}));
  Ready second = bench.take();
  REQUIRE(second.persist);
  CHECK(second.persist->append.empty());
  CHECK(second.persist->stamp == PersistStamp{Term{3}, at(2, 2)});

  bench.persist(*std::move(first.persist));
  CHECK(bench.status().stable == Index{1});
  bench.persist(*std::move(second.persist));

  CHECK(bench.status().stable == Index{2});
}

TEST_CASE("Entries that replace some under way are handed out for writing, with what goes",
          "[core][persist][b120]") {
  CoreBench bench({.term = 2});
  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2, 2})));
  bench.take();

  REQUIRE(bench.receive(3, 3, append_of(at(2, 2), {3})));
  const Ready ready = bench.take();

  REQUIRE(ready.persist);
  CHECK(ready.persist->truncate_from == Index{3});
  CHECK(ids(ready.persist->append) == std::vector{at(3, 3)});
}

TEST_CASE("With asynchronous storage committed entries wait until they are durable here",
          "[core][persist][b131]") {
  CoreBench bench({.term = 2});

  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2}, 3)));
  Ready ready = bench.take();
  CHECK(bench.status().commit == Index{3});
  CHECK(ready.apply.empty());
  CHECK_FALSE(bench.node().has_ready());
  bench.persist(*std::move(ready.persist));

  CHECK(commands(bench.take().apply) == Strings{"2/2", "2/3"});
}

TEST_CASE("With synchronous storage committed entries come along with their write",
          "[core][persist]") {
  CoreBench bench({.term = 2, .tune = [](RaftOptions& options) {
                     options.storage_mode = StorageMode::synchronous;
                   }});

  REQUIRE(bench.receive(2, 2, append_of(at(1, 1), {2, 2}, 3)));
  const Ready ready = bench.take();

  CHECK(ready.persist->append.size() == 2);
  CHECK(commands(ready.apply) == Strings{"2/2", "2/3"});
}

TEST_CASE("A commit index alone is written but need not be synced", "[core][persist][b130]") {
  CoreBench bench({.term = 2, .log = {2}});

  REQUIRE(bench.receive(2, 2, HeartbeatRequest{Index{2}}));
  const Ready ready = bench.take();

  REQUIRE(ready.persist);
  CHECK(ready.persist->hard_state == HardState{Term{2}, std::nullopt, Index{2}});
  CHECK_FALSE(ready.persist->needs_sync());
}

TEST_CASE("A term alone must be synced", "[core][persist][thesis:3.8][b130]") {
  CoreBench bench;

  REQUIRE(bench.receive(2, 2, HeartbeatRequest{}));
  const Ready ready = bench.take();

  REQUIRE(ready.persist);
  CHECK(ready.persist->hard_state == HardState{Term{2}, std::nullopt, Index{1}});
  CHECK(ready.persist->needs_sync());
}

TEST_CASE("A vote alone must be synced", "[core][persist][thesis:3.8][b130]") {
  CoreBench bench({.term = 2});

  REQUIRE(bench.receive(2, 2, VoteRequest{VoteKind::election, at(1, 1)}));
  const Ready ready = bench.take();

  REQUIRE(ready.persist);
  CHECK(ready.persist->hard_state == HardState{Term{2}, NodeId{2}, Index{1}});
  CHECK(ready.persist->needs_sync());
}

TEST_CASE("A node that wakes up has nothing to do but to apply what was committed",
          "[core][persist][b128]") {
  CoreBench fresh;
  CHECK_FALSE(fresh.node().has_ready());

  CoreBench restarted({.term = 3, .log = {2, 2, 3}, .commit = 3});
  REQUIRE(restarted.node().has_ready());
  const Ready ready = restarted.take();
  CHECK_FALSE(ready.persist);
  CHECK(ready.send_now.empty());
  CHECK(commands(ready.apply) == Strings{"2/2", "2/3"});
  CHECK_FALSE(restarted.node().has_ready());
}

TEST_CASE("A Ready is handed out once, and what arises meanwhile is in the next one",
          "[core][persist][b129]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  REQUIRE(bench.node().has_ready());
  REQUIRE(bench.node().has_ready());  // asking takes nothing

  Ready ready = bench.take();
  CHECK(CoreBench::only<AppendRequest>(ready.send_now).size() == 2);
  REQUIRE(ready.persist);
  CHECK(ids(ready.persist->append) == std::vector{at(2, 3)});
  CHECK_FALSE(bench.node().has_ready());
  REQUIRE(bench.propose("b"));
  bench.persist(*std::move(ready.persist));
  Ready next = bench.take();

  CHECK(CoreBench::only<AppendRequest>(next.send_now).size() == 2);
  REQUIRE(next.persist);
  CHECK(ids(next.persist->append) == std::vector{at(2, 4)});
  CHECK_FALSE(bench.node().has_ready());
}

TEST_CASE("What the state machine holds was committed, whatever the disk says", "[core][persist]") {
  InitialState initial = bootstrapped(voters(3));
  initial.entries = entries_of(2, {1, 1});
  initial.applied = Index{2};

  CoreBench bench({.id = NodeId{1}}, std::move(initial));

  CHECK(bench.status().commit == Index{2});
  CHECK_FALSE(bench.node().has_ready());
}

TEST_CASE("Committed entries are handed out in portions, without a gap or a repetition",
          "[core][persist][b132]") {
  CoreBench bench(
      {.term = 2, .log = {2, 2, 2, 2, 2}, .commit = 6, .tune = [](RaftOptions& options) {
         options.max_apply_bytes = 2 * (Entry::kOverheadBytes + 3);
       }});
  Strings handed_out;

  while (bench.node().has_ready()) {
    const Ready ready = bench.take();
    CHECK(ready.apply.size() <= 2);
    for (const std::string& command : commands(ready.apply))
      handed_out.push_back(command);
    CHECK_FALSE(bench.node().has_ready());  // until the state machine has caught up
    bench.node().applied(ready.apply.back().id.index);
  }

  CHECK(handed_out == Strings{"2/2", "2/3", "2/4", "2/5", "2/6"});
}

TEST_CASE("A start that contradicts itself is refused", "[core][persist]") {
  InitialState initial = bootstrapped(voters(3));
  REQUIRE(refusal(initial) == Errc{});

  SECTION("applied below the base of the log") {
    initial.applied = Index{0};
  }
  SECTION("applied beyond the log") {
    initial.applied = Index{2};
  }
  SECTION("committed beyond the log") {
    initial.hard_state.commit = Index{2};
  }
  SECTION("the log is in a later term than the node") {
    initial.entries = entries_of(2, {2});
  }
  SECTION("the log goes back in term") {
    initial.hard_state.term = Term{3};
    initial.entries = entries_of(2, {3, 2});
  }
  SECTION("the log has a gap") {
    initial.entries = entries_of(2, {1, 1, 1});
    initial.entries.erase(initial.entries.begin() + 1);
  }
  SECTION("the first entry is missing") {
    initial.entries = entries_of(3, {1});
  }
  SECTION("entries that are not applied are not given") {
    initial.older_terms = {{Index{2}, Term{1}}};
    initial.entries = entries_of(4, {1});
  }
  SECTION("no membership") {
    initial.membership = nullptr;
  }

  CHECK(refusal(std::move(initial)) == Errc::corrupt_data);
}

TEST_CASE("Terms of entries that are not in memory are known after a start", "[core][persist]") {
  InitialState initial = bootstrapped(voters(3));
  initial.hard_state = {Term{4}, std::nullopt, Index{5}};
  initial.applied = Index{5};
  initial.older_terms = {{Index{2}, Term{2}}, {Index{4}, Term{3}}};
  initial.entries = entries_of(5, {3, 4});
  CoreBench bench({.id = NodeId{1}}, std::move(initial));
  REQUIRE(bench.status().first == Index{2});
  REQUIRE(bench.status().last == Index{6});

  bench.lead();
  bench.answer(2, AppendResponse{Index{6}, AppendResponse::Rejection{at(2, 6)}});

  REQUIRE(bench.fetches.size() == 1);
  CHECK(bench.fetches[0].first == Index{4});
}
