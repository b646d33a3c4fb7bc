// How a list behaves to its clients, for check_linearizable.
#pragma once

#include <cstdint>
#include <optional>

#include "testing/linearizability.hpp"
#include "testing/list_machine.hpp"

namespace raftkit::testing {

/// What a client did to a list.
struct ListInput {
  std::uint8_t key = 0;
  std::optional<std::uint64_t> number;  ///< appended; none: read
};
using ListOperation = Operation<ListInput, ListValue>;

struct ListModel {
  using State = ListValue;
  static State initial() { return {}; }
  static std::optional<State> step(const State& state, const ListOperation& operation) {
    State after = state;
    if (operation.input.number) after.append(*operation.input.number);
    if (operation.returned && after != operation.output) return std::nullopt;
    return after;
  }
  static std::size_t hash(const State& state) { return state.hash; }
};

/// Of a search in one list; a longer one would need more memory than it is worth.
inline constexpr std::size_t kMaxListSteps = 300'000;

}  // namespace raftkit::testing
