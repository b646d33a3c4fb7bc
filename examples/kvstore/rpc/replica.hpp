// What the services need of consensus.
#pragma once

#include <functional>

#include "raftkit/node.hpp"

namespace kvstore {

/// In production a raftkit::Node; tests put their own in front of the services. Thread-safe.
class Replica {
 public:
  using ProposeDone = std::function<void(raftkit::error_code, raftkit::ProposeResult)>;
  using ReadDone = std::function<void(raftkit::error_code)>;

  virtual ~Replica() = default;

  /// Replicates a command; `done` gets the result of applying it here. Node::async_propose.
  virtual void propose(raftkit::Bytes command, ProposeDone done) = 0;
  /// `done` may read linearizably. Node::async_read_index.
  virtual void read_index(ReadDone done) = 0;
  [[nodiscard]] virtual raftkit::NodeStatus status() const = 0;
};

/// Hands everything to `node`, which must outlive it.
class NodeReplica final : public Replica {
 public:
  explicit NodeReplica(raftkit::Node& node) : node_(node) {}

  void propose(raftkit::Bytes command, ProposeDone done) override {
    node_.async_propose(std::move(command), std::move(done));
  }
  void read_index(ReadDone done) override {
    node_.async_read_index(
        [done = std::move(done)](raftkit::error_code code, raftkit::Index) { done(code); });
  }
  [[nodiscard]] raftkit::NodeStatus status() const override { return node_.status(); }

 private:
  raftkit::Node& node_;
};

}  // namespace kvstore
