#include "testing/sim_clients.hpp"

#include <algorithm>
#include <utility>

#include "testing/check.hpp"

namespace raftkit::testing {

SimClients::SimClients(const SimWorld& world, Options options, Nodes nodes)
    : world_(world), options_(std::move(options)), nodes_(std::move(nodes)) {}

void SimClients::start() {
  for (std::size_t client = 0; client < options_.clients; ++client)
    plan_next(client);
}

void SimClients::plan_next(std::size_t client) {
  if (is_stopped_) return;
  world_.clock.after(pause(client), [this, client] { begin(client); });
}

SimTime SimClients::pause(std::size_t client) {
  if (!options_.interval) return between(world_.random, options_.least_pause, options_.most_pause);
  // From one beginning to the next: how long an answer takes must not change the rate.
  SimTime& due = due_[client];
  due += between(world_.random, *options_.interval / 2, *options_.interval * 3 / 2);
  due = std::max(due, world_.clock.now());
  return due - world_.clock.now();
}

void SimClients::begin(std::size_t client) {
  if (is_stopped_) return;
  const auto nodes = nodes_();
  if (nodes.empty()) return plan_next(client);
  // Whoever leads in an old term, cut off, believes it too.
  auto leaders = nodes;
  std::erase_if(leaders, [](const SimNode* each) { return !each->leads(); });
  const bool asks_leader = !leaders.empty() && chance(world_.random, options_.leader_percent);
  SimNode& node = *any_of(world_.random, asks_leader ? leaders : nodes);
  const std::uint64_t id = next_id_++;
  const bool reads = !options_.command && chance(world_.random, options_.read_percent);
  Pending& pending = pending_[id];
  pending.client = client;
  pending.node = node.id();
  pending.seen = last_position_;
  pending.term = node.driver().term();
  pending.asks_leader = node.leads();
  pending.operation.client = client;
  pending.operation.call = static_cast<std::uint64_t>(world_.clock.now().count());
  pending.operation.input.key = static_cast<std::uint8_t>(world_.random.below(kSpareList));
  if (!reads) pending.operation.input.number = id;
  if (!reads && has_session(client)) return attempt(id);
  world_.trace.note(reads ? "read" : "append", node.id(), id);
  world_.clock.after(options_.give_up_after, [this, id] {
    if (!is_stopped_ && pending_.contains(id)) became_unknown(id);
  });
  if (reads) {
    read(id, node);
  } else {
    propose(id, node, id);
  }
}

void SimClients::propose(std::uint64_t id, SimNode& node, std::uint64_t number) {
  const ListCommand command{pending_.at(id).operation.input.key, number};
  const std::size_t padding =
      world_.random.below(static_cast<std::uint32_t>(options_.max_padding_bytes) + 1);
  Bytes payload =
      options_.command ? options_.command(number) : as_proposed(node, command.encode(padding));
  node.propose(std::move(payload), [this, id](error_code code, const driver::Proposed& proposed) {
    if (!pending_.contains(id)) return;
    if (code) return failed(id, code);
    if (options_.command) return succeeded(id, proposed.index, {});
    const auto answer = decode_session_answer(proposed.result);
    const bool is_in_sessions = options_.session_clients > 0;
    const auto value =
        decode_list_value(is_in_sessions && answer ? answer->response : proposed.result);
    require(value.has_value(), "results: a proposal is answered without its result");
    succeeded(id, proposed.index, *value);
  });
}

void SimClients::read(std::uint64_t id, SimNode& node) {
  node.read_index([this, id, &node](error_code code, Index index) {
    if (!pending_.contains(id)) return;
    if (code) return failed(id, code);
    const Index applied = node.driver().applied_index();
    require(applied >= index, "reads: index ", index, " is not applied yet");
    const Pending& pending = pending_.at(id);
    world_.marks.hit_if(node.driver().term() != pending.term,
                        "read answered across a change of leaders");
    world_.marks.hit_if(node.leads(), "read answered by a leader");
    world_.marks.hit_if(!node.leads(), "read answered by a follower");
    const auto* lists = lists_of(node.state_machine());
    if (lists == nullptr) return succeeded(id, applied, {});
    const std::uint8_t key = pending.operation.input.key;
    const ListValue value = lists->state().lists[key];
    succeeded(id, applied, value);
    world_.checks.saw(key, applied, value);
  });
}

SimClients::Pending SimClients::take(std::uint64_t id) {
  Pending pending = std::move(pending_.at(id));
  pending_.erase(id);
  plan_next(pending.client);
  return pending;
}

void SimClients::succeeded(std::uint64_t id, Index position, const ListValue& value) {
  Pending pending = take(id);
  ListOperation& operation = pending.operation;
  operation.returned = static_cast<std::uint64_t>(world_.clock.now().count());
  operation.output = value;
  // Before it is judged: whoever looks for a mistake wants to see it.
  record(id, pending, HistoryOperation::Outcome::ok, position);
  // The log is the order in which everything happened; whatever ended before this began comes
  // before it there, too.
  require(position >= pending.seen,
          operation.input.number ? "linearizable writes: index " : "linearizable reads: index ",
          pending.seen,
          " was known before the request, whose answer is as of index ",
          position);
  last_position_ = std::max(last_position_, position);
  ++(operation.input.number ? counts_.appended : counts_.read);
  world_.marks.hit_if(operation.input.number && !pending.asks_leader,
                      "proposal forwarded and answered");
  world_.trace.note("done", pending.node, id, position.value);
  if (!options_.command) history_.at(operation.input.key).push_back(operation);
}

void SimClients::failed(std::uint64_t id, error_code code) {
  if (code == make_error_code(Errc::commit_unknown)) return became_unknown(id);
  Pending pending = take(id);
  pending.operation.returned = static_cast<std::uint64_t>(world_.clock.now().count());
  record(id, pending, HistoryOperation::Outcome::fail);
  ++counts_.refused;
  world_.marks.refused(!pending.operation.input.number, code);
  world_.trace.note("refused", pending.node, id, static_cast<std::uint64_t>(code.value()));
  if (pending.operation.input.number) world_.checks.refused(id);
}

void SimClients::became_unknown(std::uint64_t id) {
  const Pending pending = take(id);
  record(id, pending, HistoryOperation::Outcome::unknown);
  ++counts_.unknown;
  world_.marks.hit_if(pending.operation.input.number.has_value(), "commit unknown to the client");
  world_.trace.note("unknown", pending.node, id);
  // A read that nobody saw the answer of does not matter.
  if (pending.operation.input.number && !options_.command)
    history_.at(pending.operation.input.key).push_back(pending.operation);
}

void SimClients::node_crashed(NodeId node) {
  std::vector<std::uint64_t> lost;
  for (const auto& [id, pending] : pending_) {
    const bool asks_again = has_session(pending.client) && pending.operation.input.number;
    if (pending.node == node && !asks_again) lost.push_back(id);
  }
  for (const std::uint64_t id : lost)
    became_unknown(id);
}

void SimClients::record(std::uint64_t id,
                        const Pending& pending,
                        HistoryOperation::Outcome outcome,
                        std::optional<Index> position) const {
  const ListOperation& operation = pending.operation;
  HistoryOperation recorded;
  recorded.id = id;
  recorded.client = operation.client;
  recorded.node = pending.node;
  recorded.call = operation.call;
  recorded.returned = operation.returned;
  recorded.outcome = outcome;
  recorded.input = operation.input;
  recorded.index = position;
  if (position && !options_.command) recorded.output = operation.output;
  world_.history.add(recorded);
}

void SimClients::record_pending() const {
  for (const auto& [id, pending] : pending_)
    record(id, pending, HistoryOperation::Outcome::unknown);
}

bool SimClients::check_history() const {
  bool is_complete = true;
  for (std::size_t key = 0; key < history_.size(); ++key) {
    auto history = history_[key];
    for (const auto& [id, pending] : pending_) {  // of a run that was cut short
      if (pending.operation.input.key == key && pending.operation.input.number)
        history.push_back(pending.operation);
    }
    // What was never applied has no effect on anybody; the search would try it at every place.
    std::erase_if(history, [this](const ListOperation& operation) {
      return !operation.returned && !world_.checks.was_applied(*operation.input.number);
    });
    std::stable_sort(history.begin(), history.end(), [](const auto& left, const auto& right) {
      return left.call < right.call;
    });
    const auto result = check_linearizable<ListModel>(history, kMaxListSteps);
    require(result.verdict != Verdict::not_linearizable,
            "linearizability: nobody could have seen list ",
            key,
            " like this");
    is_complete = is_complete && result.verdict == Verdict::linearizable;
  }
  return is_complete;
}

}  // namespace raftkit::testing
