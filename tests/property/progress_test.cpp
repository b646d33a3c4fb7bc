// What a leader knows of one member, against a model that counts on its fingers.
#include "core/progress.hpp"

#include <algorithm>
#include <deque>
#include <numeric>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace raftkit::test {

namespace {

struct Sent {
  Index last;
  std::size_t bytes = 0;
};

std::size_t bytes_of(const std::deque<Sent>& appends) {
  return std::accumulate(
      appends.begin(), appends.end(), std::size_t{0}, [](std::size_t sum, const Sent& append) {
        return sum + append.bytes;
      });
}

enum class Action : std::uint8_t {
  leader_appends,
  send,
  send_more,
  deliver,
  lose,
  answer,
  answer_again,
  lose_answer,
  heartbeat,
  unreachable,
  compact,
  snapshot_arrives,
  snapshot_fails,
  lie,  // only where the member may
  count,
};

using Step = std::tuple<int, std::uint32_t, std::uint32_t>;

/// A leader's Progress of one member, that member, and the messages between them. All that counts
/// is how far the member's log agrees with the leader's.
class ProgressTwins {
 public:
  ProgressTwins(core::Inflights::Limits limits, bool honest)
      : limits_(limits),
        honest_(honest),
        progress_({.node = NodeId{2}, .next = last_ + 1, .learner = false, .limits = limits}) {}

  void take(const Step& step) {
    const auto [choice, a, b] = step;
    switch (static_cast<Action>(choice)) {
      case Action::leader_appends:
        last_ = last_ + 1 + a % 3;
        return;
      case Action::send:
        return send(a, b);
      case Action::send_more:
        while (!is_silent() && !is_full() && next_ <= last_)
          send(1 + a % 3, b);
        return;
      case Action::deliver:
        return deliver(a, b);
      case Action::lose:
        return drop(network_, a);
      case Action::answer:
        return hear(a);
      case Action::answer_again:
        if (!answers_.empty()) answers_.push_back(answers_[a % answers_.size()]);
        return hear(a);
      case Action::lose_answer:
        return drop(answers_, a);
      case Action::heartbeat:
        progress_.resume();
        is_paused_ = false;
        return;
      case Action::unreachable:
        if (state_ == ProgressState::replicate) probe();
        return;
      case Action::compact:
        base_ = std::max(base_, Index{a % (last_.value + 1)});
        return;
      case Action::snapshot_arrives:
      case Action::snapshot_fails:
        return end_snapshot(static_cast<Action>(choice) == Action::snapshot_arrives);
      case Action::lie:
        if (!honest_) lie(a, b);
        return;
      case Action::count:
        return;
    }
  }

  void compare() const {
    const ProgressStatus status = progress_.status();
    RC_ASSERT(status.state == state_);
    RC_ASSERT(status.match == match_);
    RC_ASSERT(status.next == next_);
    RC_ASSERT(status.match < status.next);
    RC_ASSERT(status.next <= last_ + 1);
    RC_ASSERT(status.inflight_messages == unanswered_.size());
    RC_ASSERT(status.inflight_full == is_full());
    RC_ASSERT(status.inflight_messages <= limits_.messages);
    RC_ASSERT(status.paused == is_silent());
    RC_ASSERT((status.pending_snapshot > Index{0}) == (state_ == ProgressState::snapshot));
    if (honest_) RC_ASSERT(status.match <= held_);
  }

  /// Nothing is lost any more: then the member soon has it all.
  void finish() {
    for (int round = 0; match_ < last_; ++round) {
      RC_ASSERT(round < 100);
      take({static_cast<int>(Action::heartbeat), 0, 0});
      take({static_cast<int>(Action::send), 5, 0});
      take({static_cast<int>(Action::send_more), 5, 0});
      while (!network_.empty())
        deliver(0, 0);
      if (state_ == ProgressState::snapshot) end_snapshot(true);
      while (!answers_.empty()) {
        hear(0);
        compare();
      }
    }
    RC_ASSERT(state_ != ProgressState::snapshot);
    RC_ASSERT(unanswered_.empty());
  }

