// One simulated run, written down so that it stays: and how to make a long one short.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "raftkit/result.hpp"
#include "raftkit/testing/simulation.hpp"

namespace raftkit::testing {

/// What a run begins with and what goes wrong in it, as a file of lines:
///
///     # the leader is killed while a follower is away
///     seed 7
///     nodes 3
///     duration 9000 ms
///     rate 50 per second
///     expect 2 faults
///     expect term 3
///     at 2000 ms: pause(1, 0) for 3000 ms
///     at 2500 ms: kill_leader(0, 0) for 1000 ms
struct SimScenario {
  std::uint64_t seed = 0;
  std::size_t nodes = 3;
  std::chrono::milliseconds duration{60'000};
  SimFaultPlan faults;
  // What the run must show so that the scenario still means something; none: anything.
  std::optional<std::uint64_t> expected_faults = std::nullopt;  ///< that find something to do
  std::optional<std::uint64_t> least_term = std::nullopt;
  /// As in SimulationOptions.
  std::optional<std::uint64_t> operations_per_second = std::nullopt;

  /// Puts it into `options`, whose other fields stay.
  void apply_to(SimulationOptions& options) const;
  /// What is not as expected in a run that passed; none: all is.
  [[nodiscard]] std::optional<std::string> unmet(const SimulationReport& report) const;
};

/// As read_scenario reads it.
std::ostream& operator<<(std::ostream& out, const SimScenario& scenario);

/// Comments begin with '#'. Seed, nodes and duration must be given, steps ascend by time.
/// Errors: malformed, with `name`, the line, what stands there and what should.
[[nodiscard]] Result<SimScenario> read_scenario(std::istream& in, const std::string& name);

/// Makes a run that fails shorter: leaves out steps, then nodes, then makes the rest begin earlier,
/// last less long and choose smaller numbers, as long as the run still violates the same property.
/// Every step of the result is needed. Its seed may be another one: since each step shifts the
/// choices that come after it, a few seeds are tried for each shorter plan.
///
/// None: the run does not fail, or its options are refused. Writes to `progress`, if it is not
/// null, a line whenever it has found something shorter. Takes some hundred to some thousand runs,
/// as `simulate` does, which see neither trace nor history nor `until_event` of `options`.
[[nodiscard]] std::optional<SimScenario> shrink(const SimulationOptions& options,
                                                std::ostream* progress = nullptr);

}  // namespace raftkit::testing
