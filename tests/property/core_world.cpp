#include "core_world.hpp"

#include <algorithm>
#include <array>
#include <ostream>
#include <string>
#include <string_view>

#include "support/core_group.hpp"
#include "testing/check.hpp"

namespace raftkit::test {

using testing::fail;
using testing::require;

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Fault::count)> kNames = {
    "pass_time",
    "propose",
    "read",
    "campaign",
    "crash",
    "split",
    "mute",
    "heal",
    "compact",
    "transfer",
    "weather",
    "slow_disk",
    "forget_leader",
    "unreachable",
    "change_members"};

bool is_pre_vote_request(const Envelope& envelope) {
  const auto* vote = std::get_if<VoteRequest>(&envelope.message);
  return vote != nullptr && vote->kind == VoteKind::pre_vote;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const FaultStep& step) {
  return out << kNames[static_cast<std::size_t>(step.fault)] << '(' << step.a << ", " << step.b
             << ") rounds=" << step.rounds;
}

std::ostream& operator<<(std::ostream& out, const FaultPlan& plan) {
  out << plan.nodes << " nodes, seed " << plan.seed << ", tuning " << plan.tuning << '\n';
  for (const FaultStep& step : plan.steps)
    out << "  " << step << '\n';
  return out;
}

CoreWorld::CoreWorld(const FaultPlan& plan)
    : plan_(plan),
      random_(plan.seed),
      bootstrap_{bootstrapped(voters(plan.nodes)).base, voters(plan.nodes)},
      oracle_(bootstrap_) {
  for (const NodeId id : bootstrap_.membership->voters) {
    nodes_.push_back({.id = id,
                      .durable = testing::LogImage(bootstrap_),
                      .written = testing::LogImage(bootstrap_),
                      .synced = {bootstrap_.last.index, 0}});
    start(nodes_.back());
  }
}

RaftOptions CoreWorld::options_of(NodeId id) const {
  RaftOptions options{
      .id = id, .seed = plan_.seed, .election_timeout_ticks = 5, .storage_mode = plan_.mode};
  std::uint32_t choices = plan_.tuning;
  const auto choose = [&choices](auto& option, std::initializer_list<std::size_t> others) {
    const std::uint32_t choice = choices % (static_cast<std::uint32_t>(others.size()) + 1);
    choices /= static_cast<std::uint32_t>(others.size()) + 1;
    if (choice > 0) option = others.begin()[choice - 1];
  };
  choose(options.log_window_bytes, {0, 100});
  choose(options.max_inflight_messages, {1, 3});
  choose(options.max_append_bytes, {1, 60});
  choose(options.max_apply_bytes, {1, 60});
  choose(options.max_uncommitted_bytes, {1, 300});
  choose(options.max_inflight_bytes, {1});
  // Without pre-vote a member that knows old members only can run ahead of the others, term by
  // term, for longer than anybody waits: it campaigns among those who have left, and nobody whose
  // term is lower gets its vote.
  const bool changes_members =
      std::any_of(plan_.steps.begin(), plan_.steps.end(), [](const FaultStep& step) {
        return step.fault == Fault::change_members;
      });
  options.pre_vote = choices % 2 == 0 || changes_members;
  options.check_quorum = choices / 2 % 2 == 0;
  if (choices / 4 % 2 == 0) options.priority = static_cast<std::uint32_t>(id.value % 3);
  return options;
}

// --- the steps

