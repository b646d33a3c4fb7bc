// Clients of a simulated cluster: each does one thing at a time, and remembers what it was told.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "raftkit/sessions.hpp"

#include "testing/list_model.hpp"
#include "testing/sim_history.hpp"
#include "testing/sim_node.hpp"

namespace raftkit::testing {

/// What is to be proposed to this node, so that its state machine sees `command`.
[[nodiscard]] Bytes as_proposed(const SimNode& node, Bytes command);

/// Owner: the simulation.
class SimClients {
 public:
  struct Options {
    std::size_t clients = 4;
    /// Of a client, from one beginning to the next, on average. None: it pauses as below.
    std::optional<SimTime> interval = std::nullopt;
    SimTime least_pause = milliseconds(20);  ///< of a client between two operations
    SimTime most_pause = milliseconds(500);
    std::uint32_t read_percent = 40;
    std::uint32_t leader_percent =
        0;  ///< of the requests go to somebody who leads, if anybody does
    std::size_t max_padding_bytes = 200;
    SimTime give_up_after = seconds(15);
    /// So many of them have sessions, and propose again until they are answered.
    std::size_t session_clients = 0;
    SessionOptions session = {};
    /// What is proposed instead of appends to the built-in lists; nothing is read then.
    std::function<Bytes(std::uint64_t)> command = {};
  };
  struct Counts {
    std::uint64_t appended = 0;
    std::uint64_t read = 0;
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
    std::uint64_t replayed = 0;
    std::uint64_t expired = 0;  ///< sessions
  };
  using Nodes = std::function<std::vector<SimNode*>()>;  ///< those that are up

  SimClients(const SimWorld& world, Options options, Nodes nodes);

  void start();
  /// No new operations.
  void stop() { is_stopped_ = true; }
  /// From now on they pause as if there was no interval.
  void forget_interval() { options_.interval.reset(); }
  /// Its process has ended: whoever waits for it will never hear.
  void node_crashed(NodeId node);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }

  /// The whole history against the model. False: some list was too much for the search.
  bool check_history() const;
  /// Tells the history of those that are not answered yet; the run is over.
  void record_pending() const;

 private:
  struct Pending {
    std::size_t client = 0;
    NodeId node;
    Index seen;  // by anybody, when it began
    Term term;   // of the node that was asked, then
    bool asks_leader = false;
    ListOperation operation;

    // In a session:
    std::uint64_t sequence = 0;  // 0: in none, or there is none yet
    std::uint64_t attempts = 0;
    std::uint64_t unanswered = 0;  // attempts
    bool may_be_applied = false;
  };
  /// What a client knows of its session.
  struct Session {
    std::optional<SessionId> id;
    std::uint64_t next_sequence = 1;
    bool acknowledges_all = false;
  };
  /// One copy of a command.
  struct Attempt {
    std::uint64_t operation = 0;
    std::uint64_t number = 0;
    SessionId session;
  };

  void plan_next(std::size_t client);
  [[nodiscard]] SimTime pause(std::size_t client);
  void begin(std::size_t client);
  void propose(std::uint64_t id, SimNode& node, std::uint64_t number);
  void read(std::uint64_t id, SimNode& node);
  void succeeded(std::uint64_t id, Index position, const ListValue& value);
  void failed(std::uint64_t id, error_code code);
  void became_unknown(std::uint64_t id);
  Pending take(std::uint64_t id);
  void record(std::uint64_t id,
              const Pending& pending,
              HistoryOperation::Outcome outcome,
              std::optional<Index> position = std::nullopt) const;

  // sim_session_clients.cpp
  void attempt(std::uint64_t id);
  void attempt_later(std::uint64_t id, SimTime least, SimTime most);
  void open_session(std::uint64_t id, SimNode& node);
  void propose_in_session(std::uint64_t id, SimNode& node);
  void close_session(SessionId session, SimNode& node);
  void attempt_failed(const Attempt& attempt, error_code code);
  void attempt_answered(const Attempt& attempt, Index at, const SessionAnswer& answer);
  void command_applied(const Attempt& attempt, Index at, const SessionAnswer& answer);
  void session_expired(std::uint64_t id);
  [[nodiscard]] bool has_session(std::size_t client) const {
    return client < options_.session_clients;
  }

  SimWorld world_;
  Options options_;
  Nodes nodes_;
  bool is_stopped_ = false;
  std::uint64_t next_id_ = 1;  // of operations, and what they append
  std::map<std::uint64_t, Pending> pending_;
  std::map<std::size_t, SimTime> due_;              // its next operation, by client
  std::map<std::size_t, Session> sessions_;         // by client
  std::map<std::uint64_t, SessionAnswer> answers_;  // of operations in sessions
  std::array<std::vector<ListOperation>, kLists> history_;
  Index last_position_;  // in the log, of what anybody was told of
  Counts counts_;
};

}  // namespace raftkit::testing
