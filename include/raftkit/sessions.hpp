// Client sessions: a command that is proposed again is applied once. [thesis §6.3]
//
// A client opens a session, numbers its commands, and may then propose a command under the same
// number as often as it likes, through any member: the first copy in the log is applied, the others
// are answered as the first one was. SessionStateMachine keeps the answers; raftkit's `Session`
// (session_client.hpp) is a client in the same process as a Node, and the requests and answers
// below are for clients that reach the members by a protocol of the embedder's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <variant>

#include "raftkit/bytes.hpp"
#include "raftkit/result.hpp"
#include "raftkit/state_machine.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// The log index of the entry that opened the session; never 0. Easy to guess: who lets strangers
/// in must check by its own means that a session belongs to the client that names it.
struct SessionId : detail::StrongInt<SessionId> {
  using StrongInt::StrongInt;
};

/// What a session is granted. Travels in the entry that opens it, so that all members agree, and
/// members with different settings may serve the same cluster.
struct SessionOptions {
  /// A session that nobody uses for so long is forgotten; in cluster time (see ClusterClock). From
  /// 1 s to 30 days.
  std::chrono::milliseconds timeout{60'000};
  /// How far the sequence numbers may run ahead of the oldest one that still waits for its answer.
  /// From 1 to 1024.
  std::uint32_t max_unanswered = 64;
  /// Of what the state machine answered, and the client has not acknowledged. When they are so
  /// many, only the oldest command that waits is taken. From 0 to 64 MiB; exceeded by up to two
  /// answers.
  std::uint64_t max_answer_bytes = std::uint64_t{256} << 10;
  /// Of the cluster: to open one more, the sessions that were used least recently are forgotten.
  /// From 1 to 100,000.
  std::uint32_t max_sessions = 10'000;

  friend bool operator==(const SessionOptions&, const SessionOptions&) = default;

  /// Errors: invalid_option, naming the field, the value and the bound.
  [[nodiscard]] Result<void> validate() const;
};

/// A command outside of any session: applied as often as it is in the log.
struct PlainCommand {
  Bytes command;  ///< at least one byte
};

struct OpenSession {
  SessionOptions options;
};

struct SessionCommand {
  SessionId session;
  std::uint64_t sequence = 1;  ///< of this session's commands, from 1 on
  /// The client has the answers to all commands before this one, and will not ask for them again:
  /// they are forgotten. At most `sequence`.
  std::uint64_t first_unanswered = 1;
  Bytes command;  ///< at least one byte
};

struct KeepSessionAlive {
  SessionId session;
  std::uint64_t first_unanswered = 1;  ///< as in a command
};

/// Forgets the session, and that it ever was.
struct CloseSession {
  SessionId session;
};

/// What SessionStateMachine understands: every command that is proposed to it must be one of these.
using SessionRequest =
    std::variant<PlainCommand, OpenSession, SessionCommand, KeepSessionAlive, CloseSession>;

/// The command to be proposed; at most 64 bytes longer than the command within. `cluster_time` is
/// what ClusterClock::now() says on the member that proposes it, anew for each attempt.
/// Errors: invalid_option, invalid_argument: a number out of its bounds, or an empty command.
/// Threads: any.
[[nodiscard]] Result<Bytes> encode_session_request(const SessionRequest& request,
                                                   std::uint64_t cluster_time);

struct StampedSessionRequest {
  SessionRequest request;
  std::uint64_t cluster_time = 0;
};

/// The way back. A command within shares the payload's memory.
/// Errors: malformed · not_supported: written by a later release. Threads: any.
[[nodiscard]] Result<StampedSessionRequest> decode_session_request(const Bytes& payload);

/// Part of the log's meaning: never reuse a value.
enum class SessionStatus : std::uint8_t {
  applied = 1,  ///< by this entry or, in a session, by an earlier one
  opened = 2,
  alive = 3,
  closed = 4,   ///< also if there was none
  expired = 5,  ///< no such session any more: this entry did nothing; an earlier copy may have
  stale = 6,    ///< the client has said that it has the answer: this entry did nothing
  /// Too far ahead, or too many answers are kept: this entry did nothing, but another copy may be
  /// applied. Propose it again when older commands are answered.
  refused = 7,
  malformed = 8,  ///< no request, or with impossible numbers: did nothing
};

struct SessionAnswer {
  SessionStatus status = SessionStatus::malformed;
  Index index;     ///< applied: where; opened: the session's id; else 0
  Bytes response;  ///< applied: what the wrapped state machine answered

