// Is this history possible, and if not, what in it is not?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "testing/history.hpp"

namespace raftkit::testing {

/// Numbers of operations are positions in the history.
struct HistoryFinding {
  enum class Kind : std::uint8_t {
    none,          ///< nothing is wrong
    model,         ///< no order of what the clients saw is possible
    log_position,  ///< an answer is as of an index below one that was known before it was asked for
  };
  /// One list. `order` is a legal order of its operations, all of them or the longest that was
  /// found before `stuck`, which could not follow.
  struct List {
    std::uint8_t key = 0;
    Verdict verdict = Verdict::linearizable;
    std::vector<std::size_t> order;
    std::optional<std::size_t> stuck;
  };

  Kind kind = Kind::none;
  bool is_complete = true;  ///< false: some list was too much for the search
  std::vector<List> lists;  ///< none of an embedder's state machine
  /// Where it becomes impossible: the operation at which the longest order that could be found got
  /// stuck, or whose index is too small. If there are several such, the first by its return. The
  /// mistake may lie elsewhere: see `core`.
  std::optional<std::size_t> impossible;
  std::string reason;             ///< "expected length 7, got 6"
  std::vector<std::size_t> core;  ///< few operations that contradict each other, by time
  std::string core_says;          ///< what the contradiction is
};

/// What the clients saw alone decides first; the positions in the log, which came from the servers,
/// are looked at if nothing is wrong with that. Deterministic.
[[nodiscard]] HistoryFinding check_history(const History& history);

/// Nanoseconds, for people and for pages: "1200.000" with three decimals.
[[nodiscard]] std::string in_milliseconds(std::uint64_t nanoseconds, int decimals = 3);

/// "operation 17: client 2, read list 3 on node 1, from 1200.000 to 1203.400 ms: length 6".
[[nodiscard]] std::string describe_in_full(const History& history,
                                           const HistoryOperation& operation);

}  // namespace raftkit::testing
