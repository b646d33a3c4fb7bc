#include "support/core_group.hpp"

#include <stdexcept>

namespace raftkit::test {

namespace {

testing::CheckedNode created(const RaftOptions& options,
                             const InitialState& initial,
                             testing::Peers peers) {
  auto node = testing::CheckedNode::create(options, initial, peers, report);
  if (!node) throw std::runtime_error(node.error().message());
  return *std::move(node);
}

RaftOptions tuned(NodeId id, const std::function<void(RaftOptions&)>& tune) {
  RaftOptions options{.id = id};
  tune(options);
  return options;
}

InitialState initial_of(const CoreBench::Options& options) {
  InitialState initial = bootstrapped(voters(options.voters));
  initial.hard_state = {Term{options.term}, options.voted_for, Index{options.commit}};
  initial.entries = entries_of(2, options.log);
  return initial;
}

}  // namespace

void report(const testing::Invariants::Violation& violation) {
  throw std::logic_error(violation.id + ": " + violation.what);
}

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

std::vector<Entry> entries_of(std::uint64_t first, const std::vector<std::uint64_t>& terms) {
  std::vector<Entry> entries;
  for (const std::uint64_t term : terms) {
    const EntryId id = at(term, first + entries.size());
    entries.push_back({id, EntryType::normal, Bytes::copy_of(to_string(id))});
  }
  return entries;
}

AppendRequest append_of(EntryId previous,
                        const std::vector<std::uint64_t>& terms,
                        std::uint64_t commit) {
  AppendRequest request{previous, Index{commit}, {}};
  for (Entry& entry : entries_of(previous.index.value + 1, terms))
    request.entries.push_back(std::move(entry));
  return request;
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

// --- CoreGroup

CoreGroup::CoreGroup(Options options) {
  const MembershipPtr membership = voters(options.voters);
  for (const NodeId id : membership->voters) {
    InitialState initial = bootstrapped(membership);
    initial.hard_state.term = Term{options.term};
    initial.entries = entries_of(2, options.logs[id.value]);
    CoreMember member{created(tuned(id, options.tune), initial, testing::Peers::honest),
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      0,
                      0};
    for (const Entry& entry : initial.entries)
      member.disk.emplace(entry.id.index, entry);
    members_.emplace(id, std::move(member));
  }
}

bool CoreGroup::process(CoreMember& member) {
  testing::CheckedNode& node = member.node;
  if (!node.violation().empty()) throw std::runtime_error(node.violation());
  if (!node.has_ready()) return false;
  Ready ready;
  node.take_ready(ready);
  for (Envelope& envelope : ready.send_now)
    network_.push_back(std::move(envelope));
  if (ready.persist) {
    if (ready.persist->snapshot) member.disk.clear();
    if (ready.persist->truncate_from)
      member.disk.erase(member.disk.lower_bound(*ready.persist->truncate_from), member.disk.end());
    for (const Entry& entry : ready.persist->append)
      member.disk.emplace(entry.id.index, entry);
    for (Envelope& envelope : ready.persist->send_after) {
      const auto* response = std::get_if<AppendResponse>(&envelope.message);
      if (response != nullptr && response->rejection) ++member.appends_refused;
      if (envelope.to == envelope.from) {
        static_cast<void>(node.step(std::move(envelope)));
      } else {
        network_.push_back(std::move(envelope));
      }
    }
    node.persisted(ready.persist->id);
  }
  if (ready.restore) member.restored.push_back(*ready.restore);
  for (const Entry& entry : ready.apply) {
    if (entry.type != EntryType::normal) node.membership_applied(entry);
    member.applied.push_back(entry);
  }
  if (!ready.apply.empty()) node.applied(ready.apply.back().id.index);
  member.reads.insert(member.reads.end(), ready.reads.begin(), ready.reads.end());
  member.events.insert(member.events.end(), ready.events.begin(), ready.events.end());
  for (const FetchRequest& request : ready.fetch)
    fetch(member, request);
  return true;
}

void CoreGroup::fetch(CoreMember& member, const FetchRequest& request) {
  member.fetched.push_back(request);
  std::vector<Entry> entries;
  for (auto place = member.disk.find(request.first);
       place != member.disk.end() && place->first <= request.last;
       ++place) {
    entries.push_back(place->second);
  }
  if (entries.empty()) {
    member.node.fetch_failed(request.id);
  } else {
    member.node.fetched(request.id, std::move(entries));
  }
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
      if (!is_cut_(batch.front())) deliver(std::move(batch.front()));
    }
  }
}

void CoreGroup::deliver(Envelope envelope) {
  CoreMember& receiver = member(envelope.to.value);
  if (!std::holds_alternative<SnapshotRequest>(envelope.message)) {
    static_cast<void>(receiver.node.step(std::move(envelope)));
    return;
  }
  ++receiver.snapshots_received;
  const NodeId sender = envelope.from;
  const NodeId peer = envelope.to;
  static_cast<void>(receiver.node.step(std::move(envelope)));
  node(sender.value).report_snapshot(peer, SnapshotOutcome::sent);
}

