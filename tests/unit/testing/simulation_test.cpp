// The simulator: the same each time, quiet when all is well, and not when it is not.
#include "raftkit/testing/simulation.hpp"

#include <algorithm>
#include <sstream>

#include <catch2/catch.hpp>

using namespace raftkit;           // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;

namespace {

/// Sums numbers. `Bug` says how it goes wrong.
enum class Bug { none, answers_differ, restore_loses, capture_is_late, capture_fails, throws };

class Sum final : public StateMachine {
 public:
  Sum(NodeId node, Bug bug) : node_(node), bug_(bug) {}

  void apply(std::span<const Command> commands,
             EntryId /*last*/,
             std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      sum_ += std::stoull(std::string(commands[i].payload.view()));
      if (bug_ == Bug::throws && sum_ > 1'000'050) throw std::runtime_error("too much");
      const bool is_wrong = bug_ == Bug::answers_differ && node_ == NodeId{2} && sum_ % 7 == 0;
      results[i] = Bytes::copy_of(std::to_string(is_wrong ? sum_ + 1 : sum_));
    }
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    if (bug_ == Bug::capture_fails) return Errc::io_error;
    const std::uint64_t held = bug_ == Bug::capture_is_late ? std::exchange(older_, sum_) : sum_;
    return make_snapshot_source(meta, Bytes::copy_of(std::to_string(held)));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& /*meta*/) override {
    return make_snapshot_sink([this](const std::string& content) -> Result<void> {
      sum_ = std::stoull(content) - (bug_ == Bug::restore_loses ? 1 : 0);
      return {};
    });
  }

 private:
  NodeId node_;
  Bug bug_;
  std::uint64_t sum_ = 1'000'000;
  std::uint64_t older_ = 1'000'000;
};

/// The first failure among some seeds.
std::optional<std::string> find_failure(Bug bug) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SimulationOptions options{.seed = seed, .duration = milliseconds(30'000)};
    options.state_machine = [bug](NodeId node) { return std::make_unique<Sum>(node, bug); };
    options.command = [](std::uint64_t number) { return Bytes::copy_of(std::to_string(number)); };
    const auto report = simulate(options);
    if (report.failure) return report.failure;
  }
  return std::nullopt;
}

/// How often this rare situation was met.
std::uint64_t count(const SimulationReport& report, std::string_view name) {
  const auto names = simulation_marks();
  REQUIRE(report.marks.size() == names.size());
  const auto place = std::find(names.begin(), names.end(), name) - names.begin();
  return report.marks.at(static_cast<std::size_t>(place));
}

std::uint64_t leader_changes(const std::string& trace) {
  std::uint64_t count = 0;
  for (std::size_t at = trace.find(" leader "); at != std::string::npos;
       at = trace.find(" leader ", at + 1))
    ++count;
  return count;
}

}  // namespace

