// Clients with sessions: they propose a command again, through whomever, until it is answered.
#include <utility>

#include "testing/check.hpp"
#include "testing/sim_clients.hpp"

namespace raftkit::testing {

namespace {

std::uint64_t stamp_of(const SimNode& node) {
  const auto* sessions = dynamic_cast<const SessionStateMachine*>(&node.state_machine());
  require(sessions != nullptr, "sessions: node ", node.id(), " has none");
  return sessions->clock()->now();
}

Bytes encode(const SimNode& node, const SessionRequest& request) {
  auto encoded = encode_session_request(request, stamp_of(node));
  require(static_cast<bool>(encoded), "sessions: a request cannot be encoded");
  return *std::move(encoded);
}

SessionAnswer decode(const driver::Proposed& proposed) {
  const auto answer = decode_session_answer(proposed.result);
  require(static_cast<bool>(answer), "sessions: no answer at ", proposed.index);
  return *answer;
}

}  // namespace

Bytes as_proposed(const SimNode& node, Bytes command) {
  const bool has_sessions =
      dynamic_cast<const SessionStateMachine*>(&node.state_machine()) != nullptr;
  return has_sessions ? encode(node, PlainCommand{std::move(command)}) : command;
}

void SimClients::attempt(std::uint64_t id) {
  if (!pending_.contains(id)) return;
  const auto nodes = nodes_();
  if (nodes.empty()) return attempt_later(id, milliseconds(100), milliseconds(500));
  Pending& pending = pending_.at(id);
  Session& session = sessions_[pending.client];
  SimNode& node = *any_of(world_.random, nodes);
  pending.node = node.id();
  // Whom it asked may be gone, or hear nobody.
  attempt_later(id, milliseconds(500), seconds(3));
  if (!session.id) return open_session(id, node);
  if (pending.sequence == 0) pending.sequence = session.next_sequence++;
  propose_in_session(id, node);
  if (chance(world_.random, 20)) propose_in_session(id, *any_of(world_.random, nodes));
}

/// Unless something newer was begun by then.
void SimClients::attempt_later(std::uint64_t id, SimTime least, SimTime most) {
  const std::uint64_t number = ++pending_.at(id).attempts;
  world_.clock.after(between(world_.random, least, most), [this, id, number] {
    const auto pending = pending_.find(id);
    if (pending != pending_.end() && pending->second.attempts == number) attempt(id);
  });
}

void SimClients::open_session(std::uint64_t id, SimNode& node) {
  world_.trace.note("open session", node.id(), id);
  // An answer that comes too late leaves a session that nobody uses, until it expires.
  node.propose(encode(node, OpenSession{options_.session}),
               [this, id, number = pending_.at(id).attempts](error_code code,
                                                             const driver::Proposed& proposed) {
                 const auto pending = pending_.find(id);
                 if (pending == pending_.end() || pending->second.attempts != number) return;
                 if (code) return attempt_later(id, milliseconds(10), milliseconds(500));
                 const SessionAnswer answer = decode(proposed);
                 require(answer.status == SessionStatus::opened && answer.index == proposed.index,
                         "sessions: none is opened at ",
                         proposed.index);
                 sessions_[pending->second.client] = {SessionId{answer.index.value}};
                 attempt(id);
               });
}

void SimClients::propose_in_session(std::uint64_t id, SimNode& node) {
  Pending& pending = pending_.at(id);
  Session& session = sessions_.at(pending.client);
  const std::uint64_t sequence = pending.sequence;
  // It has all answers before this one, and does not always say so.
  const std::uint64_t behind = session.acknowledges_all ? 0 : world_.random.below(4);
  const ListCommand command{pending.operation.input.key, id};
  const std::size_t padding =
      world_.random.below(static_cast<std::uint32_t>(options_.max_padding_bytes) + 1);
  const SessionCommand request{
      *session.id, sequence, sequence - std::min(behind, sequence - 1), command.encode(padding)};
  ++pending.unanswered;
  world_.trace.note("append in session", node.id(), id, sequence);
  node.propose(encode(node, request),
               [this, attempt = Attempt{id, pending.attempts, request.session}](
                   error_code code, const driver::Proposed& proposed) {
                 if (code) return attempt_failed(attempt, code);
                 attempt_answered(attempt, proposed.index, decode(proposed));
               });
}

void SimClients::attempt_failed(const Attempt& attempt, error_code code) {
  const auto found = pending_.find(attempt.operation);
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  --pending.unanswered;
  if (code == make_error_code(Errc::commit_unknown)) pending.may_be_applied = true;
  world_.trace.note(
      "attempt failed", pending.node, attempt.operation, static_cast<std::uint64_t>(code.value()));
  if (pending.attempts == attempt.number)
    attempt_later(attempt.operation, milliseconds(10), milliseconds(500));
}

void SimClients::attempt_answered(const Attempt& attempt, Index at, const SessionAnswer& answer) {
  const auto found = pending_.find(attempt.operation);
  if (answer.status == SessionStatus::applied) return command_applied(attempt, at, answer);
  // A copy of what was answered before, or of what was given up with its session.
  if (found == pending_.end()) return;
  Pending& pending = found->second;
  --pending.unanswered;
  world_.trace.note(
      "not applied", pending.node, attempt.operation, static_cast<std::uint64_t>(answer.status));
  if (answer.status == SessionStatus::expired) return session_expired(attempt.operation);
  require(answer.status == SessionStatus::refused,
          "sessions: a command that was never answered is answered with status ",
          static_cast<int>(answer.status));
  sessions_.at(pending.client).acknowledges_all = true;
  if (pending.attempts == attempt.number)
    attempt_later(attempt.operation, milliseconds(10), milliseconds(500));
}

void SimClients::command_applied(const Attempt& attempt, Index at, const SessionAnswer& answer) {
  const auto [known, is_first] = answers_.emplace(attempt.operation, answer);
  require(known->second == answer,
          "sessions: a retry of operation ",
          attempt.operation,
          " gets another answer at ",
          at);
  if (answer.index < at) ++counts_.replayed;
  const auto pending = pending_.find(attempt.operation);
  if (pending == pending_.end()) return;
  const auto value = decode_list_value(answer.response);
  require(value.has_value(), "sessions: an answer without its result at ", at);
  Session& session = sessions_.at(pending->second.client);
  session.acknowledges_all = false;
  succeeded(attempt.operation, answer.index, *value);
  const auto nodes = nodes_();
  if (nodes.empty() || !chance(world_.random, 2)) return;
  session = {};
  close_session(attempt.session, *any_of(world_.random, nodes));
}

void SimClients::close_session(SessionId session, SimNode& node) {
  world_.trace.note("close session", node.id(), session.value);
  node.propose(encode(node, CloseSession{session}),
               [](error_code code, const driver::Proposed& proposed) {
                 require(code || decode(proposed).status == SessionStatus::closed,
                         "sessions: one is not closed at ",
                         proposed.index);
               });
}

void SimClients::session_expired(std::uint64_t id) {
  const Pending& pending = pending_.at(id);
  ++counts_.expired;
  sessions_.at(pending.client) = {};
  // Other copies may have been applied before, while the session was there.
  if (pending.may_be_applied || pending.unanswered > 0) return became_unknown(id);
  failed(id, Errc::session_expired);
}

}  // namespace raftkit::testing
