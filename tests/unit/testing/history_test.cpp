// The history of a run: what is written can be read, and what cannot have been is found.
#include "testing/history.hpp"

#include <sstream>

#include <catch2/catch.hpp>

#include "raftkit/testing/simulation.hpp"

#include "bad_history.hpp"
#include "testing/ddmin.hpp"
#include "testing/history_check.hpp"

using namespace raftkit;           // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;

namespace {

using Kind = HistoryFinding::Kind;
using Outcome = HistoryOperation::Outcome;

std::string written(const History& history) {
  std::ostringstream out;
  write_history(out, history);
  return out.str();
}

Result<History> read(const std::string& text) {
  std::istringstream in(text);
  return read_history(in, "run.jsonl");
}

std::string refusal(const std::string& text) {
  const auto history = read(text);
  return history ? "" : history.error().message();
}

std::string recorded(SimulationOptions options) {
  std::ostringstream out;
  options.history = &out;
  CHECK_FALSE(simulate(options).failure);
  return out.str();
}

std::string replaced(const std::string& text, const std::string& what, const std::string& by) {
  REQUIRE(text.find(what) != std::string::npos);
  return std::string(text).replace(text.find(what), what.size(), by);
}

std::vector<std::uint64_t> ids(const History& history, const std::vector<std::size_t>& positions) {
  std::vector<std::uint64_t> found;
  for (const std::size_t i : positions)
    found.push_back(history.operations.at(i).id);
  return found;
}

}  // namespace

TEST_CASE("A history that was written is read as it was", "[history]") {
  History history = stale_read();
  history.failure = "linearizability: \"why\"\n  a second line";
  history.operations[0].index = Index{7};
  HistoryOperation lost = append(9, 4, 80, 0, {});
  lost.returned.reset();
  lost.output.reset();
  lost.outcome = Outcome::unknown;
  lost.took_effect = false;
  history.operations.push_back(lost);
  HistoryOperation refused = append(10, 5, 80, 90, {});
  refused.output.reset();
  refused.outcome = Outcome::fail;
  history.operations.push_back(refused);

  const auto again = read(written(history));

  REQUIRE(again);
  CHECK(written(*again) == written(history));
  CHECK(again->failure == history.failure);
  CHECK(again->trace_hash == history.trace_hash);
  CHECK(again->operations.at(6).took_effect == false);
  CHECK(again->operations.at(7).outcome == Outcome::fail);
  CHECK(again->leaders.at(0).term == Term{2});
}

