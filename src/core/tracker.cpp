#include "core/tracker.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace raftkit::core {

namespace {

bool before(const Progress& progress, NodeId node) {
  return progress.node() < node;
}

}  // namespace

Tracker::Tracker(MembershipPtr membership, Index next, Inflights::Limits limits)
    : membership_(std::move(membership)), limits_(limits) {
  for (const NodeId node : membership_->all()) {
    all_.emplace_back(Progress::Start{node, next, membership_->is_learner(node), limits_});
  }
}

void Tracker::update(MembershipPtr membership, Index next, std::span<const NodeId> renewed) {
  membership_ = std::move(membership);
  std::erase_if(all_, [&](const Progress& progress) {
    return !membership_->contains(progress.node()) ||
           std::find(renewed.begin(), renewed.end(), progress.node()) != renewed.end();
  });
  for (const NodeId node : membership_->all()) {
    if (Progress* known = find(node)) {
      known->set_learner(membership_->is_learner(node));
      continue;
    }
    const auto place = std::lower_bound(all_.begin(), all_.end(), node, before);
    const auto added = all_.insert(
        place, Progress(Progress::Start{node, next, membership_->is_learner(node), limits_}));
    // Otherwise a leader whose quorum just grew would step down at the next check.
    added->set_recently_active(true);
  }
}

const Progress& Tracker::at(NodeId node) const {
  const Progress* found = find(node);
  RAFTKIT_ASSERT(found != nullptr, "INV-TRACKER-COMPLETE", node);
  return *found;
}

Index Tracker::quorum_match() const {
  return Index{
      reached_by_quorum(*membership_, [&](NodeId node) { return at(node).match().value; })};
}

std::uint64_t Tracker::quorum_read_round(NodeId self) const {
  return reached_by_quorum(*membership_, [&](NodeId node) {
    return node == self ? kNoLimit : at(node).acked_read_round;
  });
}

bool Tracker::take_quorum_active(NodeId self) {
  const auto outcome = quorum_vote(*membership_, [&](NodeId node) {
    return std::optional<bool>(node == self || at(node).recently_active());
  });
  for (Progress& progress : all_) {
    if (progress.node() != self) progress.set_recently_active(false);
  }
  return outcome == VoteOutcome::won;
}

}  // namespace raftkit::core