void CoreWorld::take(const FaultStep& step) {
  Node& target = node(step.a);
  switch (step.fault) {
    case Fault::pass_time:
    case Fault::count:
      break;
    case Fault::propose:
      for (std::uint32_t i = 0; i <= step.b % 4; ++i)
        propose(target);
      break;
    case Fault::read:
      read(target);
      break;
    case Fault::campaign:
      if (target.core) target.core->campaign();
      break;
    case Fault::crash:
      if (target.core) crash(target, step.b);
      break;
    case Fault::split:
      split(step.a, 10 + step.b % 50);
      break;
    case Fault::mute:
      cut_[{target.id, node(step.b).id}] = 10 + step.b % 50;
      break;
    case Fault::heal:
      cut_.clear();
      break;
    case Fault::compact:
      compact(target, step.b, step.b / 16);
      break;
    case Fault::transfer:
      if (target.core) target.core->transfer_leadership(node(step.b).id);
      break;
    case Fault::weather:
      weather_ = {step.a % 15, step.b % 15, (step.a + step.b) % 60};
      break;
    case Fault::slow_disk:
      target.is_slow = !target.is_slow;
      break;
    case Fault::forget_leader:
      if (target.core) target.core->forget_leader();
      break;
    case Fault::unreachable:
      if (target.core) target.core->report_unreachable(node(step.b).id);
      break;
    case Fault::change_members:
      change_members(target, step.b);
      break;
  }
  maybe_drain(target);
  for (std::uint32_t i = 0; i < step.rounds; ++i)
    round();
}

void CoreWorld::crash(Node& node, std::uint32_t survivors) {
  // Some of the writes were done, and nobody was told.
  for (std::size_t done = survivors % (node.writes.size() + 1); done > 0; --done) {
    node.durable.apply(node.writes.front().batch, node.writes.front().installed);
    node.writes.pop_front();
  }
  constexpr std::uint32_t kLongest = 40;
  node.rounds_down = 1 + survivors % kLongest;
  node.core.reset();
  node.writes.clear();
  node.to_apply.clear();
  node.withheld.clear();
  node.fetches.clear();
  node.is_snapshot_wanted = false;
}

void CoreWorld::start(Node& node) {
  node.written = node.durable;
  node.applied = node.synced;
  const EntryId base = node.durable.base();
  if (node.applied.index < base.index) node.applied = {base.index, oracle_.state_at(base.index)};
  auto core = testing::CheckedNode::create(
      options_of(node.id),
      node.durable.initial(
          node.applied.index, oracle_.members_at(node.applied.index), random_.below(4)),
      testing::Peers::honest,
      [](const testing::Invariants::Violation& found) { fail(found.id + ": " + found.what); });
  if (!core) fail("a node cannot start: " + core.error().message());
  node.core.emplace(*std::move(core));
  ++node.life;
  node.handed_out = node.applied.index;
  node.commit = node.applied.index;
  node.term = node.durable.hard.term;
  node.members = oracle_.members_at(node.applied.index);
  const RaftStatus status = node.core->status();
  require(status.commit >= node.durable.hard.commit && status.commit >= node.applied.index,
          "a start has lost the commit index");
  require(status.term == node.durable.hard.term && status.voted_for == node.durable.hard.voted_for,
          "a start has lost term or vote");
  node.core->snapshot_available(node.durable.snapshot);
  drain(node);
}

void CoreWorld::split(std::uint32_t mask, std::uint32_t rounds) {
  for (std::size_t left = 0; left < nodes_.size(); ++left) {
    for (std::size_t right = 0; right < nodes_.size(); ++right) {
      if ((mask >> left & 1U) != (mask >> right & 1U))
        cut_[{nodes_[left].id, nodes_[right].id}] = rounds;
    }
  }
}

void CoreWorld::compact(Node& node, std::uint32_t snapshot, std::uint32_t kept) {
  node.synced = node.core ? node.applied : node.synced;
  const Index oldest = std::max(node.durable.base().index, node.durable.snapshot.last.index);
  if (!node.core || node.synced.index <= oldest) return;
  require(node.synced.index <= node.durable.last(), "applied what is not durable here");
  const Index last = oldest + 1 + snapshot % (node.synced.index - oldest);
  node.durable.snapshot = {node.durable.id_at(last), oracle_.members_at(last)};
  node.core->snapshot_available(node.durable.snapshot);
  const Index index = last - std::min<std::uint64_t>(kept % 8, last - node.durable.base().index);
  node.durable.compact(index);
  if (index <= node.written.last() && index > node.written.base().index)
    node.written.compact(index);
  node.core->compact(index);
}

