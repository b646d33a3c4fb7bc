// Where the nodes of one process find each other.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit {

namespace transport {

class LoopbackNode;

/// One connection from one node to another. Thread-safe.
class LoopbackWire {
 public:
  /// `on_broken`: called once, on whatever thread breaks it.
  explicit LoopbackWire(std::function<void()> on_broken) : on_broken_(std::move(on_broken)) {}

  [[nodiscard]] bool is_open() const { return open_; }
  void break_off() {
    if (open_.exchange(false)) on_broken_();
  }

 private:
  std::atomic<bool> open_{true};
  std::function<void()> on_broken_;
};

}  // namespace transport

/// A node, and with it its executor, ends at any time, on a thread of its own: others hold it
/// weakly and reach it through post() alone. Thread-safe; the mutex is never held while somebody
/// else's code runs.
class LoopbackHub {
 public:
  using NodePtr = std::shared_ptr<transport::LoopbackNode>;
  using NodeRef = std::weak_ptr<transport::LoopbackNode>;
  using WirePtr = std::shared_ptr<transport::LoopbackWire>;

  void attach(NodeId id, const NodePtr& node);
  /// Breaks all its wires; nothing is posted to it any more. A node that took its place stays.
  void detach(NodeId id, const NodePtr& node);
  /// Expired if there is none.
  [[nodiscard]] NodeRef find(NodeId id) const;

  /// Runs `task` on the node's executor, if the node is attached; false otherwise. The task may be
  /// destroyed without having run, when the node ends.
  bool post(const NodeRef& node, std::function<void()> task) const;

  [[nodiscard]] bool is_cut(NodeId from, NodeId to) const;

  /// Remembers a wire, so that a cut can break it. False: they are cut off from each other already.
  [[nodiscard]] bool connect(NodeId from, NodeId to, const WirePtr& wire);

  void cut(NodeId from, NodeId to);
  void mend(NodeId from, NodeId to);
  void isolate(NodeId node);
  void rejoin(NodeId node);
  void mend_all();

 private:
  using Pair = std::pair<NodeId, NodeId>;

  [[nodiscard]] bool has_cut(const Pair& pair) const;
  /// Breaks the wires for which `matches` holds; called without the mutex.
  void break_wires(const std::function<bool(const Pair&)>& matches);

  mutable std::mutex mutex_;
  std::map<NodeId, NodeRef> nodes_;
  std::set<NodeRef, std::owner_less<>> attached_;
  std::multimap<Pair, std::weak_ptr<transport::LoopbackWire>> wires_;
  std::set<Pair> cuts_;
  std::set<NodeId> isolated_;
};

}  // namespace raftkit
