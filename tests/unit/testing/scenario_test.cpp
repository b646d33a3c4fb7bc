// Scenarios: what is written can be read, and what fails long can be told shortly.
#include "raftkit/testing/scenario.hpp"

#include <sstream>

#include <catch2/catch.hpp>

using namespace raftkit;           // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;

namespace {

constexpr const char* kText = R"(seed 18446744073709551615
nodes 5
duration 9000 ms
rate 50 per second
expect 2 faults
expect term 3
at 1200 ms: split(3, 4294967295) for 800 ms
at 1200 ms: kill_leader(0, 0) for 0 ms
)";

Result<SimScenario> read(const std::string& text) {
  std::istringstream in(text);
  return read_scenario(in, "a.plan");
}

std::string refusal(const std::string& what, const std::string& by) {
  std::string text = kText;
  REQUIRE(text.find(what) != std::string::npos);
  text.replace(text.find(what), what.size(), by);
  const auto scenario = read(text);
  return scenario ? "" : scenario.error().message();
}

/// Its answers show that it began with a snapshot.
class Revealing final : public StateMachine {
 public:
  void apply(std::span<const Command> /*commands*/,
             EntryId /*last*/,
             std::span<Bytes> results) override {
    for (Bytes& result : results)
      result = Bytes::copy_of(is_restored_ ? "from a snapshot" : "from the beginning");
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    return make_snapshot_source(meta, {});
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& /*meta*/) override {
    return make_snapshot_sink([this](const std::string&) {
      is_restored_ = true;
      return Result<void>();
    });
  }

 private:
  bool is_restored_ = false;
};

SimulationOptions revealing(std::uint64_t seed) {
  SimulationOptions options{.seed = seed, .nodes = 5, .duration = milliseconds(30'000)};
  options.state_machine = [](NodeId) { return std::make_unique<Revealing>(); };
  options.command = [](std::uint64_t number) { return Bytes::copy_of(std::to_string(number)); };
  return options;
}

}  // namespace

TEST_CASE("A scenario that was written is read as it was", "[scenario]") {
  const auto scenario = read(std::string("# why\n\n") + kText + "  \n# the end\n");
  REQUIRE(scenario);
  std::ostringstream out;
  out << *scenario;
  CHECK(out.str() == kText);
  CHECK(scenario->nodes == 5);
  REQUIRE(scenario->faults.size() == 2);
  CHECK(scenario->faults[1].fault == SimFault::kill_leader);

  SimulationOptions options{.clients = 2};
  scenario->apply_to(options);
  CHECK(options.seed == scenario->seed);
  CHECK(options.operations_per_second == 50);
  CHECK(options.duration == milliseconds(9'000));
  CHECK(options.faults->size() == 2);
  CHECK(options.clients == 2);
}

TEST_CASE("Every kind of fault can be written and read", "[scenario]") {
  SimScenario scenario;
  for (std::size_t i = 0; i < kSimFaults; ++i)
    scenario.faults.push_back({milliseconds(i), static_cast<SimFault>(i), 1, 2, milliseconds(3)});
  std::ostringstream out;
  out << scenario;
  const auto again = read(out.str());
  REQUIRE(again);
  REQUIRE(again->faults.size() == kSimFaults);
  for (std::size_t i = 0; i < kSimFaults; ++i)
    CHECK(again->faults[i].fault == scenario.faults[i].fault);
}

TEST_CASE("A scenario that cannot be read is refused, with line, value and remedy", "[scenario]") {
  CHECK(refusal("seed 18446744073709551615", "seed 18446744073709551616") ==
        "a.plan:1: 18446744073709551616 is too large; it must be at most 18446744073709551615");
  CHECK(refusal("nodes 5", "nodes 10") == "a.plan:2: 'nodes 10' must be from 1 to 9");
  CHECK(refusal("nodes 5", "# none") == "a.plan: a line like 'nodes 3' is missing");
  CHECK(refusal("rate 50", "rate 0") == "a.plan:4: 'rate 0 per second' must be at least 1");
  CHECK(refusal("expect 2 faults", "seed 8") ==
        "a.plan:5: 'seed' was given in line 1 already; leave one of them");
  CHECK(
      refusal("split", "splitt")
          .starts_with("a.plan:7: there is no fault 'splitt'; there are split, isolate_leader, "));
  CHECK(refusal("4294967295", "4294967296") ==
        "a.plan:7: 4294967296 is too large; it must be at most 4294967295");
  CHECK(
      refusal("at 1200 ms: kill", "at 1100 ms: kill") ==
      "a.plan:8: 'at 1100 ms' comes before the step above it, at 1200 ms; sort the steps by time");
  CHECK(refusal("for 800 ms", "for 800 s")
            .starts_with("a.plan:7: 'at 1200 ms: split(3, 4294967295) for 800 s' is not "
                         "understood; lines look like "));
}

TEST_CASE("A scenario says what its run does not show", "[scenario]") {
  SimScenario scenario;
  SimulationReport report;
  report.faults = 2;
  report.terms = 4;
  CHECK_FALSE(scenario.unmet(report));
  scenario.expected_faults = 2;
  scenario.least_term = 4;
  CHECK_FALSE(scenario.unmet(report));
  scenario.least_term = 5;
  CHECK(scenario.unmet(report) == "expected term 5 or a later one, got 4");
  scenario.expected_faults = 3;
  CHECK(scenario.unmet(report) == "expected 3 faults that find something to do, got 2");
}

TEST_CASE("A run that fails is shrunk to a short plan that fails alike", "[scenario]") {
  // Not every seed loads a snapshot.
  std::uint64_t seed = 1;
  while (seed <= 40 && !simulate(revealing(seed)).failure)
    ++seed;
  SimulationOptions options = revealing(seed);
  REQUIRE(make_fault_plan(seed, options.duration).size() > 10);
  std::ostringstream progress;

  const auto scenario = shrink(options, &progress);

  REQUIRE(scenario);
  CHECK(scenario->faults.size() <= 2);
  CHECK(scenario->nodes == 3);
  CHECK(progress.str().find(" 1 faults in ") != std::string::npos);
  scenario->apply_to(options);
  CHECK(simulate(options).failure.value_or("").starts_with("determinism"));
  // Without faults there is nothing to be restored.
  options.faults = SimFaultPlan();
  CHECK_FALSE(simulate(options).failure);
}

TEST_CASE("A run that passes cannot be shrunk", "[scenario]") {
  CHECK_FALSE(shrink({.seed = 1, .duration = milliseconds(3'000)}));
  CHECK_FALSE(shrink({.nodes = 10}));
}
