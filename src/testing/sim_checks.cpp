#include "testing/sim_checks.hpp"

#include <algorithm>

#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

bool is_pre_vote(const Message& message) {
  const auto* request = std::get_if<VoteRequest>(&message);
  const auto* response = std::get_if<VoteResponse>(&message);
  return (request != nullptr && request->kind == VoteKind::pre_vote) ||
         (response != nullptr && response->kind == VoteKind::pre_vote);
}

}  // namespace

void SimChecks::added(NodeId node) {
  nodes_.emplace(node, Node(bootstrap_));
}

void SimChecks::let_in(NodeId node, const Introduction& peer) {
  const auto known = known_store(node, peer.node);
  require(!known || *known == peer.store,
          "identity: ",
          node,
          " lets in ",
          peer.node,
          " with another data directory than the one it has heard of");
  if (!known) let_in_.insert({node, peer.node, peer.store});
}

std::optional<StoreId> SimChecks::known_store(NodeId node, NodeId member) const {
  return oracle_.store_at(nodes_.at(node).applied, member);
}

bool SimChecks::remembers_store(NodeId node, NodeId member) const {
  const LogImage& log = nodes_.at(node).durable;
  return oracle_.store_at(std::max(log.hard.commit, log.base().index), member).has_value();
}

bool SimChecks::remembers_newest_members(NodeId node) const {
  const LogImage& log = nodes_.at(node).durable;
  return *oracle_.members_at(std::max(log.hard.commit, log.base().index)) ==
         *oracle_.newest_members();
}

bool SimChecks::has_pending_change() const {
  for (const auto& [id, node] : nodes_) {
    const LogImage& log = node.written;
    for (Index index = std::max(oracle_.last_chosen(), log.base().index) + 1; index <= log.last();
         ++index) {
      if (log.at(index).type == EntryType::membership) return true;
    }
  }
  return false;
}

void SimChecks::started(NodeId id, const driver::Recovered& recovered) {
  Node& node = at(id);
  node.written = node.durable;
  ++node.life;
  node.leads = Term{0};
  const HardState& hard = recovered.initial.hard_state;
  require(hard.term == node.durable.hard.term && hard.voted_for == node.durable.hard.voted_for,
          "durability: node ",
          id,
          " comes back in term ",
          hard.term,
          " with another term or vote than it had made durable in term ",
          node.durable.hard.term);
  const Index last = recovered.initial.entries.empty() ? recovered.initial.base.index
                                                       : recovered.initial.entries.back().id.index;
  require(last == node.durable.last(),
          "durability: node ",
          id,
          " comes back with a log up to ",
          last,
          " instead of ",
          node.durable.last());
  require(hard.commit >= node.durable.hard.commit,
          "durability: node ",
          id,
          " comes back with the commit index ",
          hard.commit,
          ", and ",
          node.durable.hard.commit,
          " was durable");
  require(*recovered.initial.membership == *oracle_.members_at(recovered.initial.applied),
          "membership: node ",
          id,
          " comes back with another one than that of what it has applied, ",
          recovered.initial.applied);
  node.applied = recovered.initial.applied;
  node.commit = std::max(hard.commit, node.applied);
  node.members = {recovered.initial.membership};
}

HistoryHash SimChecks::installed(const PersistBatch& batch) const {
  if (!batch.snapshot) return 0;
  require(batch.snapshot->last.index <= oracle_.last_chosen(),
          "state machine safety: ",
          batch.snapshot->last,
          " is installed, but nobody committed it");
  return oracle_.state_at(batch.snapshot->last.index);
}

void SimChecks::wrote(NodeId id,
                      const PersistBatch& batch,
                      const SoftState& state,
                      const MembershipPtr& members) {
  Node& node = at(id);
  require(!batch.truncate_from || state.role != Role::leader,
          "leader append-only: ",
          id,
          " removes entries of its own log");
  if (batch.hard_state && batch.hard_state->term != node.leads) node.leads = Term{0};
  node.written.apply(batch, installed(batch));
  if (!batch.append.empty()) oracle_.log_grew(node.written, batch.append.front().id.index);
  if (state.role == Role::leader) check_changes(id, node, batch);
  members_changed(id, members);
  if (batch.hard_state) commit(id, node, *batch.hard_state, state);
}

void SimChecks::check_changes(NodeId id, const Node& node, const PersistBatch& batch) const {
  for (const Entry& entry : batch.append) {
    if (entry.type != EntryType::membership || entry.id.term != node.written.hard.term) continue;
    for (Index index = std::max(node.applied, node.written.base().index) + 1;
         index < entry.id.index;
         ++index) {
      require(node.written.at(index).type != EntryType::membership,
              "membership: ",
              id,
              " appends the change ",
              entry.id,
              " and has not applied the one at ",
              index);
    }
  }
}

