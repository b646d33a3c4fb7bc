// The protocol as a function: inputs in, Ready out. For embedders who bring their own loop;
// everybody else uses node.hpp.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "raftkit/membership_change.hpp"
#include "raftkit/raft_options.hpp"
#include "raftkit/ready.hpp"
#include "raftkit/result.hpp"
#include "raftkit/status.hpp"

namespace raftkit {

/// What a proposal became.
struct ProposeOutcome {
  /// The place of the first of the proposals in this leader's log; empty if they were passed on to
  /// the leader. Being appended is not being committed.
  std::optional<EntryId> first;
};

/// One replica's protocol state. Does no I/O, reads no clock, starts no thread: it is a
/// deterministic function of its options and inputs.
///
/// The loop of an embedder:
///   give inputs -> while has_ready(): take_ready(), carry out its fields in order, report
///   persisted(), applied(), ... as they complete.
///
/// A violated invariant poisons the node: from then on it yields no Ready, and every call fails
/// with `invariant_violated`. Owner: one thread at a time.
class RawNode {
 public:
  /// Errors: invalid_option; corrupt_data if `initial` contradicts itself (e.g. applied beyond the
  /// log).
  static Result<RawNode> create(const RaftOptions& options, InitialState initial);

  RawNode(RawNode&&) noexcept;
  RawNode& operator=(RawNode&&) noexcept;
  ~RawNode();

  /// Lets one tick pass.
  void tick();

  /// Takes in a message: from a peer, or one that a batch addressed to this node itself
  /// (`send_after`). Errors: peer_not_found (a response from somebody who is no member) · those of
  /// propose() for a ProposeRequest · no_leader for a ReadIndexRequest · not_supported for
  /// ProposeResponse, which is not the core's · malformed (it contradicts itself: ignored) · and
  /// two after which this node must stop: corrupt_data (the leader knows entries to be durable here
  /// that are not) and invariant_violated (two leaders in one term).
  Result<void> step(Envelope&& envelope);

  /// Appends on a leader, passes on to the leader on a follower (with `tag`, which the leader's
  /// answer returns). Errors: no_leader · not_leader (forwarding is off) · overloaded (uncommitted
  /// entries at their limit) · proposal_dropped (a leadership transfer runs, or this leader is no
  /// member any more); only on the leader: invalid_argument (no proposal at all, or a change of the
  /// membership that can never be carried out) · malformed (one that cannot be decoded) ·
  /// not_supported (an entry of an unknown type). In all cases nothing was appended.
  Result<ProposeOutcome> propose(SmallVector<Proposal, 1> proposals, ForwardTag tag = {});

  /// The same for a change of the membership. One that cannot start from here becomes an empty
  /// entry in its place, with an event: whoever waits for it finds a normal entry there. Errors:
  /// those of propose(); invalid_argument says why it can never be carried out.
  Result<ProposeOutcome> propose_membership_change(const MembershipChange& change,
                                                   ForwardTag tag = {});

  /// Starts a linearizable read; a ReadReady with the same id follows, or never (message lost,
  /// leadership lost): ask again with a new id. Errors: no_leader.
  Result<void> read_index(ReadId read);

  /// Only with LeaseReads::by_clock: whether reads that come in from now on, by read_index() or by
  /// step(), may be answered at once, since no other node can be leader now. To be said anew
  /// before each, for it is true only for a while: for a little less than an election timeout after
  /// the heartbeats of a confirmed round left, by a clock, and not beyond a change of leader, term
  /// or members. It rests on a promise that the embedder of every voter keeps: for an election
  /// timeout after a heartbeat came, or after a restart, no VoteRequest reaches step() but that of
  /// a transfer, and campaign() is not called.
  void hold_lease(bool held);

  /// Starts an election now, if this node may.
  void campaign();

  /// Asks the leader (which may be this node) to hand over to `target`. No answer; watch the soft
  /// state.
  void transfer_leadership(NodeId target);

  /// A follower forgets whom it follows, so that it may support a new candidate at once. Does
  /// nothing if there are leases.
  void forget_leader();

  /// The last messages to `peer` may be lost.
  void report_unreachable(NodeId peer);

  /// How the transfer of a snapshot to `peer` ended, as far as the sender can tell.
  void report_snapshot(NodeId peer, SnapshotOutcome outcome);

  /// Batch `id` and all before it are durable, and the messages it addressed to this node were
  /// stepped.
  void persisted(PersistId id);

  /// Activates the change in a committed entry of type membership or member_update; called in log
  /// order while applying. Returns the membership from this entry on. An entry that makes no sense
  /// is a deterministic no-op.
  MembershipPtr membership_applied(const Entry& entry);

  /// The state machine has applied everything up to `index`.
  void applied(Index index);

  /// The log on disk no longer holds `index` and what is before it.
  void compact(Index index);

  /// From now on this is the snapshot for followers that are too far behind.
  void snapshot_available(SnapshotMeta snapshot);

  /// Answers a FetchRequest: a non-empty run of entries from its `first` on.
  void fetched(FetchId id, std::vector<Entry> entries);
  /// Answers a FetchRequest: the entries are gone (compacted); the follower gets a snapshot.
  void fetch_failed(FetchId id);

  [[nodiscard]] bool has_ready() const;
  /// Moves what is to be done into `ready`, whose old content is dropped and whose memory is
  /// reused.
  void take_ready(Ready& ready);

  [[nodiscard]] RaftStatus status() const;
  /// The part of status() that costs nothing to ask for.
  [[nodiscard]] SoftState soft_state() const;
  [[nodiscard]] Term term() const;
  /// Empty unless poisoned: which invariant, and the values.
  [[nodiscard]] const std::string& violation() const;

  /// Test hook: the current randomised election timeout, until it is drawn anew.
  void set_randomized_election_timeout(std::uint32_t ticks);

 private:
  struct Impl;
  explicit RawNode(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace raftkit