void CoreWorld::propose(Node& node) {
  if (!node.core) return;
  const auto outcome = node.core->propose(
      {Proposal{EntryType::normal, Bytes::copy_of("p" + std::to_string(++proposals_))}});
  check(node, outcome ? Result<void>() : Result<void>(outcome.error()));
}

void CoreWorld::change_members(Node& node, std::uint32_t choice) {
  if (!node.core) return;
  const auto choose = [&choice](std::size_t count) {
    const std::uint32_t chosen = choice % static_cast<std::uint32_t>(count);
    choice /= static_cast<std::uint32_t>(count);
    return chosen;
  };
  MembershipChange change;
  change.transition = static_cast<Transition>(choose(3));
  for (std::uint32_t steps = choose(4); steps > 0; --steps) {
    MemberStep step;
    step.operation = static_cast<MemberOperation>(choose(3));
    step.member.id = nodes_[choose(nodes_.size())].id;
    change.steps.push_back(step);
  }
  const auto outcome = node.core->propose_membership_change(change);
  check(node, outcome ? Result<void>() : Result<void>(outcome.error()));
}

void CoreWorld::read(Node& node) {
  if (!node.core) return;
  const ReadId id{next_read_++};
  oracle_.read_began(id);
  check(node, node.core->read_index(id));
}

// --- time

void CoreWorld::round() {
  // No fault lasts for ever, or plans with many of them would be about dead groups.
  for (auto link = cut_.begin(); link != cut_.end();)
    link = --link->second == 0 ? cut_.erase(link) : std::next(link);
  for (Node& node : nodes_) {
    if (!node.core && --node.rounds_down == 0) start(node);
  }
  for (Node& node : nodes_) {
    if (node.core && chance(60)) {
      node.core->tick();
      maybe_drain(node);
    }
  }
  carry_messages();
  for (Node& node : nodes_)
    work(node);
}

void CoreWorld::carry_messages() {
  constexpr std::size_t kLimit = 20'000;
  if (network_.size() > kLimit) {
    fail("an avalanche of messages, the newest a " +
         std::string(message_name(network_.back().message)) + " from " +
         to_string(network_.back().from) + " to " + to_string(network_.back().to));
  }
  for (std::size_t left = network_.size(); left > 0; --left) {
    // Reordering is that any of them may be next.
    const std::size_t place = random_.below(static_cast<std::uint32_t>(network_.size()));
    if (chance(weather_.late)) continue;
    if (chance(weather_.doubled)) {
      Envelope twin = network_[place];
      deliver(std::move(twin));
      continue;
    }
    std::swap(network_[place], network_.front());
    Envelope envelope = std::move(network_.front());
    network_.pop_front();
    if (chance(weather_.lost)) {
      lose(envelope);
    } else {
      deliver(std::move(envelope));
    }
  }
}

void CoreWorld::deliver(Envelope envelope) {
  Node& receiver = node(static_cast<std::uint32_t>(envelope.to.value - 1));
  if (!receiver.core || is_cut(envelope)) return lose(envelope);
  const bool is_snapshot = std::holds_alternative<SnapshotRequest>(envelope.message);
  const NodeId from = envelope.from;
  check(receiver, receiver.core->step(std::move(envelope)));
  maybe_drain(receiver);
  Node& sender = node(static_cast<std::uint32_t>(from.value - 1));
  if (!is_snapshot || !sender.core) return;
  sender.core->report_snapshot(receiver.id, SnapshotOutcome::sent);
  maybe_drain(sender);
}

void CoreWorld::lose(const Envelope& envelope) {
  Node& sender = node(static_cast<std::uint32_t>(envelope.from.value - 1));
  if (!sender.core || !std::holds_alternative<SnapshotRequest>(envelope.message)) return;
  sender.core->report_snapshot(envelope.to, SnapshotOutcome::failed);
  maybe_drain(sender);
}

