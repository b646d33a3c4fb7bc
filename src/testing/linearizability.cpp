#include "testing/linearizability.hpp"

#include <algorithm>
#include <tuple>

namespace raftkit::testing::detail {

EventList::EventList(const std::vector<Span>& spans) {
  struct Moment {
    std::uint64_t time = 0;
    bool is_call = false;
    std::size_t operation = 0;
  };
  std::vector<Moment> moments;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    moments.push_back({spans[i].call, true, i});
    moments.push_back({spans[i].returned, false, i});
  }
  std::sort(moments.begin(), moments.end(), [](const Moment& left, const Moment& right) {
    return std::tuple(left.time, !left.is_call, left.operation) <
           std::tuple(right.time, !right.is_call, right.operation);
  });

  events_.resize(moments.size() + 1);
  std::vector<std::size_t> call_of(spans.size());
  for (std::size_t i = 0; i < moments.size(); ++i) {
    const std::size_t event = i + 1;
    events_[event] = {
        moments[i].operation, moments[i].is_call, 0, event - 1, (event + 1) % events_.size()};
    if (moments[i].is_call) {
      call_of[moments[i].operation] = event;
    } else {
      events_[call_of[moments[i].operation]].partner = event;
    }
  }
  events_[kHead].next = moments.empty() ? kHead : 1;
  events_[kHead].previous = moments.size();
}

void EventList::lift(std::size_t call) {
  for (const std::size_t event : {call, events_[call].partner}) {
    events_[events_[event].previous].next = events_[event].next;
    events_[events_[event].next].previous = events_[event].previous;
  }
}

void EventList::unlift(std::size_t call) {
  for (const std::size_t event : {events_[call].partner, call}) {
    events_[events_[event].previous].next = event;
    events_[events_[event].next].previous = event;
  }
}

std::size_t Bits::hash() const {
  std::size_t hash = 0;
  for (const std::uint64_t word : words_)
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

}  // namespace raftkit::testing::detail
