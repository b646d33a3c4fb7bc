// Could this history have been produced by one copy of the object, one operation at a time?
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

namespace raftkit::testing {

/// An operation as a client saw it. Times are of one clock that only grows, read before the request
/// was sent and after the answer was received.
template <class Input, class Output>
struct Operation {
  std::uint64_t client = 0;
  std::uint64_t call = 0;
  /// Empty: no answer came. It may have taken effect at any time since, or never.
  std::optional<std::uint64_t> returned;
  Input input;
  Output output;
};

enum class Verdict : std::uint8_t { linearizable, not_linearizable, gave_up };

/// What check_linearizable found. `longest` is the longest legal sequence it built (positions in
/// the history), `stuck` the operation that could not follow it.
struct LinearizabilityResult {
  Verdict verdict = Verdict::linearizable;
  std::vector<std::size_t> longest;
  std::optional<std::size_t> stuck;
  std::size_t steps = 0;
};

namespace detail {

/// The operations not yet placed, as calls and returns in order of time, linked so that one can be
/// taken out and put back in constant time.
class EventList {
 public:
  struct Event {
    std::size_t operation = 0;
    bool is_call = false;
    std::size_t partner = 0;  // the return of a call
    std::size_t previous = 0;
    std::size_t next = 0;
  };
  static constexpr std::size_t kHead = 0;

  /// Times of call and return; calls come before returns of the same time: they overlap.
  struct Span {
    std::uint64_t call = 0;
    std::uint64_t returned = 0;
  };
  explicit EventList(const std::vector<Span>& spans);

  [[nodiscard]] const Event& at(std::size_t event) const { return events_[event]; }
  [[nodiscard]] std::size_t first() const { return events_[kHead].next; }
  void lift(std::size_t call);
  void unlift(std::size_t call);

 private:
  std::vector<Event> events_;  // the first is the head of the ring
};

/// What never returned overlaps everything after its call.
template <class Op>
std::vector<EventList::Span> spans_of(const std::vector<Op>& history) {
  std::vector<EventList::Span> spans;
  for (const Op& op : history)
    spans.push_back({op.call, op.returned.value_or(std::numeric_limits<std::uint64_t>::max())});
  return spans;
}

/// A set of operations.
class Bits {
 public:
  explicit Bits(std::size_t count) : words_((count + 63) / 64) {}
  void set(std::size_t bit) { words_[bit / 64] |= std::uint64_t{1} << (bit % 64); }
  void clear(std::size_t bit) { words_[bit / 64] &= ~(std::uint64_t{1} << (bit % 64)); }
  [[nodiscard]] std::size_t hash() const;
  friend bool operator==(const Bits&, const Bits&) = default;

 private:
  std::vector<std::uint64_t> words_;
};

}  // namespace detail

/// Wing and Gong's search: try the operations that may come next one after the other, go back where
/// none fits. Memoised as Lowe does it: the same set of operations in the same state is not tried
/// twice.
///
/// Model: `using State` (copyable, ==), `static State initial()`, `static std::optional<State>
/// step(const State&, const Operation&)` (empty: this answer is impossible in this state) and
/// `static std::size_t hash(const State&)`.
/// Gives up after `max_steps`.
template <class Model, class Op>
LinearizabilityResult check_linearizable(const std::vector<Op>& history,
                                         std::size_t max_steps = 50'000'000) {
  using State = typename Model::State;
  struct Seen {
    detail::Bits placed;
    State state;
    bool operator==(const Seen&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Seen& seen) const {
      return seen.placed.hash() * 31 + Model::hash(seen.state);
    }
  };
  struct Step {
    std::size_t call = 0;
    State before;
  };

  detail::EventList events(detail::spans_of(history));
  detail::Bits placed(history.size());
  std::unordered_set<Seen, Hash> seen;
  std::vector<Step> path;
  State state = Model::initial();
  LinearizabilityResult result;

  std::size_t at = events.first();
  while (events.first() != detail::EventList::kHead) {
    if (++result.steps > max_steps) {
      result.verdict = Verdict::gave_up;
      return result;
    }
    const auto& event = events.at(at);
    if (event.is_call) {
      if (auto after = Model::step(state, history[event.operation])) {
        placed.set(event.operation);
        if (seen.insert({placed, *after}).second) {
          path.push_back({at, std::exchange(state, *std::move(after))});
          events.lift(at);
          at = events.first();
          continue;
        }
        placed.clear(event.operation);
      }
      at = event.next;
      continue;
    }
    // Something returned here that could not be placed before: some earlier choice was wrong.
    if (path.size() >= result.longest.size()) {
      result.stuck = event.operation;
      result.longest.clear();
      for (const Step& step : path)
        result.longest.push_back(events.at(step.call).operation);
    }
    if (path.empty()) {
      result.verdict = Verdict::not_linearizable;
      return result;
    }
    at = path.back().call;
    state = std::move(path.back().before);
    path.pop_back();
    events.unlift(at);
    placed.clear(events.at(at).operation);
    at = events.at(at).next;
  }
  result.stuck.reset();
  result.longest.clear();
  for (const Step& step : path)
    result.longest.push_back(events.at(step.call).operation);
  return result;
}

}  // namespace raftkit::testing
