#include <algorithm>
#include <array>
#include <ostream>

#include "raftkit/testing/simulation.hpp"

#include "testing/sim_clock.hpp"

namespace raftkit::testing {

namespace {

constexpr std::array<std::string_view, kSimFaults> kNames = {
    "split",       "isolate_leader", "mute",  "deafen",       "bridge",      "slow_path",
    "corrupt",     "reset",          "kill",  "kill_leader",  "kill_all",    "power_cut",
    "kill_amid",   "stop",           "pause", "pause_leader", "slow_disk",   "hung_disk",
    "broken_disk", "full_disk",      "clock", "transfer",     "join",        "remove",
    "demote",      "ring",           "flap",  "replay",       "oversize",    "wipe",
    "duplicate",   "garble",         "rot",   "lost_write",   "misdirected", "truncated",
    "unreadable",  "failed_sync"};

/// Whether it needs more than a cluster that runs: other stores, a leader, more than three voters,
/// members that all know each other.
bool may_find_nothing(SimFault fault) {
  constexpr std::array kKinds = {SimFault::kill_amid,
                                 SimFault::broken_disk,
                                 SimFault::full_disk,
                                 SimFault::transfer,
                                 SimFault::join,
                                 SimFault::remove,
                                 SimFault::demote,
                                 SimFault::ring,
                                 SimFault::replay,
                                 SimFault::oversize,
                                 SimFault::garble,
                                 SimFault::wipe,
                                 SimFault::duplicate,
                                 SimFault::rot,
                                 SimFault::lost_write,
                                 SimFault::misdirected,
                                 SimFault::truncated,
                                 SimFault::unreadable,
                                 SimFault::failed_sync};
  return std::find(kKinds.begin(), kKinds.end(), fault) != kKinds.end();
}

/// Few kinds at a time, since many at once hide what each of them does; three are sure to happen.
std::vector<SimFault> draw_kinds(core::Random& random) {
  std::vector<SimFault> kinds;
  const std::size_t count = 3 + random.below(5);
  std::size_t certain = 0;
  while (kinds.size() < count || certain < 3) {
    const auto kind = static_cast<SimFault>(random.below(kSimFaults));
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) continue;
    kinds.push_back(kind);
    if (!may_find_nothing(kind)) ++certain;
  }
  return kinds;
}

/// Paths that are cut, one after the other, with time to recover in between: leaders should stay.
SimFaultPlan cut_paths_in_turn(std::uint64_t seed, milliseconds duration) {
  constexpr std::array kKinds = {SimFault::mute,
                                 SimFault::deafen,
                                 SimFault::isolate_leader,
                                 SimFault::bridge,
                                 SimFault::split,
                                 SimFault::mute,
                                 SimFault::mute,
                                 SimFault::mute};
  core::Random random(seed ^ 0x9a7b5);
  SimFaultPlan plan;
  milliseconds at(4000);
  for (; at < duration;
       at = plan.back().at + plan.back().lasts + milliseconds(4000 + random.below(4000))) {
    // Three kinds at least.
    const SimFault kind = plan.size() < 3 ? kKinds.at(plan.size()) : any_of(random, kKinds);
    const std::uint32_t a = random.below(1U << 16);
    const std::uint32_t b = a + 1 + random.below(2);  // another node
    plan.push_back({at, kind, a, b, milliseconds(1000 + random.below(8000))});
  }
  return plan;
}

}  // namespace

std::string_view to_string(SimFault fault) {
  return kNames.at(static_cast<std::size_t>(fault));
}

std::ostream& operator<<(std::ostream& out, const SimFaultStep& step) {
  return out << "at " << step.at.count() << " ms: " << to_string(step.fault) << '(' << step.a
             << ", " << step.b << ") for " << step.lasts.count() << " ms";
}

SimFaultPlan make_fault_plan(std::uint64_t seed, std::chrono::milliseconds duration) {
  if (cuts_paths_in_turn(seed)) return cut_paths_in_turn(seed, duration);
  core::Random random(seed ^ 0xfa017);
  const std::vector<SimFault> kinds = draw_kinds(random);
  const std::uint32_t most_pause = 500U << random.below(4);
  const std::uint32_t most_length = 500U << random.below(4);
  SimFaultPlan plan;
  milliseconds at(random.below(2000));
  for (; at < duration; at += milliseconds(50 + random.below(most_pause))) {
    plan.push_back({at,
                    any_of(random, kinds),
                    random.below(1U << 16),
                    random.below(1U << 16),
                    milliseconds(50 + random.below(most_length))});
  }
  return plan;
}

}  // namespace raftkit::testing
