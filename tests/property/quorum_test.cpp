// Majorities, against trying all subsets.
#include "core/quorum.hpp"

#include <algorithm>
#include <array>
#include <map>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace raftkit::test {

namespace {

using core::VoteOutcome;

/// For whatever rapidcheck would draw from a smaller range in the first cases of a property.
template <class Number>
rc::Gen<Number> in_range(Number min, Number max) {
  return rc::gen::resize(rc::kNominalSize, rc::gen::inRange(min, max));
}

/// Some of 1..9, ascending; as many with nine as with one.
rc::Gen<std::vector<NodeId>> voter_sets() {
  const auto order = rc::gen::container<std::vector<std::uint32_t>>(
      9, rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint32_t>()));
  return rc::gen::map(rc::gen::pair(in_range<std::size_t>(0, 10), order), [](const auto& drawn) {
    std::vector<std::pair<std::uint32_t, NodeId>> all;
    for (std::uint64_t id = 1; id <= 9; ++id)
      all.emplace_back(drawn.second[id - 1], NodeId{id});
    std::sort(all.begin(), all.end());
    std::vector<NodeId> voters;
    for (std::size_t i = 0; i < drawn.first; ++i)
      voters.push_back(all[i].second);
    std::sort(voters.begin(), voters.end());
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
        *rc::gen::container<std::vector<std::uint64_t>>(10, in_range<std::uint64_t>(0, 6));
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
    const auto answers = *rc::gen::container<std::vector<int>>(10, in_range(0, 3));
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

TEST_CASE("All ballots and all values of up to nine voters, counted", "[core][property]") {
  // 0: no, 1: yes, 2: not yet known; and as values what they are.
  std::vector<NodeId> voters;
  for (std::size_t size = 0, ballots = 1; size <= 9; ++size, ballots *= 3) {
    if (size > 0) voters.emplace_back(size);
    const Membership membership = membership_of(voters, {});
    for (std::size_t ballot = 0; ballot < ballots; ++ballot) {
      std::array<std::uint64_t, 10> answers{};
      std::array<std::size_t, 3> counts{};
      std::size_t left = ballot;
      for (std::size_t i = 1; i <= size; ++i, left /= 3)
        ++counts[answers[i] = left % 3];
      const auto vote_of = [&](NodeId node) {
        return answers[node.value] == 2 ? std::nullopt : std::optional(answers[node.value] == 1);
      };
      const auto value_of = [&](NodeId node) { return answers[node.value]; };

      const bool is_won = size == 0 || 2 * counts[1] > size;
      const bool is_lost = size > 0 && 2 * (counts[1] + counts[2]) <= size;
      const auto outcome = is_won    ? VoteOutcome::won
                           : is_lost ? VoteOutcome::lost
                                     : VoteOutcome::pending;
      const std::uint64_t reached = size == 0                            ? core::kNoLimit
                                    : 2 * counts[2] > size               ? 2
                                    : 2 * (counts[1] + counts[2]) > size ? 1
                                                                         : 0;
      const bool agrees = core::quorum_vote(membership, vote_of) == outcome &&
                          core::reached_by_quorum(membership, value_of) == reached;
      if (!agrees) FAIL("of " << size << " voters, ballot " << ballot);
    }
  }
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
        *rc::gen::container<std::vector<std::uint64_t>>(10, in_range<std::uint64_t>(0, 6));
    const auto value_of = [&](NodeId node) { return values[node.value]; };
    const auto reached = [&](const std::vector<NodeId>& left, const std::vector<NodeId>& right) {
      return core::reached_by_quorum(membership_of(left, right), value_of);
    };

    RC_ASSERT(reached(incoming, outgoing) == reached(outgoing, incoming));
    RC_ASSERT(reached(incoming, incoming) == reached(incoming, {}));
  }));
}

}  // namespace raftkit::test