 private:
  struct Append {
    Index previous;
    Index last;
  };
  struct Answer {
    Index index;
    std::optional<Index> hint;  // refused
  };

  [[nodiscard]] bool is_full() const {
    return unanswered_.size() >= limits_.messages || bytes_of(unanswered_) >= limits_.bytes;
  }
  [[nodiscard]] bool is_silent() const { return state_ == ProgressState::snapshot || is_paused_; }

  template <class Type>
  static void drop(std::vector<Type>& from, std::uint32_t which) {
    if (!from.empty()) from.erase(from.begin() + static_cast<std::ptrdiff_t>(which % from.size()));
  }

  void enter(ProgressState state) {
    state_ = state;
    is_paused_ = false;
    unanswered_.clear();
  }

  void probe() {
    // After a snapshot that arrived, behind it.
    const Index arrived = state_ == ProgressState::snapshot ? snapshot_ : Index{0};
    next_ = std::max(match_, arrived) + 1;
    enter(ProgressState::probe);
    progress_.become_probe();
  }

  void replicate() {
    next_ = match_ + 1;
    enter(ProgressState::replicate);
    progress_.become_replicate();
  }

  /// As the leader does: what the log no longer holds goes as a snapshot, and what does not fit the
  /// window is not sent, only the question where the member is.
  void send(std::uint32_t most, std::uint32_t bytes) {
    if (is_silent()) return;
    if (next_ - 1 < base_) {
      snapshot_ = base_;
      next_ = base_ + 1;
      enter(ProgressState::snapshot);
      progress_.become_snapshot(base_);
      return;
    }
    const bool is_window_full = state_ == ProgressState::replicate && is_full();
    const std::uint64_t count =
        is_window_full ? 0 : std::min<std::uint64_t>(most % 4, last_ + 1 - next_);
    const Append append{next_ - 1, next_ - 1 + count};
    network_.push_back(append);
    progress_.sent(append.last, count, bytes % 50);
    if (state_ == ProgressState::probe) {
      is_paused_ = is_paused_ || count > 0;  // one at a time
      return;
    }
    if (count > 0) {
      next_ = append.last + 1;
      unanswered_.push_back({append.last, bytes % 50});
    }
    is_paused_ = is_full();
  }

  void deliver(std::uint32_t which, std::uint32_t hint) {
    if (network_.empty()) return;
    const Append append = network_[which % network_.size()];
    drop(network_, which);
    if (append.previous <= held_) {
      held_ = std::max(held_, append.last);
      answers_.push_back({append.last, std::nullopt});
    } else {
      // Terms ascend, so the hint is never before the place where the logs agree.
      answers_.push_back({append.previous, held_ + hint % (append.previous - held_ + 1)});
    }
  }

  void hear(std::uint32_t which) {
    if (answers_.empty()) return;
    const Answer answer = answers_[which % answers_.size()];
    drop(answers_, which);
    if (answer.hint) {
      refused(answer.index, *answer.hint);
    } else {
      accepted(answer.index);
    }
  }

  void accepted(Index index) {
    const bool is_news = index > match_;
    RC_ASSERT(progress_.maybe_update(index) == is_news);
    if (is_news) {
      match_ = index;
      next_ = std::max(next_, index + 1);
      is_paused_ = false;
    }
    if (!is_news && !(index == match_ && state_ == ProgressState::probe)) return;
    if (state_ == ProgressState::replicate) {
      progress_.free_inflight(index);
      std::erase_if(unanswered_, [&](const Sent& append) { return append.last <= index; });
    } else if (state_ == ProgressState::probe || match_ >= base_) {
      replicate();
    }
  }

