// Virtual time: what happens next, and when.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "base/unique_function.hpp"
#include "core/random.hpp"
#include "testing/check.hpp"

namespace raftkit::testing {

using SimTime = std::chrono::nanoseconds;  ///< since the simulation began
using SimAction = base::UniqueFunction<void()>;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Runs planned actions in the order of their times, and jumps over the time between. Actions of
/// the same moment run in the order in which they were planned. Owner: the simulation.
class SimClock {
 public:
  [[nodiscard]] SimTime now() const { return now_; }
  /// How many actions have run.
  [[nodiscard]] std::uint64_t events() const { return events_; }

  void after(SimTime delay, SimAction action) {
    std::size_t place = actions_.size();
    if (free_.empty()) {
      actions_.push_back(std::move(action));
    } else {
      place = free_.back();
      free_.pop_back();
      actions_[place] = std::move(action);
    }
    heap_.push_back({now_ + delay, next_order_++, place});
    std::push_heap(heap_.begin(), heap_.end(), IsLater());
  }

  /// Runs the next action. False: there is none before `end`, and it is `end` now.
  bool run_next(SimTime end) {
    if (heap_.empty() || heap_.front().when > end) {
      now_ = std::max(now_, end);
      return false;
    }
    std::pop_heap(heap_.begin(), heap_.end(), IsLater());
    const Planned next = heap_.back();
    heap_.pop_back();
    SimAction action = std::move(actions_[next.place]);
    free_.push_back(next.place);
    at_once_ = next.when == now_ ? at_once_ + 1 : 0;
    require(at_once_ < kMostAtOnce, "no spin: something is done again and again without a delay");
    now_ = next.when;
    ++events_;
    action();
    return true;
  }

 private:
  static constexpr std::uint64_t kMostAtOnce = 100'000;
  /// Small, since a heap moves its elements often.
  struct Planned {
    SimTime when;
    std::uint64_t order;
    std::size_t place;  // in actions_
  };
  struct IsLater {
    bool operator()(const Planned& left, const Planned& right) const {
      return left.when != right.when ? left.when > right.when : left.order > right.order;
    }
  };

  SimTime now_{0};
  std::uint64_t events_ = 0;
  std::uint64_t at_once_ = 0;  // events since the time moved
  std::uint64_t next_order_ = 0;
  std::vector<Planned> heap_;
  std::vector<SimAction> actions_;
  std::vector<std::size_t> free_;  // places in it
};

/// A process of the operating system: it can be killed, and stopped for a while. What was meant for
/// it while it was stopped happens all at once when it goes on. Owner: the simulation.
class SimProcess {
 public:
  explicit SimProcess(SimClock& clock) : clock_(clock) {}
  ~SimProcess() {
    state_->is_alive = false;
    state_->waiting.clear();
  }
  SimProcess(const SimProcess&) = delete;
  SimProcess& operator=(const SimProcess&) = delete;

  [[nodiscard]] SimTime now() const { return clock_.now(); }

 private:
  struct State {
    bool is_alive = true;
    bool is_paused = false;
    std::deque<SimAction> waiting;
  };

 public:
  /// How others reach the process, also when it is gone.
  class Door {
   public:
    [[nodiscard]] bool is_alive() const { return state_->is_alive; }
    /// Runs it in the process after `delay`, unless the process is gone by then.
    template <class Action>
    void post(SimTime delay, Action action) const {
      clock_->after(delay, [door = *this, action = std::move(action)]() mutable {
        door.run(std::move(action));
      });
    }
    /// The same without a delay, and from inside the caller if the process is not stopped.
    template <class Action>
    void run(Action action) const {
      if (!state_->is_alive) return;
      if (state_->is_paused) {
        state_->waiting.push_back(std::move(action));
      } else {
        action();
      }
    }

   private:
    friend class SimProcess;
    Door(SimClock& clock, std::shared_ptr<State> state)
        : clock_(&clock), state_(std::move(state)) {}
    SimClock* clock_;
    std::shared_ptr<State> state_;
  };
  [[nodiscard]] Door door() const { return {clock_, state_}; }
  template <class Action>
  void post(SimTime delay, Action action) const {
    door().post(delay, std::move(action));
  }
  template <class Action>
  void run(Action action) const {
    door().run(std::move(action));
  }

  void pause() { state_->is_paused = true; }
  void resume() {
    const Door own = door();  // one of the actions may end the process
    state_->is_paused = false;
    for (auto waiting = std::exchange(state_->waiting, {}); !waiting.empty(); waiting.pop_front())
      own.run(std::move(waiting.front()));
  }

 private:
  SimClock& clock_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

[[nodiscard]] inline bool chance(core::Random& random, std::uint32_t percent) {
  return random.below(100) < percent;
}
/// In [least, most].
[[nodiscard]] inline SimTime between(core::Random& random, SimTime least, SimTime most) {
  const auto span = static_cast<std::uint64_t>((most - least).count()) + 1;
  return least + SimTime(static_cast<SimTime::rep>(random.next() % span));
}
/// One of them. `choices` must not be empty.
template <class Choices>
[[nodiscard]] const auto& any_of(core::Random& random, const Choices& choices) {
  return choices[random.below(static_cast<std::uint32_t>(choices.size()))];
}

}  // namespace raftkit::testing
