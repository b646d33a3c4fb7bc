#include "testing/linearizability.hpp"

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include <catch2/catch.hpp>

using namespace raftkit::testing;  // NOLINT(google-build-using-namespace): the words of the test

namespace {

struct Input {
  bool is_write = false;
  int value = 0;
};
using Op = Operation<Input, int>;

/// A register that starts at 0.
struct Register {
  using State = int;
  static State initial() { return 0; }
  static std::optional<State> step(const State& state, const Op& op) {
    if (op.input.is_write) return op.input.value;
    return op.output == state ? std::optional(state) : std::nullopt;
  }
  static std::size_t hash(const State& state) { return static_cast<std::size_t>(state); }
};

Op write(std::uint64_t call, std::uint64_t returned, int value) {
  return {0, call, returned, {true, value}, 0};
}
Op lost_write(std::uint64_t call, int value) {
  return {0, call, std::nullopt, {true, value}, 0};
}
Op read(std::uint64_t call, std::uint64_t returned, int value) {
  return {0, call, returned, {false, 0}, value};
}

Verdict verdict(const std::vector<Op>& history) {
  return check_linearizable<Register>(history).verdict;
}

/// Every order of the operations that respects time: slow, but obviously right.
bool brute_force(const std::vector<Op>& history) {
  std::vector<std::size_t> order(history.size());
  std::iota(order.begin(), order.end(), 0U);
  do {
    int state = 0;
    bool fits = true;
    for (std::size_t i = 0; fits && i < order.size(); ++i) {
      const auto after = Register::step(state, history[order[i]]);
      fits = after.has_value();
      if (after) state = *after;
      for (std::size_t j = i + 1; fits && j < order.size(); ++j) {
        const auto& later = history[order[j]];
        fits = !later.returned || *later.returned >= history[order[i]].call;
      }
    }
    if (fits) return true;
  } while (std::next_permutation(order.begin(), order.end()));
  return false;
}

}  // namespace

TEST_CASE("A sequence of reads and writes is linearizable when each read sees the last write",
          "[testing]") {
  CHECK(verdict({}) == Verdict::linearizable);
  CHECK(verdict({write(1, 2, 7), read(3, 4, 7)}) == Verdict::linearizable);
  CHECK(verdict({write(1, 2, 7), read(3, 4, 0)}) == Verdict::not_linearizable);
}

TEST_CASE("Overlapping operations may take effect in either order", "[testing]") {
  CHECK(verdict({write(1, 5, 7), read(2, 3, 0)}) == Verdict::linearizable);
  CHECK(verdict({write(1, 5, 7), read(2, 3, 7)}) == Verdict::linearizable);
  CHECK(verdict({write(1, 9, 7), read(2, 3, 7), read(4, 5, 0)}) == Verdict::not_linearizable);
}

TEST_CASE("Operations that touch in time overlap", "[testing]") {
  CHECK(verdict({write(1, 2, 7), read(2, 3, 0)}) == Verdict::linearizable);
}

TEST_CASE("A write without an answer may take effect late or never", "[testing]") {
  CHECK(verdict({lost_write(1, 7), read(2, 3, 0), read(4, 5, 7)}) == Verdict::linearizable);
  CHECK(verdict({lost_write(1, 7), read(2, 3, 0), read(4, 5, 0)}) == Verdict::linearizable);
  CHECK(verdict({lost_write(1, 7), read(2, 3, 7), read(4, 5, 0)}) == Verdict::not_linearizable);
}

TEST_CASE("The result tells which operation could not follow", "[testing]") {
  const auto result = check_linearizable<Register>(
      std::vector{write(1, 2, 7), write(3, 4, 8), read(5, 6, 7), read(7, 8, 8)});

  CHECK(result.verdict == Verdict::not_linearizable);
  CHECK(result.longest == std::vector<std::size_t>{0, 1});
  CHECK(result.stuck == 2U);
}

TEST_CASE("The search gives up when it is told to", "[testing]") {
  std::vector<Op> history;
  for (int i = 0; i < 12; ++i)
    history.push_back(write(1, 100, i + 1));
  history.push_back(read(200, 201, 99));
  CHECK(check_linearizable<Register>(history, 1000).verdict == Verdict::gave_up);
}

TEST_CASE("The search agrees with trying all orders on random small histories", "[testing]") {
  std::mt19937 random(42);  // NOLINT(cert-msc32-c,cert-msc51-cpp): reproducible on purpose
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random()) % bound; };
  int linearizable = 0;
  for (int run = 0; run < 2000; ++run) {
    std::vector<Op> history;
    for (unsigned i = 0, count = 2 + below(4); i < count; ++i) {
      const std::uint64_t call = below(10);
      const std::uint64_t returned = call + 1 + below(8);
      const int value = static_cast<int>(below(3));
      const unsigned kind = below(5);
      history.push_back(kind == 0  ? lost_write(call, value)
                        : kind < 3 ? write(call, returned, value)
                                   : read(call, returned, value));
    }
    const bool expected = brute_force(history);
    linearizable += expected ? 1 : 0;
    REQUIRE((verdict(history) == Verdict::linearizable) == expected);
  }
  CHECK(linearizable > 200);
  CHECK(linearizable < 1800);
}
