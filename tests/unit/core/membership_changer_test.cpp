#include "core/membership_changer.hpp"

#include <catch2/catch.hpp>

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test

namespace {

std::vector<NodeId> ids(std::initializer_list<std::uint64_t> numbers) {
  std::vector<NodeId> nodes;
  for (const std::uint64_t number : numbers)
    nodes.emplace_back(number);
  return nodes;
}

MemberStep step(MemberOperation operation, std::uint64_t node) {
  MemberStep step;
  step.operation = operation;
  step.member.id = NodeId{node};
  return step;
}

MemberStep voter(std::uint64_t node) {
  return step(MemberOperation::make_voter, node);
}
MemberStep learner(std::uint64_t node) {
  return step(MemberOperation::make_learner, node);
}
MemberStep removal(std::uint64_t node) {
  return step(MemberOperation::remove, node);
}

Membership of(std::initializer_list<std::uint64_t> voters) {
  Membership membership;
  membership.voters = ids(voters);
  return membership;
}

Membership described_after(const Membership& before, const MembershipChange& change) {
  auto changed = core::change_membership(before, change);
  if (!changed) throw std::runtime_error(changed.error().message());
  CHECK(core::check(changed->membership));
  return std::move(changed->membership);
}

/// Who takes part, without the descriptions.
Membership after(const Membership& before, const MembershipChange& change) {
  Membership membership = described_after(before, change);
  membership.members.clear();
  return membership;
}

std::string refusal(const Membership& before, const MembershipChange& change) {
  const auto changed = core::change_membership(before, change);
  if (changed) return "carried out";
  CHECK(changed.error() == Errc::invalid_argument);
  return changed.error().message();
}

}  // namespace

TEST_CASE("One step is carried out at once", "[core][membership][thesis:4.1][b107]") {
  CHECK(after(of({1, 2}), {.steps = {voter(3)}}) == of({1, 2, 3}));
  CHECK(after(of({1, 2, 3}), {.steps = {removal(2)}}) == of({1, 3}));
  Membership with_learner = of({1});
  with_learner.learners = ids({2});
  CHECK(after(of({1}), {.steps = {learner(2)}}) == with_learner);
  CHECK(after(with_learner, {.steps = {voter(2)}}) == of({1, 2}));
  CHECK(after(of({1, 2}), {.steps = {learner(2)}}) == with_learner);
}

TEST_CASE("Several steps, or a transition that asks for it, go through a joint phase",
          "[core][membership][thesis:4.3][b110][b114]") {
  Membership joint = of({1, 2, 3});
  joint.voters_outgoing = ids({1});
  joint.auto_leave = true;
  CHECK(after(of({1}), {.steps = {voter(2), voter(3)}}) == joint);

  joint.voters = ids({1, 2});
  CHECK(after(of({1}), {.transition = Transition::joint_implicit, .steps = {voter(2)}}) == joint);
  joint.auto_leave = false;
  CHECK(after(of({1}), {.transition = Transition::joint_explicit, .steps = {voter(2)}}) == joint);
  CHECK(after(joint, {}) == of({1, 2}));
  CHECK(after(joint, {.context = Bytes::copy_of("why")}) == of({1, 2}));
  // Without steps, too, it is a joint phase that is asked for.
  CHECK(refusal(joint, {.transition = Transition::joint_explicit}) == "config is already joint");
  joint.voters = ids({1});
  CHECK(after(of({1}), {.transition = Transition::joint_explicit}) == joint);
}

TEST_CASE("A demoted voter decides until the joint phase ends", "[core][membership][thesis:4.3]") {
  const Membership joint = after(of({1, 2, 3}), {.steps = {learner(3), removal(2), voter(4)}});

  CHECK(joint.voters == ids({1, 4}));
  CHECK(joint.voters_outgoing == ids({1, 2, 3}));
  CHECK(joint.learners.empty());
  CHECK(joint.learners_next == ids({3}));
  CHECK(joint.is_voter(NodeId{3}));

  Membership left = of({1, 4});
  left.learners = ids({3});
  CHECK(after(joint, {}) == left);
}

TEST_CASE("A change that cannot be carried out is refused with the reason",
          "[core][membership][b108]") {
  Membership joint = of({1, 2});
  joint.voters_outgoing = ids({1});
  CHECK(refusal(of({1}), {.steps = {removal(1)}}) == "removed all voters");
  CHECK(refusal(of({1}), {.steps = {learner(1)}}) == "removed all voters");
  CHECK(refusal(of({1}), {}) == "can't leave a non-joint config");
  CHECK(refusal(joint, {.steps = {voter(3)}}) ==
        "can't apply simple config change in joint config");
  CHECK(refusal(joint, {.steps = {voter(3), voter(4)}}) == "config is already joint");
  CHECK(refusal(Membership{}, {.steps = {voter(1), voter(2)}}) ==
        "can't make a zero-voter config joint");
  const auto two = std::vector<MemberStep>{voter(2), voter(3)};
  CHECK(core::change_simply(of({1}), two).error().message() ==
        "more than one voter changed without entering joint config");
}

