// One member of a Raft group, running: the front door for embedders who use Asio.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include "raftkit/bytes.hpp"
#include "raftkit/detail/completion.hpp"
#include "raftkit/error.hpp"
#include "raftkit/event.hpp"
#include "raftkit/log_sink.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/membership_change.hpp"
#include "raftkit/metrics_sink.hpp"
#include "raftkit/result.hpp"
#include "raftkit/snapshot.hpp"
#include "raftkit/state_machine.hpp"
#include "raftkit/transport.hpp"

namespace raftkit {

/// How a node is tuned. validate() names what is wrong; nothing is repaired silently.
struct NodeOptions {
  ClusterId cluster;
  /// Who this is. `id` and `store` are required; name and attributes are published to all members
  /// at each start, peer_urls are what the others were told at bootstrap.
  Member self;
  /// Who belongs to a new cluster. Written when the log is empty; later starts ignore it. Null: the
  /// log must have been written before.
  MembershipPtr bootstrap;
  /// This member is added to a cluster that runs: `bootstrap` then says with whom that cluster
  /// began, as the others were told, and this node is not among them.
  bool join = false;

  std::chrono::milliseconds heartbeat_interval{100};
  std::chrono::milliseconds election_timeout{1000};  ///< in [5 * heartbeat_interval, 50 s]
  bool pre_vote = true;
  bool check_quorum = true;
  /// See RaftOptions::priority.
  std::uint32_t priority = 0;
  /// A leader answers reads without asking a quorum, for a little less than an election timeout
  /// after a quorum has answered it. Linearizable as long as no member's clock gains more than
  /// clock_drift_percent on another's. A clock that stands still breaks that: virtual machines that
  /// are paused, moved or restored while they run must do without leases. All members must have the
  /// same setting. Without a leader the group waits for a whole election timeout. Needs
  /// check_quorum.
  bool lease_reads = false;
  std::uint32_t clock_drift_percent = 10;  ///< at most 90
  /// A leader makes voters of learners that have caught up, also of those that were voters before.
  /// Turn it off on all members to keep learners.
  bool promote_learners = true;

  std::size_t max_command_bytes = 1'572'864;  ///< larger ones are refused; at most 512 MiB
  /// How long a request may wait for its answer. 0: 5 s plus twice the election timeout.
  std::chrono::milliseconds request_timeout{0};

  std::uint64_t snapshot_count = 100'000;  ///< entries applied between snapshots
  /// Or their size, whichever comes first. A state machine in memory reads as much of the log at
  /// each start, and the node holds it in memory until then.
  std::uint64_t snapshot_bytes = std::uint64_t{128} << 20;
  std::uint64_t retained_entries = 5'000;  ///< kept behind a snapshot for slow followers
  std::uint64_t retained_bytes = std::uint64_t{64} << 20;  ///< or this much, whichever is more

  /// Per message; a larger command travels alone. At most 512 MiB. The transport must carry
  /// messages of this size and of max_command_bytes: launch() sees to it.
  std::size_t max_append_bytes = std::size_t{1} << 20;
  std::size_t max_inflight_messages = 512;                     ///< unanswered, per follower
  std::size_t max_inflight_bytes = std::size_t{64} << 20;      ///< same
  std::size_t max_uncommitted_bytes = std::size_t{256} << 20;  ///< beyond it proposals wait
  std::size_t max_pending_bytes = std::size_t{256} << 20;  ///< proposals that wait for their answer
  std::size_t max_pending_reads = 100'000;
  std::size_t log_window_bytes = std::size_t{16} << 20;  ///< recent entries kept in memory

  std::optional<std::uint64_t> seed;  ///< of election jitter, nothing else; drawn if absent

  /// Errors: invalid_option, naming the field, the value and the bound.
  [[nodiscard]] Result<void> validate() const;
};

/// Makes a transport that calls its handler on this executor, which is the node's strand.
using TransportFactory = std::function<std::unique_ptr<Transport>(boost::asio::any_io_executor)>;

/// What a node is made of. Log, snapshots and transport are required.
struct NodeParts {
  std::unique_ptr<LogStorage> log;
  std::unique_ptr<SnapshotStore> snapshots;
  TransportFactory transport;
  StateMachine& state_machine;  ///< must outlive the node
  std::shared_ptr<LogSink> log_sink = null_log_sink();
  std::shared_ptr<MetricsSink> metrics;  ///< null: nobody counts
};

/// A proposal's success.
struct ProposeResult {
  Index index;   ///< its place in the log
  Bytes result;  ///< what StateMachine::apply answered
};

struct NodeStatus {
  NodeId id;
  ClusterId cluster;
  Role role = Role::follower;
  Term term;
  std::optional<NodeId> leader;
  Index first;  ///< of the log on disk
  Index last;   ///< of the log
  Index commit;
  Index applied;  ///< by the state machine
  MembershipPtr membership;
  /// There is no room on the log's device: this node takes no proposals until there is.
  bool log_full = false;
  bool published =
      false;  ///< a leader exists, and what this member publishes about itself is applied
  std::optional<Error> failure;  ///< why the node stopped by itself
};

/// A subscription ends with this object. Thread-safe to destroy; a call that has begun may still be
/// running on its executor.
class [[nodiscard]] Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<void> token) : token_(std::move(token)) {}

 private:
  std::shared_ptr<void> token_;
};

