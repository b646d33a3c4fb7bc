// All sessions of a cluster: what they were answered, and when they are forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "raftkit/sessions.hpp"

namespace raftkit::sessions {

/// A function of the requests in the log, in their order, and of nothing else. Copies of a session
/// share its answers. Owner: apply worker.
class SessionTable {
 public:
  struct Kept {
    std::uint64_t sequence = 0;
    Bytes answer;  // encoded
    std::uint64_t response_bytes = 0;
  };
  struct Session {
    SessionOptions options;
    Index last_used;
    std::uint64_t last_used_time = 0;
    std::uint64_t first_unanswered = 1;
    std::vector<Kept> kept;        // ascending, from first_unanswered on
    std::uint64_t kept_bytes = 0;  // of responses: how answers are encoded may change

    [[nodiscard]] std::uint64_t expires_after() const;
  };
  using Sessions = std::map<SessionId, Session>;

  SessionTable() = default;
  explicit SessionTable(std::uint64_t cluster_time) : cluster_time_(cluster_time) {}

  [[nodiscard]] std::uint64_t cluster_time() const { return cluster_time_; }
  [[nodiscard]] const Sessions& sessions() const { return sessions_; }

  /// A request came that was stamped with this time: time goes there, but not back, and by at most
  /// 1 ms more than the longest timeout. Forgets what has expired.
  void advance(std::uint64_t cluster_time);
  /// Answers with the new session's id.
  Bytes open(Index at, const SessionOptions& options);
  /// The command's answer, if it is not to be applied; otherwise keep() must follow before the
  /// session is asked for anything else.
  [[nodiscard]] std::optional<Bytes> admit(Index at, const SessionCommand& command);
  /// The command was applied, and this is the answer. Nothing happens if the session is gone.
  void keep(SessionId session, Kept kept);
  Bytes keep_alive(Index at, const KeepSessionAlive& alive);
  Bytes close(SessionId session);

  /// For restoring, into an empty table of that time: the sessions, ascending, of a snapshot at
  /// `applied`. Errors: corrupt_data, saying what contradicts what.
  [[nodiscard]] Result<void> restore(SessionId id, Session session, Index applied);

 private:
  void use(Sessions::iterator at, Index index, std::uint64_t first_unanswered);
  void erase(Sessions::iterator at);

  std::uint64_t cluster_time_ = 0;
  Sessions sessions_;
  std::map<Index, SessionId> by_use_;  // an entry uses one session at most
  std::set<std::pair<std::uint64_t, SessionId>> by_expiry_;
};

}  // namespace raftkit::sessions
