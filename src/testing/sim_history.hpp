// Writes down what happens in a simulation.
#pragma once

#include <optional>
#include <string>

#include "raftkit/event.hpp"

#include "testing/history.hpp"
#include "testing/sim_clock.hpp"

namespace raftkit::testing {

/// Changes nothing in the run. Owner: the simulation.
class SimHistory {
 public:
  explicit SimHistory(const SimClock& clock) : clock_(clock) {}

  void add(const HistoryOperation& operation) { history_.operations.push_back(operation); }
  /// No time: to the end of the run.
  void fault(std::string name, std::string who, std::optional<SimTime> lasts);
  /// All faults are over now.
  void healed();
  void is_up(NodeId node);
  void is_down(NodeId node);
  void has_role(NodeId node, Role role, Term term);

  /// In the order of time.
  [[nodiscard]] History take();

 private:
  [[nodiscard]] std::uint64_t now() const {
    return static_cast<std::uint64_t>(clock_.now().count());
  }
  void end_leadership(NodeId node);

  const SimClock& clock_;
  History history_;
};

}  // namespace raftkit::testing
