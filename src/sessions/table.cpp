#include "sessions/table.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "sessions/encoding.hpp"

namespace raftkit::sessions {

namespace {

Bytes answer_of(SessionStatus status, Index index = {}) {
  return encode_answer({status, index, {}});
}

bool is_before(const SessionTable::Kept& kept, std::uint64_t sequence) {
  return kept.sequence < sequence;
}

Error contradiction(SessionId id, const std::string& what) {
  return {Errc::corrupt_data, "sessions: session " + std::to_string(id.value) + ' ' + what};
}

}  // namespace

std::uint64_t SessionTable::Session::expires_after() const {
  constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  const auto timeout = static_cast<std::uint64_t>(options.timeout.count());
  return last_used_time > kNever - timeout ? kNever : last_used_time + timeout;
}

void SessionTable::advance(std::uint64_t cluster_time) {
  // Stamps come from several members, and not in the order of the log. One that is far ahead is
  // believed only so far that every session may expire: one mistake with all bits set would leave
  // no time to go on, and nothing would expire any more.
  constexpr auto kMostAtOnce = static_cast<std::uint64_t>(kLongestTimeout.count()) + 1;
  const std::uint64_t left = std::numeric_limits<std::uint64_t>::max() - cluster_time_;
  cluster_time_ =
      std::clamp(cluster_time, cluster_time_, cluster_time_ + std::min(left, kMostAtOnce));
  while (!by_expiry_.empty() && by_expiry_.begin()->first < cluster_time_)
    erase(sessions_.find(by_expiry_.begin()->second));
}

Bytes SessionTable::open(Index at, const SessionOptions& options) {
  while (sessions_.size() >= options.max_sessions)
    erase(sessions_.find(by_use_.begin()->second));
  const SessionId id{at.value};
  Session& session = sessions_[id];
  session.options = options;
  session.last_used = at;
  session.last_used_time = cluster_time_;
  by_use_.emplace(at, id);
  by_expiry_.emplace(session.expires_after(), id);
  return answer_of(SessionStatus::opened, at);
}

std::optional<Bytes> SessionTable::admit(Index at, const SessionCommand& command) {
  const auto place = sessions_.find(command.session);
  if (place == sessions_.end()) return answer_of(SessionStatus::expired);
  use(place, at, command.first_unanswered);
  Session& session = place->second;
  if (command.sequence < session.first_unanswered) return answer_of(SessionStatus::stale);
  const auto kept =
      std::lower_bound(session.kept.begin(), session.kept.end(), command.sequence, is_before);
  if (kept != session.kept.end() && kept->sequence == command.sequence) return kept->answer;
  // The oldest one that waits is always taken: it may be the only one whose answer lets the client
  // acknowledge the others.
  const bool is_oldest = command.sequence == session.first_unanswered;
  const bool is_in_window =
      command.sequence - session.first_unanswered < session.options.max_unanswered;
  if (!is_oldest && (!is_in_window || session.kept_bytes >= session.options.max_answer_bytes))
    return answer_of(SessionStatus::refused);
  return std::nullopt;
}

void SessionTable::keep(SessionId id, Kept kept) {
  const auto place = sessions_.find(id);
  if (place == sessions_.end()) return;
  Session& session = place->second;
  session.kept_bytes += kept.response_bytes;
  session.kept.insert(
      std::lower_bound(session.kept.begin(), session.kept.end(), kept.sequence, is_before),
      std::move(kept));
}

Bytes SessionTable::keep_alive(Index at, const KeepSessionAlive& alive) {
  const auto place = sessions_.find(alive.session);
  if (place == sessions_.end()) return answer_of(SessionStatus::expired);
  use(place, at, alive.first_unanswered);
  return answer_of(SessionStatus::alive);
}

Bytes SessionTable::close(SessionId id) {
  const auto place = sessions_.find(id);
  if (place != sessions_.end()) erase(place);
  return answer_of(SessionStatus::closed);
}

void SessionTable::use(Sessions::iterator at, Index index, std::uint64_t first_unanswered) {
  auto& [id, session] = *at;
  by_use_.erase(session.last_used);
  by_use_.emplace(index, id);
  by_expiry_.erase({session.expires_after(), id});
  session.last_used = index;
  session.last_used_time = cluster_time_;
  by_expiry_.emplace(session.expires_after(), id);
  // A copy that was under way for long knows less than what came before it.
  session.first_unanswered = std::max(session.first_unanswered, first_unanswered);
  const auto end = std::lower_bound(
      session.kept.begin(), session.kept.end(), session.first_unanswered, is_before);
  for (auto kept = session.kept.begin(); kept != end; ++kept)
    session.kept_bytes -= kept->response_bytes;
  session.kept.erase(session.kept.begin(), end);
}

void SessionTable::erase(Sessions::iterator at) {
  by_use_.erase(at->second.last_used);
  by_expiry_.erase({at->second.expires_after(), at->first});
  sessions_.erase(at);
}

Result<void> SessionTable::restore(SessionId id, Session session, Index applied) {
  if (id.value == 0 || id.value > applied.value)
    return contradiction(id, "was opened behind the end of the snapshot");
  if (!sessions_.empty() && id <= sessions_.rbegin()->first)
    return contradiction(id, "is out of order");
  if (session.last_used.value < id.value || session.last_used > applied)
    return contradiction(id, "was used before it was opened, or after the snapshot");
  if (session.last_used_time > cluster_time_ || session.expires_after() < cluster_time_)
    return contradiction(id, "was used in the future, or has expired");
  if (session.first_unanswered == 0) return contradiction(id, "acknowledges nothing");
  std::optional<std::uint64_t> previous;
  session.kept_bytes = 0;
  for (Kept& kept : session.kept) {
    if (kept.sequence < session.first_unanswered || (previous && kept.sequence <= *previous))
      return contradiction(id, "has answers out of order");
    if (kept.sequence - session.first_unanswered >= session.options.max_unanswered)
      return contradiction(id, "has more answers than it may have");
    const auto answer = decode_session_answer(kept.answer);
    if (!answer || answer->status != SessionStatus::applied || answer->index > applied ||
        answer->index.value <= id.value)
      return contradiction(id, "has an answer that is none");
    previous = kept.sequence;
    kept.response_bytes = answer->response.size();
    session.kept_bytes += kept.response_bytes;
  }
  if (!by_use_.emplace(session.last_used, id).second)
    return contradiction(id, "was used by the same entry as another one");
  by_expiry_.emplace(session.expires_after(), id);
  sessions_.emplace(id, std::move(session));
  return {};
}

}  // namespace raftkit::sessions
