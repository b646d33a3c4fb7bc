// All peers that messages go to.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "transport/peer_driver.hpp"

namespace raftkit::transport {

/// Transport::set_peers and Transport::send. Owner: the executor.
class PeerSet {
 public:
  using Factory = std::function<std::shared_ptr<PeerDriver>(PeerAddress)>;

  PeerSet(ContextPtr context, Factory factory)
      : context_(std::move(context)), factory_(std::move(factory)) {}
  ~PeerSet() { close(); }
  PeerSet(const PeerSet&) = delete;
  PeerSet& operator=(const PeerSet&) = delete;

  /// The nodes that were peers before and no longer are.
  std::vector<NodeId> set(std::vector<PeerAddress> addresses);
  void send(std::span<Envelope> envelopes);
  void nudge(NodeId node);
  void close();

  /// The peer's link; nullptr if it is none, or was removed.
  [[nodiscard]] const PeerLink* find(NodeId node) const;

 private:
  ContextPtr context_;
  Factory factory_;
  std::map<NodeId, std::shared_ptr<PeerDriver>> peers_;
};

}  // namespace raftkit::transport
