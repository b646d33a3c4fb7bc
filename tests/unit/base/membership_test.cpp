#include "raftkit/membership.hpp"

#include <catch2/catch.hpp>

using raftkit::Bytes;
using raftkit::decode_member;
using raftkit::decode_membership;
using raftkit::Errc;
using raftkit::Member;
using raftkit::Membership;
using raftkit::NodeId;
using raftkit::StoreId;

namespace {

Membership joint_membership() {
  Membership membership;
  membership.voters = {NodeId{1}, NodeId{2}, NodeId{4}};
  membership.voters_outgoing = {NodeId{1}, NodeId{2}, NodeId{3}};
  membership.learners = {NodeId{7}};
  membership.learners_next = {NodeId{3}};
  membership.auto_leave = true;
  membership.members = {
      {NodeId{1},
       "a",
       {"http://10.0.0.1:2380", "http://10.0.0.9:2380"},
       StoreId{0xfeedfacecafebeef},
       {{"client", "x"}, {"zone", ""}}},
      {NodeId{0xffffffffffffffff}, "", {}, {}, {}},
  };
  return membership;
}

}  // namespace

TEST_CASE("A membership knows who votes, who learns and who belongs", "[base]") {
  const Membership membership = joint_membership();

  CHECK(membership.is_joint());
  CHECK(membership.is_voter(NodeId{4}));
  CHECK(membership.is_voter(NodeId{3}));
  CHECK_FALSE(membership.is_voter(NodeId{7}));
  CHECK(membership.is_learner(NodeId{7}));
  CHECK_FALSE(membership.is_learner(NodeId{3}));
  CHECK(membership.contains(NodeId{7}));
  CHECK_FALSE(membership.contains(NodeId{9}));
  CHECK(membership.all() == std::vector{NodeId{1}, NodeId{2}, NodeId{3}, NodeId{4}, NodeId{7}});
}

TEST_CASE("A membership finds the description of a member", "[base]") {
  const Membership membership = joint_membership();

  REQUIRE(membership.find(NodeId{1}) != nullptr);
  CHECK(membership.find(NodeId{1})->name == "a");
  CHECK(membership.find(NodeId{2}) == nullptr);
}

TEST_CASE("Memberships and members survive encoding", "[base]") {
  const Membership membership = joint_membership();

  const auto decoded = decode_membership(encode(membership));
  REQUIRE(decoded);
  CHECK(*decoded == membership);

  const auto member = decode_member(encode(membership.members[0]));
  REQUIRE(member);
  CHECK(*member == membership.members[0]);
}

TEST_CASE("An empty membership encodes to nothing", "[base]") {
  CHECK(encode(Membership{}).empty());
  const auto decoded = decode_membership({});
  REQUIRE(decoded);
  CHECK(*decoded == Membership{});
}

TEST_CASE("Every truncation of an encoded membership is refused or decodes to something smaller",
          "[base]") {
  const Membership membership = joint_membership();
  const Bytes bytes = encode(membership);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto decoded = decode_membership(bytes.slice(0, length));
    if (decoded) CHECK_FALSE(*decoded == membership);
    if (!decoded) CHECK(decoded.error() == Errc::malformed);
  }
}

TEST_CASE("A membership whose lists are not ascending is refused", "[base]") {
  Membership membership;
  membership.voters = {NodeId{2}, NodeId{1}};
  CHECK(decode_membership(encode(membership)).error() == Errc::malformed);

  membership.voters = {NodeId{2}, NodeId{2}};
  CHECK(decode_membership(encode(membership)).error() == Errc::malformed);
}
