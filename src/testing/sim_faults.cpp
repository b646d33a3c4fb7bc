// What goes wrong in a simulated cluster, and for how long.
#include <algorithm>
#include <array>

#include "testing/sim_cluster.hpp"

namespace raftkit::testing {

namespace {

bool is_lasting(SimFault fault) {
  constexpr std::array kOnce = {SimFault::corrupt,
                                SimFault::reset,
                                SimFault::clock,
                                SimFault::transfer,
                                SimFault::join,
                                SimFault::remove,
                                SimFault::demote,
                                SimFault::broken_disk,
                                SimFault::full_disk,
                                SimFault::replay,
                                SimFault::oversize,
                                SimFault::wipe,
                                SimFault::garble,
                                SimFault::failed_sync};
  return std::find(kOnce.begin(), kOnce.end(), fault) == kOnce.end();
}

bool flaps_both_ways(const SimFaultStep& step) {
  return step.b / 16 % 2 == 0;
}

/// Whether it may still come to nothing.
bool waits_for_its_moment(SimFault fault) {
  return fault == SimFault::kill_amid || fault == SimFault::garble ||
         fault == SimFault::failed_sync || fault == SimFault::replay;
}

}  // namespace

void SimCluster::apply(const SimFaultStep& step) {
  if (is_healed_) return;
  const std::string victims = victims_of(step);
  allow_leaders(step.fault);
  const bool acts = apply_to_paths(step) || apply_to_processes(step) || apply_to_members(step) ||
                    apply_to_disks(step);
  if (!acts) return;
  trace_.note(to_string(step.fault), NodeId{0}, step.a, step.b);
  history_.fault(std::string(to_string(step.fault)),
                 victims,
                 is_lasting(step.fault) ? step.lasts : SimTime(0));
  ++faults_;
  if (!waits_for_its_moment(step.fault)) fault_kinds_.insert(step.fault);
}

std::string SimCluster::victims_of(const SimFaultStep& step) {
  const auto name = [](const SimNode* node) {
    return node ? std::to_string(node->id().value) : "nobody";
  };
  const std::string one = name(pick(step.a));
  const std::string other = name(pick(step.b));
  std::string left;
  std::string right;
  switch (step.fault) {
    case SimFault::split:
    case SimFault::bridge:
      for (const auto& [id, node] : nodes_)
        ((step.a >> id.value % 16 & 1U) != 0 ? left : right) += ' ' + std::to_string(id.value);
      return left + " |" + right + (step.fault == SimFault::bridge ? ", over " + other : "");
    case SimFault::mute:
    case SimFault::slow_path:
    case SimFault::corrupt:
    case SimFault::reset:
      return one + " to " + other;
    case SimFault::isolate_leader:
    case SimFault::kill_leader:
    case SimFault::pause_leader:
      return name(leader());
    case SimFault::transfer:
      return name(leader()) + " to " + other;
    case SimFault::kill_all:
    case SimFault::ring:
      return "all";
    case SimFault::kill_amid:
    case SimFault::garble:
      return "whoever is there first";
    case SimFault::join:
      return std::to_string(next_node_);
    case SimFault::remove:
    case SimFault::demote:
      return "a voter";
    case SimFault::deafen:
    case SimFault::kill:
    case SimFault::power_cut:
    case SimFault::stop:
    case SimFault::pause:
    case SimFault::slow_disk:
    case SimFault::hung_disk:
    case SimFault::broken_disk:
    case SimFault::full_disk:
    case SimFault::clock:
    case SimFault::rot:
    case SimFault::lost_write:
    case SimFault::misdirected:
    case SimFault::truncated:
    case SimFault::unreadable:
    case SimFault::failed_sync:
      return one;
    case SimFault::flap:
      return one + " to " + other + (flaps_both_ways(step) ? " and back" : "");
    case SimFault::replay:
    case SimFault::oversize:
      return one + " to " + other;
    case SimFault::wipe:
    case SimFault::duplicate:
      return name(&voter(step.a));
  }
  return {};
}

/// Calls `end` when this fault, of this node, is over, unless a newer one has taken its place.
void SimCluster::end_later(SimNode* node, Part part, SimTime lasts, void (*end)(SimNode&)) {
  const std::pair key(node->id(), part);
  const std::uint64_t number = ++newest_fault_[key];
  clock_.after(lasts, [this, node, key, number, end] {
    if (!is_healed_ && newest_fault_[key] == number) end(*node);
  });
}

void SimCluster::heal() {
  is_healed_ = true;
  watches_leaders_ = false;  // some may be forsaken
  history_.healed();
  network_.heal_all();
  for (auto& [id, node] : nodes_) {
    node->set_disk({});
    node->free_disk();
    node->forget_traps();
    node->resume();
    // It may not have noticed, as long as there is nothing to write.
    if (node->has_failing_disk()) go_down(node.get(), SimNetwork::Farewell::close, SimTime(0));
    // What is damaged may be found at any time, and the bounds allow for no repair.
    if (node->has_damaged_disk() && checks_.oracle().newest_members()->contains(id)) retire(id);
  }
}

bool SimCluster::knows_its_members() {
  const auto all = members();
  return std::all_of(all.begin(), all.end(), [this](const SimNode* node) {
    return node->is_up() && *node->driver().membership() == *checks_.oracle().newest_members();
  });
}

void SimCluster::forsake_some() {
  // One fewer than a minority: a change that is under way may still remove a voter.
  const std::vector<NodeId> voters = checks_.oracle().newest_members()->voters;
  const std::size_t count = std::max<std::size_t>(1, (voters.size() - 1) / 2 - 1);
  // Without check-quorum a leader that hears nobody leads for ever, and nobody else can.
  // Without pre-votes one that hears nobody may depose every leader.
  const RaftOptions& raft = settings_.driver.raft;
  if (voters.size() < 3 || !raft.check_quorum || !raft.pre_vote) return;
  while (forsaken_.size() < count)
    forsaken_.insert(any_of(random_, voters));
  for (const NodeId id : forsaken_) {
    const std::uint32_t how = random_.below(3);
    trace_.note("forsake", id, how);
    constexpr std::array kHow = {"dead for good", "mute for good", "deaf for good"};
    history_.fault(kHow.at(how), std::to_string(id.value), std::nullopt);
    if (how == 0) {
      nodes_.at(id)->crash(SimNetwork::Farewell::silent);
      clients_->node_crashed(id);
      continue;
    }
    cut_off(id, how == 1 ? Direction::out : Direction::in, ++path_faults_);
  }
}

// --- paths

bool SimCluster::split(std::uint32_t mask, const SimNode* bridge, SimNetwork::Fault fault) {
  bool acts = false;
  for (const auto& [left, its] : nodes_) {
    for (const auto& [right, others] : nodes_) {
      const bool is_apart = (mask >> left.value % 16 & 1U) != (mask >> right.value % 16 & 1U);
      if (!is_apart || its.get() == bridge || others.get() == bridge) continue;
      network_.cut(left, right, fault);
      acts = true;
    }
  }
  return acts;
}

void SimCluster::cut_off(NodeId node, Direction direction, SimNetwork::Fault fault) {
  for (const auto& [other, its] : nodes_) {
    if (other == node) continue;
    if (direction != Direction::out) network_.cut(other, node, fault);
    if (direction != Direction::in) network_.cut(node, other, fault);
  }
}

bool SimCluster::make_ring(SimNetwork::Fault fault) {
  const std::vector<SimNode*> ring = members();
  bool acts = false;
  for (std::size_t left = 0; left < ring.size(); ++left) {
    for (std::size_t right = left + 2; right < ring.size(); ++right) {
      if (left == 0 && right + 1 == ring.size()) continue;
      network_.cut(ring[left]->id(), ring[right]->id(), fault);
      network_.cut(ring[right]->id(), ring[left]->id(), fault);
      acts = true;
    }
  }
  return acts;
}

void SimCluster::flap(NodeId from, NodeId to, const Flapping& how) {
  if (is_healed_ || now() >= how.until) return;
  const SimNetwork::Fault fault = ++path_faults_;
  network_.cut(from, to, fault);
  if (how.both_ways) network_.cut(to, from, fault);
  Flapping next = how;
  const SimTime broken = between(next.random, milliseconds(50), milliseconds(500));
  const SimTime whole = between(next.random, milliseconds(50), milliseconds(500));
  clock_.after(std::min(broken, how.until - now()), [this, fault] { network_.heal(fault); });
  clock_.after(broken + whole, [this, from, to, next] { flap(from, to, next); });
}

bool SimCluster::apply_to_paths(const SimFaultStep& step) {
  SimNode* const one = step.fault == SimFault::isolate_leader ? leader() : pick(step.a);
  SimNode* const other = pick(step.b);
  const SimNetwork::Fault fault = ++path_faults_;
  if (one == nullptr) return false;
  switch (step.fault) {
    case SimFault::split:
      if (!split(step.a, nullptr, fault)) return false;
      break;
    case SimFault::bridge:
      if (!split(step.a, other, fault)) return false;
      break;
    case SimFault::isolate_leader:
      cut_off(one->id(), Direction::both, fault);
      break;
    case SimFault::deafen:
      cut_off(one->id(), Direction::in, fault);
      break;
    case SimFault::mute:
      if (one == other) return false;
      network_.cut(one->id(), other->id(), fault);
      break;
    case SimFault::slow_path:
      if (one == other) return false;
      network_.slow(one->id(), other->id(), milliseconds(1 + step.a % 1500), fault);
      break;
    case SimFault::corrupt:
      if (one != other) network_.corrupt(one->id(), other->id());
      return one != other;
    case SimFault::reset:
      if (one != other) network_.reset(one->id(), other->id());
      return one != other;
    case SimFault::ring:
      if (!make_ring(fault)) return false;
      break;
    case SimFault::flap:
      if (one == other) return false;
      flap(one->id(),
           other->id(),
           {core::Random(options_.seed ^ fault), now() + step.lasts, flaps_both_ways(step)});
      return true;
    case SimFault::replay:
      return one != other && network_.replay(one->id(), other->id(), step.b / 16);
    case SimFault::oversize:
      return one != other && one->is_up() && one->announce_too_much(other->id(), step.b / 16);
    case SimFault::garble:
      return network_.garble_next_record(step.b);
    default:
      return false;
  }
  ++lasting_path_faults_;
  clock_.after(step.lasts, [this, fault] {
    network_.heal(fault);
    --lasting_path_faults_;
  });
  return true;
}

// --- processes

bool SimCluster::go_down(SimNode* node, SimNetwork::Farewell farewell, SimTime lasts) {
  if (node == nullptr || !node->is_up()) return false;
  down_until_[node->id()] = now() + lasts;
  node->crash(farewell);
  clients_->node_crashed(node->id());
  return true;
}

bool SimCluster::hold(SimNode* node, SimTime lasts) {
  if (node == nullptr || !node->is_up()) return false;
  node->pause();
  end_later(node, Part::process, lasts, [](SimNode& held) { held.resume(); });
  return true;
}

/// Whoever is the first to come there.
bool SimCluster::set_trap(SimMoment moment, SimTime lasts) {
  // The stores in memory compact in one step.
  if (moment == SimMoment::compacting && settings_.stores == SimStores::in_memory) return false;
  const auto is_set = std::make_shared<bool>(true);
  for (auto& [id, each] : nodes_) {
    if (!each->is_up()) continue;
    each->when(moment, is_set, [this, node = each.get(), lasts] {
      if (!is_healed_) go_down(node, SimNetwork::Farewell::close, lasts);
    });
  }
  return true;
}

bool SimCluster::apply_to_processes(const SimFaultStep& step) {
  SimNode* const node = pick(step.a);
  bool acts = false;
  switch (step.fault) {
    case SimFault::kill:
      return go_down(node, SimNetwork::Farewell::close, step.lasts);
    case SimFault::power_cut:
      return go_down(node, SimNetwork::Farewell::silent, step.lasts);
    case SimFault::kill_leader:
      return go_down(leader(), SimNetwork::Farewell::close, step.lasts);
    case SimFault::kill_all:
      for (auto& [id, each] : nodes_)
        acts = go_down(each.get(), SimNetwork::Farewell::close, step.lasts) || acts;
      return acts;
    case SimFault::kill_amid:
      return set_trap(static_cast<SimMoment>(step.b % kSimMoments), step.lasts);
    case SimFault::stop:
      if (!node->is_up()) return false;
      down_until_[node->id()] = now() + step.lasts + seconds(2);
      node->stop();
      return true;
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
    case SimFault::broken_disk:
      return node->is_up() && node->break_disk(step.b % 100);
    case SimFault::full_disk:
      if (!node->is_up() || !node->fill_disk()) return false;
      end_later(node, Part::room, step.lasts, [](SimNode& full) { full.free_disk(); });
      return true;
    case SimFault::clock:
      node->set_clock_rate(90 + step.b % 21);
      return true;
    case SimFault::wipe:
      return wipe(voter(step.a), step.lasts);
    case SimFault::duplicate:
      return duplicate(voter(step.a), step.lasts);
    default:
      return false;
  }
  end_later(node, Part::disk, step.lasts, [](SimNode& slow) { slow.set_disk({}); });
  return true;
}

// --- disks

/// Whether the cluster can do without what one member holds: all have what they had, enough of them
/// vote, also if an order is still on its way that takes a vote, and nobody will ask for a voter
/// that has been replaced already.
bool SimCluster::can_spare_one() const {
  constexpr SimTime kLongestOrder = seconds(15);
  const MembershipPtr& newest = checks_.oracle().newest_members();
  const auto is_whole = [&](const auto& each) {
    return !newest->contains(each.first) ||
           (!each.second->has_damaged_disk() && checks_.remembers_newest_members(each.first));
  };
  return !lost_ && damaged_.empty() && !newest->is_joint() &&
         newest->voters.size() >= kFewestVoters && now() - last_reduction_ > kLongestOrder &&
         !checks_.has_pending_change() && std::all_of(nodes_.begin(), nodes_.end(), is_whole);
}

bool SimCluster::may_damage(NodeId node) const {
  constexpr std::size_t kMost = 15;  // nodes that ever were, with replacements
  if (nodes_.size() + damaged_.size() >= kMost || damaged_.contains(node)) return false;
  return is_beyond_model_ || (can_spare_one() && checks_.oracle().newest_members()->contains(node));
}

bool SimCluster::apply_to_disks(const SimFaultStep& step) {
  SimNode* const node = pick(step.a);
  if (step.fault == SimFault::failed_sync) return node->is_up() && node->lose_sync(step.b % 100);
  if (step.fault < SimFault::rot || step.fault > SimFault::unreadable) return false;
  if (settings_.stores == SimStores::in_memory || !may_damage(node->id())) return false;
  go_down(node, SimNetwork::Farewell::close, step.lasts);
  const auto kind = static_cast<DiskDamage>(static_cast<unsigned>(step.fault) -
                                            static_cast<unsigned>(SimFault::rot));
  const std::uint64_t seed = options_.seed << 32U ^ std::uint64_t{step.a} << 16U ^ step.b;
  const auto scope = is_beyond_model_ ? DamageScope::anywhere : DamageScope::noticeable;
  const bool is_damaged = node->damage_disk(kind, scope, seed);
  has_left_model_ = has_left_model_ || (is_damaged && is_beyond_model_);
  return is_damaged;
}

void SimCluster::retire(NodeId node) {
  damaged_.try_emplace(node);
  go_down(nodes_.at(node).get(), SimNetwork::Farewell::close, SimTime(0));
}

/// What the documentation tells people to do: one change of the membership. If an earlier order was
/// carried out, this one does nothing.
void SimCluster::order_replacement(SimNode& by, NodeId old, NodeId successor) {
  const bool votes = checks_.oracle().newest_members()->is_voter(old);
  MembershipChange change;
  change.steps.push_back({MemberOperation::remove, {old, {}, {}, {}, {}}, true});
  change.steps.push_back({votes ? MemberOperation::make_voter : MemberOperation::make_learner,
                          {successor, {}, {SimTransport::url_of(successor)}, {}, {}}});
  by.change_membership(change, [](error_code, const driver::Proposed&) {});
}

void SimCluster::replace_damaged() {
  const MembershipPtr& newest = checks_.oracle().newest_members();
  const auto up = members_up();
  for (auto& [old, replacement] : damaged_) {
    if (!newest->contains(old) || up.empty()) continue;
    if (!replacement || nodes_.at(*replacement)->has_damaged_disk()) {
      replacement = NodeId{next_node_++};
      add_node(*replacement);
    }
    SimNode& fresh = *nodes_.at(*replacement);
    if (!fresh.is_up()) {
      outside_since_.erase(fresh.id());
      fresh.start();
    }
    order_replacement(*any_of(random_, up), old, fresh.id());
  }
  const auto is_gone = [&](const auto& each) { return !newest->contains(each.first); };
  for (auto gone = std::erase_if(damaged_, is_gone); gone > 0; --gone)
    marks_.hit("damage: member replaced");
}

// --- members

bool SimCluster::apply_to_members(const SimFaultStep& step) {
  SimNode* by = leader();
  if (by == nullptr) return false;
  if (step.fault == SimFault::transfer) {
    if (step.a % 4 != 0) {
      by->transfer_leadership(pick(step.b)->id());
      return true;
    }
    // To somebody who is just leaving.
    const auto& voters = by->driver().membership()->voters;
    const NodeId target = voters[step.b / 8 % voters.size()];
    reduce(*by, MemberOperation::remove, step.b);
    clock_.after(milliseconds(1 + step.a / 4 % 4), [by, target] {
      if (by->leads()) by->transfer_leadership(target);
    });
    return true;
  }
  // Whoever is asked passes it on.
  SimNode* const other = pick(step.a / 16);
  if (step.a % 4 == 0 && other->is_up()) by = other;
  switch (step.fault) {
    case SimFault::join:
      return join(*by, step.b);
    case SimFault::remove:
      return reduce(*by, MemberOperation::remove, step.b);
    case SimFault::demote:
      return reduce(*by, MemberOperation::make_learner, step.b);
    default:
      return false;
  }
}

/// While one of three is lost, or will be when somebody looks, the other two are needed.
bool SimCluster::may_reduce(std::size_t voters) const {
  const bool is_damaged = std::any_of(nodes_.begin(), nodes_.end(), [](const auto& each) {
    return each.second->has_damaged_disk();
  });
  return voters > kFewestVoters && !lost_ && damaged_.empty() && !is_damaged;
}

bool SimCluster::join(SimNode& by, std::uint32_t choice) {
  if (nodes_.size() >= kMostNodes || lost_) return false;
  const NodeId id{next_node_++};
  add_node(id).start();
  MembershipChange change;
  const bool learns = choice % 2 == 0;
  change.steps.push_back({learns ? MemberOperation::make_learner : MemberOperation::make_voter,
                          {id, {}, {SimTransport::url_of(id)}, {}, {}}});
  // In place of another one, through a joint phase.
  const auto& voters = by.driver().membership()->voters;
  if (choice % 3 == 0 && (!learns || may_reduce(voters.size()))) {
    last_reduction_ = now();
    change.steps.push_back(
        {MemberOperation::remove, {voters[choice / 3 % voters.size()], {}, {}, {}, {}}});
  }
  if (choice / 64 % 4 == 0) change.transition = Transition::joint_explicit;
  by.change_membership(change, [](error_code, const driver::Proposed&) {});
  return true;
}

bool SimCluster::reduce(SimNode& by, MemberOperation operation, std::uint32_t choice) {
  const auto& voters = by.driver().membership()->voters;
  if (!may_reduce(voters.size())) return false;
  last_reduction_ = now();
  const auto ask = [&](std::uint32_t which) {
    MembershipChange change;
    change.steps.push_back({operation, {voters[which % voters.size()], {}, {}, {}, {}}, true});
    if (choice / 64 % 4 == 0) change.transition = Transition::joint_explicit;
    by.change_membership(change, [](error_code, const driver::Proposed&) {});
  };
  ask(choice / 8);
  // Two at once: the second must not begin before the first has ended.
  if (choice % 4 == 0 && voters.size() > kFewestVoters + 1) ask(choice / 8 + 1);
  return true;
}

}  // namespace raftkit::testing
