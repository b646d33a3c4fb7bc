#include <catch2/catch.hpp>

#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

std::vector<Index> lasts(const std::vector<AppendRequest>& appends) {
  std::vector<Index> found;
  for (const AppendRequest& append : appends)
    found.push_back(append.previous.index + append.entries.size());
  return found;
}

AppendResponse refused(std::uint64_t index, EntryId hint) {
  return {Index{index}, AppendResponse::Rejection{hint}};
}

void small_window(RaftOptions& options) {
  options.max_inflight_messages = 3;
}

using Indexes = std::vector<Index>;

}  // namespace

TEST_CASE("A probe is one append, then silence until an answer", "[core][progress][b69][b79]") {
  CoreBench bench;
  bench.lead();  // sends the new term's entry
  CHECK(bench.progress(2).state == ProgressState::probe);
  CHECK(bench.progress(2).paused);

  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  bench.run();

  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("The answer to a heartbeat lets one more probe through", "[core][progress][b69][b77]") {
  CoreBench bench;
  bench.lead();

  bench.answer(2, HeartbeatResponse{});
  CHECK(bench.take_sent<AppendRequest>(2).size() == 1);
  REQUIRE(bench.propose("a"));
  bench.run();

  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("The answer to a heartbeat of a member that has everything asks for nothing",
          "[core][progress][b77]") {
  CoreBench bench;
  bench.lead_all();

  bench.answer(2, HeartbeatResponse{});

  CHECK(bench.take_sent<AppendRequest>().empty());
}

TEST_CASE("An accepted probe opens the stream: all that waits is sent", "[core][progress][b72]") {
  CoreBench bench;
  bench.lead();
  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  bench.run();
  bench.take_sent();

  bench.acknowledge(2, 2);

  CHECK(bench.progress(2).state == ProgressState::replicate);
  CHECK(bench.progress(2).match == Index{2});
  CHECK(bench.progress(2).next == Index{5});
  CHECK(lasts(bench.take_sent<AppendRequest>(2)).back() == Index{4});
}

TEST_CASE("A probe that is accepted at exactly the known match opens the stream too",
          "[core][progress][b73]") {
  CoreBench bench;
  bench.lead_all();
  bench.node().report_unreachable(NodeId{2});
  REQUIRE(bench.progress(2).state == ProgressState::probe);

  bench.acknowledge(2, 2);

  CHECK(bench.progress(2).state == ProgressState::replicate);
}

TEST_CASE("In a stream each proposal is sent without waiting for answers",
          "[core][progress][thesis:10.2][thesis:10.2.1][b70]") {
  CoreBench bench;
  bench.lead_all();

  for (const char* command : {"a", "b", "c"})
    REQUIRE(bench.propose(command));
  bench.run();

  CHECK(lasts(bench.take_sent<AppendRequest>(2)) == Indexes{Index{3}, Index{4}, Index{5}});
  CHECK(bench.progress(2).next == Index{6});
  CHECK(bench.progress(2).match == Index{2});
  CHECK(bench.progress(2).inflight_messages == 3);
}

TEST_CASE("A window that is full by count stops the stream", "[core][progress][b79][b82]") {
  CoreBench bench({.tune = small_window});
  bench.lead_all();

  for (int proposal = 0; proposal < 5; ++proposal)
    REQUIRE(bench.propose("a"));
  bench.run();

  CHECK(lasts(bench.take_sent<AppendRequest>(2)) == Indexes{Index{3}, Index{4}, Index{5}});
  CHECK(bench.progress(2).inflight_full);
  CHECK(bench.progress(2).paused);
}

TEST_CASE("A window that is full by bytes stops the stream; the last append may overshoot",
          "[core][progress][b85]") {
  CoreBench bench({.tune = [](RaftOptions& options) {
    options.max_inflight_bytes = Entry::kOverheadBytes + 1 + 1;
  }});
  bench.lead_all();

  for (int proposal = 0; proposal < 3; ++proposal)
    REQUIRE(bench.propose("a"));
  bench.run();

  CHECK(lasts(bench.take_sent<AppendRequest>(2)) == Indexes{Index{3}, Index{4}});
  bench.acknowledge(2, 4);
  CHECK(lasts(bench.take_sent<AppendRequest>(2)).back() == Index{5});
}

TEST_CASE("An acknowledgement frees the places of all appends up to its index",
          "[core][progress][b78][b83]") {
  CoreBench bench({.tune = small_window});
  bench.lead_all();
  for (int proposal = 0; proposal < 3; ++proposal)
    REQUIRE(bench.propose("a"));
  bench.run();

  bench.acknowledge(2, 4);
  CHECK(bench.progress(2).inflight_messages == 1);
  bench.acknowledge(2, 3);  // late
  CHECK(bench.progress(2).inflight_messages == 1);
  CHECK(bench.progress(2).match == Index{4});
}

TEST_CASE("The answer to a heartbeat lets one empty append through a full window",
          "[core][progress][b84]") {
  CoreBench bench({.tune = small_window});
  bench.lead_all();
  for (int proposal = 0; proposal < 4; ++proposal)
    REQUIRE(bench.propose("a"));
  bench.run();
  bench.take_sent();

  bench.answer(2, HeartbeatResponse{});

  const auto appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].entries.empty());
  CHECK(appends[0].previous.index == Index{5});
  CHECK(bench.progress(2).paused);
}

