// The legal order of effects around one core: what the embedder of a Raft core usually gets wrong.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "raftkit/metrics_sink.hpp"
#include "raftkit/raw_node.hpp"
#include "raftkit/transport.hpp"

#include "base/unique_function.hpp"
#include "core/random.hpp"
#include "driver/lease.hpp"
#include "driver/ports.hpp"
#include "driver/proposals.hpp"
#include "driver/reads.hpp"
#include "driver/snapshot_sends.hpp"
#include "driver/snapshotter.hpp"

namespace raftkit::driver {

struct DriverOptions {
  RaftOptions raft;
  Member self;  ///< what this member publishes about itself at each start
  StateMachineKind kind = StateMachineKind::in_memory;
  /// Drawn anew at each start, at random: what this process says must not be taken for what an
  /// earlier one has said.
  std::uint64_t incarnation = 0;
  std::uint32_t request_timeout_ticks = 70;
  std::size_t max_pending_bytes = std::size_t{256} << 20;  ///< proposals waiting for their answer
  std::size_t max_pending_reads = 100'000;
  std::size_t max_batch_bytes = std::size_t{1} << 20;  ///< proposals per propose call
  std::uint32_t failover_jitter_milliseconds = 50;
  /// How long a quorum's answer keeps a leader sure; with LeaseReads::by_clock, else 0.
  std::uint64_t lease_nanoseconds = 0;
  /// A leader makes voters of learners that have caught up.
  bool promote_learners = true;
  Snapshotter::Limits snapshots;
};

/// What the driver wakes up with, made by recover().
struct Recovered {
  InitialState initial;
  SnapshotMeta snapshot;  ///< the newest one; followers that are too far behind get it
  EntryId applied_id;     ///< of initial.applied
  std::optional<SnapshotMeta> restore;  ///< the state machine must be brought to this first
};

using TransferHandler = base::UniqueFunction<void(error_code)>;

/// Owns the core, decides when its effects may happen, and answers everybody who waits for
/// something. Pure like the core: no clock, no thread, no I/O; the same object runs under Asio and
/// in a simulation.
///
/// Inputs only take note; flush() then carries out everything that follows from them. So the
/// runtime calls flush() once after a burst of inputs, and all of them share one Ready and one
/// write.
///
/// Owner: node strand.
class Driver {
 public:
  /// Errors: those of RawNode::create.
  static Result<std::unique_ptr<Driver>> create(const DriverOptions& options,
                                                Recovered recovered,
                                                Ports& ports,
                                                MetricsSink& metrics);

  // --- requests. Each handler is called exactly once, from inside flush(), tick() or stop-related
  // calls.

  void propose(Bytes command, ProposeHandler handler);
  void read_index(ReadHandler handler);
  /// Answered when the change is applied here, with an empty result. Errors: those of propose() ·
  /// invalid_argument (it cannot be carried out on what this node knows of the membership) ·
  /// proposal_dropped also if another change was under way.
  void change_membership(const MembershipChange& change, ProposeHandler handler);
  /// Hands leadership to `target`, or to the voter that is furthest. Answers: ok; not_leader;
  /// transfer_aborted after an election timeout; peer_not_found.
  void transfer_leadership(std::optional<NodeId> target, TransferHandler handler);

  // --- what the world reports

  /// Until this nothing is taken in and nothing happens: the state machine must get its initial
  /// snapshot before it gets anything else.
  void start();
  void tick();
  void alarm();
  /// `store`: what the sender introduced itself with; 0: it did not.
  void receive(Envelope envelope, StoreId store = {});
  void on_peer(const PeerReport& report);
  /// May `peer` join the conversation? Errors: peer_not_found, store_mismatch.
  [[nodiscard]] Result<void> admit(const Introduction& peer);
  void persisted(PersistId id, const Result<void>& outcome);
  void log_is_full(const Error& error);
  void log_has_room();
  void fetched(FetchId id, Result<std::vector<Entry>> entries);
  void applied(ApplyBatch batch, const Result<void>& outcome);
  void restored(const SnapshotMeta& snapshot, const Result<void>& outcome);
  void snapshot_saved(const SnapshotMeta& snapshot, const Result<void>& outcome);
  void snapshot_sent(NodeId peer, const Result<void>& outcome);
  void compacted(Index keep_from, const Result<void>& outcome);

