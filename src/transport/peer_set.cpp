#include "transport/peer_set.hpp"

namespace raftkit::transport {

std::vector<NodeId> PeerSet::set(std::vector<PeerAddress> addresses) {
  std::erase_if(peers_, [](const auto& entry) { return entry.second->link().is_done(); });
  std::map<NodeId, PeerAddress> wanted;
  for (auto& address : addresses) {
    const NodeId node = address.node;
    if (node != context_->identity.node) wanted.insert_or_assign(node, std::move(address));
  }
  std::vector<NodeId> removed;
  for (const auto& [node, peer] : peers_) {
    if (wanted.contains(node)) continue;
    peer->remove();
    removed.push_back(node);
  }
  for (auto& [node, address] : wanted) {
    if (const auto at = peers_.find(node); at != peers_.end()) {
      at->second->set_address(std::move(address));
      continue;
    }
    const auto peer = factory_(std::move(address));
    peers_.emplace(node, peer);
    peer->start();
  }
  return removed;
}

void PeerSet::send(std::span<Envelope> envelopes) {
  for (Envelope& envelope : envelopes) {
    if (std::holds_alternative<SnapshotRequest>(envelope.message)) {
      context_->log->log(LogLevel::error,
                         "message_not_sent",
                         "a SnapshotRequest goes through send_snapshot",
                         {{"peer", to_string(envelope.to)}});
      continue;
    }
    const auto at = peers_.find(envelope.to);
    if (at != peers_.end()) at->second->send(std::move(envelope));
  }
  for (const auto& [node, peer] : peers_)
    peer->flush();
}

void PeerSet::nudge(NodeId node) {
  if (const auto at = peers_.find(node); at != peers_.end()) at->second->nudge();
}

void PeerSet::close() {
  for (const auto& [node, peer] : peers_)
    peer->close();
  peers_.clear();
}

const PeerLink* PeerSet::find(NodeId node) const {
  const auto at = peers_.find(node);
  if (at == peers_.end() || at->second->link().is_removed()) return nullptr;
  return &at->second->link();
}

}  // namespace raftkit::transport