TEST_CASE("After a loss the stream falls back to probing behind what is known",
          "[core][progress][b74]") {
  CoreBench bench;
  bench.lead_all();
  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  bench.run();

  bench.node().report_unreachable(NodeId{2});

  CHECK(bench.progress(2).state == ProgressState::probe);
  CHECK(bench.progress(2).next == Index{3});
  CHECK(bench.progress(2).inflight_messages == 0);
}

TEST_CASE("A refusal takes the leader back over whole terms", "[core][progress][thesis:3.5][b67]") {
  // The leader's log, from index 1: 1 1 2 2 2 4 4 4, and its own entry 9.
  CoreBench bench({.term = 4, .log = {1, 2, 2, 2, 4, 4, 4}});
  bench.lead();

  bench.answer(2, refused(8, at(3, 8)));  // of term 4 nothing can match

  CHECK(bench.progress(2).next == Index{6});
  auto appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].previous == at(2, 5));

  bench.answer(2, refused(5, at(1, 4)));  // nor of term 2
  appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].previous == at(1, 2));
}

TEST_CASE("A follower with terms of its own is found out in a few round trips",
          "[core][progress][thesis:3.5][b67]") {
  const std::vector<std::uint64_t> long_run(100, 2);
  std::vector<std::uint64_t> leader_log(100, 3);
  leader_log.insert(leader_log.begin(), 1);
  CoreGroup group({.logs = {{1, leader_log}, {2, long_run}}, .term = 3});

  group.elect(1);

  CHECK(group.node(2).status().last == group.node(1).status().last);
  CHECK(group.member(2).appends_refused <= 3);
}

TEST_CASE("While probing only the refusal of the latest probe counts", "[core][progress][b68]") {
  CoreBench bench({.term = 2, .log = {1, 1, 2, 2}});
  bench.lead();
  REQUIRE(bench.progress(2).next == Index{6});

  bench.answer(2, refused(4, at(1, 2)));

  CHECK(bench.progress(2).next == Index{6});
  CHECK(bench.take_sent<AppendRequest>(2).empty());
}

TEST_CASE("In a stream a refusal of what was acknowledged is an old one", "[core][progress][b68]") {
  CoreBench bench;
  bench.lead_all();

  bench.answer(2, refused(2, at(1, 1)));
  CHECK(bench.progress(2).state == ProgressState::replicate);
  CHECK(bench.progress(2).match == Index{2});

  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  bench.run();
  bench.answer(2, refused(3, at(2, 2)));
  CHECK(bench.progress(2).state == ProgressState::probe);
  CHECK(bench.progress(2).next == Index{3});
}