  void refused(Index index, Index hint) {
    const bool is_pending =
        state_ == ProgressState::replicate ? index > match_ : index == next_ - 1;
    RC_ASSERT(progress_.maybe_decrease({index, hint}) == is_pending);
    if (!is_pending) return;
    if (state_ == ProgressState::replicate) {
      probe();
      return;
    }
    next_ = std::max(std::min(index, hint + 1), match_ + 1);
    is_paused_ = false;
  }

  void end_snapshot(bool arrives) {
    if (state_ != ProgressState::snapshot) return;
    if (arrives) {
      held_ = std::max(held_, snapshot_);
      answers_.push_back({held_, std::nullopt});
    } else {
      progress_.snapshot_failed();
      snapshot_ = Index{0};
    }
    probe();
    progress_.pause();
    is_paused_ = true;
  }

  /// Anything that the leader does not refuse at once.
  void lie(std::uint32_t a, std::uint32_t b) {
    const Index index{a % (last_.value + 1)};
    if (b % 3 == 0) return accepted(index);
    refused(index, b % 3 == 1 ? Index{b % (2 * last_.value + 1)} : Index{b});
  }

  core::Inflights::Limits limits_;
  bool honest_;
  Index last_{5};  // of the leader's log
  Index base_{0};  // what is up to here is in the snapshot only
  Index held_{1};  // the member's log agrees up to here
  core::Progress progress_;

  ProgressState state_ = ProgressState::probe;
  Index match_{0};
  Index next_{6};
  Index snapshot_{0};
  bool is_paused_ = false;
  std::deque<Sent> unanswered_;  // of this state
  std::vector<Append> network_;
  std::vector<Answer> answers_;
};

void check(bool honest) {
  CHECK(rc::check([=] {
    const auto number = rc::gen::inRange<std::uint32_t>(0, 1000);
    constexpr double kLonger = 3;
    const auto steps =
        *rc::gen::scale(kLonger,
                        rc::gen::container<std::vector<Step>>(rc::gen::tuple(
                            rc::gen::inRange(0, static_cast<int>(Action::count)), number, number)));
    ProgressTwins twins(
        {*rc::gen::inRange<std::size_t>(1, 6), *rc::gen::inRange<std::size_t>(1, 150)}, honest);
    twins.compare();
    for (const Step& step : steps) {
      twins.take(step);
      twins.compare();
    }
    if (honest) twins.finish();
  }));
}

}  // namespace

TEST_CASE("A leader knows of a member what its answers say, and brings it up to date",
          "[core][property]") {
  check(true);
}

TEST_CASE("A member that lies about its log confuses nobody but itself", "[core][property]") {
  check(false);
}

TEST_CASE("A window holds what a queue of unanswered appends would", "[core][property]") {
  CHECK(rc::check([] {
    const core::Inflights::Limits limits{*rc::gen::inRange<std::size_t>(1, 40),
                                         *rc::gen::inRange<std::size_t>(1, 400)};
    core::Inflights window(limits);
    std::deque<Sent> queue;
    Index last{0};
    const auto steps = *rc::gen::scale(
        4,
        rc::gen::container<std::vector<Step>>(rc::gen::tuple(
            rc::gen::inRange(0, 12), rc::gen::inRange(0U, 50U), rc::gen::inRange(0U, 30U))));
    for (const auto& [choice, a, b] : steps) {
      const bool is_full = queue.size() >= limits.messages || bytes_of(queue) >= limits.bytes;
      RC_ASSERT(window.full() == is_full);
      RC_ASSERT(window.count() == queue.size());
      if (choice == 0) {
        window.clear();
        queue.clear();
      } else if (choice < 4) {
        const Index index = last - std::min<std::uint64_t>(last.value, a);
        window.free_to(index);
        std::erase_if(queue, [&](const Sent& append) { return append.last <= index; });
      } else if (!is_full) {
        last = last + 1 + a % 3;
        window.add(last, b);
        queue.push_back({last, b});
      }
    }
  }));
}

}  // namespace raftkit::test
