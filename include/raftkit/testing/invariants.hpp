// What Raft forbids, as far as it can be seen at one replica and from outside.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/raw_node.hpp"

namespace raftkit::testing {

/// Whether those who send messages to the replica keep the protocol themselves. Some promises no
/// replica can keep alone: with `any` they are not checked.
enum class Peers : std::uint8_t { honest, any };

/// Watches one life of one RawNode: is told of its inputs, sees its state after each of them and
/// its Readys, and compares with what it remembers. Takes nothing from the core's own bookkeeping
/// that it can count up itself.
///
/// CheckedNode does the telling. docs/testing.md says which invariant is checked where.
/// Owner: whoever owns the RawNode.
class Invariants {
 public:
  struct Violation {
    std::string id;    ///< e.g. INV-COMMIT-BY-QUORUM
    std::string what;  ///< what was seen
  };

  Invariants(const RaftOptions& options, const InitialState& initial, Peers peers);

  // --- inputs, told before the node gets them

  void step(const Envelope& envelope);
  void read_index(ReadId read);
  void persisted(PersistId id);
  void compact(Index index);
  void membership_applied() { may_change_members_ = true; }

  // --- observations

  /// After every input, and once before the first one.
  void look(RaftStatus now, bool has_ready);
  /// A Ready was taken and the node looks like this now.
  void take(const Ready& ready, const RaftStatus& now, bool has_ready);

  /// The first one that was noticed.
  [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }

 private:
  /// An entry that was handed out for writing.
  struct Place {
    Term term;
    EntryType type = EntryType::normal;
    PersistId batch = {};  // 0: it was there at the start
    Term handed_out_in = {};
  };

  /// A read, and what was known when it was asked.
  struct Asked {
    Index commit;
    std::optional<Term> led;  // only if this node led
  };

  template <class What>
  void require(bool holds, std::string_view id, What&& what);

  // the state
  void check_positions(const RaftStatus& now);
  void check_ballot(const RaftStatus& now);
  void check_role(const RaftStatus& now);
  void check_campaign(const RaftStatus& now);
  void check_members(const RaftStatus& now);
  void check_progress(const RaftStatus& now);
  void check_tracked(const RaftStatus& now);
  void check_commit(const RaftStatus& now);
  void check_durable(const RaftStatus& now);
  void check_nothing_withheld(const RaftStatus& now);
  void remember(RaftStatus now);

  // a Ready
  void take_hard_state(const PersistBatch& batch, const RaftStatus& now);
  void take_snapshot(const Ready& ready, const RaftStatus& now);
  void take_entries(const PersistBatch& batch, const RaftStatus& now);
  void take_change(const Entry& entry, const RaftStatus& now);
  void take_stamp(const PersistBatch& batch, const RaftStatus& now);
  void take_applied(const Ready& ready, const RaftStatus& now);
  void take_reads(const Ready& ready, const RaftStatus& now);
  void take_message(const Envelope& envelope, const RaftStatus& now);
  void take_promise(const Envelope& envelope, const RaftStatus& now);
  void take_from_leader(const Envelope& envelope, const RaftStatus& now);

  [[nodiscard]] Index last() const { return base_.index + log_.size(); }
  /// Of what was handed out; empty outside.
  [[nodiscard]] std::optional<Term> term_at(Index index) const;
  [[nodiscard]] const Place& place(Index index) const { return log_[index - base_.index - 1]; }
  /// Whether a snapshot came in that no Ready has handed out yet.
  [[nodiscard]] bool is_restoring(const RaftStatus& now) const {
    return now.first > base_.index + 1;
  }
  /// Whether a Ready has been taken from this leader before: then all that it hands out is its own.
  [[nodiscard]] bool has_led(const RaftStatus& now) const {
    return now.role == Role::leader && written_as_leader_ == now.term;
  }

  RaftOptions options_;
  Peers peers_;
  std::optional<Violation> violation_;
  std::optional<RaftStatus> before_;  // as last seen

  // what was handed out
  EntryId base_;
  std::vector<Place> log_;
  std::vector<Index> changes_;  // the membership changes in it, and some before it
  HardState hard_;
  SoftState soft_;
  PersistId last_batch_{0};
  PersistId done_{0};
  Index applying_;  // the last entry that was handed out for application
  bool is_installing_ = false;
  PersistId installing_{0};
  /// A leader took back what it had said in the same term. Only the terms tell old writes from new
  /// ones.
  bool is_contradicted_ = false;
  std::map<Term, NodeId> votes_given_;
  Term written_as_leader_{0};

  // what came in
  std::map<NodeId, bool> votes_;     // of the current term, the first of each
  std::map<NodeId, Index> agreed_;   // acknowledged to the leader of the current term
  std::map<NodeId, Index> matched_;  // the most that this leader ever knew of a member
  Index told_commit_;                // the most that anybody said
  std::map<ReadId, Asked> reads_;
  std::optional<NodeId> leader_;  // of the current term
  Term led_{0};                   // the newest term that this node leads or has led
  Index led_from_;                // its first entry in that term
  bool may_change_members_ = false;
};

/// A RawNode that is watched: the same calls, each followed by a look at what it did.
/// Owner: one thread at a time.
class CheckedNode {
 public:
  /// What to do about a violation, e.g. fail a test by throwing. The node can go on.
  using Report = void (*)(const Invariants::Violation& violation);

  /// Errors: those of RawNode::create.
  static Result<CheckedNode> create(const RaftOptions& options,
                                    const InitialState& initial,
                                    Peers peers,
                                    Report report);

  // As in RawNode.
  void tick();
  Result<void> step(Envelope&& envelope);
  Result<ProposeOutcome> propose(SmallVector<Proposal, 1> proposals, ForwardTag tag = {});
  Result<ProposeOutcome> propose_membership_change(const MembershipChange& change,
                                                   ForwardTag tag = {});
  Result<void> read_index(ReadId read);
  void hold_lease(bool held) { node_.hold_lease(held); }
  void campaign();
  void transfer_leadership(NodeId target);
  void forget_leader();
  void report_unreachable(NodeId peer);
  void report_snapshot(NodeId peer, SnapshotOutcome outcome);
  void persisted(PersistId id);
  MembershipPtr membership_applied(const Entry& entry);
  void applied(Index index);
  void compact(Index index);
  void snapshot_available(SnapshotMeta snapshot);
  void fetched(FetchId id, std::vector<Entry> entries);
  void fetch_failed(FetchId id);
  [[nodiscard]] bool has_ready() const { return node_.has_ready(); }
  void take_ready(Ready& ready);
  [[nodiscard]] RaftStatus status() const { return node_.status(); }
  [[nodiscard]] SoftState soft_state() const { return node_.soft_state(); }
  [[nodiscard]] Term term() const { return node_.term(); }
  [[nodiscard]] const std::string& violation() const { return node_.violation(); }
  void set_randomized_election_timeout(std::uint32_t ticks) {
    node_.set_randomized_election_timeout(ticks);
  }

 private:
  CheckedNode(RawNode node, Invariants invariants, Report report)
      : node_(std::move(node)), invariants_(std::move(invariants)), report_(report) {}

  void look();
  void report_any();

  RawNode node_;
  Invariants invariants_;
  Report report_;
};

}  // namespace raftkit::testing
