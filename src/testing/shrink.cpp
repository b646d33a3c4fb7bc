#include <algorithm>
#include <functional>
#include <ostream>

#include "raftkit/testing/scenario.hpp"

#include "testing/ddmin.hpp"

namespace raftkit::testing {

namespace {

using std::chrono::milliseconds;

/// The name of the property that a failure violates.
std::string property_of(const std::string& failure) {
  const std::string name = failure.substr(0, failure.find(':'));
  return name.starts_with("node ") ? "a node cannot go on" : name;
}

/// Tries what is shorter, and keeps what fails.
class Shrinker {
 public:
  Shrinker(const SimulationOptions& options, std::ostream* progress)
      : options_(options), progress_(progress) {
    options_.trace = options_.history = options_.page = nullptr;
    options_.until_event.reset();
    best_.seed = options.seed;
    best_.nodes = options.nodes;
    best_.duration = options.duration;
    best_.operations_per_second = options.operations_per_second;
    best_.faults =
        options.faults ? *options.faults : make_fault_plan(options.seed, options.duration);
  }

  std::optional<SimScenario> run() {
    const SimulationReport report = simulate_as(best_);
    if (!report.failure || report.failure->starts_with("options")) return std::nullopt;
    property_ = property_of(*report.failure);
    say("fails", *report.failure);
    keep(best_, report);
    leave_out_steps();
    // Each of these can make another one possible.
    while (simplify_all_steps())
      leave_out_steps();
    return best_;
  }

 private:
  SimulationReport simulate_as(const SimScenario& scenario) {
    ++runs_;
    scenario.apply_to(options_);
    return simulate(options_);
  }

  void say(const char* what, const std::string& failure) const {
    if (progress_ == nullptr) return;
    *progress_ << runs_ << " runs: " << what << " with " << best_.faults.size() << " faults in "
               << best_.duration.count() << " ms, seed " << best_.seed << ": "
               << failure.substr(0, failure.find('\n')) << '\n'
               << std::flush;
  }

  /// It fails like this; the faults that come later have no part in it.
  void keep(const SimScenario& scenario, const SimulationReport& report) {
    best_ = scenario;
    failed_at_ = report.simulated + milliseconds(1);
    std::erase_if(best_.faults, [this](const SimFaultStep& step) { return step.at > failed_at_; });
  }

  /// Whether the scenario fails with some seed; then it is the best one.
  bool takes(SimScenario scenario) {
    constexpr std::uint64_t kSeeds = 8;
    const std::uint64_t first = best_.seed;
    for (std::uint64_t i = 0; i < kSeeds; ++i) {
      // In steps of two: whether some voters never come back depends on whether it is odd.
      scenario.seed = first + 2 * i;
      const SimulationReport report = simulate_as(scenario);
      if (!report.failure || property_of(*report.failure) != property_) continue;
      keep(scenario, report);
      say("still fails", *report.failure);
      return true;
    }
    return false;
  }

  void leave_out_steps() {
    ddmin(best_.faults, [this](const SimFaultPlan& faults) {
      SimScenario scenario = best_;
      scenario.faults = faults;
      return takes(scenario);
    });
  }

  /// Everything from step `first` on happens earlier.
  static void move_forward(SimScenario& scenario, std::size_t first, milliseconds by) {
    for (std::size_t i = first; i < scenario.faults.size(); ++i)
      scenario.faults[i].at -= by;
    scenario.duration -= by;
  }

  bool simplify_all_steps() {
    // Not before steps were left out: with other seeds the run may need the time.
    best_.duration = std::min(best_.duration, failed_at_);
    bool is_simpler = false;
    if (best_.nodes > 3) {
      SimScenario scenario = best_;
      scenario.nodes = 3;
      is_simpler = takes(scenario);
    }
    for (std::size_t i = 0; i <= best_.faults.size(); ++i)
      is_simpler = simplify(i) || is_simpler;
    return is_simpler;
  }

  bool takes_change(const std::function<void(SimScenario&)>& change) {
    SimScenario scenario = best_;
    change(scenario);
    return takes(scenario);
  }

  /// One step, or what comes after the last one. The run may fail earlier and earlier, so that the
  /// step has no part in it any more.
  bool simplify(std::size_t i) {
    constexpr milliseconds kFine(100);  // shorter is not simpler
    bool is_simpler = false;
    const auto is_there = [&] { return i < best_.faults.size(); };
    const auto gap = [&] {
      if (i > best_.faults.size()) return milliseconds(0);
      const milliseconds end = is_there() ? best_.faults[i].at : best_.duration;
      return i == 0 ? end : end - best_.faults[i - 1].at;
    };
    while (gap() >= 2 * kFine &&
           takes_change([&](SimScenario& its) { move_forward(its, i, gap() / 2); }))
      is_simpler = true;
    while (is_there() && best_.faults[i].lasts >= 2 * kFine &&
           takes_change([&](SimScenario& its) { its.faults[i].lasts /= 2; }))
      is_simpler = true;
    for (std::uint32_t SimFaultStep::*const number : {&SimFaultStep::a, &SimFaultStep::b}) {
      for (std::uint32_t less = 0; less < 4 && is_there() && less < best_.faults[i].*number; ++less)
        is_simpler =
            takes_change([&](SimScenario& its) { its.faults[i].*number = less; }) || is_simpler;
    }
    return is_simpler;
  }

  SimulationOptions options_;
  std::ostream* progress_;
  SimScenario best_;
  milliseconds failed_at_{0};
  std::string property_;
  std::size_t runs_ = 0;
};

}  // namespace

std::optional<SimScenario> shrink(const SimulationOptions& options, std::ostream* progress) {
  return Shrinker(options, progress).run();
}

}  // namespace raftkit::testing
