// What is checked while a simulation runs: the promises of every node against what it holds, and
// all nodes against each other.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "raftkit/sessions.hpp"
#include "raftkit/transport.hpp"

#include "driver/ports.hpp"
#include "driver/recovery.hpp"
#include "testing/cluster_oracle.hpp"
#include "testing/list_machine.hpp"

namespace raftkit::testing {

/// Throws CheckFailed. Owner: the simulation.
class SimChecks {
 public:
  enum class Workload : std::uint8_t { lists, lists_in_sessions, embedders };

  explicit SimChecks(const SnapshotMeta& bootstrap) : bootstrap_(bootstrap), oracle_(bootstrap) {}

  /// What will be proposed; before anything is.
  void expect(Workload workload) { workload_ = workload; }

  // What a node does.

  void added(NodeId node);
  void let_in(NodeId node, const Introduction& peer);
  [[nodiscard]] bool has_let_in(NodeId node, NodeId peer, StoreId store) const {
    return let_in_.contains({node, peer, store});
  }
  void started(NodeId node, const driver::Recovered& recovered);
  /// Handed to the log; `state` and `members` as they are then.
  void wrote(NodeId node,
             const PersistBatch& batch,
             const SoftState& state,
             const MembershipPtr& members);
  void became_durable(NodeId node, const PersistBatch& batch);
  void members_changed(NodeId node, const MembershipPtr& members);
  void compacted(NodeId node, const SnapshotMeta& snapshot, Index keep_from);
  void sent(NodeId node, const Envelope& envelope);
  void leads(NodeId node, Term term);
  /// With the results.
  void applied(NodeId node, const driver::ApplyBatch& batch);
  void restored(NodeId node, const SnapshotMeta& snapshot);
  /// What a ListMachine holds after `index`.
  void holds(NodeId node, Index index, const Lists& lists) const;

  // What clients are told.

  /// This number was refused for good: it must never be appended.
  void refused(std::uint64_t number);
  /// A read of `key` at `index` saw `value`.
  void saw(std::uint8_t key, Index index, const ListValue& value) const;

  /// The data directory of `member`, if `node` has applied what that published.
  [[nodiscard]] std::optional<StoreId> known_store(NodeId node, NodeId member) const;
  /// And will after a crash.
  [[nodiscard]] bool remembers_store(NodeId node, NodeId member) const;
  /// Some log holds a membership change that nobody knows to be committed.
  [[nodiscard]] bool remembers_newest_members(NodeId node) const;
  [[nodiscard]] bool has_pending_change() const;

  [[nodiscard]] bool was_applied(std::uint64_t number) const { return numbers_.contains(number); }
  [[nodiscard]] const ClusterOracle& oracle() const { return oracle_; }

 private:
  struct Node {
    explicit Node(const SnapshotMeta& bootstrap) : durable(bootstrap), written(bootstrap) {}

    LogImage durable;  // what a crash leaves
    LogImage written;  // with all writes that were handed out
    std::uint64_t life = 0;
    Term leads;  // the term that it leads, if it does
    Index commit;
    Index applied;
    std::vector<MembershipPtr> members;  // since the last time that something was committed
  };
  struct Version {
    Index index;
    ListValue value;
  };

  Node& at(NodeId node) { return nodes_.at(node); }
  void check_acknowledgement(NodeId id, const Node& node, const Envelope& envelope) const;
  [[nodiscard]] HistoryHash installed(const PersistBatch& batch) const;
  void check_changes(NodeId id, const Node& node, const PersistBatch& batch) const;
  void commit(NodeId id, Node& node, const HardState& hard, const SoftState& state);
  void check_result(const Command& command, const Bytes& result);
  void check_request(Index index, const Bytes& payload, const Bytes& result);
  void check_in_session(Index index, const SessionCommand& command, const SessionAnswer& answer);
  void check_list(Index index, const Bytes& payload, const Bytes& result);
  [[nodiscard]] ListValue value_at(std::uint8_t key, Index index) const;

  SnapshotMeta bootstrap_;
  Workload workload_ = Workload::lists;
  ClusterOracle oracle_;
  std::map<NodeId, Node> nodes_;
  std::map<Index, Bytes> results_;  // of the first node that applied it
  std::array<std::vector<Version>, kLists> versions_;
  std::map<std::uint64_t, Index> numbers_;  // that were appended
  std::set<std::uint64_t> refused_;
  std::set<std::tuple<NodeId, NodeId, StoreId>> let_in_;  // who let in whom, not knowing better
  std::map<std::pair<SessionId, std::uint64_t>, SessionAnswer> answers_;  // of commands in sessions
};

}  // namespace raftkit::testing
