#include "driver/reads.hpp"

#include <iterator>

#include "driver/erase.hpp"

namespace raftkit::driver {

void Reads::add(ReadHandler handler) {
  if (pending_ >= limits_.pending) {
    refuse(std::move(handler), Errc::overloaded);
    return;
  }
  ++pending_;
  queue_.push_back({std::move(handler), now_ + limits_.timeout_ticks});
}

void Reads::refuse(ReadHandler handler, error_code code) {
  ++failed_;
  handler(code, {});
}

void Reads::answer(Waiter& waiter, error_code code, Index index) {
  --pending_;
  if (code) ++failed_;
  waiter.handler(code, index);
}

void Reads::submit(RawNode& node) {
  if (queue_.empty() || rounds_.size() >= kMaxRounds) return;
  const ReadId id = next_read_;
  if (!node.read_index(id)) return;
  ++next_read_.value;
  Round& round = rounds_[id];
  round.started = now_;
  std::move(queue_.begin(), queue_.end(), std::back_inserter(round.waiters));
  queue_.clear();
}

void Reads::on_ready(const ReadReady& ready, Index applied) {
  auto node = rounds_.extract(ready.read);
  if (node.empty()) return;  // given up meanwhile
  for (Waiter& waiter : node.mapped().waiters) {
    if (ready.index <= applied) {
      answer(waiter, {}, ready.index);
    } else {
      waiting_for_apply_.emplace(ready.index, std::move(waiter));
    }
  }
}

void Reads::on_applied(Index applied) {
  while (!waiting_for_apply_.empty() && waiting_for_apply_.begin()->first <= applied) {
    auto node = waiting_for_apply_.extract(waiting_for_apply_.begin());
    answer(node.mapped(), {}, node.key());
  }
}

void Reads::requeue(Round& round) {
  queue_.insert(queue_.begin(),
                std::make_move_iterator(round.waiters.begin()),
                std::make_move_iterator(round.waiters.end()));
}

void Reads::restart_rounds() {
  for (auto& [id, round] : rounds_)
    requeue(round);
  rounds_.clear();
}

void Reads::tick(bool has_leader) {
  ++now_;
  erase_over(rounds_, [&](auto& item) {
    if (item.second.started + limits_.retry_ticks > now_) return false;
    requeue(item.second);
    return true;
  });
  const auto expire = [&](Waiter& waiter) {
    if (waiter.deadline > now_) return false;
    answer(waiter, has_leader ? Errc::timed_out : Errc::no_leader);
    return true;
  };
  erase_over(queue_, expire);
  erase_over(waiting_for_apply_, [&](auto& item) { return expire(item.second); });
}

void Reads::fail_all(Errc code) {
  restart_rounds();
  for (Waiter& waiter : std::exchange(queue_, {}))
    answer(waiter, code);
  for (auto& [index, waiter] : std::exchange(waiting_for_apply_, {}))
    answer(waiter, code);
}

}  // namespace raftkit::driver
