// The protocol: dispatch and role changes. What a role does is in follower.cpp, candidate.cpp and
// leader*.cpp.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "raftkit/membership_change.hpp"
#include "raftkit/raft_options.hpp"
#include "raftkit/raw_node.hpp"
#include "raftkit/ready.hpp"
#include "raftkit/status.hpp"

#include "core/log.hpp"
#include "core/outbox.hpp"
#include "core/random.hpp"
#include "core/ring.hpp"
#include "core/roles.hpp"

namespace raftkit::core {

/// One replica. The contract of each input is RawNode's; here a violated invariant throws.
/// Owner: one thread at a time.
class Raft {
 public:
  Raft(const RaftOptions& options, InitialState initial);

  void tick();
  Result<void> step(Envelope&& envelope);
  Result<ProposeOutcome> propose(SmallVector<Proposal, 1>&& proposals, ForwardTag tag);
  Result<void> read_index(ReadId read);
  void hold_lease(bool held) { lease_held_ = held; }
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

  [[nodiscard]] bool has_ready() const {
    return !outbox_.now.empty() || has_write() || log_.has_next_committed() ||
           has_new_soft_state() || !reads_.empty() || !fetch_.empty() || confirmed_round_ > 0 ||
           snapshot_wanted_ == Wanted::yes;
  }
  void take_ready(Ready& ready);
  [[nodiscard]] RaftStatus status() const;
  [[nodiscard]] SoftState soft_state() const { return {leader(), role()}; }
  [[nodiscard]] Term term() const { return ballot_.term; }
  void set_randomized_election_timeout(std::uint32_t ticks) { timer_.randomized_timeout = ticks; }

 private:
  enum class Campaign : std::uint8_t { regular, transfer };
  enum class IfEmpty : std::uint8_t { skip, send };

  struct Ballot {
    Term term;
    std::optional<NodeId> voted_for;
  };
  struct ElectionTimer {
    std::uint32_t elapsed = 0;  // ticks since a leader was heard of, or an election began
    std::uint32_t randomized_timeout = 0;  // in [E, 2E-1]
  };
  /// What the last Ready said, so that only changes are reported.
  struct Reported {
    HardState hard;
    SoftState soft;
    MembershipPtr membership;
  };
  struct BatchInFlight {
    PersistId id;
    PersistStamp stamp;  // of term 0: none
    Index snapshot;      // 0: none
  };

  // raft.cpp: dispatch, terms and roles
  [[nodiscard]] Role role() const { return static_cast<Role>(state_.index()); }
  [[nodiscard]] std::optional<NodeId> leader() const {
    if (const auto* follower = std::get_if<Follower>(&state_)) return follower->leader;
    return role() == Role::leader ? std::optional(options_.id) : std::nullopt;
  }
  [[nodiscard]] bool is_promotable() const;
  [[nodiscard]] bool hears_leader() const;
  [[nodiscard]] bool is_member(NodeId node);
  enum class TermCheck : std::uint8_t { proceed, done };
  TermCheck check_term(const Envelope& envelope);
  void answer_stale(const Envelope& envelope);
  Result<ProposeOutcome> propose_from(NodeId origin,
                                      SmallVector<Proposal, 1>& proposals,
                                      ForwardTag tag);
  void become_follower(Term term, std::optional<NodeId> leader, std::string_view reason);
  void become_pre_candidate();
  void become_candidate(std::string_view reason);
  void become_leader();
  void reset(Term term);
  void role_changed(std::string_view reason);
  template <class Kind>
  void send(NodeId to, Kind message) {
    send(to, ballot_.term, std::move(message));
  }
  template <class Kind>
  void send(NodeId to, Term term, Kind message) {
    outbox_.add<Kind>(options_.id, to, term) = std::move(message);
  }
  /// The same for messages that are sent all the time: the caller fills it in, before anything else
  /// is sent.
  template <class Kind>
  Kind& compose(NodeId to) {
    return outbox_.add<Kind>(options_.id, to, ballot_.term);
  }
  void emit(Event event) { events_.push_back(std::move(event)); }

  // election.cpp
  void start_campaign(Campaign campaign);
  [[nodiscard]] bool outranks(const VoteRequest& request) const;
  void take_turn(const Envelope& envelope, const VoteRequest& request);
  void ask_for_votes(VoteKind kind, Term term);
  void on_vote_request(const Envelope& envelope, const VoteRequest& request);
  void refuse_vote(NodeId candidate, VoteKind kind);
  void learn_commit(const VoteResponse& refusal);
  void on_vote_response(const Envelope& envelope, const VoteResponse& response);
  void conclude_election(VoteOutcome outcome);

