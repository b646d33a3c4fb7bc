#include "raftkit/testing/simulation.hpp"

#include <algorithm>

#include "testing/check.hpp"
#include "testing/history_page.hpp"
#include "testing/sim_cluster.hpp"

namespace raftkit::testing {

namespace {

/// The longest randomised election timeout, on the slowest clock.
constexpr SimTime kLongestElection = 2 * milliseconds(1000) * 100 / 90;

MembershipPtr founders(std::size_t count) {
  auto membership = std::make_shared<Membership>();
  for (std::uint64_t id = 1; id <= count; ++id) {
    membership->voters.emplace_back(id);
    membership->members.push_back({NodeId{id}, {}, {SimTransport::url_of(NodeId{id})}, {}, {}});
  }
  return membership;
}

/// Lets time pass until `is_done`; it must not take longer than `limit`.
template <class IsDone>
void within(SimCluster& cluster, SimTime limit, const char* what, const IsDone& is_done) {
  const SimTime end = cluster.now() + limit;
  while (!cluster.is_cut_short() && !is_done()) {
    if (cluster.now() >= end) {
      const auto allowed = std::chrono::duration_cast<milliseconds>(limit).count();
      fail(std::string("liveness: ") + what + " within " + std::to_string(allowed) +
           " ms after everything was healed" + cluster.describe());
    }
    cluster.run_until(cluster.now() + milliseconds(50));
  }
}

/// A proposal that everybody applies.
void make_progress(SimCluster& cluster, const SimulationOptions& options) {
  constexpr std::uint64_t kNotOfAClient = std::uint64_t{1} << 40;
  std::uint64_t attempts = 0;
  // A late answer may come when this function has returned.
  const auto committed = std::make_shared<std::optional<Index>>();
  SimTime next_attempt = cluster.now();
  within(cluster, 20 * kLongestElection, "nothing is committed on all members", [&] {
    SimNode* const leader = cluster.settled_leader();
    if (!*committed && leader != nullptr && cluster.now() >= next_attempt) {
      next_attempt = cluster.now() + milliseconds(500);
      const std::uint64_t number = kNotOfAClient + attempts++;
      leader->propose(options.command
                          ? options.command(number)
                          : as_proposed(*leader, ListCommand{kSpareList, number}.encode(0)),
                      [committed](error_code code, const driver::Proposed& proposed) {
                        if (!code) *committed = proposed.index;
                      });
    }
    const auto members = cluster.members();
    return *committed && std::all_of(members.begin(), members.end(), [&](const SimNode* node) {
      return node->is_up() && node->driver().applied_index() >= **committed;
    });
  });
}

void recover(SimCluster& cluster, const SimulationOptions& options) {
  cluster.heal();
  within(cluster,
         20 * kLongestElection,
         "a member whose disk is lost or damaged is not replaced",
         [&] { return !cluster.awaits_replacements(); });
  if (options.seed % 2 == 1) {
    within(cluster, 20 * kLongestElection, "some member does not know the others", [&] {
      return cluster.knows_its_members();
    });
    cluster.forsake_some();
  }
  within(cluster, 10 * kLongestElection, "nobody leads all members", [&] {
    return cluster.settled_leader() != nullptr;
  });
  make_progress(cluster, options);
  // Under some faults hardly anything gets done; every run is to show something.
  cluster.clients().forget_interval();
  const auto wanted =
      options.clients * 50 * static_cast<std::uint64_t>(options.duration.count()) / 60'000;
  within(cluster, seconds(120), "too few requests are answered", [&] {
    return cluster.clients().counts().appended + cluster.clients().counts().read >= wanted;
  });
  cluster.clients().stop();
  within(cluster, seconds(16), "a request is not answered", [&] {
    return cluster.clients().pending() == 0;
  });
  within(cluster, 10 * kLongestElection, "the members do not come to the same state", [&] {
    const auto members = cluster.members();
    return std::all_of(members.begin(), members.end(), [&](const SimNode* node) {
      return node->is_up() && members.front()->is_up() &&
             node->driver().applied_index() == members.front()->driver().applied_index();
    });
  });
  for (const SimNode* node : cluster.members())
    node->check_state(node->driver().applied_index());
  cluster.check_idle();
}

/// Some plans find little to do; every run is to show three kinds of fault. These always do.
void add_faults(SimCluster& cluster) {
  for (const SimFault fault : {SimFault::clock, SimFault::slow_disk, SimFault::deafen}) {
    if (cluster.is_cut_short() || cluster.fault_kinds() >= 3) return;
    cluster.apply({{}, fault, 0, 0, milliseconds(500)});
    cluster.run_until(cluster.now() + seconds(1));
  }
}

void write_down(const SimulationOptions& options,
                SimCluster& cluster,
                const SimulationReport& report) {
  if (options.history == nullptr && options.page == nullptr) return;
  const History history = cluster.take_history(report);
  if (options.history != nullptr) write_history(*options.history, history);
  if (options.page != nullptr) write_page(*options.page, history, check_history(history));
}

}  // namespace

SimulationReport simulate(const SimulationOptions& options) {
  SimulationReport report;
  if (options.nodes < 1 || options.nodes > 9) {
    report.failure = "options: nodes must be from 1 to 9, not " + std::to_string(options.nodes);
    return report;
  }
  if ((options.state_machine == nullptr) != (options.command == nullptr)) {
    report.failure = "options: state_machine and command come together";
    return report;
  }
  const std::uint64_t rate = options.operations_per_second.value_or(1);
  if (rate < 1 || rate > 1'000'000) {
    report.failure =
        "options: operations_per_second must be from 1 to 1,000,000, not " + std::to_string(rate);
    return report;
  }
  SimCluster cluster(options, founders(options.nodes));
  try {
    const auto plan =
        options.faults ? *options.faults : make_fault_plan(options.seed, options.duration);
    cluster.prepare_for(plan);
    cluster.begin();
    for (const SimFaultStep& step : plan) {
      cluster.run_until(step.at);
      if (!cluster.is_cut_short()) cluster.apply(step);
    }
    cluster.run_until(options.duration);
    if (!options.faults) add_faults(cluster);
    if (!cluster.is_cut_short() && !cluster.has_left_model()) recover(cluster, options);
    report.is_history_complete = cluster.clients().check_history();
  } catch (const CheckFailed& failure) {
    report.failure = failure.what();
  } catch (const std::exception& thrown) {
    report.failure = std::string("state machine: it threw: ") + thrown.what();
  }
  cluster.fill(report);
  write_down(options, cluster, report);
  return report;
}

}  // namespace raftkit::testing
