#include "raftkit/raw_node.hpp"

#include "base/assert.hpp"
#include "core/raft.hpp"

namespace raftkit {

/// Stands between the core, which throws when an invariant is violated, and the world, which never
/// sees it.
struct RawNode::Impl {
  Impl(const RaftOptions& options, InitialState initial) : raft(options, std::move(initial)) {}

  /// Runs `call` unless the node is poisoned; poisons it if the call finds an invariant violated.
  template <class Call>
  auto guarded(Call&& call) -> decltype(call()) {
    using Value = decltype(call());
    if (violation.empty()) {
      try {
        return call();
      } catch (const base::InvariantViolation& found) {
        violation = found.what();
        last_event = event::InvariantViolated{found.id(), found.what()};
      }
    }
    if constexpr (std::is_constructible_v<Value, Error>) {
      return Value(Error(Errc::invariant_violated, violation));
    } else {
      return Value();
    }
  }

  core::Raft raft;
  std::string violation;
  std::optional<Event> last_event;  // reported with the next take_ready
};

Result<RawNode> RawNode::create(const RaftOptions& options, InitialState initial) {
  if (auto valid = options.validate(); !valid) return std::move(valid).error();
  try {
    return RawNode(std::make_unique<Impl>(options, std::move(initial)));
  } catch (const base::InvariantViolation& violation) {
    return Error(Errc::corrupt_data, violation.what());
  }
}

RawNode::RawNode(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RawNode::RawNode(RawNode&&) noexcept = default;
RawNode& RawNode::operator=(RawNode&&) noexcept = default;
RawNode::~RawNode() = default;

void RawNode::tick() {
  impl_->guarded([&] { impl_->raft.tick(); });
}

Result<void> RawNode::step(Envelope&& envelope) {
  return impl_->guarded([&] { return impl_->raft.step(std::move(envelope)); });
}

Result<ProposeOutcome> RawNode::propose(SmallVector<Proposal, 1> proposals, ForwardTag tag) {
  return impl_->guarded([&] { return impl_->raft.propose(std::move(proposals), tag); });
}

Result<ProposeOutcome> RawNode::propose_membership_change(const MembershipChange& change,
                                                          ForwardTag tag) {
  SmallVector<Proposal, 1> proposals;
  proposals.push_back({EntryType::membership, encode(change)});
  return propose(std::move(proposals), tag);
}

Result<void> RawNode::read_index(ReadId read) {
  return impl_->guarded([&] { return impl_->raft.read_index(read); });
}

void RawNode::hold_lease(bool held) {
  impl_->guarded([&] { impl_->raft.hold_lease(held); });
}

void RawNode::campaign() {
  impl_->guarded([&] { impl_->raft.campaign(); });
}

void RawNode::transfer_leadership(NodeId target) {
  impl_->guarded([&] { impl_->raft.transfer_leadership(target); });
}

void RawNode::forget_leader() {
  impl_->guarded([&] { impl_->raft.forget_leader(); });
}

void RawNode::report_unreachable(NodeId peer) {
  impl_->guarded([&] { impl_->raft.report_unreachable(peer); });
}

void RawNode::report_snapshot(NodeId peer, SnapshotOutcome outcome) {
  impl_->guarded([&] { impl_->raft.report_snapshot(peer, outcome); });
}

void RawNode::persisted(PersistId id) {
  impl_->guarded([&] { impl_->raft.persisted(id); });
}

MembershipPtr RawNode::membership_applied(const Entry& entry) {
  return impl_->guarded([&] { return impl_->raft.membership_applied(entry); });
}

void RawNode::applied(Index index) {
  impl_->guarded([&] { impl_->raft.applied(index); });
}

void RawNode::compact(Index index) {
  impl_->guarded([&] { impl_->raft.compact(index); });
}

void RawNode::snapshot_available(SnapshotMeta snapshot) {
  impl_->guarded([&] { impl_->raft.snapshot_available(std::move(snapshot)); });
}

void RawNode::fetched(FetchId id, std::vector<Entry> entries) {
  impl_->guarded([&] { impl_->raft.fetched(id, std::move(entries)); });
}

void RawNode::fetch_failed(FetchId id) {
  impl_->guarded([&] { impl_->raft.fetch_failed(id); });
}

bool RawNode::has_ready() const {
  return impl_->violation.empty() && impl_->raft.has_ready();
}

void RawNode::take_ready(Ready& ready) {
  impl_->guarded([&] { impl_->raft.take_ready(ready); });
  if (!impl_->violation.empty()) {
    ready.clear();
    if (impl_->last_event) ready.events.push_back(*std::exchange(impl_->last_event, std::nullopt));
  }
}

RaftStatus RawNode::status() const {
  return impl_->raft.status();
}

SoftState RawNode::soft_state() const {
  return impl_->raft.soft_state();
}

Term RawNode::term() const {
  return impl_->raft.term();
}

const std::string& RawNode::violation() const {
  return impl_->violation;
}

void RawNode::set_randomized_election_timeout(std::uint32_t ticks) {
  impl_->raft.set_randomized_election_timeout(ticks);
}

}  // namespace raftkit
