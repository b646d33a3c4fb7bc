#include "support/core_group.hpp"

#include <stdexcept>

namespace raftkit::test {

MembershipPtr voters(std::size_t count) {
  Membership membership;
  for (std::size_t i = 1; i <= count; ++i) {
    membership.voters.emplace_back(i);
    membership.members.push_back({NodeId{i}, "", {}, {}, {}});
  }
  return std::make_shared<const Membership>(std::move(membership));
}

InitialState bootstrapped(MembershipPtr membership) {
  return {.hard_state = {Term{1}, std::nullopt, Index{1}},
          .membership = std::move(membership),
          .applied = Index{1},
          .base = {Term{1}, Index{1}},
          .older_terms = {},
          .entries = {}};
}

std::vector<std::string> commands(const std::vector<Entry>& entries) {
  std::vector<std::string> found;
  for (const Entry& entry : entries) {
    if (entry.type == EntryType::normal && !entry.payload.empty()) {
      found.emplace_back(entry.payload.view());
    }
  }
  return found;
}

CoreGroup::CoreGroup(Options options) {
  const MembershipPtr membership = voters(options.voters);
  for (const NodeId id : membership->voters) {
    RaftOptions raft{.id = id};
    options.tune(raft);
    auto node = RawNode::create(raft, bootstrapped(membership));
    if (!node) throw std::runtime_error(node.error().message());
    members_.emplace(id, CoreMember{*std::move(node), {}, {}, {}});
  }
}

bool CoreGroup::process(CoreMember& member) {
  RawNode& node = member.node;
  if (!node.violation().empty()) throw std::runtime_error(node.violation());
  if (!node.has_ready()) return false;
  Ready ready;
  node.take_ready(ready);
  for (Envelope& envelope : ready.send_now)
    network_.push_back(std::move(envelope));
  if (ready.persist) {
    for (Envelope& envelope : ready.persist->send_after) {
      if (envelope.to == envelope.from) {
        static_cast<void>(node.step(std::move(envelope)));
      } else {
        network_.push_back(std::move(envelope));
      }
    }
    node.persisted(ready.persist->id);
  }
  for (const Entry& entry : ready.apply) {
    if (entry.type == EntryType::member_update) node.membership_applied(entry);
    member.applied.push_back(entry);
  }
  if (!ready.apply.empty()) node.applied(ready.apply.back().id.index);
  member.reads.insert(member.reads.end(), ready.reads.begin(), ready.reads.end());
  member.events.insert(member.events.end(), ready.events.begin(), ready.events.end());
  return true;
}

void CoreGroup::process() {
  for (auto& [id, member] : members_)
    process(member);
}

void CoreGroup::settle() {
  for (bool busy = true; busy;) {
    busy = false;
    for (auto& [id, member] : members_) {
      while (process(member))
        busy = true;
    }
    for (auto batch = std::exchange(network_, {}); !batch.empty(); batch.pop_front()) {
      busy = true;
      Envelope& envelope = batch.front();
      if (!is_cut_(envelope)) static_cast<void>(node(envelope.to.value).step(std::move(envelope)));
    }
  }
}

void CoreGroup::propose(std::uint64_t id, const std::string& command) {
  const auto outcome = node(id).propose({Proposal{EntryType::normal, Bytes::copy_of(command)}});
  if (!outcome) throw std::runtime_error(outcome.error().message());
}

void CoreGroup::elect(std::uint64_t id) {
  node(id).campaign();
  settle();
}

void CoreGroup::cut(std::uint64_t left, std::uint64_t right) {
  is_cut_ = [left, right, before = is_cut_](const Envelope& envelope) {
    const auto from = envelope.from.value;
    const auto to = envelope.to.value;
    return before(envelope) || (from == left && to == right) || (from == right && to == left);
  };
}

void CoreGroup::isolate(std::uint64_t id) {
  is_cut_ = [id, before = is_cut_](const Envelope& envelope) {
    return before(envelope) || envelope.from.value == id || envelope.to.value == id;
  };
}

}  // namespace raftkit::test
