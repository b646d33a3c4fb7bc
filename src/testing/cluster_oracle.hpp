// What must hold in every cluster, whatever happens to it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raftkit/raw_node.hpp"

#include "testing/log_image.hpp"

namespace raftkit::testing {

/// Sees everything, remembers everything, and throws CheckFailed when two observations contradict
/// each other. Owner: the world that is checked.
class ClusterOracle {
 public:
  explicit ClusterOracle(const SnapshotMeta& bootstrap) {
    chosen_.push_back({bootstrap.last, 0, bootstrap.last.term, bootstrap.membership});
  }

  /// Two logs that hold the same id are equal up to it. [thesis §3.5]
  void log_grew(const LogImage& image, Index first);

  /// At most one life of one node leads a term, its log holds all that was committed before, and it
  /// never goes back. [thesis §3.4, §3.6.3]
  void leads(NodeId node, std::uint64_t life, Term term, const LogImage& written);

  /// Nobody ever commits anything else at this index. [thesis §3.6.3]
  void committed(Index index, Term observed, const LogImage& written);
  /// What a leader commits is durable on a quorum of the members as it knew them when it committed:
  /// now, or before what it has applied since.
  void leader_committed(Index index,
                        const LogImage& leader,
                        const std::map<NodeId, const LogImage*>& durable,
                        const std::vector<MembershipPtr>& members);
  /// Returns the hash of the state machine after it.
  HistoryHash applied(const Entry& entry, HistoryHash before);

  /// One vote per node and term, across all of its lives. [thesis §3.4, §3.8]
  void voted(NodeId voter, Term term, NodeId candidate);
  /// Whoever begins to lead has the votes of a quorum of its members, as it knew them: now, or
  /// before what it has applied since. [thesis §3.4, §4.3]
  void elected(NodeId node, Term term, const std::vector<MembershipPtr>& members) const;

  /// A read that begins now must see everything that anybody knows to be committed. [thesis §6.4]
  void read_began(ReadId read) { reads_[read] = last_chosen(); }
  void read_answered(const ReadReady& read);

  [[nodiscard]] Index last_chosen() const {
    return chosen_.front().id.index + (chosen_.size() - 1);
  }
  /// How many there have been.
  [[nodiscard]] std::size_t leaders() const { return leaders_.size(); }
  /// Of the state after the committed entry at `index`.
  [[nodiscard]] HistoryHash state_at(Index index) const { return chosen(index).hash; }
  /// After the committed entry at `index`.
  [[nodiscard]] const MembershipPtr& members_at(Index index) const { return chosen(index).members; }
  /// The data directory that `member` has published by then.
  [[nodiscard]] std::optional<StoreId> store_at(Index index, NodeId member) const;
  /// Whether it ever was in effect.
  [[nodiscard]] bool was_chosen(const Membership& membership) const;
  [[nodiscard]] const MembershipPtr& newest_members() const { return chosen_.back().members; }

 private:
  struct Chosen {
    EntryId id;
    HistoryHash hash = 0;
    Term observed;  // of whoever was the first to know; it was committed in this term or before
    MembershipPtr members;
  };
  [[nodiscard]] const Chosen& chosen(Index index) const {
    return chosen_.at(index - chosen_.front().id.index);
  }

  std::map<EntryId, HistoryHash> history_;
  std::vector<Chosen> chosen_;
  std::map<Term, std::pair<NodeId, std::uint64_t>> leaders_;
  std::map<std::pair<NodeId, Term>, NodeId> votes_;
  std::map<ReadId, Index> reads_;
};

}  // namespace raftkit::testing
