// A leader's view of all members.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "raftkit/membership.hpp"

#include "core/progress.hpp"
#include "core/quorum.hpp"

namespace raftkit::core {

/// One Progress per member, ascending by node, and the questions a quorum answers.
class Tracker {
 public:
  /// Everybody in `membership` starts at `next`, unknown and silent.
  Tracker(MembershipPtr membership, Index next, Inflights::Limits limits);

  /// Follows a new membership: newcomers start at `next` and count as active until the next check,
  /// those who left are forgotten; those `renewed` have left and are newcomers.
  void update(MembershipPtr membership, Index next, std::span<const NodeId> renewed = {});

  /// Null for somebody who is no member.
  [[nodiscard]] const Progress* find(NodeId node) const {
    for (const Progress& progress : all_) {  // groups are small
      if (progress.node() == node) return &progress;
    }
    return nullptr;
  }
  [[nodiscard]] Progress* find(NodeId node) {
    return const_cast<Progress*>(std::as_const(*this).find(node));
  }
  [[nodiscard]] std::vector<Progress>& all() { return all_; }
  [[nodiscard]] const std::vector<Progress>& all() const { return all_; }

  /// The highest index that is durable on a quorum.
  [[nodiscard]] Index quorum_match() const;
  /// The newest read round that a quorum has confirmed; `self` confirms all by itself.
  [[nodiscard]] std::uint64_t quorum_read_round(NodeId self) const;
  /// Whether a quorum was heard of since the last time this was asked. Forgets who was, except
  /// `self`.
  bool take_quorum_active(NodeId self);

 private:
  [[nodiscard]] const Progress& at(NodeId node) const;

  MembershipPtr membership_;
  Inflights::Limits limits_;
  std::vector<Progress> all_;
};

}  // namespace raftkit::core