void CoreWorld::work(Node& node) {
  while (node.core && chance(node.is_slow ? 10 : 60) && complete_write(node)) {
  }
  while (node.core && chance(70) && apply(node)) {
  }
  if (node.core && chance(60)) answer_fetch(node);
  if (node.core && chance(60)) answer_wish(node);
  if (node.core && chance(10)) node.synced = node.applied;
}

bool CoreWorld::complete_write(Node& node) {
  if (node.writes.empty()) return false;
  Write write = std::move(node.writes.front());
  node.writes.pop_front();
  node.durable.apply(write.batch, write.installed);
  for (Envelope& envelope : std::exchange(node.withheld, {}))
    hand_on(node, std::move(envelope));
  for (Envelope& envelope : write.batch.send_after)
    post(node, std::move(envelope));
  node.core->persisted(write.batch.id);
  if (write.restore) {
    node.applied = {write.restore->last.index, write.installed};
    node.synced = node.applied;
    node.handed_out = node.applied.index;
    node.to_apply.clear();
    node.core->snapshot_available(*write.restore);
  }
  maybe_drain(node);
  return true;
}

bool CoreWorld::apply(Node& node) {
  if (node.to_apply.empty()) return false;
  const Entry entry = std::move(node.to_apply.front());
  node.to_apply.pop_front();
  require(entry.id.index == node.applied.index + 1, entry.id, " is applied out of order");
  node.applied = {entry.id.index, oracle_.applied(entry, node.applied.state)};
  if (entry.type != EntryType::normal) {
    const MembershipPtr members = node.core->membership_applied(entry);
    require(members != nullptr && *members == *oracle_.members_at(entry.id.index),
            node.id,
            " has other members than the committed entries say up to ",
            entry.id);
  }
  node.core->applied(entry.id.index);
  maybe_drain(node);
  return true;
}

bool CoreWorld::answer_wish(Node& node) {
  if (!node.is_snapshot_wanted || !node.durable.holds(node.applied.index)) return false;
  node.is_snapshot_wanted = false;
  node.synced = node.applied;
  node.durable.snapshot = {node.durable.id_at(node.applied.index),
                           oracle_.members_at(node.applied.index)};
  node.core->snapshot_available(node.durable.snapshot);
  maybe_drain(node);
  return true;
}

bool CoreWorld::answer_fetch(Node& node) {
  if (node.fetches.empty()) return false;
  const FetchRequest request = node.fetches.back();
  node.fetches.pop_back();
  auto entries = node.durable.read(request.first, request.last, request.max_bytes);
  if (entries.empty()) {
    node.core->fetch_failed(request.id);
  } else {
    node.core->fetched(request.id, std::move(entries));
  }
  maybe_drain(node);
  return true;
}

// --- what a driver does

void CoreWorld::check(const Node& node, const Result<void>& result) const {
  require(node.core->violation().empty(), node.id, " is poisoned: ", node.core->violation());
  if (result) return;
  require(result.error() != Errc::invariant_violated && result.error() != Errc::malformed,
          node.id,
          " refuses a message of an honest peer: ",
          result.error().message());
}

void CoreWorld::maybe_drain(Node& node) {
  if (!node.core) return;
  if (is_calm_ || plan_.mode == StorageMode::synchronous || chance(75)) drain(node);
}

void CoreWorld::drain(Node& node) {
  if (std::exchange(node.is_draining, true)) return;
  Ready ready;
  while (node.core->has_ready()) {
    node.core->take_ready(ready);
    carry_out(node, ready);
    observe(node);
    if (plan_.mode != StorageMode::synchronous) continue;
    // One Ready at a time: all of it is done before the next one is taken.
    while (complete_write(node) || apply(node)) {
    }
  }
  node.is_draining = false;
  check(node, {});
  observe(node);
}