void SimChecks::commit(NodeId id, Node& node, const HardState& hard, const SoftState& state) {
  require(hard.commit >= node.commit, "commit: ", id, " goes back to ", hard.commit);
  if (hard.commit == node.commit) return;
  if (state.role == Role::leader) {
    // What was committed before it may have learned as a candidate, a moment ago.
    const EntryId id_there = node.written.id_at(hard.commit);
    require(id_there.term == hard.term || hard.commit <= oracle_.last_chosen(),
            "commit rule: the leader of term ",
            hard.term,
            " commits ",
            id_there,
            ", of an earlier term, by counting");
    std::map<NodeId, const LogImage*> durable;
    for (const auto& [other, its] : nodes_)
      durable[other] = &its.durable;
    oracle_.leader_committed(hard.commit, node.written, durable, node.members);
  }
  for (Index index = node.commit + 1; index <= hard.commit; ++index)
    oracle_.committed(index, hard.term, node.written);
  node.commit = hard.commit;
  node.members = {node.members.back()};
}

void SimChecks::members_changed(NodeId node, const MembershipPtr& members) {
  auto& known = at(node).members;
  if (known.back() == members) return;
  require(
      oracle_.was_chosen(*members), "membership: ", node, " acts by one that was never in effect");
  known.push_back(members);
}

void SimChecks::became_durable(NodeId node, const PersistBatch& batch) {
  at(node).durable.apply(batch, installed(batch));
  const auto& hard = batch.hard_state;
  if (hard && hard->voted_for) oracle_.voted(node, hard->term, *hard->voted_for);
}

void SimChecks::compacted(NodeId id, const SnapshotMeta& snapshot, Index keep_from) {
  Node& node = at(id);
  require(snapshot.last.index <= node.applied,
          "compaction: ",
          id,
          " has not applied ",
          snapshot.last,
          ", for which it gives up its log");
  require(*snapshot.membership == *oracle_.members_at(snapshot.last.index),
          "snapshots: the membership beside the log at ",
          snapshot.last,
          " is not what the committed entries say");
  node.durable.snapshot = snapshot;
  node.durable.compact(keep_from - 1);
  node.written.compact(keep_from - 1);
}

void SimChecks::sent(NodeId id, const Envelope& envelope) {
  const Node& node = at(id);
  const HardState& hard = node.durable.hard;
  require(envelope.term <= hard.term || is_pre_vote(envelope.message),
          "persist before send: ",
          id,
          " speaks in term ",
          envelope.term,
          ", which is not durable: ",
          std::string(message_name(envelope.message)));
  const auto* vote = std::get_if<VoteResponse>(&envelope.message);
  if (vote != nullptr && vote->granted && vote->kind != VoteKind::pre_vote) {
    require(
        hard.term > envelope.term || (hard.term == envelope.term && hard.voted_for == envelope.to),
        "persist before send: ",
        id,
        " gives a vote in term ",
        envelope.term,
        " that is not durable");
    oracle_.voted(id, envelope.term, envelope.to);
  }
  check_acknowledgement(id, node, envelope);
}

void SimChecks::check_acknowledgement(NodeId id, const Node& node, const Envelope& envelope) const {
  const auto* append = std::get_if<AppendResponse>(&envelope.message);
  // In a later term the entries may have been replaced before they were written.
  if (append == nullptr || append->rejection || envelope.term != node.durable.hard.term) return;
  require(append->index <= node.durable.last(),
          "persist before send: ",
          id,
          " acknowledges ",
          append->index,
          ", and only ",
          node.durable.last(),
          " is durable");
  const auto leader = nodes_.find(envelope.to);
  if (leader == nodes_.end() || leader->second.leads != envelope.term ||
      append->index < node.durable.base().index)
    return;
  require(leader->second.written.covers(node.durable.id_at(append->index)),
          "acknowledgement: ",
          id,
          " acknowledges ",
          node.durable.id_at(append->index),
          " to a leader that holds something else there");
}

void SimChecks::leads(NodeId id, Term term) {
  Node& node = at(id);
  if (node.leads != term) oracle_.elected(id, term, node.members);
  node.leads = term;
  oracle_.leads(id, node.life, term, node.written);
}

