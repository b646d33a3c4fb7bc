#include "transport/loopback_hub.hpp"

#include "raftkit/loopback_transport.hpp"

#include "transport/loopback_node.hpp"

namespace raftkit {

namespace asio = transport::asio;

void LoopbackHub::attach(NodeId id, const NodePtr& node) {
  {
    const std::lock_guard lock(mutex_);
    nodes_.insert_or_assign(id, node);
    attached_.insert(node);
  }
  break_wires([id](const Pair& pair) { return pair.second == id; });
}

void LoopbackHub::detach(NodeId id, const NodePtr& node) {
  {
    const std::lock_guard lock(mutex_);
    attached_.erase(node);
    const auto at = nodes_.find(id);
    if (at == nodes_.end() || at->second.lock() != node) return;
    nodes_.erase(at);
  }
  break_wires([id](const Pair& pair) { return pair.first == id || pair.second == id; });
}

LoopbackHub::NodeRef LoopbackHub::find(NodeId id) const {
  const std::lock_guard lock(mutex_);
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? NodeRef() : at->second;
}

bool LoopbackHub::post(const NodeRef& node, std::function<void()> task) const {
  const std::lock_guard lock(mutex_);
  if (!attached_.contains(node)) return false;
  // Attached means alive: the node detaches before it ends, and that waits for this mutex.
  asio::post(node.lock()->context()->executor, std::move(task));
  return true;
}

bool LoopbackHub::connect(NodeId from, NodeId to, const WirePtr& wire) {
  const std::lock_guard lock(mutex_);
  if (has_cut({from, to})) return false;
  std::erase_if(wires_, [](const auto& entry) { return entry.second.expired(); });
  wires_.emplace(Pair(from, to), wire);
  return true;
}

void LoopbackHub::cut(NodeId from, NodeId to) {
  {
    const std::lock_guard lock(mutex_);
    cuts_.emplace(from, to);
  }
  break_wires([=](const Pair& pair) { return pair == Pair(from, to); });
}

void LoopbackHub::mend(NodeId from, NodeId to) {
  const std::lock_guard lock(mutex_);
  cuts_.erase({from, to});
}

void LoopbackHub::isolate(NodeId node) {
  {
    const std::lock_guard lock(mutex_);
    isolated_.insert(node);
  }
  break_wires([node](const Pair& pair) { return pair.first == node || pair.second == node; });
}

void LoopbackHub::rejoin(NodeId node) {
  const std::lock_guard lock(mutex_);
  isolated_.erase(node);
}

void LoopbackHub::mend_all() {
  const std::lock_guard lock(mutex_);
  cuts_.clear();
  isolated_.clear();
}

bool LoopbackHub::is_cut(NodeId from, NodeId to) const {
  const std::lock_guard lock(mutex_);
  return has_cut({from, to});
}

bool LoopbackHub::has_cut(const Pair& pair) const {
  return cuts_.contains(pair) || isolated_.contains(pair.first) || isolated_.contains(pair.second);
}

void LoopbackHub::break_wires(const std::function<bool(const Pair&)>& matches) {
  std::vector<WirePtr> broken;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(wires_, [&](const auto& entry) {
      if (!matches(entry.first)) return false;
      if (auto wire = entry.second.lock()) broken.push_back(std::move(wire));
      return true;
    });
  }
  for (const auto& wire : broken)
    wire->break_off();
}

LoopbackNetwork::LoopbackNetwork() : hub_(std::make_shared<LoopbackHub>()) {}
LoopbackNetwork::~LoopbackNetwork() = default;

std::unique_ptr<Transport> LoopbackNetwork::make_transport(boost::asio::any_io_executor executor,
                                                           const LoopbackOptions& options,
                                                           std::shared_ptr<LogSink> log) {
  return transport::make_loopback_transport(
      hub_,
      std::make_shared<transport::TransportContext>(std::move(executor), std::move(log)),
      options);
}

void LoopbackNetwork::cut(NodeId from, NodeId to) {
  hub_->cut(from, to);
}

void LoopbackNetwork::mend(NodeId from, NodeId to) {
  hub_->mend(from, to);
}

void LoopbackNetwork::isolate(NodeId node) {
  hub_->isolate(node);
}

void LoopbackNetwork::rejoin(NodeId node) {
  hub_->rejoin(node);
}

void LoopbackNetwork::mend_all() {
  hub_->mend_all();
}

}  // namespace raftkit
