// All nodes of a simulation, and what goes wrong with them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "raftkit/testing/simulation.hpp"

#include "testing/sim_clients.hpp"
#include "testing/sim_history.hpp"
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
  /// That leaders stay, from the first one on that all follow: without faults for ever, and with
  /// faults of paths alone each may cost a few. Of other plans and settings nothing is promised.
  void prepare_for(const SimFaultPlan& plan);
  /// That hardly anything happens when nobody asks for anything; takes a while.
  void check_idle();
  void apply(const SimFaultStep& step);
  /// Ends all faults; whoever belongs to the cluster is up from now on.
  void heal();
  /// Whether all members are up and know the newest membership. Those who do not may need voters
  /// that it removed, who may be gone: together with somebody forsaken too many.
  [[nodiscard]] bool knows_its_members();
  /// Then: some voters are dead, mute or deaf for good, and not counted any more.
  void forsake_some();

  [[nodiscard]] SimWorld world() {
    return {clock_, random_, network_, directory_, checks_, trace_, marks_, history_};
  }
  /// Whether members wait for being replaced, because their disks are damaged or lost.
  [[nodiscard]] bool awaits_replacements() const { return lost_ || !damaged_.empty(); }
  /// How many kinds of fault found something to do.
  [[nodiscard]] std::size_t fault_kinds() const { return fault_kinds_.size(); }
  /// Whether more was damaged than a cluster is made for: then it may stop, and nothing else.
  [[nodiscard]] bool has_left_model() const { return has_left_model_; }
  [[nodiscard]] SimTime now() const { return clock_.now(); }
  [[nodiscard]] SimClients& clients() { return *clients_; }
  [[nodiscard]] std::vector<SimNode*> members_up();
  /// Those that belong to the cluster, as of the last committed entry, and are not forsaken.
  [[nodiscard]] std::vector<SimNode*> members();
  /// That all members follow, in its term; null: none.
  [[nodiscard]] SimNode* settled_leader();
  void fill(SimulationReport& report) const;
  /// All that clients and bystanders saw. Call it once, at the end.
  [[nodiscard]] History take_history(const SimulationReport& report);
  /// A line per node, for whoever wonders why nothing happens.
  [[nodiscard]] std::string describe() const;

 private:
  static constexpr std::size_t kFewestVoters = 3;
  static constexpr std::size_t kMostNodes =
      12;  // that ever were, without replacements of damaged ones
  struct Settings {
    bool on_disk = false;
    SimTime apply_delay{0};
    SimStores stores = SimStores::in_memory;
    std::size_t max_queued_bytes = 0;  // for a peer
    driver::DriverOptions driver;
    SimTime flush_delay{0};
    bool has_sessions = false;
  };

  void choose_settings();
  [[nodiscard]] SimClients::Options choose_workload();
  [[nodiscard]] SimNodeOptions options_of(NodeId id);
  SimNode& add_node(NodeId id);
  [[nodiscard]] std::unique_ptr<StateMachine> make_lists(NodeId id, ListMachine::Disk* disk);
  [[nodiscard]] Member describe(NodeId id) const;
  [[nodiscard]] SimNode* leader();
  [[nodiscard]] SimNode* pick(std::uint32_t choice);
  [[nodiscard]] SimNode& voter(std::uint32_t choice);
  void look_after_members();
  /// Whether enough members are up, and none of them still counts it as one: then its machine may
  /// be taken away.
  [[nodiscard]] bool is_forgotten(NodeId id);
  void check_leaders();
  void allow_leaders(SimFault fault);
  void retire(NodeId node);
  void replace_damaged();
  void order_replacement(SimNode& by, NodeId old, NodeId successor);
  [[nodiscard]] bool can_spare_one() const;
  [[nodiscard]] bool may_reduce(std::size_t voters) const;
  [[nodiscard]] bool may_damage(NodeId node) const;

  // faults; they return whether there was something to do
  enum class Direction : std::uint8_t { in, out, both };
  bool split(std::uint32_t mask, const SimNode* bridge, SimNetwork::Fault fault);
  void cut_off(NodeId node, Direction direction, SimNetwork::Fault fault);
  bool make_ring(SimNetwork::Fault fault);
  struct Flapping {
    core::Random random;
    SimTime until;
    bool both_ways;
  };
  void flap(NodeId from, NodeId to, const Flapping& how);
  bool go_down(SimNode* node, SimNetwork::Farewell farewell, SimTime lasts);
  bool set_trap(SimMoment moment, SimTime lasts);
  bool hold(SimNode* node, SimTime lasts);
  bool join(SimNode& by, std::uint32_t choice);
  bool reduce(SimNode& by, MemberOperation operation, std::uint32_t choice);
  bool apply_to_paths(const SimFaultStep& step);
  bool apply_to_processes(const SimFaultStep& step);
  bool apply_to_members(const SimFaultStep& step);
  bool apply_to_disks(const SimFaultStep& step);
  /// The nodes that it will meet, for people; call it before.
  [[nodiscard]] std::string victims_of(const SimFaultStep& step);
  enum class Part : std::uint8_t { process, disk, room };
  void end_later(SimNode* node, Part part, SimTime lasts, void (*end)(SimNode&));

  // sim_impostors.cpp
  /// Has the ID of a member and a data directory of its own: nobody who matters to the checks.
  struct Impostor {
    SimChecks checks;
    SimMarks marks;
    SimHistory history;
    std::unique_ptr<SimNode> node;
  };
  /// A member whose disk is gone.
  struct Lost {
    NodeId node;
    SimTime back_at;               // when it starts, without knowing
    Impostor* impostor = nullptr;  // it, from then on
    SimTime next_order{0};
    std::optional<NodeId> successor = {};
  };
  bool wipe(SimNode& node, SimTime lasts);
  [[nodiscard]] bool is_known_to_others(NodeId node);
  enum class Place : std::uint8_t { instead, elsewhere };
  Impostor& start_impostor(NodeId node, Place place);
  bool duplicate(const SimNode& node, SimTime lasts);
  void look_after_lost();
  void replace_lost();
  [[nodiscard]] bool is_lost(NodeId node) const { return lost_ && lost_->node == node; }
  /// Whether somebody else is to come in its place.
  [[nodiscard]] bool is_replaced(NodeId node) const {
    return is_lost(node) || damaged_.contains(node);
  }

  const SimulationOptions& options_;
  MembershipPtr bootstrap_;
  core::Random random_;
  SimClock clock_;
  SimTrace trace_;
  SimHistory history_;
  SimNetwork network_;
  SimDirectory directory_;
  SimChecks checks_;
  SimMarks marks_;
  Settings settings_;
  std::map<NodeId, ListMachine::Disk> disks_;
  std::map<NodeId, std::unique_ptr<SimNode>> nodes_;
  std::map<NodeId, SimTime> down_until_;     // those that start again by themselves
  std::map<NodeId, SimTime> outside_since_;  // those that do not belong to the cluster
  std::unique_ptr<SimClients> clients_;
  std::uint64_t next_node_;
  std::uint64_t faults_ = 0;
  std::set<SimFault> fault_kinds_;
  SimNetwork::Fault path_faults_ = 0;
  std::size_t lasting_path_faults_ = 0;
  bool watches_leaders_ = false;
  std::optional<std::size_t> most_leaders_;  // that there may have been; none: not settled yet
  std::map<std::pair<NodeId, Part>, std::uint64_t> newest_fault_;
  std::set<NodeId> forsaken_;
  std::vector<std::unique_ptr<Impostor>> impostors_;
  std::optional<Lost> lost_;
  SimTime last_reduction_ = -seconds(60);            // when a member was told to go
  std::map<NodeId, std::optional<NodeId>> damaged_;  // with damaged disks, and who comes instead
  bool is_beyond_model_;
  bool has_left_model_ = false;
  bool is_healed_ = false;
  bool is_cut_short_ = false;
};

}  // namespace raftkit::testing