  void flush();

  /// No new requests from now on; leadership is handed over if it is held. `done` is called when
  /// that is settled, at the latest after one election timeout.
  void begin_stop(base::UniqueFunction<void()> done);
  /// Answers whoever still waits. Nothing is sent or written any more.
  void end_stop();

  // --- queries

  [[nodiscard]] RaftStatus status() const { return node_.status(); }
  [[nodiscard]] SoftState soft_state() const { return node_.soft_state(); }
  [[nodiscard]] Term term() const { return node_.term(); }
  [[nodiscard]] const MembershipPtr& membership() const { return membership_; }
  /// What the state machine holds; behind status().applied while a snapshot is being restored.
  [[nodiscard]] Index applied_index() const { return applied_; }
  /// This start's publication of the member has been applied.
  [[nodiscard]] bool is_published() const { return publication_ == Publication::done; }
  [[nodiscard]] bool is_log_full() const { return log_room_ != LogRoom::some; }
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  /// What is committed of the members up to here, this node knows or is about to apply: after a
  /// restart it calls the others before it has.
  [[nodiscard]] Index knows_up_to() const { return std::max(dispatched_.index, status().commit); }

 private:
  enum class Publication : std::uint8_t { due, proposed, done };
  static constexpr std::uint32_t kFailoverAttempts = 5;
  static constexpr std::size_t kMaxWithheld = 1'000;
  static constexpr std::size_t kMaxStrangers = 64;
  /// On a disk that has room and has none in turn.
  static constexpr std::uint64_t kTicksBetweenRoomSnapshots = 600;
  enum class Life : std::uint8_t { running, stopping, over };
  enum class LogRoom : std::uint8_t { some, none, tried };
  struct WriteInFlight {
    PersistId id;
    bool is_on_disk = false;  // else it only waits for those before it
    Term term;                // durable once this write is
    std::vector<Envelope> send_after;
    std::optional<SnapshotMeta> restore;
  };
  /// Somebody who knows more of the cluster than this node, which does not know it, or not where.
  struct Stranger {
    Index knows_up_to;
    std::vector<std::string> peer_urls;
    std::uint64_t number = 0;  // in the order in which they came
  };
  struct Transfer {
    std::optional<NodeId> target;
    std::uint64_t deadline = 0;  // in ticks
    TransferHandler handler;
  };

  Driver(const DriverOptions& options,
         Recovered recovered,
         RawNode node,
         Ports& ports,
         MetricsSink& metrics);

  // driver.cpp
  void carry_out(Ready& ready);
  void announce(const MembershipPtr& membership);
  /// Whether this is not the data directory that the node's ID stands for.
  [[nodiscard]] bool is_another(NodeId node, StoreId store) const;
  void note_stranger(const Introduction& peer);
  void settle_strangers();
  void on_soft_state(const SoftState& state);
  void send_now(std::vector<Envelope>& envelopes);
  void write(PersistBatch batch, std::optional<SnapshotMeta> restore);
  void complete_front_write();
  void withhold(Envelope envelope);
  void release_withheld();
  void send_after_write(std::vector<Envelope>& envelopes);
  void step(Envelope envelope);
  void on_forwarded(const Envelope& envelope, ProposeRequest& request);
  void publish();
  void fail(Error error);
  /// Why no request is taken that ends in the log, if so.
  [[nodiscard]] std::optional<Errc> refusal() const;
  /// Whatever still comes back is of no use to anybody.
  [[nodiscard]] bool is_over() const { return failure_.has_value() || life_ == Life::over; }
  void arm_failover();

