#include "testing/history_check.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "testing/ddmin.hpp"

namespace raftkit::testing {

namespace {

using Outcome = HistoryOperation::Outcome;
using Positions = std::vector<std::size_t>;

/// What is left of a list if operations are left out: it still only grows, and it is the same
/// whenever it has the same length. So operations can go without others becoming impossible.
struct GrowthModel {
  using State = ListValue;
  static State initial() { return {}; }
  static std::optional<State> step(const State& state, const ListOperation& operation) {
    const ListValue& seen = operation.output;
    if (seen.length > state.length) return seen;
    if (operation.input.number || seen != state) return std::nullopt;
    return seen;
  }
  static std::size_t hash(const State& state) { return state.hash; }
};

/// Some answers are forgotten; what was done stays.
struct ForgetfulOperation : ListOperation {
  bool is_forgotten = false;
};
struct ForgetfulModel : ListModel {
  static std::optional<State> step(const State& state, const ForgetfulOperation& operation) {
    State after = state;
    if (operation.input.number) after.append(*operation.input.number);
    if (operation.returned && !operation.is_forgotten && after != operation.output)
      return std::nullopt;
    return after;
  }
};

ListOperation as_list_operation(const HistoryOperation& each) {
  return {each.client, each.call, each.returned, each.input, each.output.value_or(ListValue())};
}

/// Those that may have had an effect, or saw one.
Positions operations_of(const History& history, std::uint8_t key) {
  Positions found;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const HistoryOperation& each = history.operations[i];
    const bool is_unseen =
        each.outcome == Outcome::unknown && (!each.input.number || each.took_effect == false);
    if (each.input.key == key && each.outcome != Outcome::fail && !is_unseen) found.push_back(i);
  }
  return found;
}

HistoryFinding::List check_list(const History& history, std::uint8_t key) {
  const Positions all = operations_of(history, key);
  std::vector<ListOperation> operations;
  for (const std::size_t i : all)
    operations.push_back(as_list_operation(history.operations[i]));
  const auto result = check_linearizable<ListModel>(operations, kMaxListSteps);
  HistoryFinding::List list{key, result.verdict, {}, std::nullopt};
  for (const std::size_t i : result.longest)
    list.order.push_back(all[i]);
  if (result.stuck) list.stuck = all[*result.stuck];
  return list;
}

// --- why

std::string explain(const History& history, const HistoryFinding::List& list) {
  ListValue state;
  for (const std::size_t i : list.order) {
    if (const auto number = history.operations[i].input.number) state.append(*number);
  }
  const HistoryOperation& stuck = history.operations[*list.stuck];
  if (stuck.input.number) state.append(*stuck.input.number);
  const ListValue got = stuck.output.value_or(ListValue());
  if (got.length != state.length)
    return "expected length " + std::to_string(state.length) + ", got " +
           std::to_string(got.length);
  if (got != state)
    return "length " + std::to_string(got.length) +
           " as expected, but of other numbers, or in another order";
  return "it can come next, but then no order of the others is possible";
}

std::vector<ForgetfulOperation> with_answers_of(const History& history,
                                                const Positions& all,
                                                const Positions& remembered) {
  std::vector<ForgetfulOperation> operations;
  for (const std::size_t i : all) {
    const bool is_forgotten =
        std::find(remembered.begin(), remembered.end(), i) == remembered.end();
    if (is_forgotten && !history.operations[i].input.number) continue;
    operations.push_back({as_list_operation(history.operations[i]), is_forgotten});
  }
  return operations;
}

void find_core(const History& history, const HistoryFinding::List& list, HistoryFinding& finding) {
  constexpr std::size_t kMaxSteps = 20'000;  // it is tried very often
  const std::uint64_t end =
      history.operations[*list.stuck].returned.value_or(std::numeric_limits<std::uint64_t>::max());
  Positions all = operations_of(history, list.key);
  std::erase_if(all, [&](std::size_t i) { return history.operations[i].call > end; });
  Positions answered = all;
  std::erase_if(answered, [&](std::size_t i) { return !history.operations[i].returned; });

  bool is_cut_off = false;
  const auto is_impossible = [&](Verdict verdict) {
    is_cut_off = is_cut_off || verdict == Verdict::gave_up;
    return verdict == Verdict::not_linearizable;
  };
  const auto shrinks = [&](const Positions& those) {
    std::vector<ListOperation> operations;
    for (const std::size_t i : those)
      operations.push_back(as_list_operation(history.operations[i]));
    return is_impossible(check_linearizable<GrowthModel>(operations, kMaxSteps).verdict);
  };
  const auto contradicts = [&](const Positions& those) {
    const auto operations = with_answers_of(history, all, those);
    return is_impossible(check_linearizable<ForgetfulModel>(operations, kMaxSteps).verdict);
  };
  if (shrinks(answered)) {
    finding.core = ddmin(answered, shrinks);
    finding.core_says =
        "A list only grows, and is the same whenever it has the same length. These alone "
        "contradict that, whatever the others did.";
  } else if (contradicts(answered)) {
    finding.core = ddmin(answered, contradicts);
    finding.core_says =
        "No order of the appends gives these answers, even if all other answers are left aside.";
  } else {
    finding.core = {*list.stuck};
    finding.core_says =
        is_cut_off ? "The search for a smaller part that is impossible by itself was cut off."
                   : "What began before this ended is possible by itself; the contradiction is "
                     "with what came later.";
  }
}

// --- positions in the log

/// Whatever ended before an operation began comes before it in the log, too. [thesis §6.4]
void check_positions(const History& history, HistoryFinding& finding) {
  Positions by_return;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    if (history.operations[i].index && history.operations[i].returned) by_return.push_back(i);
  }
  Positions by_call = by_return;
  std::stable_sort(by_return.begin(), by_return.end(), [&](std::size_t left, std::size_t right) {
    return *history.operations[left].returned < *history.operations[right].returned;
  });
  std::stable_sort(by_call.begin(), by_call.end(), [&](std::size_t left, std::size_t right) {
    return history.operations[left].call < history.operations[right].call;
  });
  std::optional<std::size_t> newest;  // of those that ended before
  auto ended = by_return.begin();
  for (const std::size_t i : by_call) {
    const HistoryOperation& each = history.operations[i];
    for (; ended != by_return.end() && *history.operations[*ended].returned < each.call; ++ended) {
      if (!newest || history.operations[*ended].index > history.operations[*newest].index)
        newest = *ended;
    }
    if (!newest || *each.index >= *history.operations[*newest].index) continue;
    if (finding.impossible && *history.operations[*finding.impossible].returned <= *each.returned)
      continue;
    finding.kind = HistoryFinding::Kind::log_position;
    finding.impossible = i;
    finding.reason = "the answer is as of index " + to_string(*each.index) + ", but index " +
                     to_string(*history.operations[*newest].index) +
                     " was known before the request";
    finding.core = {*newest, i};
    finding.core_says =
        "The first was answered before the second began, and comes after it in the log.";
  }
}

}  // namespace