void CoreWorld::carry_out(Node& node, Ready& ready) {
  for (Envelope& envelope : ready.send_now)
    hand_on(node, std::move(envelope));
  if (ready.persist) {
    Write write{*std::move(ready.persist), std::move(ready.restore), 0};
    const PersistBatch& batch = write.batch;
    if (batch.snapshot) {
      require(batch.snapshot->last.index <= oracle_.last_chosen(),
              batch.snapshot->last,
              " is installed, but nobody committed it");
      write.installed = oracle_.state_at(batch.snapshot->last.index);
    }
    require(!batch.truncate_from || node.core->soft_state().role != Role::leader,
            "leader append-only: ",
            node.id,
            " removes entries of its own log");
    node.written.apply(batch, write.installed);
    if (!batch.append.empty()) oracle_.log_grew(node.written, batch.append.front().id.index);
    node.writes.push_back(std::move(write));
  }
  for (const Entry& entry : ready.apply) {
    require(entry.id.index == node.handed_out + 1, entry.id, " is handed out with a gap");
    require(plan_.mode == StorageMode::synchronous || node.durable.covers(entry.id),
            entry.id,
            " is handed out before it is durable");
    node.handed_out = entry.id.index;
    node.to_apply.push_back(entry);
  }
  for (const ReadReady& read : ready.reads) {
    oracle_.read_answered(read);
    answered_.insert(read.read);
  }
  node.is_snapshot_wanted |= ready.snapshot_wanted;
  node.fetches.insert(node.fetches.end(), ready.fetch.begin(), ready.fetch.end());
}

void CoreWorld::hand_on(Node& node, Envelope envelope) {
  // As the driver does: a node that crashes now comes back in an older term.
  if (envelope.term > node.durable.hard.term && !is_pre_vote_request(envelope)) {
    node.withheld.push_back(std::move(envelope));
  } else {
    post(node, std::move(envelope));
  }
}

void CoreWorld::post(Node& node, Envelope envelope) {
  const auto* vote = std::get_if<VoteResponse>(&envelope.message);
  if (vote != nullptr && vote->granted && vote->kind != VoteKind::pre_vote) {
    const HardState& hard = node.durable.hard;
    require(
        hard.term > envelope.term || (hard.term == envelope.term && hard.voted_for == envelope.to),
        node.id,
        " gives a vote in term ",
        envelope.term,
        " that is not durable");
    oracle_.voted(node.id, envelope.term, envelope.to);
  }
  const auto* append = std::get_if<AppendResponse>(&envelope.message);
  // An answer of an older term may speak of entries that a later leader replaced before they were
  // written: who voted for that leader held them then, so the old leader cannot commit by it what
  // the new one lacks.
  const bool is_overtaken = envelope.term < node.durable.hard.term;
  require(append == nullptr || append->rejection || is_overtaken ||
              append->index <= node.durable.last(),
          node.id,
          " acknowledges entries that are not durable");
  if (envelope.to == node.id) {
    check(node, node.core->step(std::move(envelope)));
  } else {
    network_.push_back(std::move(envelope));
  }
}

void CoreWorld::observe(Node& node) {
  const RaftStatus status = node.core->status();
  require(status.last == node.written.last(), node.id, " has not handed out all of its log");
  require(status.term >= node.term, node.id, " goes back to term ", status.term);
  require(status.commit >= node.commit, node.id, " commits less than before");
  require(status.applied <= status.commit && status.commit <= status.last &&
              status.stable <= status.last,
          node.id,
          " mixes up its indexes");
  node.term = status.term;
  if (status.role == Role::leader) oracle_.leads(node.id, node.life, status.term, node.written);
  if (status.commit == node.commit) {
    node.members = status.membership;
    return;
  }
  if (status.role == Role::leader) {
    std::map<NodeId, const testing::LogImage*> durable;
    for (const Node& other : nodes_)
      durable[other.id] = &other.durable;
    oracle_.leader_committed(
        status.commit, node.written, durable, {node.members, status.membership});
  }
  for (Index index = node.commit + 1; index <= status.commit; ++index)
    oracle_.committed(index, status.term, node.written);
  node.commit = status.commit;
  node.members = status.membership;
}

// --- after the storm