TEST_CASE("A simulation counts the rare situations it gets into", "[simulation]") {
  const auto names = simulation_marks();
  CHECK(names.size() >= 100);
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  const auto quiet = simulate({.duration = milliseconds(5'000), .faults = SimFaultPlan()});
  CHECK(count(quiet, "leader: won the election") == 1);
  CHECK(count(quiet, "crash: leader") == 0);

  SimFaultPlan plan{{milliseconds(3'000), SimFault::kill_leader, 0, 0, milliseconds(500)}};
  const auto killed = simulate({.duration = milliseconds(5'000), .faults = plan});
  CHECK(count(killed, "crash: leader") == 1);
  CHECK(count(killed, "start: voted in the newest term") >= 1);
  CHECK(count(killed, "leader: won the election") == 2);
}

TEST_CASE("A node is killed when it is in the middle of what was named", "[simulation]") {
  constexpr std::uint32_t kAppend = 1;  // entries are being written
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SimFaultPlan plan{{milliseconds(3'000), SimFault::kill_amid, 0, kAppend, milliseconds(500)}};
    const auto report = simulate({.seed = seed, .duration = milliseconds(5'000), .faults = plan});
    CHECK_FALSE(report.failure);
    crashes += count(report, "crash: acknowledgement not yet durable");
  }
  CHECK(crashes >= 1);
}

TEST_CASE("A node whose disk is damaged stops, and another one takes its place", "[simulation]") {
  std::uint64_t found = 0;
  std::uint64_t replaced = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {  // some of them have stores in files
    SimFaultPlan plan;
    for (std::uint32_t kind = 0; kind < 5; ++kind) {
      const auto fault = static_cast<SimFault>(static_cast<std::uint32_t>(SimFault::rot) + kind);
      plan.push_back({milliseconds(3'000 + 2'000 * kind), fault, kind, 7, milliseconds(500)});
    }
    const auto report = simulate({.seed = seed, .duration = milliseconds(13'000), .faults = plan});
    CHECK(report.failure.value_or("") == "");
    found += count(report, "damage: found at the start");
    replaced += count(report, "damage: member replaced");
  }
  CHECK(found >= 5);
  CHECK(replaced >= found);
}

TEST_CASE("A simulation is the same each time, and others differ", "[simulation]") {
  const auto run = [](std::uint64_t seed) {
    return simulate({.seed = seed, .nodes = 5, .duration = milliseconds(20'000)});
  };
  const auto first = run(3);
  const auto again = run(3);
  CHECK(first.trace_hash == again.trace_hash);
  CHECK(first.events == again.events);
  CHECK(first.appended == again.appended);
  CHECK(first.trace_hash != run(4).trace_hash);
}

TEST_CASE("A simulation can be stopped at any event, and was the same until then", "[simulation]") {
  std::ostringstream whole;
  std::ostringstream part;
  const auto run = [](std::ostream& trace, std::optional<std::uint64_t> until) {
    return simulate(
        {.seed = 5, .duration = milliseconds(5'000), .until_event = until, .trace = &trace});
  };
  run(whole, std::nullopt);
  const auto report = run(part, 500);
  CHECK(report.events == 500);
  CHECK_FALSE(report.failure);
  CHECK(whole.str().starts_with(part.str()));
  CHECK_FALSE(part.str().empty());
}

TEST_CASE("Without faults one leader stays, and every request succeeds", "[simulation]") {
  for (const std::size_t nodes : {1U, 2U, 3U, 5U, 9U}) {
    CAPTURE(nodes);
    std::ostringstream trace;
    const auto report = simulate({.seed = 20 + 2 * nodes,
                                  .nodes = nodes,
                                  .duration = milliseconds(60'000),
                                  .faults = SimFaultPlan(),
                                  .trace = &trace});
    CHECK_FALSE(report.failure);
    CHECK(report.appended > 100);
    CHECK(report.unknown == 0);
    CHECK(report.refused == 0);
    CHECK(leader_changes(trace.str()) == 1);
  }
}

TEST_CASE("Clients begin as many operations in a second as they are told", "[simulation]") {
  for (const std::uint64_t rate : {4U, 20U, 50U}) {
    CAPTURE(rate);
    const auto report = simulate({.seed = 12,
                                  .duration = milliseconds(60'000),
                                  .faults = SimFaultPlan(),
                                  .clients = 4,  // at more there is something to make up for
                                  .operations_per_second = rate});
    CHECK_FALSE(report.failure);
    // Until the first election nobody is answered.
    CHECK(report.appended + report.read >= 55 * rate);
    CHECK(report.appended + report.read <= 63 * rate);
  }
}

TEST_CASE("Every kind of fault finds something to do", "[simulation]") {
  for (std::size_t fault = 0; fault < kSimFaults; ++fault) {
    // Somebody who needs a snapshot, which otherwise is rare.
    const SimFaultPlan calm_plan{{milliseconds(21'500), SimFault::join, 1, 1, milliseconds(0)}};
    SimFaultPlan plan;
    for (std::uint32_t i = 0; i < 20; ++i)
      plan.push_back({milliseconds(1'000 + 1'000 * i),
                      static_cast<SimFault>(fault),
                      i * 7 + 1,
                      i * 3 + 2,
                      milliseconds(2'000)});
    plan.push_back(calm_plan.front());
    const auto run = [&](const SimFaultPlan& faults) {
      return simulate({.seed = 77, .nodes = 4, .duration = milliseconds(25'000), .faults = faults});
    };
    const auto report = run(plan);
    const auto calm = run(calm_plan);
    CAPTURE(to_string(static_cast<SimFault>(fault)));
    CHECK_FALSE(report.failure);
    CHECK(report.faults > calm.faults);
    CHECK(report.events != calm.events);
  }
}

TEST_CASE("Frames that were sent before, or announce too much, come and are refused",
          "[simulation]") {
  SimFaultPlan plan;
  for (std::uint32_t i = 0; i < 24; ++i)
    plan.push_back({milliseconds(3'000 + 500 * i),
                    i % 3 == 2 ? SimFault::oversize : SimFault::replay,
                    i % 3,
                    16 * i + 1,
                    {}});
  const auto report = simulate({.seed = 6, .duration = milliseconds(16'000), .faults = plan});
  CHECK_FALSE(report.failure);
  CHECK(report.faults >= 20);
  CHECK(count(report, "connection: repeated frame refused") >= 1);
  CHECK(count(report, "connection: frame of an earlier one refused") >= 1);
  CHECK(count(report, "connection: message over the limit refused") >= 1);
}

TEST_CASE("A member that lost its disk is refused, and another one takes its place",
          "[simulation]") {
  for (const std::uint64_t seed : {2U, 4U, 8U}) {
    CAPTURE(seed);
    SimFaultPlan plan;
    for (std::uint32_t i = 0; i < 2; ++i)
      plan.push_back({milliseconds(5'000 + 10'000 * i), SimFault::wipe, i, 0, milliseconds(1'000)});
    const auto report = simulate({.seed = seed, .duration = milliseconds(25'000), .faults = plan});
    CHECK(report.failure.value_or("") == "");
    CHECK(report.faults == 2);
    CHECK(count(report, "identity: another data directory refused") == 2);
    CHECK(count(report, "identity: member replaced whose disk was lost") == 2);
  }
}

TEST_CASE("A second process with a member's ID is refused, and the member goes on",
          "[simulation]") {
  SimFaultPlan plan;
  for (std::uint32_t i = 0; i < 6; ++i)
    plan.push_back(
        {milliseconds(3'000 + 2'000 * i), SimFault::duplicate, i, 0, milliseconds(1'000)});
  const auto report = simulate({.seed = 2, .duration = milliseconds(16'000), .faults = plan});
  CHECK(report.failure.value_or("") == "");
  CHECK(count(report, "identity: another data directory refused") == 6);
  CHECK(count(report, "leader: won the election") == 1);
  CHECK(report.unknown == 0);
}

TEST_CASE("A state machine whose answers differ between nodes is caught", "[simulation]") {
  CHECK(find_failure(Bug::none).value_or("") == "");
  CHECK(find_failure(Bug::answers_differ).value_or("").starts_with("determinism"));
}

TEST_CASE("A state machine that loses something in a snapshot is caught", "[simulation]") {
  CHECK(find_failure(Bug::restore_loses).value_or("").starts_with("determinism"));
  CHECK(find_failure(Bug::capture_is_late).value_or("").starts_with("determinism"));
}

TEST_CASE("A state machine that fails is caught, as it would stop a node", "[simulation]") {
  CHECK(find_failure(Bug::capture_fails).value_or("").find("cannot go on") != std::string::npos);
  CHECK(find_failure(Bug::throws).value_or("").starts_with("state machine"));
}

TEST_CASE("Clients with sessions propose again what was lost, and expire, in some simulations",
          "[simulation][sessions]") {
  std::uint64_t replayed = 0;
  std::uint64_t expired = 0;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    const auto report = simulate({.seed = seed, .duration = milliseconds(30'000)});
    CHECK_FALSE(report.failure);
    replayed += report.replayed;
    expired += report.expired;
  }
  CHECK(replayed > 20);
  CHECK(expired > 0);
}

TEST_CASE("Options that make no sense are refused", "[simulation]") {
  CHECK(simulate({.nodes = 0}).failure.value_or("").starts_with("options"));
  CHECK(simulate({.nodes = 10}).failure.value_or("").starts_with("options"));
  CHECK(simulate({.operations_per_second = 0}).failure.value_or("").starts_with("options"));
  CHECK(simulate({.operations_per_second = 1'000'001}).failure.value_or("").starts_with("options"));
  SimulationOptions half;
  half.state_machine = [](NodeId node) { return std::make_unique<Sum>(node, Bug::none); };
  CHECK(simulate(half).failure.value_or("").starts_with("options"));
}

TEST_CASE("A fault plan follows from its seed, and can be read", "[simulation]") {
  const auto plan = make_fault_plan(9, milliseconds(60'000));
  const auto again = make_fault_plan(9, milliseconds(60'000));
  REQUIRE(plan.size() > 10);
  REQUIRE(again.size() == plan.size());
  std::ostringstream first;
  std::ostringstream second;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    first << plan[i] << '\n';
    second << again[i] << '\n';
    CHECK(plan[i].at < milliseconds(60'000));
  }
  CHECK(first.str() == second.str());
  std::ostringstream one;
  one << SimFaultStep{milliseconds(1'200), SimFault::split, 3, 5, milliseconds(800)};
  CHECK(one.str() == "at 1200 ms: split(3, 5) for 800 ms");
}
