// Clients of a simulated cluster: each does one thing at a time, and remembers what it was told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "testing/linearizability.hpp"
#include "testing/sim_node.hpp"

namespace raftkit::testing {

/// What a client did to a list.
struct ListInput {
  std::uint8_t key = 0;
  std::optional<std::uint64_t> number;  ///< appended; none: read
};
using ListOperation = Operation<ListInput, ListValue>;

/// How a list behaves, for check_linearizable.
struct ListModel {
  using State = ListValue;
  static State initial() { return {}; }
  static std::optional<State> step(const State& state, const ListOperation& operation);
  static std::size_t hash(const State& state) { return state.hash; }
};

/// Owner: the simulation.
class SimClients {
 public:
  struct Options {
    std::size_t clients = 4;
    SimTime least_pause = milliseconds(20);  ///< of a client between two operations
    SimTime most_pause = milliseconds(500);
    std::uint32_t read_percent = 40;
    std::uint32_t leader_percent =
        0;  ///< of the requests go to somebody who leads, if anybody does
    std::size_t max_padding_bytes = 200;
    SimTime give_up_after = seconds(15);
    /// What is proposed instead of appends to the built-in lists; nothing is read then.
    std::function<Bytes(std::uint64_t)> command = {};
  };
  struct Counts {
    std::uint64_t appended = 0;
    std::uint64_t read = 0;
    std::uint64_t refused = 0;
    std::uint64_t unknown = 0;
  };
  using Nodes = std::function<std::vector<SimNode*>()>;  ///< those that are up

  SimClients(const SimWorld& world, Options options, Nodes nodes);

  void start();
  /// No new operations.
  void stop() { is_stopped_ = true; }
  /// Its process has ended: whoever waits for it will never hear.
  void node_crashed(NodeId node);

  [[nodiscard]] const Counts& counts() const { return counts_; }
  [[nodiscard]] std::size_t pending() const { return pending_.size(); }

  /// The whole history against the model. False: some list was too much for the search.
  bool check_history() const;

 private:
  struct Pending {
    std::size_t client = 0;
    NodeId node;
    Index seen;  // by anybody, when it began
    Term term;   // of the node that was asked, then
    bool asks_leader = false;
    ListOperation operation;
  };

  void plan_next(std::size_t client);
  void begin(std::size_t client);
  void propose(std::uint64_t id, SimNode& node, std::uint64_t number);
  void read(std::uint64_t id, SimNode& node);
  void succeeded(std::uint64_t id, Index position, const ListValue& value);
  void failed(std::uint64_t id, error_code code);
  void became_unknown(std::uint64_t id);
  Pending take(std::uint64_t id);

  SimWorld world_;
  Options options_;
  Nodes nodes_;
  bool is_stopped_ = false;
  std::uint64_t next_id_ = 1;  // of operations, and what they append
  std::map<std::uint64_t, Pending> pending_;
  std::array<std::vector<ListOperation>, kLists> history_;
  Index last_position_;  // in the log, of what anybody was told of
  Counts counts_;
};

}  // namespace raftkit::testing
