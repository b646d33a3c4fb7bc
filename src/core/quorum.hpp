// Majorities, and pairs of majorities. [thesis §3.4, §4.3]
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>

#include "raftkit/membership.hpp"
#include "raftkit/small_vector.hpp"
#include "raftkit/types.hpp"

namespace raftkit::core {

enum class VoteOutcome : std::uint8_t { pending, won, lost };

/// What a majority of nobody agrees on: everything. The neutral value of a joint quorum's empty
/// half.
inline constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

[[nodiscard]] constexpr std::size_t majority(std::size_t voters) {
  return voters / 2 + 1;
}

/// The largest value that a majority of `voters` has reached; `value_of(node)` is what one has
/// reached.
template <class ValueOf>
[[nodiscard]] std::uint64_t reached_by_majority(std::span<const NodeId> voters,
                                                ValueOf&& value_of) {
  if (voters.empty()) return kNoLimit;
  // A handful, sorted as they come: this runs for every acknowledgement, and nth_element takes
  // longer than all the rest of it.
  SmallVector<std::uint64_t, 9> list(voters.size());
  std::uint64_t* const values = list.data();  // descending
  std::size_t count = 0;
  for (const NodeId voter : voters) {
    const std::uint64_t value = value_of(voter);
    std::size_t place = count++;
    for (; place > 0 && values[place - 1] < value; --place)
      values[place] = values[place - 1];
    values[place] = value;
  }
  return values[majority(voters.size()) - 1];
}

/// The same for both halves of a joint membership.
template <class ValueOf>
[[nodiscard]] std::uint64_t reached_by_quorum(const Membership& membership, ValueOf&& value_of) {
  const std::uint64_t incoming = reached_by_majority(membership.voters, value_of);
  if (!membership.is_joint()) return incoming;
  return std::min(incoming, reached_by_majority(membership.voters_outgoing, value_of));
}

/// How a ballot among `voters` stands; `vote_of(node)` is empty while a voter has not answered.
template <class VoteOf>
[[nodiscard]] VoteOutcome majority_vote(std::span<const NodeId> voters, VoteOf&& vote_of) {
  std::size_t yes = 0;
  std::size_t missing = 0;
  for (const NodeId voter : voters) {
    const std::optional<bool> vote = vote_of(voter);
    if (!vote) ++missing;
    if (vote && *vote) ++yes;
  }
  if (voters.empty() || yes >= majority(voters.size())) return VoteOutcome::won;
  return yes + missing >= majority(voters.size()) ? VoteOutcome::pending : VoteOutcome::lost;
}

/// Both halves must be won; one lost half loses.
template <class VoteOf>
[[nodiscard]] VoteOutcome quorum_vote(const Membership& membership, VoteOf&& vote_of) {
  const VoteOutcome incoming = majority_vote(membership.voters, vote_of);
  const VoteOutcome outgoing = majority_vote(membership.voters_outgoing, vote_of);
  if (incoming == outgoing) return incoming;
  if (incoming == VoteOutcome::lost || outgoing == VoteOutcome::lost) return VoteOutcome::lost;
  return VoteOutcome::pending;
}

}  // namespace raftkit::core