void SimChecks::applied(NodeId id, const driver::ApplyBatch& batch) {
  Node& node = at(id);
  require(node.durable.covers(batch.last),
          "apply: ",
          id,
          " applies ",
          batch.last,
          " before it is durable here");
  require(batch.last.index <= oracle_.last_chosen(),
          "apply: ",
          batch.last,
          " is applied, but nobody committed it");
  // Behind the base only after a snapshot was written, while older entries still were in the queue.
  const Index base = node.durable.base().index;
  auto next = batch.commands.begin();
  for (Index index = node.applied + 1; index <= batch.last.index; ++index) {
    if (index <= base) {
      while (next != batch.commands.end() && next->id.index <= index)
        ++next;
      continue;
    }
    const Entry& entry = node.durable.at(index);
    oracle_.applied(entry, oracle_.state_at(index - 1));
    if (entry.type != EntryType::normal || entry.payload.empty()) continue;
    require(next != batch.commands.end() && next->id == entry.id && next->payload == entry.payload,
            "apply: ",
            id,
            " does not show its state machine the command at ",
            entry.id);
    ++next;
  }
  require(next == batch.commands.end(), "apply: ", id, " shows a command twice, or out of order");
  for (std::size_t i = 0; i < batch.commands.size(); ++i)
    check_result(batch.commands[i], batch.results[i]);
  node.applied = std::max(node.applied, batch.last.index);
}

void SimChecks::check_result(const Command& command, const Bytes& result) {
  const Index index = command.id.index;
  const auto [known, is_first] = results_.emplace(index, result);
  require(known->second == result,
          "determinism: two nodes answer the command at ",
          command.id,
          " differently");
  if (!is_first) return;
  if (workload_ == Workload::lists) check_list(index, command.payload, result);
  if (workload_ == Workload::lists_in_sessions) check_request(index, command.payload, result);
}

void SimChecks::check_request(Index index, const Bytes& payload, const Bytes& result) {
  const auto request = decode_session_request(payload);
  const auto answer = decode_session_answer(result);
  require(request && answer, "sessions: no request, or no answer, at ", index);
  if (const auto* plain = std::get_if<PlainCommand>(&request->request)) {
    require(answer->status == SessionStatus::applied && answer->index == index,
            "sessions: the plain command at ",
            index,
            " is not applied");
    check_list(index, plain->command, answer->response);
  }
  if (const auto* command = std::get_if<SessionCommand>(&request->request))
    check_in_session(index, *command, *answer);
}

void SimChecks::check_in_session(Index index,
                                 const SessionCommand& command,
                                 const SessionAnswer& answer) {
  // Whatever else it says, it did nothing: the lists will show.
  if (answer.status != SessionStatus::applied) return;
  const auto [known, is_first] =
      answers_.emplace(std::pair(command.session, command.sequence), answer);
  require(is_first == (answer.index == index),
          "sessions: command ",
          command.sequence,
          " of session ",
          command.session.value,
          " at ",
          index,
          is_first ? " is answered as one that nobody applied" : " is applied a second time");
  require(known->second == answer,
          "sessions: command ",
          command.sequence,
          " of session ",
          command.session.value,
          " is answered differently at ",
          index);
  if (is_first) check_list(index, command.command, answer.response);
}

void SimChecks::check_list(Index index, const Bytes& payload, const Bytes& result) {
  const auto list = ListCommand::decode(payload);
  require(list.has_value(), "apply: the command at ", index, " is none that was proposed");
  const auto [place, is_new] = numbers_.emplace(list->number, index);
  require(is_new, "exactly once: one proposal was applied at ", place->second, " and at ", index);
  require(!refused_.contains(list->number),
          "truthfulness: the proposal at ",
          index,
          " was refused for good, and applied");
  auto& versions = versions_.at(list->key);
  ListValue value = versions.empty() ? ListValue() : versions.back().value;
  value.append(list->number);
  versions.push_back({index, value});
  require(decode_list_value(result) == value,
          "state machine: the answer at ",
          index,
          " is not what the committed commands give");
}

void SimChecks::restored(NodeId id, const SnapshotMeta& snapshot) {
  Node& node = at(id);
  if (snapshot.last.index < node.applied) return;
  node.applied = snapshot.last.index;
  require(*snapshot.membership == *oracle_.members_at(node.applied),
          "snapshots: the membership of the one at ",
          snapshot.last,
          " is not what the committed entries say");
}

ListValue SimChecks::value_at(std::uint8_t key, Index index) const {
  const auto& versions = versions_.at(key);
  const auto after = std::upper_bound(
      versions.begin(), versions.end(), index, [](Index wanted, const Version& version) {
        return wanted < version.index;
      });
  return after == versions.begin() ? ListValue() : std::prev(after)->value;
}

void SimChecks::holds(NodeId node, Index index, const Lists& lists) const {
  for (std::size_t key = 0; key < lists.size(); ++key) {
    require(lists[key] == value_at(static_cast<std::uint8_t>(key), index),
            "snapshots: the state of ",
            node,
            " after ",
            index,
            " is not what the committed commands give");
  }
}

void SimChecks::refused(std::uint64_t number) {
  require(!numbers_.contains(number), "truthfulness: a proposal is refused that was applied");
  refused_.insert(number);
}

void SimChecks::saw(std::uint8_t key, Index index, const ListValue& value) const {
  require(value == value_at(key, index),
          "reads: what was read after ",
          index,
          " is not what the committed commands give");
}

}  // namespace raftkit::testing
