#include "testing/sim_history.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace raftkit::testing {

void SimHistory::fault(std::string name, std::string who, std::optional<SimTime> lasts) {
  const auto end = lasts ? now() + static_cast<std::uint64_t>(lasts->count())
                         : std::numeric_limits<std::uint64_t>::max();
  history_.faults.push_back({std::move(name), std::move(who), now(), end});
}

void SimHistory::healed() {
  for (auto& fault : history_.faults)
    fault.end = std::min(fault.end, now());
}

void SimHistory::is_up(NodeId node) {
  history_.power.push_back({node, true, now()});
}

void SimHistory::is_down(NodeId node) {
  history_.power.push_back({node, false, now()});
  end_leadership(node);
}

void SimHistory::has_role(NodeId node, Role role, Term term) {
  end_leadership(node);
  if (role == Role::leader) history_.leaders.push_back({node, term, now(), std::nullopt});
}

void SimHistory::end_leadership(NodeId node) {
  for (auto& leader : history_.leaders) {
    if (leader.node == node && !leader.end) leader.end = now();
  }
}

History SimHistory::take() {
  history_.end = now();
  for (auto& fault : history_.faults)
    fault.end = std::min(fault.end, now());
  std::stable_sort(history_.operations.begin(),
                   history_.operations.end(),
                   [](const auto& left, const auto& right) { return left.call < right.call; });
  return std::move(history_);
}

}  // namespace raftkit::testing