void CoreGroup::tick(std::uint64_t id, std::uint32_t ticks) {
  for (std::uint32_t passed = 0; passed < ticks; ++passed) {
    node(id).tick();
    settle();
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

void CoreGroup::compact(std::uint64_t id, std::uint64_t index) {
  CoreMember& member = this->member(id);
  const RaftStatus status = member.node.status();
  member.node.snapshot_available({member.disk.at(Index{index}).id, status.membership});
  member.node.compact(Index{index});
  member.disk.erase(member.disk.begin(), member.disk.upper_bound(Index{index}));
}

void CoreGroup::cut(std::uint64_t left, std::uint64_t right) {
  is_cut_ = [left, right, before = is_cut_](const Envelope& envelope) {
    const auto from = envelope.from.value;
    const auto to = envelope.to.value;
    return before(envelope) || (from == left && to == right) || (from == right && to == left);
  };
}

void CoreGroup::cut_if(const std::function<bool(const Envelope&)>& is_lost) {
  is_cut_ = [is_lost, before = is_cut_](const Envelope& envelope) {
    return before(envelope) || is_lost(envelope);
  };
}

void CoreGroup::isolate(std::uint64_t id) {
  is_cut_ = [id, before = is_cut_](const Envelope& envelope) {
    return before(envelope) || envelope.from.value == id || envelope.to.value == id;
  };
}

// --- CoreBench

CoreBench::CoreBench(Options options)
    : CoreBench(tuned(NodeId{1}, options.tune), initial_of(options)) {}

CoreBench::CoreBench(const RaftOptions& options, const InitialState& initial)
    : node_(created(options, initial, testing::Peers::any)) {}

ProgressStatus CoreBench::progress(std::uint64_t id) const {
  for (const ProgressStatus& progress : status().progress) {
    if (progress.node == NodeId{id}) return progress;
  }
  throw std::runtime_error("no progress is known of node " + std::to_string(id));
}

Result<void> CoreBench::receive(std::uint64_t from, std::uint64_t term, Message message) {
  return node_.step({{}, NodeId{from}, NodeId{1}, Term{term}, std::move(message)});
}

void CoreBench::answer(std::uint64_t from, Message message) {
  if (auto taken = receive(from, node_.term().value, std::move(message)); !taken)
    throw std::runtime_error(taken.error().message());
  run();
}

void CoreBench::acknowledge(std::uint64_t from, std::uint64_t index) {
  answer(from, AppendResponse{Index{index}, std::nullopt});
}

Result<ProposeOutcome> CoreBench::propose(const std::string& command) {
  return node_.propose({Proposal{EntryType::normal, Bytes::copy_of(command)}});
}

void CoreBench::tick(std::uint32_t ticks) {
  for (std::uint32_t passed = 0; passed < ticks; ++passed)
    node_.tick();
}

Ready CoreBench::take() {
  Ready ready;
  node_.take_ready(ready);
  return ready;
}

void CoreBench::run() {
  while (node_.has_ready()) {
    Ready ready = take();
    sent_.insert(sent_.end(), ready.send_now.begin(), ready.send_now.end());
    if (ready.persist) persist(*std::move(ready.persist));
    if (ready.restore) restored.push_back(*ready.restore);
    applied.insert(applied.end(), ready.apply.begin(), ready.apply.end());
    if (applies) apply(ready.apply);
    reads.insert(reads.end(), ready.reads.begin(), ready.reads.end());
    fetches.insert(fetches.end(), ready.fetch.begin(), ready.fetch.end());
    events.insert(events.end(), ready.events.begin(), ready.events.end());
  }
  if (!node_.violation().empty()) throw std::runtime_error(node_.violation());
}

void CoreBench::apply(const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    if (entry.type != EntryType::normal) node_.membership_applied(entry);
  }
  if (!entries.empty()) node_.applied(entries.back().id.index);
}

void CoreBench::persist(PersistBatch batch) {
  for (Envelope& envelope : batch.send_after) {
    if (envelope.to == envelope.from) {
      static_cast<void>(node_.step(std::move(envelope)));
    } else {
      sent_.push_back(std::move(envelope));
    }
  }
  node_.persisted(batch.id);
}

void CoreBench::lead() {
  const std::uint64_t term = node_.term().value + 1;
  const MembershipPtr membership = status().membership;
  node_.campaign();
  run();
  for (const VoteKind kind : {VoteKind::pre_vote, VoteKind::election}) {
    for (const NodeId voter : membership->voters) {
      if (voter != NodeId{1} && node_.soft_state().role != Role::leader)
        static_cast<void>(receive(voter.value, term, VoteResponse{kind, true}));
      run();
    }
  }
  if (node_.soft_state().role != Role::leader) throw std::runtime_error("the election was lost");
  sent_.clear();
}

void CoreBench::lead_all() {
  lead();
  for (const NodeId voter : status().membership->voters) {
    if (voter != NodeId{1}) acknowledge(voter.value, status().last.value);
  }
  sent_.clear();
}

}  // namespace raftkit::test
