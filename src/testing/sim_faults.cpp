// What goes wrong in a simulated cluster, and for how long.
#include <algorithm>

#include "testing/sim_cluster.hpp"

namespace raftkit::testing {

void SimCluster::apply(const SimFaultStep& step) {
  if (is_healed_) return;
  trace_.note(to_string(step.fault), NodeId{0}, step.a, step.b);
  ++faults_;
  switch (step.fault) {
    case SimFault::split:
    case SimFault::isolate_leader:
    case SimFault::mute:
    case SimFault::deafen:
    case SimFault::bridge:
    case SimFault::slow_path:
    case SimFault::corrupt:
    case SimFault::reset:
      return apply_to_paths(step);
    case SimFault::kill:
    case SimFault::kill_leader:
    case SimFault::kill_all:
    case SimFault::power_cut:
    case SimFault::stop:
    case SimFault::pause:
    case SimFault::pause_leader:
    case SimFault::slow_disk:
    case SimFault::hung_disk:
    case SimFault::clock:
      return apply_to_processes(step);
    case SimFault::transfer:
    case SimFault::join:
    case SimFault::remove:
      return apply_to_members(step);
  }
}

void SimCluster::heal() {
  is_healed_ = true;
  network_.heal_all();
  for (auto& [id, node] : nodes_) {
    node->set_disk({});
    node->resume();
  }
}

// --- paths

void SimCluster::cut_both_ways(NodeId left, NodeId right) {
  network_.cut(left, right);
  network_.cut(right, left);
}

void SimCluster::split(std::uint32_t mask, const SimNode* bridge) {
  for (const auto& [left, its] : nodes_) {
    for (const auto& [right, others] : nodes_) {
      const bool is_apart = (mask >> left.value % 16 & 1U) != (mask >> right.value % 16 & 1U);
      if (is_apart && its.get() != bridge && others.get() != bridge) network_.cut(left, right);
    }
  }
}

void SimCluster::apply_to_paths(const SimFaultStep& step) {
  SimNode* const one = step.fault == SimFault::isolate_leader ? leader() : pick(step.a);
  SimNode* const other = pick(step.b);
  if (one == nullptr) return;
  std::vector<NodeId> all;
  for (const auto& [id, node] : nodes_)
    all.push_back(id);
  switch (step.fault) {
    case SimFault::split:
      split(step.a, nullptr);
      break;
    case SimFault::bridge:
      split(step.a, other);
      break;
    case SimFault::isolate_leader:
      for (const NodeId id : all)
        cut_both_ways(one->id(), id);
      break;
    case SimFault::mute:
      network_.cut(one->id(), other->id());
      break;
    case SimFault::deafen:
      for (const NodeId id : all)
        network_.cut(id, one->id());
      break;
    case SimFault::slow_path:
      network_.slow(one->id(), other->id(), milliseconds(1 + step.a % 1500));
      break;
    case SimFault::corrupt:
      network_.corrupt(one->id(), other->id());
      return;
    case SimFault::reset:
      network_.reset(one->id(), other->id());
      return;
    default:
      return;
  }
  clock_.after(step.lasts, [this, all] {
    for (const NodeId left : all) {
      for (const NodeId right : all)
        network_.heal(left, right);
    }
  });
}

// --- processes

void SimCluster::go_down(SimNode* node, SimNetwork::Farewell farewell, SimTime lasts) {
  if (node == nullptr || !node->is_up()) return;
  down_until_[node->id()] = now() + lasts;
  node->crash(farewell);
  clients_->node_crashed(node->id());
}

void SimCluster::hold(SimNode* node, SimTime lasts) {
  if (node == nullptr || !node->is_up()) return;
  node->pause();
  clock_.after(lasts, [node] { node->resume(); });
}

void SimCluster::apply_to_processes(const SimFaultStep& step) {
  SimNode* const node = pick(step.a);
  switch (step.fault) {
    case SimFault::kill:
      return go_down(node, SimNetwork::Farewell::close, step.lasts);
    case SimFault::power_cut:
      return go_down(node, SimNetwork::Farewell::silent, step.lasts);
    case SimFault::kill_leader:
      return go_down(leader(), SimNetwork::Farewell::close, step.lasts);
    case SimFault::kill_all:
      for (auto& [id, each] : nodes_)
        go_down(each.get(), SimNetwork::Farewell::close, step.lasts + milliseconds(id.value));
      return;
    case SimFault::stop:
      down_until_[node->id()] = now() + step.lasts + seconds(2);
      return node->stop();
    case SimFault::pause:
      return hold(node, step.lasts);
    case SimFault::pause_leader:
      return hold(leader(), step.lasts);
    case SimFault::slow_disk:
      node->set_disk({.least = milliseconds(1), .most = milliseconds(2 + step.b % 1500)});
      break;
    case SimFault::hung_disk:
      node->set_disk({.is_hung = true});
      break;
    case SimFault::clock:
      return node->set_clock_rate(90 + step.b % 21);
    default:
      return;
  }
  clock_.after(step.lasts, [node] { node->set_disk({}); });
}

// --- members

void SimCluster::apply_to_members(const SimFaultStep& step) {
  switch (step.fault) {
    case SimFault::transfer:
      if (SimNode* from = leader()) from->transfer_leadership(pick(step.b)->id());
      return;
    case SimFault::join:
      return join(step.b);
    case SimFault::remove:
      return remove(step.a);
    default:
      return;
  }
}

void SimCluster::join(std::uint32_t choice) {
  constexpr std::size_t kMost = 12;  // nodes that ever were
  SimNode* const by = leader();
  if (by == nullptr || nodes_.size() >= kMost) return;
  const NodeId id{next_node_++};
  add_node(id).start();
  MembershipChange change;
  const bool learns = choice % 2 == 0;
  change.steps.push_back({learns ? MemberOperation::make_learner : MemberOperation::make_voter,
                          {id, {}, {SimTransport::url_of(id)}, {}, {}}});
  by->change_membership(change, [](error_code, const driver::Proposed&) {});
}

void SimCluster::remove(std::uint32_t choice) {
  SimNode* const by = leader();
  if (by == nullptr) return;
  const auto& voters = by->driver().membership()->voters;
  constexpr std::size_t kFewest = 3;
  if (voters.size() <= kFewest) return;
  MembershipChange change;
  change.steps.push_back(
      {MemberOperation::remove, {voters[choice % voters.size()], {}, {}, {}, {}}});
  by->change_membership(change, [](error_code, const driver::Proposed&) {});
}

}  // namespace raftkit::testing