void CoreWorld::calm_tick() {
  // Who was removed need not know it, and would go on campaigning.
  for (Node& node : nodes_) {
    if (is_member(node)) node.core->tick();
  }
  constexpr int kLimit = 1000;  // of exchanges that no tick sets off
  int exchanges = 0;
  for (bool is_busy = true; is_busy;) {
    is_busy = !network_.empty();
    if (++exchanges > kLimit) {
      fail("livelock: messages without end, at last " +
           (network_.empty() ? std::string("none")
                             : std::string(message_name(network_.front().message)) + " to " +
                                   to_string(network_.front().to)));
    }
    for (Node& node : nodes_) {
      drain(node);
      while (complete_write(node) || apply(node) || answer_fetch(node) || answer_wish(node))
        is_busy = true;
    }
    for (auto batch = std::exchange(network_, {}); !batch.empty(); batch.pop_front())
      deliver(std::move(batch.front()));
  }
}

std::string CoreWorld::describe() const {
  const auto list = [](const std::vector<NodeId>& nodes) {
    std::string text;
    for (const NodeId node : nodes)
      text += " " + to_string(node);
    return text;
  };
  std::string text;
  for (const Node& node : nodes_) {
    const RaftStatus status = node.core->status();
    text += to_string(node.id) + ": " + std::string(to_string(status.role)) + " of term " +
            to_string(status.term) + ", follows " +
            (status.leader ? to_string(*status.leader) : std::string("nobody")) + ", log ends at " +
            to_string(status.last) + ", commit " + to_string(status.commit) + ", applied " +
            to_string(status.applied) + ", voters" + list(status.membership->voters) +
            ", outgoing" + list(status.membership->voters_outgoing) + ", learners" +
            list(status.membership->learners) + "\n";
  }
  return text;
}

CoreWorld::Node* CoreWorld::settled_leader() {
  const Node* first = nullptr;
  for (const Node& node : nodes_) {
    if (!is_member(node)) continue;
    if (first == nullptr) first = &node;
    if (node.core->soft_state().leader != first->core->soft_state().leader ||
        node.term != first->term)
      return nullptr;
  }
  const auto leader = first->core->soft_state().leader;
  return leader ? &node(static_cast<std::uint32_t>(leader->value - 1)) : nullptr;
}

void CoreWorld::recover() {
  constexpr int kTicks = 400;
  cut_.clear();
  is_calm_ = true;
  for (Node& node : nodes_) {
    if (!node.core) start(node);
  }
  const auto within_ticks = [&](const char* what, auto&& is_done) {
    for (int tick = 0; tick < kTicks; ++tick) {
      if (is_done()) return;
      calm_tick();
    }
    fail(std::string("liveness: ") + what + " within " + std::to_string(kTicks) + " ticks\n" +
         describe());
  };

  within_ticks("nobody is elected", [&] { return settled_leader() != nullptr; });
  std::optional<EntryId> proposed;
  within_ticks("a proposal is not applied everywhere", [&] {
    Node* leader = settled_leader();
    // Who leads at first may have lost its quorum's loyalty in the storm; its entry is lost then.
    if (leader != nullptr && (!proposed || proposed->term != leader->term)) {
      const auto outcome =
          leader->core->propose({Proposal{EntryType::normal, Bytes::copy_of("!")}});
      if (outcome) proposed = outcome->first;
      return false;
    }
    return proposed && std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
             return !is_member(node) ||
                    (node.applied.index >= proposed->index &&
                     node.applied.state == oracle_.state_at(node.applied.index));
           });
  });
  within_ticks("an implicit joint phase is not ended",
               [&] { return !oracle_.newest_members()->auto_leave; });
  for (Node& node : nodes_) {
    if (!is_member(node)) continue;
    const std::uint64_t first = next_read_;
    within_ticks("a read is not answered", [&] {
      if (answered_.contains(ReadId{next_read_ - 1}) && next_read_ > first) return true;
      read(node);
      return false;
    });
  }
}

}  // namespace raftkit::test