TEST_CASE("A step for a member only does not bring back one that has left", "[core][membership]") {
  for (const auto operation : {MemberOperation::make_voter, MemberOperation::make_learner}) {
    MemberStep strict = step(operation, 4);
    strict.must_be_member = true;
    Membership with_learner = of({1, 2, 3});
    with_learner.learners = ids({4});
    CHECK(refusal(of({1, 2, 3}), {.steps = {strict}}) == "node 4 is no member");
    CHECK(after(with_learner, {.steps = {strict}}).contains(NodeId{4}));
    CHECK(refusal(with_learner, {.steps = {removal(4), strict}}) == "node 4 is no member");
  }
}

TEST_CASE("Steps that change nothing, and node 0, are harmless", "[core][membership][b109]") {
  CHECK(after(of({1, 2}), {.steps = {voter(2)}}) == of({1, 2}));
  CHECK(after(of({1, 2}), {.steps = {removal(7)}}) == of({1, 2}));
  CHECK(after(of({1, 2}), {.steps = {voter(0)}}) == of({1, 2}));
}

TEST_CASE("Who is removed and added again in one change is a newcomer", "[core][membership]") {
  const std::vector<MemberStep> steps = {removal(2), voter(2)};
  const auto changed = core::change_simply(of({1, 2}), steps);

  REQUIRE(changed);
  CHECK(changed->membership.voters == ids({1, 2}));
  CHECK(changed->renewed == ids({2}));
}

TEST_CASE("Members are described by what the change says, and forgotten when they go",
          "[core][membership]") {
  MemberStep added = voter(2);
  added.member.peer_urls = {"http://two:2380"};
  const Membership with_two = described_after(of({1}), {.steps = {added}});
  REQUIRE(with_two.find(NodeId{2}) != nullptr);
  CHECK(with_two.find(NodeId{2})->peer_urls == std::vector<std::string>{"http://two:2380"});

  MemberStep moved = step(MemberOperation::update, 2);
  moved.member.peer_urls = {"http://two:12380"};
  const Membership updated = described_after(with_two, {.steps = {moved}});
  CHECK(updated.voters == with_two.voters);
  CHECK(updated.find(NodeId{2})->peer_urls == std::vector<std::string>{"http://two:12380"});

  CHECK(described_after(updated, {.steps = {removal(2)}}).find(NodeId{2}) == nullptr);
  // An outgoing voter is still somebody to talk to.
  const Membership joint =
      described_after(updated, {.transition = Transition::joint_explicit, .steps = {removal(2)}});
  CHECK(joint.find(NodeId{2}) != nullptr);
  CHECK(described_after(joint, {}).find(NodeId{2}) == nullptr);
}

TEST_CASE("Memberships whose lists contradict each other are noticed", "[core][membership]") {
  Membership both = of({1, 2});
  both.learners = ids({2});
  CHECK_FALSE(core::check(both));
  Membership demoted = of({1, 2});
  demoted.voters_outgoing = ids({1, 3});
  demoted.learners_next = ids({3});
  CHECK(core::check(demoted));
  demoted.learners_next = ids({4});
  CHECK_FALSE(core::check(demoted));
  demoted.voters_outgoing.clear();
  demoted.learners_next.clear();
  demoted.auto_leave = true;
  CHECK_FALSE(core::check(demoted));
  Membership nobody;
  nobody.voters_outgoing = ids({1});
  CHECK_FALSE(core::check(nobody));
}

TEST_CASE("A change survives being encoded; one of a newer version is not guessed at",
          "[core][membership]") {
  MembershipChange change{Transition::joint_explicit,
                          {voter(2), learner(3), removal(4), step(MemberOperation::update, 5)},
                          Bytes::copy_of("why")};
  change.steps[0].member.peer_urls = {"http://a:1", "http://b:1"};
  const auto decoded = decode_membership_change(encode(change));
  REQUIRE(decoded);
  CHECK(*decoded == change);
  CHECK(encode(MembershipChange{}).empty());

  using namespace std::string_view_literals;
  for (const auto& bytes : {"\x08\x07"sv, "\x12\x02\x08\x09"sv, "\x12\x05"sv, "\xff"sv}) {
    const auto wrong = decode_membership_change(Bytes::copy_of(bytes));
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error() == Errc::malformed);
    const Entry entry{{Term{1}, Index{2}}, EntryType::membership, Bytes::copy_of(bytes)};
    CHECK(core::check_known(entry).error() == Errc::not_supported);
  }
}

TEST_CASE("Only entries of a kind that this version knows are taken", "[core][membership]") {
  const auto is_known = [](EntryType type, Bytes payload) {
    const auto known = core::check_known({{}, type, std::move(payload)});
    CHECK((known || known.error() == Errc::not_supported));
    return known.has_value();
  };
  CHECK(is_known(EntryType::normal, Bytes::copy_of("anything")));
  CHECK(is_known(EntryType::member_update, Bytes::copy_of("anything")));
  CHECK(is_known(EntryType::membership, encode(MembershipChange{})));
  CHECK_FALSE(is_known(EntryType::membership, Bytes::copy_of("\xff")));
  CHECK_FALSE(is_known(EntryType{77}, {}));
}