TEST_CASE("A simulation writes a linearizable history of all of its operations", "[history]") {
  std::ostringstream out;
  const auto report =
      simulate({.seed = 3, .nodes = 5, .duration = milliseconds(30'000), .history = &out});
  const auto history = read(out.str());

  REQUIRE(history);
  std::array<std::uint64_t, 3> counts{};
  for (const HistoryOperation& each : history->operations)
    ++counts.at(static_cast<std::size_t>(each.outcome));
  CHECK(counts[0] == report.appended + report.read);
  CHECK(counts[1] == report.refused);
  CHECK(counts[2] == report.unknown);
  CHECK(history->faults.size() >= report.faults);
  CHECK_FALSE(history->leaders.empty());
  CHECK(history->trace_hash == report.trace_hash);
  CHECK(history->reproduce.empty());  // it was not told
  CHECK(check_history(*history).kind == Kind::none);
}

TEST_CASE("Writing a history down changes nothing in the run", "[history]") {
  std::ostringstream out;
  const SimulationOptions plain{.seed = 8, .duration = milliseconds(10'000)};
  SimulationOptions watched = plain;
  watched.history = &out;
  CHECK(simulate(plain).trace_hash == simulate(watched).trace_hash);
}

TEST_CASE("An answer that somebody has changed makes a history impossible", "[history]") {
  const std::string text = recorded({.seed = 2, .duration = milliseconds(20'000)});
  const std::string before = R"("out":{"length":)";
  std::vector<std::size_t> places;
  for (auto at = text.find(before); at != std::string::npos; at = text.find(before, at + 1))
    places.push_back(at + before.size());
  REQUIRE(places.size() > 100);
  for (const std::size_t place : {places.size() / 3, places.size() / 2, places.size() - 20}) {
    std::string changed = text;
    const std::size_t position = places[place];
    const std::size_t length = text.find(',', position) - position;
    const std::uint64_t answer = std::stoull(text.substr(position, length));
    changed.replace(position, length, std::to_string(answer + 1));

    const auto history = read(changed);

    REQUIRE(history);
    const auto finding = check_history(*history);
    CHECK(finding.kind == Kind::model);
    CHECK(finding.impossible);
    CHECK(finding.core.size() <= 3);
  }
}

TEST_CASE("Of an embedder's state machine the index of each answer is recorded", "[history]") {
  class Nothing final : public StateMachine {
   public:
    void apply(std::span<const Command> /*commands*/,
               EntryId /*last*/,
               std::span<Bytes> /*results*/) override {}
    Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
      return make_snapshot_source(meta, {});
    }
    Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& /*meta*/) override {
      return make_snapshot_sink([](const std::string&) { return Result<void>(); });
    }
  };
  SimulationOptions options{.seed = 4, .duration = milliseconds(10'000)};
  options.state_machine = [](NodeId) { return std::make_unique<Nothing>(); };
  options.command = [](std::uint64_t number) { return Bytes::copy_of(std::to_string(number)); };
  options.reproduce = "my test --seed 4";
  const std::string text = recorded(options);
  auto history = read(text);
  REQUIRE(history);
  CHECK(history->model == History::Model::none);
  CHECK(history->reproduce == "my test --seed 4");
  CHECK(check_history(*history).kind == Kind::none);

  // Two answers in the wrong order.
  auto& operations = history->operations;
  REQUIRE(operations.size() > 20);
  std::swap(operations[5].index, operations[15].index);

  const auto finding = check_history(*history);

  CHECK(finding.kind == Kind::log_position);
  CHECK(finding.core.size() == 2);
  CHECK(finding.reason.find("was known before the request") != std::string::npos);
}

TEST_CASE("A read that misses an acknowledged append is the first impossible operation",
          "[history]") {
  const History history = stale_read();

  const auto finding = check_history(history);

  REQUIRE(finding.kind == Kind::model);
  CHECK(history.operations.at(*finding.impossible).id == 5);
  CHECK(finding.reason == "expected length 3, got 2");
  CHECK(ids(history, finding.core) == std::vector<std::uint64_t>{4, 5});
  CHECK(describe_in_full(history, history.operations[4]) ==
        "operation 5: client 2, read list 3 on node 2, from 60.000 to 70.000 ms: length 2");
}

TEST_CASE("An append that happened twice is found, and what shows it", "[history]") {
  History history = stale_read();
  history.operations = {append(1, 1, 10, 20, list_of({1})),
                        append(2, 2, 30, 40, list_of({1, 2})),
                        operation(3, 3, 50, 60, list_of({1, 2, 2})),
                        append(4, 1, 70, 80, list_of({1, 2, 2, 4}))};

  const auto finding = check_history(history);

  REQUIRE(finding.kind == Kind::model);
  CHECK(history.operations.at(*finding.impossible).id == 3);
  CHECK(finding.reason == "expected length 2, got 3");
  CHECK(ids(history, finding.core) == std::vector<std::uint64_t>{3});
}

TEST_CASE("What was refused has no effect, and what is unknown may have one", "[history]") {
  History history = stale_read();
  HistoryOperation other = append(7, 4, 12, 0, {});
  other.output.reset();
  other.returned.reset();
  other.outcome = Outcome::unknown;
  // Seen by an append that came later.
  history.operations = {
      append(1, 1, 10, 20, list_of({1})), other, append(2, 2, 30, 40, list_of({1, 7, 2}))};
  CHECK(check_history(history).kind == Kind::none);
  history.operations[1].outcome = Outcome::fail;
  history.operations[1].returned = 20 * kMillisecond;
  CHECK(check_history(history).kind == Kind::model);
}

TEST_CASE("A search for a smaller contradiction that is cut off says so", "[history]") {
  History history;
  // Too many orders of appends that nobody answered, none of which gives this.
  for (std::uint64_t client = 1; client <= 7; ++client) {
    HistoryOperation pending = append(client, client, client, 0, {});
    pending.returned.reset();
    pending.output.reset();
    pending.outcome = Outcome::unknown;
    history.operations.push_back(pending);
  }
  history.operations.push_back(operation(8, 8, 20, 30, list_of({99})));

  const auto finding = check_history(history);

  CHECK(finding.kind == Kind::model);
  CHECK(ids(history, finding.core) == std::vector<std::uint64_t>{8});
  CHECK(finding.core_says ==
        "The search for a smaller part that is impossible by itself was cut off.");
}

TEST_CASE("A file that is no history is refused, with the line and what is wrong", "[history]") {
  const std::string good = written(stale_read());
  REQUIRE(refusal(good).empty());
  const auto refused = [&](const std::string& what, const std::string& by) {
    return refusal(replaced(good, what, by));
  };
  CHECK(refusal("") == "run.jsonl: it is empty");
  CHECK(refused(R"("v":1)", R"("v":2)") == "run.jsonl:1: version 2 is not known, only 1");
  CHECK(refused(R"("model":"list")", R"("model":"queue")") ==
        R"(run.jsonl:1: "model" must be one of none, list, not 'queue')");
  CHECK(refused(R"("type":"op")", R"("type":"header")") ==
        "run.jsonl:2: the header must be the first line, and only that");
  CHECK(refused(R"("call":10000000)", R"("call":"ten")") ==
        R"(run.jsonl:2: "call" must be a whole number, not 'ten')");
  CHECK(refused(R"("ret":20000000)", R"("ret":null)") ==
        R"(run.jsonl:2: "ret" must be null if the outcome is unknown, and a time if it is not)");
  CHECK(refused(R"("ret":20000000)", R"("ret":9)") ==
        "run.jsonl:2: it returns at 9, before its call at 10000000");
  CHECK(refused(R"("k":3)", R"("k":8)") == R"(run.jsonl:2, in "in": "k" must be below 8, not 8)");
  CHECK(refused(R"("op":"append")", R"("op":"put")") ==
        R"(run.jsonl:2, in "in": "op" must be append or read, not 'put')");
  CHECK(refused("\n", "\nnonsense\n").starts_with("run.jsonl:2: JSON"));
  CHECK(refused(R"("id":2)", R"("id":1)") == "run.jsonl: two operations have the id 1");
}

TEST_CASE("A client that does two things at a time is refused", "[history]") {
  const std::string text = written(stale_read());
  // Its second operation begins at 41 ms.
  CHECK(refusal(replaced(text, R"("ret":20000000)", R"("ret":42000000)")) ==
        "run.jsonl: client 1 calls operation 4 at 41000000, before its operation 1 ends at "
        "42000000; a client does one thing at a time");
}

TEST_CASE("What ddmin leaves cannot be made smaller by one", "[history]") {
  const std::vector<int> all = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  std::size_t calls = 0;
  const auto fails = [&](const std::vector<int>& items) {
    ++calls;
    const auto has = [&](int item) { return std::count(items.begin(), items.end(), item) > 0; };
    return has(2) && (has(7) || has(8)) && has(11);
  };
  CHECK(ddmin(all, fails) == std::vector<int>{2, 8, 11});
  CHECK(calls < 40);
  CHECK(ddmin(all, [](const std::vector<int>&) { return true; }).empty());
}
