// Requests to change who belongs to the cluster, as they travel through the log.
#pragma once

#include <cstdint>
#include <vector>

#include "raftkit/bytes.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/result.hpp"

namespace raftkit {

/// On disk and on the wire: never reuse a value.
enum class MemberOperation : std::uint8_t {
  make_voter = 0,    ///< adds a voter, or promotes a learner
  make_learner = 1,  ///< adds a learner, or demotes a voter
  remove = 2,
  update = 3  ///< replaces the peer URLs; changes no quorum
};

struct MemberStep {
  MemberOperation operation = MemberOperation::make_voter;
  /// Whom it is about. Of the rest only `peer_urls` count, for newcomers and updates; what else
  /// there is to know a member publishes by itself.
  Member member = {};
  /// Refused if it is no member then. For promotions and demotions: without it one that comes after
  /// a removal brings the member back, as a newcomer that perhaps nobody knows the address of.
  /// Members that do not know the flag yet would not refuse: use it when all of them do.
  bool must_be_member = false;

  friend bool operator==(const MemberStep&, const MemberStep&) = default;
};

/// How to get from the old membership to the new one.
enum class Transition : std::uint8_t {
  automatic = 0,  ///< at once if at most one step; else joint, and the leader ends that by itself
  joint_implicit = 1,  ///< joint in any case, and the leader ends that by itself
  joint_explicit = 2   ///< joint in any case, until a change without steps ends it
};

/// The payload of an entry of type membership. Without steps and with an automatic transition it
/// ends a joint phase.
///
/// It takes effect when it is applied, on every node alike; one that cannot be carried out then
/// changes nothing. A change is appended only after the one before it was applied: what a leader
/// cannot take now becomes an empty entry in its place. [thesis §4.1, §4.3]
struct MembershipChange {
  Transition transition = Transition::automatic;
  std::vector<MemberStep> steps = {};  ///< carried out in this order
  Bytes context = {};                  ///< the proposer's; raftkit does not look at it

  friend bool operator==(const MembershipChange&, const MembershipChange&) = default;
};

/// Protocol-buffer encoding as `raftkit.proto` documents it. A change that ends a joint phase has
/// no bytes.
[[nodiscard]] Bytes encode(const MembershipChange& change);
/// Errors: malformed.
[[nodiscard]] Result<MembershipChange> decode_membership_change(const Bytes& bytes);

}  // namespace raftkit
