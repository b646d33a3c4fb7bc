// Whole clusters of drivers under generated fault plans, which shrink to short ones.
#include <cstdlib>
#include <tuple>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "raftkit/testing/scenario.hpp"

namespace raftkit::testing {

namespace {

using std::chrono::milliseconds;

/// As rapidcheck makes it smaller: sooner, of the first kinds, of the first nodes, shorter.
struct Step {
  std::uint32_t pause = 0;  // since the step before, so that one can go without the others moving
  std::uint32_t fault = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t lasts = 0;
};

rc::Gen<Step> steps() {
  const auto below = [](std::uint32_t end) { return rc::gen::inRange<std::uint32_t>(0, end); };
  return rc::gen::map(
      rc::gen::tuple(below(1'500), below(kSimFaults), below(64), below(64), below(4'000)),
      [](const auto& numbers) { return std::make_from_tuple<Step>(numbers); });
}

SimFaultPlan plan_of(const std::vector<Step>& steps) {
  constexpr milliseconds kElection(2'000);  // before it there is nobody to be hurt
  SimFaultPlan plan;
  milliseconds at = kElection;
  for (const Step& step : steps) {
    at += milliseconds(step.pause);
    plan.push_back(
        {at, static_cast<SimFault>(step.fault), step.a, step.b, milliseconds(step.lasts)});
  }
  return plan;
}

rc::Gen<SimScenario> scenarios() {
  // Without shrinking: another seed is another run, not a smaller one.
  const auto seed = rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  // Of one or two voters, one that is replaced is needed until the others have applied that, and
  // the simulator does not start again who belongs to the cluster no more.
  const auto nodes = rc::gen::inRange<std::size_t>(3, 6);
  return rc::gen::map(rc::gen::tuple(seed, nodes, rc::gen::container<std::vector<Step>>(steps())),
                      [](const auto& parts) {
                        SimScenario scenario;
                        scenario.seed = std::get<0>(parts);
                        scenario.nodes = std::get<1>(parts);
                        scenario.faults = plan_of(std::get<2>(parts));
                        const auto last =
                            scenario.faults.empty() ? milliseconds(0) : scenario.faults.back().at;
                        scenario.duration = last + milliseconds(1'000);
                        return scenario;
                      });
}

[[maybe_unused]] const int kCasesByDefault = setenv("RC_PARAMS", "max_success=800", 0);

}  // namespace

TEST_CASE("A simulated cluster survives every plan of faults", "[simulation][property]") {
  // What is printed as the counterexample is a file for raftkit-sim --plan.
  CHECK(rc::check([] {
    const SimScenario scenario = *scenarios();
    SimulationOptions options;
    scenario.apply_to(options);
    const SimulationReport report = simulate(options);
    if (report.failure) RC_FAIL(*report.failure);
    RC_CLASSIFY(report.faults >= 10, "ten faults or more");
    RC_CLASSIFY(report.terms >= 5, "five terms or more");
  }));
}

}  // namespace raftkit::testing
