// Majorities, against trying all subsets.
#include "core/quorum.hpp"

#include <algorithm>
#include <map>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace raftkit::test {

namespace {

using core::VoteOutcome;

/// Some of 1..9, ascending.
rc::Gen<std::vector<NodeId>> voter_sets() {
  return rc::gen::map(rc::gen::inRange<std::uint32_t>(0, 1U << 9), [](std::uint32_t mask) {
    std::vector<NodeId> voters;
    for (std::uint64_t id = 1; id <= 9; ++id) {
      if ((mask >> (id - 1) & 1U) != 0) voters.emplace_back(id);
    }
    return voters;
  });
}

Membership membership_of(std::vector<NodeId> incoming, std::vector<NodeId> outgoing) {
  Membership membership;
  membership.voters = std::move(incoming);
  membership.voters_outgoing = std::move(outgoing);
  return membership;
}

template <class Has>
std::size_t count(const std::vector<NodeId>& voters, Has&& has) {
  return static_cast<std::size_t>(std::count_if(voters.begin(), voters.end(), has));
}

/// Whether everybody for whom `has` holds makes up a quorum: more than half of each half that
/// exists.
template <class Has>
bool is_quorum(const Membership& membership, Has&& has) {
  const auto is_majority = [&](const std::vector<NodeId>& voters) {
    return voters.empty() || 2 * count(voters, has) > voters.size();
  };
  return is_majority(membership.voters) && is_majority(membership.voters_outgoing);
}

}  // namespace

TEST_CASE("A quorum has reached the largest value that a quorum of nodes has",
          "[core][property][b141]") {
  CHECK(rc::check([] {
    const Membership membership = membership_of(*voter_sets(), *voter_sets());
    const auto values =
        *rc::gen::container<std::vector<std::uint64_t>>(10, rc::gen::inRange<std::uint64_t>(0, 6));
    const auto value_of = [&](NodeId node) { return values[node.value]; };

    const std::uint64_t reached = core::reached_by_quorum(membership, value_of);

    const auto is_reached = [&](std::uint64_t value) {
      return is_quorum(membership, [&](NodeId node) { return value_of(node) >= value; });
    };
    if (reached == core::kNoLimit) {
      RC_ASSERT(membership.voters.empty() && membership.voters_outgoing.empty());
    } else {
      RC_ASSERT(is_reached(reached));
      RC_ASSERT(!is_reached(reached + 1));
    }
  }));
}

TEST_CASE("A vote is decided as soon as no missing answer can change it, and not before",
          "[core][property]") {
  CHECK(rc::check([] {
    const Membership membership = membership_of(*voter_sets(), *voter_sets());
    // 0: no, 1: yes, 2: not yet known
    const auto answers = *rc::gen::container<std::vector<int>>(10, rc::gen::inRange(0, 3));
    const auto vote_of = [&](NodeId node) {
      const int answer = answers[node.value];
      return answer == 2 ? std::nullopt : std::optional(answer == 1);
    };

    const VoteOutcome outcome = core::quorum_vote(membership, vote_of);

    // The missing ones may yet all refuse or all agree.
    const bool is_won =
        is_quorum(membership, [&](NodeId node) { return answers[node.value] == 1; });
    const bool can_be_won =
        is_quorum(membership, [&](NodeId node) { return answers[node.value] != 0; });
    RC_ASSERT((outcome == VoteOutcome::won) == is_won);
    RC_ASSERT((outcome == VoteOutcome::lost) == !can_be_won);
  }));
}

TEST_CASE("Any two quorums of one membership share a node", "[core][property]") {
  CHECK(rc::check([] {
    const Membership membership = membership_of(*voter_sets(), *voter_sets());
    RC_PRE(!membership.voters.empty());
    const auto pick = [&] {
      return *rc::gen::container<std::vector<bool>>(10, rc::gen::arbitrary<bool>());
    };
    const auto wins = [&](const std::vector<bool>& agree) {
      return core::quorum_vote(membership, [&](NodeId node) {
               return std::optional<bool>(agree[node.value]);
             }) == VoteOutcome::won;
    };
    const auto left = pick();
    const auto right = pick();
    if (!wins(left) || !wins(right)) return;

    const bool share =
        std::any_of(membership.voters.begin(), membership.voters.end(), [&](NodeId node) {
          return left[node.value] && right[node.value];
        });
    RC_ASSERT(share);
  }));
}

TEST_CASE("Halves of a joint membership may be exchanged, and joined with themselves",
          "[core][property][b141]") {
  CHECK(rc::check([] {
    const auto incoming = *voter_sets();
    const auto outgoing = *voter_sets();
    RC_PRE(!incoming.empty());
    const auto values =
        *rc::gen::container<std::vector<std::uint64_t>>(10, rc::gen::inRange<std::uint64_t>(0, 6));
    const auto value_of = [&](NodeId node) { return values[node.value]; };
    const auto reached = [&](const std::vector<NodeId>& left, const std::vector<NodeId>& right) {
      return core::reached_by_quorum(membership_of(left, right), value_of);
    };

    RC_ASSERT(reached(incoming, outgoing) == reached(outgoing, incoming));
    RC_ASSERT(reached(incoming, incoming) == reached(incoming, {}));
  }));
}

}  // namespace raftkit::test
