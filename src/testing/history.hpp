// What happened in a run, as its clients and a bystander saw it: a file for people, pages and other
// checkers.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "raftkit/result.hpp"
#include "raftkit/types.hpp"

#include "testing/list_model.hpp"

namespace raftkit::testing {

/// Times are nanoseconds since the run began.
struct HistoryOperation {
  enum class Outcome : std::uint8_t { ok, fail, unknown };  ///< `fail`: certainly never applied

  std::uint64_t id = 0;
  std::uint64_t client = 0;
  NodeId node;
  std::uint64_t call = 0;
  std::optional<std::uint64_t> returned;  ///< none: no answer came
  Outcome outcome = Outcome::unknown;
  /// Of an embedder's state machine only the number of the command is known.
  ListInput input;
  std::optional<ListValue> output;  ///< of a list, if the outcome is ok
  // What a client cannot know, and a checker that trusts nobody leaves aside.
  std::optional<Index> index;       ///< in the log, which the answer is as of
  std::optional<bool> took_effect;  ///< of an unknown append, as was found out later
};

struct History {
  struct Fault {
    std::string name;
    std::string who;  ///< nodes, for people
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct Leader {
    NodeId node;
    Term term;
    std::uint64_t begin = 0;
    std::optional<std::uint64_t> end;  ///< none: it led until the run ended
  };
  struct Power {
    NodeId node;
    bool is_up = false;
    std::uint64_t time = 0;
  };
  enum class Model : std::uint8_t { none, list };

  Model model = Model::list;
  std::uint64_t seed = 0;
  std::size_t nodes = 0;
  std::string reproduce;  ///< a command; empty: not known
  std::uint64_t trace_hash = 0;
  std::optional<std::string> failure;
  std::uint64_t end = 0;  ///< of the run
  std::vector<HistoryOperation> operations;
  std::vector<Fault> faults;
  std::vector<Leader> leaders;
  std::vector<Power> power;
};

/// JSON Lines, version 1: a header, then operations in the order of their calls, then the rest.
void write_history(std::ostream& out, const History& history);

/// Errors: malformed, with `name`, the line, what is wrong there and what would be right: not JSON,
/// a field that is missing or of another kind, an operation that returns before it was called or
/// whose fields do not go together, a client that does two things at a time.
[[nodiscard]] Result<History> read_history(std::istream& in, const std::string& name);

[[nodiscard]] std::string_view to_string(HistoryOperation::Outcome outcome);
/// "append 17 to list 3", "read list 3", "command 17".
[[nodiscard]] std::string describe(const History& history, const HistoryOperation& operation);

}  // namespace raftkit::testing