TEST_CASE("Large appends are cut at the limit, but never to nothing", "[core][progress][b81]") {
  CoreBench bench({.tune = [](RaftOptions& options) {
    options.max_append_bytes = 2 * (Entry::kOverheadBytes + 1);
  }});
  bench.lead();
  REQUIRE(bench.propose("a"));
  REQUIRE(bench.propose("b"));
  REQUIRE(bench.propose("c"));
  REQUIRE(bench.propose(std::string(1000, 'd')));
  REQUIRE(bench.propose("e"));
  bench.run();
  bench.take_sent();

  bench.acknowledge(2, 2);

  const auto found = lasts(bench.take_sent<AppendRequest>(2));
  REQUIRE(found.size() >= 4);
  CHECK(Indexes(found.end() - 4, found.end()) == Indexes{Index{4}, Index{5}, Index{6}, Index{7}});
}

TEST_CASE("A heartbeat tells a member no commit index beyond what it is known to hold",
          "[core][progress][b75]") {
  CoreBench bench;
  bench.lead();
  bench.acknowledge(2, 2);
  REQUIRE(bench.status().commit == Index{2});
  bench.take_sent();

  bench.tick(1);
  bench.run();

  const auto sent = bench.take_sent();
  CHECK(CoreBench::only<HeartbeatRequest>(sent, 2) == std::vector{HeartbeatRequest{Index{2}, 0}});
  CHECK(CoreBench::only<HeartbeatRequest>(sent, 3) == std::vector{HeartbeatRequest{Index{0}, 0}});
}

TEST_CASE("A heartbeat tells no commit index beyond the leader's own", "[core][progress][b75]") {
  CoreBench bench({.voters = 5});
  bench.lead();
  bench.acknowledge(2, 2);
  REQUIRE(bench.progress(2).match == Index{2});
  REQUIRE(bench.status().commit == Index{1});
  bench.take_sent();

  bench.tick(1);
  bench.run();

  CHECK(bench.take_sent<HeartbeatRequest>(2) == std::vector{HeartbeatRequest{Index{1}, 0}});
}

TEST_CASE("A refusal that knows no term takes the leader to the index that it names",
          "[core][progress][b61]") {
  CoreBench bench({.term = 4, .log = {1, 2, 2, 2, 4, 4, 4}});
  bench.lead();

  bench.answer(2, refused(8, at(0, 3)));

  const auto appends = bench.take_sent<AppendRequest>(2);
  REQUIRE(appends.size() == 1);
  CHECK(appends[0].previous == at(2, 3));
}

TEST_CASE("Whatever a member says, what it has acknowledged is not sent again",
          "[core][progress][b78]") {
  const bool in_stream = GENERATE(true, false);
  for (std::uint64_t index = 0; index <= 5; ++index) {
    for (std::uint64_t hint = 0; hint <= 5; ++hint) {
      CAPTURE(in_stream, index, hint);
      CoreBench bench;
      bench.lead_all();
      for (const char* command : {"a", "b", "c"})
        REQUIRE(bench.propose(command));
      bench.run();
      bench.acknowledge(2, 3);
      if (!in_stream) bench.node().report_unreachable(NodeId{2});
      bench.take_sent();

      bench.answer(2, refused(index, at(hint == 5 ? 0 : 1, hint)));
      bench.answer(2, refused(index, at(0, hint)));
      bench.answer(2, HeartbeatResponse{});
      if (index < 3) bench.acknowledge(2, index);

      CHECK(bench.progress(2).match == Index{3});
      CHECK(bench.progress(2).next > Index{3});
      for (const AppendRequest& append : bench.take_sent<AppendRequest>(2))
        CHECK(append.previous.index >= Index{3});
    }
  }
}

TEST_CASE("Progress is told of leaders only", "[core][progress][b133]") {
  CoreBench bench;
  CHECK(bench.status().progress.empty());

  bench.lead();
  CHECK(bench.status().progress.size() == 3);
  REQUIRE(bench.receive(2, 9, HeartbeatRequest{}));

  CHECK(bench.status().progress.empty());
}
