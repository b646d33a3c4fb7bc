// What nodes say to each other. One struct per message, so that no field means two things.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "raftkit/entry.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// Which state a snapshot stands for: everything up to `last`, and the membership as of that entry.
struct SnapshotMeta {
  EntryId last;
  MembershipPtr membership;  ///< never null in a SnapshotMeta that leaves a function

  friend bool operator==(const SnapshotMeta& left, const SnapshotMeta& right) {
    return left.last == right.last && (left.membership == right.membership ||
                                       (left.membership != nullptr && right.membership != nullptr &&
                                        *left.membership == *right.membership));
  }
};

/// What a vote is asked for. On the wire: never reuse a value.
enum class VoteKind : std::uint8_t {
  pre_vote = 0,  ///< "would you?": changes nothing at the voter [thesis §9.6]
  election = 1,
  transfer = 2,  ///< an election that the old leader asked for: overrides stickiness [thesis §3.10]
};

/// Asks for a vote in the envelope's term (for a pre-vote: the term the candidate would campaign
/// in).
struct VoteRequest {
  VoteKind kind = VoteKind::election;
  EntryId last;                ///< of the candidate's log
  std::uint32_t priority = 0;  ///< the candidate's; see RaftOptions
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

struct VoteResponse {
  VoteKind kind = VoteKind::election;
  bool granted = false;
  /// In a refusal, the last entry that the voter knows to be committed: a candidate that has not
  /// heard of its own members' change yet could otherwise wait for ever for a vote that it no
  /// longer needs.
  EntryId commit = {};
  /// In a refusal: the voter's log is no older, its priority is higher, and it campaigns itself.
  /// The candidate stands back.
  bool outranks = false;
  friend bool operator==(const VoteResponse&, const VoteResponse&) = default;
};

/// Entries that follow `previous` in the leader's log, and how far the leader has committed.
struct AppendRequest {
  EntryId previous;
  Index commit;
  EntryList entries;
  friend bool operator==(const AppendRequest&, const AppendRequest&) = default;
};

/// Accepted: the follower's log equals the leader's up to `index`, durably.
/// Rejected: it does not hold the entry before those sent; `index` is where that would have been.
struct AppendResponse {
  /// Where the follower's log may agree: its largest index whose term does not exceed the one asked
  /// for. Its term is 0 where the follower does not know it.
  struct Rejection {
    EntryId hint;
    friend bool operator==(const Rejection&, const Rejection&) = default;
  };
  Index index;
  std::optional<Rejection> rejection;
  friend bool operator==(const AppendResponse&, const AppendResponse&) = default;
};

/// "I still lead." Carries the newest read round, so that the answer also confirms reads [thesis
/// §6.4].
struct HeartbeatRequest {
  Index commit;                  ///< never beyond what this follower is known to hold
  std::uint64_t read_round = 0;  ///< 0: no read waits
  friend bool operator==(const HeartbeatRequest&, const HeartbeatRequest&) = default;
};

struct HeartbeatResponse {
  std::uint64_t read_round = 0;  ///< as in the request
  friend bool operator==(const HeartbeatResponse&, const HeartbeatResponse&) = default;
};

/// "Install this state": the content travels beside the message, on its own connection.
struct SnapshotRequest {
  SnapshotMeta snapshot;
  friend bool operator==(const SnapshotRequest&, const SnapshotRequest&) = default;
};

/// From whoever was asked to the leader: hand leadership to `target`.
struct TransferRequest {
  NodeId target;
  friend bool operator==(const TransferRequest&, const TransferRequest&) = default;
};

/// From the leader to the target of a transfer: campaign at once [thesis §3.10].
struct TimeoutNow {
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

/// Tells forwarded proposals apart: `incarnation` is drawn at each start of the sender, `sequence`
/// grows.
struct ForwardTag {
  std::uint64_t incarnation = 0;
  std::uint64_t sequence = 0;
  friend bool operator==(const ForwardTag&, const ForwardTag&) = default;
};

/// Proposals that a follower passes on to the leader. Not bound to a term (the envelope's is 0).
struct ProposeRequest {
  ForwardTag tag;
  SmallVector<Proposal, 1> proposals;
  friend bool operator==(const ProposeRequest&, const ProposeRequest&) = default;
};

/// What became of them: appended from `first` on, or refused, in which case they never will be.
/// Travels between drivers; the core does not take part.
struct ProposeResponse {
  ForwardTag tag;
  std::optional<EntryId> first;
  friend bool operator==(const ProposeResponse&, const ProposeResponse&) = default;
};

/// Asks the leader up to which index a linearizable read must wait. Not bound to a term.
struct ReadIndexRequest {
  ReadId read;
  friend bool operator==(const ReadIndexRequest&, const ReadIndexRequest&) = default;
};

struct ReadIndexResponse {
  ReadId read;
  Index index;
  friend bool operator==(const ReadIndexResponse&, const ReadIndexResponse&) = default;
};

using Message = std::variant<VoteRequest,
                             VoteResponse,
                             AppendRequest,
                             AppendResponse,
                             HeartbeatRequest,
                             HeartbeatResponse,
                             SnapshotRequest,
                             TransferRequest,
                             TimeoutNow,
                             ProposeRequest,
                             ProposeResponse,
                             ReadIndexRequest,
                             ReadIndexResponse>;

/// A message with its addresses.
struct Envelope {
  Envelope() {
  }  // NOLINT(modernize-use-equals-default): a defaulted one would clear all memory first
  Envelope(GroupId in, NodeId sender, NodeId receiver, Term at, Message what)
      : group(in), from(sender), to(receiver), term(at), message(std::move(what)) {}
  /// In group 0, with an empty `Kind` to be filled in. Spares a move, which would cost more than
  /// most messages do.
  template <class Kind>
  Envelope(NodeId sender, NodeId receiver, Term at, std::in_place_type_t<Kind> kind)
      : from(sender), to(receiver), term(at), message(kind, Kind{}) {}

  GroupId group;
  NodeId from;
  NodeId to;
  Term term;  ///< the sender's, unless the message says otherwise
  Message message;

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

/// What a transport may let overtake what. Messages of one class to one node keep their order; a
/// small control message need not wait behind megabytes of entries, so that a leader with much to
/// send still leads.
enum class MessageClass : std::uint8_t {
  control,  ///< votes, heartbeats, acknowledgements, reads: small, and worth little when late
  bulk,     ///< entries and proposals, and what must not overtake entries
};

/// A ProposeResponse is bulk although it is small: it announces the place of entries that the
/// AppendRequests after it carry, and must be there before them.
[[nodiscard]] inline MessageClass message_class(const Message& message) {
  const bool bulk = std::holds_alternative<AppendRequest>(message) ||
                    std::holds_alternative<ProposeRequest>(message) ||
                    std::holds_alternative<ProposeResponse>(message);
  return bulk ? MessageClass::bulk : MessageClass::control;
}

/// For logs and tests: "AppendRequest".
[[nodiscard]] std::string_view message_name(const Message& message);

}  // namespace raftkit