/// A running member. Every asynchronous operation takes any Asio completion token; its handler runs
/// on its associated executor (or the node's), never inside the call that started it.
///
/// When the node cannot go on (status().failure says why), it answers everybody, closes its
/// connections and does nothing more; the embedder decides what that means. The library never
/// exits, aborts or throws.
///
/// Thread-safe, except that destruction needs either a completed async_stop() or an executor that
/// has stopped running. Destruction waits for what the log, the snapshots and the state machine are
/// just doing, and closes them; whoever still waits is answered.
class Node {
 public:
  /// Reads the log, brings it together with the state machine, starts listening and takes part.
  /// Blocks while it reads. Raftkit's own work runs in a strand on `executor`, besides worker
  /// threads for the disk and the state machine; handlers without an executor of their own run on
  /// `executor`, outside that strand. Errors: invalid_option · not_found (empty log and no
  /// bootstrap) · corrupt_data · io_error · out_of_space · storage_failed · address_unavailable,
  /// each with a sentence for the operator · invalid_argument (a part is missing) ·
  /// state_machine_failed.
  static Result<std::unique_ptr<Node>> create(boost::asio::any_io_executor executor,
                                              const NodeOptions& options,
                                              NodeParts parts);

  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  /// Replicates `command`; completes with void(error_code, ProposeResult) when this node has
  /// applied it. While no leader is known it waits. On a follower it travels to the leader and the
  /// answer comes from this node's own state machine. Errors: proposal_dropped, no_leader,
  /// overloaded, command_too_large, invalid_argument (empty), stopped, out_of_space
  /// (NodeStatus::log_full): it was not appended and never will be, safe to retry · commit_unknown:
  /// it may yet commit. Limits: 1 byte to NodeOptions::max_command_bytes.
  template <class CompletionToken>
  auto async_propose(Bytes command, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, ProposeResult)>(
        [this](auto handler, Bytes bytes) {
          propose(std::move(bytes), {std::move(handler), executor()});
        },
        token,
        std::move(command));
  }

  /// Completes with void(error_code, Index) once the state machine reflects everything that was
  /// committed anywhere when this was called: what is read from it afterwards is linearizable.
  /// Errors: no_leader, timed_out, overloaded, stopped.
  template <class CompletionToken>
  auto async_read_index(CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, Index)>(
        [this](auto handler) {
          read_index({std::move(handler), executor()});
        },
        token);
  }

  /// Hands leadership to `target`, or to the voter whose log is furthest; completes with
  /// void(error_code) when the new leader is known here. Errors: not_leader · peer_not_found (no
  /// voter) · transfer_aborted (nobody can take over, somebody else did, or one election timeout
  /// passed) · stopped.
  template <class CompletionToken>
  auto async_transfer_leadership(std::optional<NodeId> target, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code)>(
        [this](auto handler, std::optional<NodeId> to) {
          transfer_leadership(to, {std::move(handler), executor()});
        },
        token,
        target);
  }

  /// Changes who belongs to the group; completes with void(error_code, MembershipPtr) when the
  /// change is applied here, with a membership that holds it, and perhaps later ones. A change of
  /// several members is carried out
  /// through a joint phase, which the leader ends by itself, after this has completed. Errors:
  /// those of async_propose() · invalid_argument: it cannot be carried out, e.g. it leaves no voter
  /// · proposal_dropped also if another change was under way: wait for that, and try again.
  template <class CompletionToken>
  auto async_change_membership(MembershipChange change, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, MembershipPtr)>(
        [this](auto handler, const MembershipChange& wanted) {
          change_membership(wanted, {std::move(handler), executor()});
        },
        token,
        std::move(change));
  }

  /// Refuses new requests, hands leadership over if it is held (at most one election timeout),
  /// finishes the writes and applications under way, answers the rest with commit_unknown or
  /// stopped, closes everything. Completes with void(error_code), never with an error, when none of
  /// raftkit's threads is left in the embedder's code; also after a failure.
  template <class CompletionToken>
  auto async_stop(CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code)>(
        [this](auto handler) {
          stop({std::move(handler), executor()});
        },
        token);
  }

  /// What this node knows now. Does not wait for disk, network or state machine.
  [[nodiscard]] NodeStatus status() const;

  /// Calls `observer` on `on` with the status: once at the beginning, and after every change of
  /// role, term, leader, membership, log_full, publication or failure; in order and one call at a
  /// time, also if several threads run `on`. For work that only the leader may do: act only while
  /// the latest status says leader, and fence with its term.
  Subscription subscribe(boost::asio::any_io_executor on,
                         std::function<void(const NodeStatus&)> observer);

 private:
  friend class Session;  // may be there when the node is gone
  class Impl;
  explicit Node(std::shared_ptr<Impl> impl);

  [[nodiscard]] boost::asio::any_io_executor executor() const;
  void propose(Bytes command, detail::Completion<error_code, ProposeResult> done);
  void read_index(detail::Completion<error_code, Index> done);
  void transfer_leadership(std::optional<NodeId> target, detail::Completion<error_code> done);
  void change_membership(const MembershipChange& change,
                         detail::Completion<error_code, MembershipPtr> done);
  void stop(detail::Completion<error_code> done);

  std::shared_ptr<Impl> impl_;
};

}  // namespace raftkit
