// All nodes of a simulation, and what goes wrong with them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "raftkit/testing/simulation.hpp"

#include "testing/sim_clients.hpp"
#include "testing/sim_node.hpp"

namespace raftkit::testing {

/// Owner: the simulation.
class SimCluster {
 public:
  SimCluster(const SimulationOptions& options, const MembershipPtr& bootstrap);

  /// Runs until `end`, or until so many events have happened.
  void run_until(SimTime end);
  [[nodiscard]] bool is_cut_short() const { return is_cut_short_; }

  void begin();
  void apply(const SimFaultStep& step);
  /// Ends all faults; whoever belongs to the cluster is up from now on.
  void heal();

  [[nodiscard]] SimWorld world() {
    return {clock_, random_, network_, directory_, checks_, trace_};
  }
  [[nodiscard]] SimTime now() const { return clock_.now(); }
  [[nodiscard]] SimClients& clients() { return *clients_; }
  [[nodiscard]] std::vector<SimNode*> members_up();
  /// Those that belong to the cluster, as of the last committed entry.
  [[nodiscard]] std::vector<SimNode*> members();
  /// That all members follow, and that has committed in its term.
  [[nodiscard]] SimNode* settled_leader();
  void fill(SimulationReport& report) const;
  /// A line per node, for whoever wonders why nothing happens.
  [[nodiscard]] std::string describe() const;

 private:
  struct Settings {
    bool on_disk = false;
    driver::DriverOptions driver;
    SimTime flush_delay{0};
  };

  void choose_settings();
  SimNode& add_node(NodeId id);
  [[nodiscard]] Member describe(NodeId id) const;
  [[nodiscard]] SimNode* leader();
  [[nodiscard]] SimNode* pick(std::uint32_t choice);
  void look_after_members();

  // faults
  void cut_both_ways(NodeId left, NodeId right);
  void split(std::uint32_t mask, const SimNode* bridge);
  void go_down(SimNode* node, SimNetwork::Farewell farewell, SimTime lasts);
  void hold(SimNode* node, SimTime lasts);
  void join(std::uint32_t choice);
  void remove(std::uint32_t choice);
  void apply_to_paths(const SimFaultStep& step);
  void apply_to_processes(const SimFaultStep& step);
  void apply_to_members(const SimFaultStep& step);

  const SimulationOptions& options_;
  MembershipPtr bootstrap_;
  core::Random random_;
  SimClock clock_;
  SimTrace trace_;
  SimNetwork network_;
  SimDirectory directory_;
  SimChecks checks_;
  Settings settings_;
  std::map<NodeId, ListMachine::Disk> disks_;
  std::map<NodeId, std::unique_ptr<SimNode>> nodes_;
  std::map<NodeId, SimTime> down_until_;     // those that start again by themselves
  std::map<NodeId, SimTime> outside_since_;  // those that do not belong to the cluster
  std::unique_ptr<SimClients> clients_;
  std::uint64_t next_node_;
  std::uint64_t next_command_ = 0;
  std::uint64_t faults_ = 0;
  bool is_healed_ = false;
  bool is_cut_short_ = false;
};

}  // namespace raftkit::testing
