// Who starts under the ID of a member with a data directory that is not that member's.
#include <algorithm>

#include "testing/sim_cluster.hpp"

namespace raftkit::testing {

/// That all other members know its data directory, also after a crash.
bool SimCluster::is_known_to_others(NodeId node) {
  const auto others = members();
  return std::all_of(others.begin(), others.end(), [&](const SimNode* other) {
    return other->id() == node || checks_.remembers_store(other->id(), node);
  });
}

SimCluster::Impostor& SimCluster::start_impostor(NodeId id, Place place) {
  const SnapshotMeta bootstrap{driver::kBootstrap, bootstrap_};
  Impostor& impostor = *impostors_.emplace_back(
      std::make_unique<Impostor>(Impostor{SimChecks(bootstrap), {}, SimHistory(clock_), nullptr}));
  SimNodeOptions options = options_of(id);
  options.driver.self.store = StoreId{2000 + impostors_.size()};
  options.stores = SimStores::in_memory;
  options.is_listening = place == Place::instead;
  options.state_machine = [this] { return std::make_unique<ListMachine>(nullptr, random_.next()); };
  options.is_let_in = [this, id](NodeId by, StoreId store) {
    return checks_.has_let_in(by, id, store);
  };
  options.on_refused = [this, &impostor](NodeId) {
    marks_.hit("identity: another data directory refused");
    impostor.node->crash(SimNetwork::Farewell::close);
  };
  impostor.node = std::make_unique<SimNode>(SimWorld{clock_,
                                                     random_,
                                                     network_,
                                                     directory_,
                                                     impostor.checks,
                                                     trace_,
                                                     impostor.marks,
                                                     impostor.history},
                                            std::move(options));
  impostor.node->start();
  return impostor;
}

bool SimCluster::duplicate(const SimNode& node, SimTime lasts) {
  if (lost_ || !node.is_up() || !is_known_to_others(node.id())) return false;
  Impostor& impostor = start_impostor(node.id(), Place::elsewhere);
  clock_.after(lasts, [&impostor] { impostor.node->crash(SimNetwork::Farewell::close); });
  return true;
}

// --- a lost disk

bool SimCluster::wipe(SimNode& node, SimTime lasts) {
  if (is_beyond_model_ || nodes_.size() >= kMostNodes || !can_spare_one() || !node.is_up())
    return false;
  if (!is_known_to_others(node.id())) return false;
  node.crash(SimNetwork::Farewell::close);
  clients_->node_crashed(node.id());
  // What it had made durable still counts for the checks, and nothing that comes after: whoever
  // heard of it may rely on it, as the others are enough to keep it.
  lost_ = Lost{node.id(), now() + lasts};
  return true;
}

/// What an operator does: starts it again, and when it refuses, or nothing comes of it, puts
/// another member in its place.
void SimCluster::look_after_lost() {
  if (!lost_) return;
  constexpr SimTime kPatience = seconds(5);
  if (!checks_.oracle().newest_members()->contains(lost_->node)) {
    marks_.hit("identity: member replaced whose disk was lost");
    // Null: an older order took it away before it was back.
    if (lost_->impostor != nullptr) lost_->impostor->node->crash(SimNetwork::Farewell::close);
    lost_.reset();
    return;
  }
  if (now() < lost_->back_at && !is_healed_) return;
  if (lost_->impostor == nullptr) {
    lost_->impostor = &start_impostor(lost_->node, Place::instead);
    return;
  }
  if (!lost_->impostor->node->is_up() || now() >= lost_->back_at + kPatience) replace_lost();
}

void SimCluster::replace_lost() {
  SimNode* const by = leader();
  if (by == nullptr || now() < lost_->next_order) return;
  lost_->next_order = now() + seconds(3);
  if (!lost_->successor) {
    lost_->successor = NodeId{next_node_++};
    add_node(*lost_->successor).start();
  }
  order_replacement(*by, lost_->node, *lost_->successor);
}

}  // namespace raftkit::testing