std::string in_milliseconds(std::uint64_t nanoseconds, int decimals) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, static_cast<double>(nanoseconds) / 1e6);
  return text.data();
}

HistoryFinding check_history(const History& history) {
  HistoryFinding finding;
  if (history.model == History::Model::list) {
    for (std::uint8_t key = 0; key < kLists; ++key) {
      if (operations_of(history, key).empty()) continue;
      finding.lists.push_back(check_list(history, key));
    }
  }
  const HistoryFinding::List* first = nullptr;
  for (const auto& list : finding.lists) {
    finding.is_complete = finding.is_complete && list.verdict != Verdict::gave_up;
    if (list.verdict != Verdict::not_linearizable) continue;
    const auto returned = [&](const HistoryFinding::List& its) {
      return history.operations[*its.stuck].returned.value_or(
          std::numeric_limits<std::uint64_t>::max());
    };
    if (first == nullptr || returned(list) < returned(*first)) first = &list;
  }
  if (first == nullptr) {
    check_positions(history, finding);
    return finding;
  }
  finding.kind = HistoryFinding::Kind::model;
  finding.impossible = first->stuck;
  finding.reason = explain(history, *first);
  find_core(history, *first, finding);
  return finding;
}

std::string describe_in_full(const History& history, const HistoryOperation& operation) {
  std::string text = "operation " + std::to_string(operation.id) + ": client " +
                     std::to_string(operation.client) + ", " + describe(history, operation) +
                     " on node " + std::to_string(operation.node.value) + ", from " +
                     in_milliseconds(operation.call) + " to " +
                     (operation.returned ? in_milliseconds(*operation.returned) : "?") + " ms: ";
  if (operation.output) return text + "length " + std::to_string(operation.output->length);
  if (operation.outcome == Outcome::ok) return text + "done";
  return text + (operation.outcome == Outcome::fail ? "refused" : "no answer");
}

}  // namespace raftkit::testing