  // leadership.cpp
  [[nodiscard]] std::optional<NodeId> best_transfer_target() const;
  void settle_transfers();
  void tick_without_room();
  void promote_learners();
  void stamp_heartbeats(const std::vector<Envelope>& envelopes);
  void check_lease();
  /// One more than an election timeout: the first may pass at once.
  [[nodiscard]] std::uint64_t promise_ticks() const {
    return std::uint64_t{options_.raft.election_timeout_ticks} + 1;
  }
  void note_promise(const Envelope& envelope);
  [[nodiscard]] bool is_refused_by_promise(const Envelope& envelope) const;

  // apply.cpp
  void dispatch(std::vector<Entry>& entries);
  void maybe_save_snapshot();
  void cut_log();
  void follow_transfers(Index snapshot);
  void begin_restore(const SnapshotMeta& snapshot);
  [[nodiscard]] bool is_needed(const EntryId& file) const;
  void drop_unneeded_files();
  void report_requests();
  [[nodiscard]] SnapshotMeta dispatched_state() const { return {dispatched_, membership_}; }

  DriverOptions options_;
  RawNode node_;
  Ports& ports_;
  MetricsSink& metrics_;
  Ready ready_;

  MembershipPtr membership_;  // as of dispatched_
  MembershipPtr announced_;   // what the ports know
  std::map<NodeId, Stranger> strangers_;
  bool are_strangers_announced_ = true;
  std::uint64_t next_stranger_ = 0;
  EntryId dispatched_;  // the last entry handed to the state machine
  Index applied_;       // what the state machine has reported
  Index installed_;     // the newest snapshot that came from a leader
  Term seen_term_;      // as of the last Ready

  Term durable_term_;
  Term written_term_;  // durable once all writes in flight are
  std::deque<WriteInFlight> writes_;
  std::vector<Envelope> withheld_;

  Proposals proposals_;
  Reads reads_;
  Snapshotter snapshotter_;
  std::vector<Transfer> transfers_;
  std::map<NodeId, ForwardTag> last_forward_;  // newest taken from each peer

  SnapshotSends snapshot_sends_;
  Lease lease_;
  /// This node has promised, perhaps before it was started, to support nobody else until then; in
  /// ticks. Whatever happens to the leader that it knows, and to its term.
  std::uint64_t promised_until_;
  /// What was committed when the present round of promotions began.
  std::optional<Index> promotion_goal_;

  std::optional<SnapshotMeta> initial_restore_;
  std::set<EntryId> files_;                      // snapshots in the store, own and received
  EntryId log_snapshot_;                         // the one that the log on disk continues
  std::optional<SnapshotMeta> newest_snapshot_;  // of this node's own, since it was started
  std::optional<EntryId> saving_;                // by the state machine's worker
  std::deque<EntryId> compacting_;               // on their way to become log_snapshot_
  std::deque<EntryId> restoring_;                // being read by the state machine's worker

  std::set<NodeId> connected_;
  bool is_started_ = false;
  core::Random random_;
  Publication publication_ = Publication::due;
  std::optional<NodeId> counted_leader_;
  std::size_t reported_pending_ = 0;
  std::optional<NodeId> broken_stream_;  // the leader's, until it is back
  std::uint32_t failovers_ = 0;  // campaigns left before waiting for the election timeout again
  std::uint64_t now_ = 0;        // in ticks
  LogRoom log_room_ = LogRoom::some;      // `tried`: held writes are being tried again
  std::uint64_t next_room_snapshot_ = 0;  // in ticks; to be able to cut the log
  Life life_ = Life::running;
  std::uint64_t stop_deadline_ = 0;
  base::UniqueFunction<void()> stop_done_;
  std::optional<Error> failure_;
};

}  // namespace raftkit::driver
