// A history that cannot be: a read that misses what was acknowledged before it began.
#pragma once

#include "testing/history.hpp"

namespace raftkit::testing {

constexpr std::uint64_t kMillisecond = 1'000'000;

/// Numbers 1 to `numbers.size()`, of list 3.
inline ListValue list_of(std::initializer_list<std::uint64_t> numbers) {
  ListValue value;
  for (const std::uint64_t number : numbers)
    value.append(number);
  return value;
}

inline HistoryOperation operation(std::uint64_t id,
                                  std::uint64_t client,
                                  std::uint64_t call,
                                  std::uint64_t returned,
                                  const ListValue& output) {
  HistoryOperation made;
  made.id = id;
  made.client = client;
  made.node = NodeId{client};
  made.call = call * kMillisecond;
  made.returned = returned * kMillisecond;
  made.outcome = HistoryOperation::Outcome::ok;
  made.input.key = 3;
  made.output = output;
  return made;
}
inline HistoryOperation append(std::uint64_t id,
                               std::uint64_t client,
                               std::uint64_t call,
                               std::uint64_t returned,
                               const ListValue& output) {
  HistoryOperation made = operation(id, client, call, returned, output);
  made.input.number = id;
  return made;
}

/// Operation 5 reads length 2, although the third append was acknowledged before.
inline History stale_read() {
  History history;
  history.seed = 42;
  history.nodes = 3;
  history.reproduce = "raftkit-sim --seed 42";
  history.trace_hash = 0xabcdef0123456789;
  history.end = 100 * kMillisecond;
  history.operations = {
      append(1, 1, 10, 20, list_of({1})),
      append(2, 2, 15, 30, list_of({1, 2})),
      operation(3, 3, 25, 40, list_of({1, 2})),
      append(4, 1, 41, 50, list_of({1, 2, 4})),
      operation(5, 2, 60, 70, list_of({1, 2})),
      operation(6, 3, 60, 75, list_of({1, 2, 4})),
  };
  history.faults = {{"split", "1 | 2 3", 30 * kMillisecond, 80 * kMillisecond}};
  history.leaders = {{NodeId{1}, Term{2}, 5 * kMillisecond, std::nullopt}};
  history.power = {{NodeId{1}, true, 0}, {NodeId{2}, true, 0}, {NodeId{3}, true, 0}};
  return history;
}

}  // namespace raftkit::testing