  friend bool operator==(const SessionAnswer&, const SessionAnswer&) = default;
};

/// Of what async_propose() completes with. The response shares its memory.
/// Errors: malformed. Threads: any.
[[nodiscard]] Result<SessionAnswer> decode_session_answer(const Bytes& result);

/// Cluster time: milliseconds that the cluster has been running, as all members agree. The time of
/// a state is the greatest of the stamps in the commands that were applied; this object tells a
/// member what to stamp: the time of its own state when it first saw one, and what has passed here
/// since, or what another member says, if that is more.
///
/// So cluster time goes no faster than the fastest member's clock and knows no wall clock. It
/// stands still while no member's process runs. While nothing is proposed, or can be, only that of
/// the state stands still; the members that run count on, and the first request that one of them
/// proposes brings it all at once. So an outage that is longer than a session's timeout ends the
/// session before its client can use it again: let `timeout` be more than the longest outage that
/// retries shall survive.
///
/// One request advances the state's time by 30 days and 1 ms at most: a wrong stamp can end every
/// session, but no later one lives for ever.
///
/// Thread-safe.
class ClusterClock {
 public:
  /// `local_time`: milliseconds, of a clock that never goes back; called on any thread, on several
  /// at once.
  explicit ClusterClock(std::function<std::uint64_t()> local_time);

  /// The state that this member has applied is of this time.
  void observe(std::uint64_t cluster_time);
  /// 0 until something was observed.
  [[nodiscard]] std::uint64_t now() const;

 private:
  struct Base {
    std::uint64_t cluster_time = 0;
    std::uint64_t local_time = 0;
  };
  [[nodiscard]] std::uint64_t at(std::uint64_t local_time) const;

  std::function<std::uint64_t()> local_time_;
  mutable std::mutex mutex_;  // guards base_: written by the apply worker, read by whoever proposes
  std::optional<Base> base_;
};

/// A state machine in memory and, in front of it, the sessions of its clients: they are part of its
/// state, of its snapshots, and of nothing else. The wrapped state machine sees the commands within
/// the requests, each at the index of its entry, and need not know of sessions; `results` are
/// encoded SessionAnswers. Use it from a cluster's first command on: nothing else is understood. A
/// request of a later release stops the node, with state_machine_failed: update it.
///
/// Memory: per session some hundred bytes, and the answers that SessionOptions allow, each with
/// some hundred bytes of its own. A snapshot copies the table, but for the answers themselves,
/// before it is written.
///
/// Threads: as StateMachine; clock() on any.
class SessionStateMachine final : public StateMachine {
 public:
  /// `machine` must outlive this. `clock` is for those who propose on this member, and null if none
  /// does. Errors: not_supported: `machine` is on_disk. Such a one keeps its applied index
  /// atomically with its data, which the sessions, in memory, would not be part of: after a restart
  /// a command could be applied again.
  [[nodiscard]] static Result<std::unique_ptr<SessionStateMachine>> create(
      StateMachine& machine, std::shared_ptr<ClusterClock> clock);
  /// The same, and owns it.
  [[nodiscard]] static Result<std::unique_ptr<SessionStateMachine>> create(
      std::unique_ptr<StateMachine> machine, std::shared_ptr<ClusterClock> clock);

  ~SessionStateMachine() override;

  void apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results) override;
  /// Errors: those of the wrapped one.
  [[nodiscard]] Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override;
  /// Errors, from here or from the sink: those of the wrapped one · corrupt_data: the table is cut
  /// short, fails a checksum, contradicts itself, or belongs to another snapshot · not_supported:
  /// written by a later release.
  [[nodiscard]] Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& meta) override;

  [[nodiscard]] StateMachine& machine() { return *machine_; }
  [[nodiscard]] const StateMachine& machine() const { return *machine_; }
  [[nodiscard]] const std::shared_ptr<ClusterClock>& clock() const { return clock_; }

 private:
  class Impl;
  SessionStateMachine(std::unique_ptr<StateMachine> owned,
                      StateMachine& machine,
                      std::shared_ptr<ClusterClock> clock);

  std::unique_ptr<StateMachine> owned_;  // null: somebody else's
  StateMachine* machine_;
  std::shared_ptr<ClusterClock> clock_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace raftkit