  // follower.cpp
  void take_over_if_ordered();
  void forget_order();
  Result<void> step_follower(const Envelope& envelope);
  Result<void> step_from_leader(Envelope& envelope);
  void follow(NodeId leader);
  Result<void> on_append(const Envelope& envelope, AppendRequest& request);
  Result<void> on_heartbeat(NodeId from, const HeartbeatRequest& request);
  Result<void> on_snapshot(NodeId from, const SnapshotMeta& snapshot);
  [[nodiscard]] bool accepts(const SnapshotMeta& snapshot);

  // membership.cpp
  void switch_membership(MembershipPtr membership, std::span<const NodeId> renewed);
  void follow_new_quorum(Leader& self);
  [[nodiscard]] std::optional<std::string_view> unfit_now(const Leader& self,
                                                          const MembershipChange& change) const;
  Result<void> settle_changes(Leader& self, SmallVector<Proposal, 1>& proposals);
  void leave_joint_if_due(Leader& self);

  // leader.cpp: proposals, commit, reads, transfer
  void tick_leader(Leader& self);
  Result<void> step_leader(Leader& self, const Envelope& envelope);
  Result<ProposeOutcome> append_proposals(Leader& self, SmallVector<Proposal, 1>& proposals);
  EntryId append_own(Leader& self, std::span<Proposal> proposals);
  bool maybe_commit(Leader& self);
  void on_read_index(Leader& self, ReadIndexQueue::Read read);
  void start_read(Leader& self, ReadIndexQueue::Read read);
  void answer_read(const ReadIndexQueue::Answer& answer);
  void on_transfer(Leader& self, NodeId target);
  void tell_to_take_over(Leader& self, NodeId target);
  void abort_transfer(Leader& self, std::string_view reason);

  // replication.cpp: the leader's dealings with one member
  void broadcast_heartbeat(Leader& self);
  void broadcast_append(Leader& self);
  /// Both return whether something was sent.
  bool send_append(Leader& self, Progress& progress, IfEmpty if_empty);
  bool send_snapshot(Progress& progress);
  AppendRequest& start_append(NodeId to, Index next);
  void note_sent(Progress& progress, const AppendRequest& request, std::size_t bytes);
  Result<void> on_append_response(Leader& self, Progress& progress, const AppendResponse& response);
  void on_append_accepted(Leader& self, Progress& progress, Index index);
  void on_append_rejected(Leader& self, Progress& progress, const AppendResponse& response);
  void on_heartbeat_response(Leader& self, Progress& progress, const HeartbeatResponse& response);
  [[nodiscard]] Progress* find_fetching(FetchId id);

  // ready.cpp
  [[nodiscard]] bool has_new_soft_state() const {
    return soft_state_touched_ && soft_state() != reported_.soft;
  }
  [[nodiscard]] bool has_new_hard_state() const {
    return log_.commit() != reported_.hard.commit || ballot_.term != reported_.hard.term ||
           ballot_.voted_for != reported_.hard.voted_for;
  }
  [[nodiscard]] bool has_write() const {
    return log_.has_unwritten() || !outbox_.after_write.empty() || has_new_hard_state();
  }
  PersistBatch& renew(std::optional<PersistBatch>& batch);
  void put_away(std::optional<PersistBatch>& batch);
  void fill_batch(PersistBatch& batch);

  RaftOptions options_;
  Random random_;
  MembershipPtr membership_;
  MembershipPtr
      overtaken_;  // as of what is being applied, while a snapshot from after it is written
  Ballot ballot_;
  ElectionTimer timer_;
  RoleState state_;
  Log log_;
  SnapshotMeta snapshot_;  // the newest one for followers that need it

  Outbox outbox_;
  std::optional<SnapshotMeta> restore_;  // for the next Ready
  std::vector<ReadReady> reads_;
  std::vector<FetchRequest> fetch_;
  std::uint64_t confirmed_round_ = 0;
  bool lease_held_ = false;
  /// Ticks since this node's turn to campaign began; none: not since a leader was there.
  std::optional<std::uint32_t> turn_elapsed_;
  enum class Wanted : std::uint8_t { no, yes, reported };
  Wanted snapshot_wanted_ = Wanted::no;
  std::vector<Event> events_;
  std::vector<Entry> spare_append_;  // memory of earlier batches
  std::vector<Envelope> spare_send_after_;

  Reported reported_;
  bool soft_state_touched_ = false;  // since the last Ready
  Ring<BatchInFlight> in_flight_;
  std::uint64_t next_persist_ = 1;
};

}  // namespace raftkit::core
