#include "raftkit/testing/invariants.hpp"

namespace raftkit::testing {

Result<CheckedNode> CheckedNode::create(const RaftOptions& options,
                                        const InitialState& initial,
                                        Peers peers,
                                        Report report) {
  auto node = RawNode::create(options, initial);
  if (!node) return std::move(node).error();
  CheckedNode checked(*std::move(node), Invariants(options, initial, peers), report);
  checked.look();
  return checked;
}

void CheckedNode::look() {
  // A poisoned node stays where it is, perhaps half-way through an input, and says nothing more.
  if (!node_.violation().empty()) return;
  invariants_.look(node_.status(), node_.has_ready());
  report_any();
}

void CheckedNode::report_any() {
  if (invariants_.violation()) report_(*invariants_.violation());
}

void CheckedNode::tick() {
  node_.tick();
  look();
}

Result<void> CheckedNode::step(Envelope&& envelope) {
  invariants_.step(envelope);
  auto result = node_.step(std::move(envelope));
  look();
  return result;
}

Result<ProposeOutcome> CheckedNode::propose(SmallVector<Proposal, 1> proposals, ForwardTag tag) {
  auto result = node_.propose(std::move(proposals), tag);
  look();
  return result;
}

Result<ProposeOutcome> CheckedNode::propose_membership_change(const MembershipChange& change,
                                                              ForwardTag tag) {
  auto result = node_.propose_membership_change(change, tag);
  look();
  return result;
}

Result<void> CheckedNode::read_index(ReadId read) {
  invariants_.read_index(read);
  auto result = node_.read_index(read);
  look();
  return result;
}

void CheckedNode::campaign() {
  node_.campaign();
  look();
}

void CheckedNode::transfer_leadership(NodeId target) {
  node_.transfer_leadership(target);
  look();
}

void CheckedNode::forget_leader() {
  node_.forget_leader();
  look();
}

void CheckedNode::report_unreachable(NodeId peer) {
  node_.report_unreachable(peer);
  look();
}

void CheckedNode::report_snapshot(NodeId peer, SnapshotOutcome outcome) {
  node_.report_snapshot(peer, outcome);
  look();
}

void CheckedNode::persisted(PersistId id) {
  invariants_.persisted(id);
  node_.persisted(id);
  look();
}

MembershipPtr CheckedNode::membership_applied(const Entry& entry) {
  invariants_.membership_applied();
  auto result = node_.membership_applied(entry);
  look();
  return result;
}

void CheckedNode::applied(Index index) {
  node_.applied(index);
  look();
}

void CheckedNode::compact(Index index) {
  invariants_.compact(index);
  node_.compact(index);
  look();
}

void CheckedNode::snapshot_available(SnapshotMeta snapshot) {
  node_.snapshot_available(std::move(snapshot));
  look();
}

void CheckedNode::fetched(FetchId id, std::vector<Entry> entries) {
  node_.fetched(id, std::move(entries));
  look();
}

void CheckedNode::fetch_failed(FetchId id) {
  node_.fetch_failed(id);
  look();
}

void CheckedNode::take_ready(Ready& ready) {
  node_.take_ready(ready);
  if (!node_.violation().empty()) return;
  invariants_.take(ready, node_.status(), node_.has_ready());
  report_any();
}

}  // namespace raftkit::testing
