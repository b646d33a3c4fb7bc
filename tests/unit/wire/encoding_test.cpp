// The values that src/base encodes by hand, against what raftkit.proto says.
#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "raftkit/membership_change.hpp"

#include "unit/wire/random_messages.hpp"
#include "wire/raftkit.pb.h"

using raftkit::Bytes;
using raftkit::Member;
using raftkit::Membership;
using raftkit::MembershipChange;
using raftkit::MemberStep;
using raftkit::NodeId;
using raftkit::StoreId;
namespace proto = raftkit::proto;

namespace {

proto::Member to_proto(const Member& member) {
  proto::Member out;
  out.set_id(member.id.value);
  out.set_name(member.name);
  for (const auto& url : member.peer_urls)
    out.add_peer_urls(url);
  out.set_store(member.store.value);
  for (const auto& [key, value] : member.attributes) {
    auto& attribute = *out.add_attributes();
    attribute.set_key(key);
    attribute.set_value(value);
  }
  return out;
}

Member from_proto(const proto::Member& in) {
  Member member{NodeId{in.id()}, in.name(), {}, StoreId{in.store()}, {}};
  member.peer_urls.assign(in.peer_urls().begin(), in.peer_urls().end());
  for (const auto& attribute : in.attributes())
    member.attributes.insert_or_assign(attribute.key(), attribute.value());
  return member;
}

template <class List>
std::vector<NodeId> nodes(const List& list) {
  std::vector<NodeId> out;
  for (const std::uint64_t id : list)
    out.emplace_back(id);
  return out;
}

proto::Membership to_proto(const Membership& membership) {
  proto::Membership out;
  for (const NodeId node : membership.voters)
    out.add_voters(node.value);
  for (const NodeId node : membership.voters_outgoing)
    out.add_voters_outgoing(node.value);
  for (const NodeId node : membership.learners)
    out.add_learners(node.value);
  for (const NodeId node : membership.learners_next)
    out.add_learners_next(node.value);
  out.set_auto_leave(membership.auto_leave);
  for (const Member& member : membership.members)
    *out.add_members() = to_proto(member);
  return out;
}

Membership from_proto(const proto::Membership& in) {
  Membership membership{nodes(in.voters()),
                        nodes(in.voters_outgoing()),
                        nodes(in.learners()),
                        nodes(in.learners_next()),
                        in.auto_leave(),
                        {}};
  for (const auto& member : in.members())
    membership.members.push_back(from_proto(member));
  return membership;
}

proto::MembershipChange to_proto(const MembershipChange& change) {
  proto::MembershipChange out;
  out.set_transition(static_cast<std::uint32_t>(change.transition));
  for (const MemberStep& step : change.steps) {
    auto* added = out.add_steps();
    added->set_operation(static_cast<std::uint32_t>(step.operation));
    *added->mutable_member() = to_proto(step.member);
    added->set_must_be_member(step.must_be_member);
  }
  out.set_context(std::string(change.context.view()));
  return out;
}

rc::Gen<MembershipChange> any_change() {
  return rc::gen::exec([] {
    MembershipChange change;
    change.transition = static_cast<raftkit::Transition>(*rc::gen::inRange(0, 3));
    const auto steps = *rc::gen::inRange(0, 4);
    for (int i = 0; i < steps; ++i) {
      change.steps.push_back({static_cast<raftkit::MemberOperation>(*rc::gen::inRange(0, 4)),
                              *raftkit::test::any_member(),
                              *rc::gen::arbitrary<bool>()});
    }
    change.context = Bytes::copy_of(*rc::gen::string<std::string>());
    return change;
  });
}

}  // namespace

TEST_CASE("Membership changes are encoded by hand exactly as protobuf encodes them", "[wire]") {
  rc::prop("both encoders give the same bytes, and what is decoded is the value", [] {
    const MembershipChange change = *any_change();
    const std::string generated = to_proto(change).SerializeAsString();
    RC_ASSERT(raftkit::encode(change).view() == generated);
    const auto decoded = raftkit::decode_membership_change(Bytes::copy_of(generated));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == change);
  });
}

TEST_CASE("Members are encoded by hand exactly as protobuf encodes them", "[wire]") {
  rc::prop("both encoders give the same bytes, both decoders the same value", [] {
    const Member member = *raftkit::test::any_member();
    const Bytes by_hand = raftkit::encode(member);
    const std::string generated = to_proto(member).SerializeAsString();
    RC_ASSERT(by_hand.view() == generated);

    proto::Member parsed;
    RC_ASSERT(parsed.ParseFromString(generated));
    RC_ASSERT(from_proto(parsed) == member);
    const auto decoded = raftkit::decode_member(Bytes::copy_of(generated));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == member);
  });
}

TEST_CASE("Memberships are encoded by hand exactly as protobuf encodes them", "[wire]") {
  rc::prop("both encoders give the same bytes, both decoders the same value", [] {
    const Membership membership = *raftkit::test::any_membership();
    const Bytes by_hand = raftkit::encode(membership);
    const std::string generated = to_proto(membership).SerializeAsString();
    RC_ASSERT(by_hand.view() == generated);

    proto::Membership parsed;
    RC_ASSERT(parsed.ParseFromString(generated));
    RC_ASSERT(from_proto(parsed) == membership);
    const auto decoded = raftkit::decode_membership(Bytes::copy_of(generated));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == membership);
  });
}
