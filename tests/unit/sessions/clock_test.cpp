#include <limits>

#include <catch2/catch.hpp>

#include "raftkit/sessions.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test

namespace {

/// A member with a clock that the test moves.
struct MemberClock {
  std::uint64_t local = 0;
  ClusterClock cluster{[this] { return local; }};
};

}  // namespace

TEST_CASE("A member that has applied nothing knows no time", "[sessions][thesis:6.3]") {
  MemberClock member;
  member.local = 5'000'000;

  CHECK(member.cluster.now() == 0);

  member.cluster.observe(0);
  CHECK(member.cluster.now() == 0);
  member.local += 70;
  CHECK(member.cluster.now() == 70);
}

TEST_CASE("Cluster time goes on from what was applied, by the member's own clock", "[sessions]") {
  MemberClock member;
  member.local = 1'000;
  member.cluster.observe(30'000);

  member.local += 250;
  CHECK(member.cluster.now() == 30'250);

  member.cluster.observe(31'000);  // another member was ahead
  CHECK(member.cluster.now() == 31'000);
  member.local += 1;
  CHECK(member.cluster.now() == 31'001);
}

TEST_CASE("Cluster time does not wait for commands that take long to be applied", "[sessions]") {
  MemberClock member;
  member.cluster.observe(0);

  // A command each millisecond, each applied 50 ms after it was stamped.
  for (member.local = 50; member.local <= 1'000; ++member.local)
    member.cluster.observe(member.local - 50);

  member.local = 1'000;
  CHECK(member.cluster.now() == 1'000);
}

TEST_CASE("A restarted member goes on where the log ends, not where the wall clock is",
          "[sessions]") {
  MemberClock before;
  before.cluster.observe(0);
  before.local = 60'000;
  const std::uint64_t stamp = before.cluster.now();

  MemberClock after;  // a day later
  after.local = 86'400'000;
  after.cluster.observe(stamp);

  CHECK(after.cluster.now() == 60'000);
}

TEST_CASE("A clock that steps back, and one at its end, do no harm", "[sessions]") {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  MemberClock member;
  member.local = 1'000;
  member.cluster.observe(500);

  member.local = 900;
  CHECK(member.cluster.now() == 500);

  member.cluster.observe(kMost - 10);
  member.local = 2'000;
  CHECK(member.cluster.now() == kMost);
}
