// The answers to one campaign.
#pragma once

#include <algorithm>
#include <optional>

#include "raftkit/membership.hpp"
#include "raftkit/small_vector.hpp"

#include "core/quorum.hpp"

namespace raftkit::core {

/// Keeps the first answer of each node; a repeated or changed one does not count. [thesis §3.4]
class VoteTally {
 public:
  void record(NodeId voter, bool granted) {
    if (!answer_of(voter)) answers_.push_back({voter, granted});
  }

  [[nodiscard]] VoteOutcome outcome(const Membership& membership) const {
    return quorum_vote(membership, [&](NodeId voter) { return answer_of(voter); });
  }

 private:
  struct Answer {
    NodeId voter;
    bool granted = false;
  };

  [[nodiscard]] std::optional<bool> answer_of(NodeId voter) const {
    const auto* found = std::find_if(answers_.begin(), answers_.end(), [&](const Answer& answer) {
      return answer.voter == voter;
    });
    return found == answers_.end() ? std::nullopt : std::optional(found->granted);
  }

  SmallVector<Answer, 5> answers_;
};

}  // namespace raftkit::core
