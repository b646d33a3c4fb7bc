// Majorities and votes, with the identities that must hold for all of them.
#include <algorithm>
#include <map>

#include "conformance/render.hpp"
#include "conformance/suites.hpp"
#include "core/quorum.hpp"

namespace raftkit::conformance {

namespace {

using Acked = std::map<NodeId, std::uint64_t>;

struct Halves {
  std::vector<NodeId> first;
  std::vector<NodeId> second;
  bool is_joint = false;

  explicit Halves(const Case& test) : first(sorted(to_nodes(test.find("cfg")))) {
    const Argument* other = test.find("cfgj");
    is_joint = other != nullptr;
    const bool is_zero = is_joint && other->values == std::vector<std::string>{"zero"};
    if (is_joint && !is_zero) second = sorted(to_nodes(other));
  }

  static std::vector<NodeId> sorted(std::vector<NodeId> nodes) {
    std::sort(nodes.begin(), nodes.end());
    nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
    return nodes;
  }
};

/// In the order in which the file names them, each once.
std::vector<NodeId> in_written_order(const Case& test) {
  std::vector<NodeId> nodes;
  for (const char* key : {"cfg", "cfgj"}) {
    const Argument* list = test.find(key);
    if (list != nullptr && list->values == std::vector<std::string>{"zero"}) continue;
    for (const NodeId node : to_nodes(list)) {
      if (std::find(nodes.begin(), nodes.end(), node) == nodes.end()) nodes.push_back(node);
    }
  }
  return nodes;
}

/// Calls `take(node, value)` for each value that is not "_".
template <class Take>
void assign(const Case& test, const char* key, Take&& take) {
  const std::vector<NodeId> nodes = in_written_order(test);
  const Argument* values = test.find(key);
  const std::size_t count = values == nullptr ? 0 : values->values.size();
  if (count != nodes.size()) {
    throw BadCommand(std::to_string(nodes.size()) + " voters, but " + std::to_string(count) +
                     " values of " + key);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (values->values[i] != "_") take(nodes[i], values->values[i]);
  }
}

std::uint64_t committed(const std::vector<NodeId>& voters, const Acked& acked) {
  return core::reached_by_majority(voters, [&](NodeId node) {
    const auto found = acked.find(node);
    return found == acked.end() ? 0 : found->second;
  });
}

std::uint64_t committed(const std::vector<NodeId>& first,
                        const std::vector<NodeId>& second,
                        const Acked& acked) {
  Membership membership;
  membership.voters = first;
  membership.voters_outgoing = second;
  return core::reached_by_quorum(membership, [&](NodeId node) {
    const auto found = acked.find(node);
    return found == acked.end() ? 0 : found->second;
  });
}

/// By its definition: the largest index that enough voters have acknowledged.
std::uint64_t committed_by_counting(const std::vector<NodeId>& voters, const Acked& acked) {
  if (voters.empty()) return core::kNoLimit;
  std::uint64_t best = 0;
  for (const auto& [candidate, acknowledged] : acked) {
    const std::uint64_t index = acknowledged;  // clang 14 captures no structured binding
    const auto holders = std::count_if(voters.begin(), voters.end(), [&](NodeId voter) {
      const auto found = acked.find(voter);
      return found != acked.end() && found->second >= index;
    });
    if (2 * static_cast<std::size_t>(holders) > voters.size()) best = std::max(best, index);
  }
  return best;
}

std::string show(std::uint64_t index) {
  return index == core::kNoLimit ? "∞" : std::to_string(index);
}

std::string padded(const std::string& text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string drawing(const std::vector<NodeId>& voters, const Acked& acked) {
  if (voters.empty()) return "<empty majority quorum>";
  struct Bar {
    std::uint64_t index = 0;
    NodeId node;
    std::size_t length = 0;
  };
  std::vector<Bar> bars;
  for (const NodeId node : voters) {
    const auto found = acked.find(node);
    bars.push_back({found == acked.end() ? 0 : found->second, node});
  }
  std::sort(bars.begin(), bars.end(), [](const Bar& left, const Bar& right) {
    return std::pair(left.index, left.node) < std::pair(right.index, right.node);
  });
  for (std::size_t i = 1; i < bars.size(); ++i)
    bars[i].length = bars[i].index > bars[i - 1].index ? i : bars[i - 1].length;
  std::sort(bars.begin(), bars.end(), [](const Bar& left, const Bar& right) {
    return left.node < right.node;
  });
  std::string text = std::string(voters.size(), ' ') + "    idx\n";
  for (const Bar& bar : bars) {
    text += acked.contains(bar.node)
                ? std::string(bar.length, 'x') + ">" + std::string(voters.size() - bar.length, ' ')
                : "?" + std::string(voters.size(), ' ');
    text +=
        " " + padded(std::to_string(bar.index), 5) + "    (id=" + to_hex(bar.node.value) + ")\n";
  }
  return text;
}

std::string run_committed(const Case& test) {
  const Halves halves(test);
  Acked acked;
  assign(test, "idx", [&](NodeId node, const std::string& value) {
    acked[node] = to_number(value);
    if (acked[node] == 0) throw BadCommand("0 is no acknowledged index; write _");
  });
  const auto line = [](std::uint64_t index, const std::string& way) {
    return show(index) + " <-- " + way + "\n";
  };
  if (halves.is_joint) {
    std::vector<NodeId> all = halves.first;
    all.insert(all.end(), halves.second.begin(), halves.second.end());
    std::string text = drawing(Halves::sorted(all), acked);
    // An empty first half is possible here only: Membership calls that not joint.
    const std::uint64_t index =
        std::min(committed(halves.first, acked), committed(halves.second, acked));
    for (const auto& [first, second] :
         {std::pair(halves.first, halves.second), std::pair(halves.second, halves.first)}) {
      const std::uint64_t again = committed(first, second, acked);
      if (again != index) text += line(again, "via symmetry");
    }
    return text + show(index) + "\n";
  }
  std::string text = drawing(halves.first, acked);
  const std::uint64_t index = committed(halves.first, acked);
  if (const auto again = committed_by_counting(halves.first, acked); again != index)
    text += line(again, "via alternative computation");
  if (const auto again = committed(halves.first, {}, acked); again != index)
    text += line(again, "via zero-joint quorum");
  if (const auto again = committed(halves.first, halves.first, acked); again != index)
    text += line(again, "via self-joint quorum");
  for (const auto& [node, value] : acked) {
    if (value >= index) continue;
    for (const std::uint64_t lower : {value - 1, std::uint64_t{0}}) {
      Acked changed = acked;
      changed[node] = lower;
      if (const auto again = committed(halves.first, changed); again != index) {
        text +=
            line(again, "overlaying " + std::to_string(node.value) + "->" + std::to_string(lower));
      }
    }
  }
  return text + show(index) + "\n";
}

std::string show(core::VoteOutcome outcome) {
  switch (outcome) {
    case core::VoteOutcome::won:
      return "VoteWon";
    case core::VoteOutcome::lost:
      return "VoteLost";
    case core::VoteOutcome::pending:
      return "VotePending";
  }
  return "?";
}

std::string run_vote(const Case& test) {
  const Halves halves(test);
  std::map<NodeId, bool> votes;
  assign(test, "votes", [&](NodeId node, const std::string& value) {
    if (value != "y" && value != "n") throw BadCommand("'" + value + "' is no vote");
    votes[node] = value == "y";
  });
  const auto outcome = [&](const std::vector<NodeId>& first, const std::vector<NodeId>& second) {
    Membership membership;
    membership.voters = first;
    membership.voters_outgoing = second;
    return core::quorum_vote(membership, [&](NodeId node) -> std::optional<bool> {
      const auto found = votes.find(node);
      return found == votes.end() ? std::nullopt : std::optional(found->second);
    });
  };
  std::string text;
  const auto result = outcome(halves.first, halves.second);
  if (const auto again = outcome(halves.second, halves.first); again != result)
    text += show(again) + " <-- via symmetry\n";
  return text + show(result) + "\n";
}

}  // namespace

std::string QuorumSuite::run(const Case& test) {
  if (test.command == "committed") return run_committed(test);
  if (test.command == "vote") return run_vote(test);
  throw BadCommand("unknown command " + test.command);
}

}  // namespace raftkit::conformance
