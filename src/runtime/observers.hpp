// Who wants to know about status changes.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "raftkit/node.hpp"

#include "runtime/asio.hpp"

namespace raftkit::runtime {

/// One call at a time, in order, also if several threads run the executor. Not a strand: that must
/// not outlive the executor's context, and an observer may. Thread-safe.
class Observer : public std::enable_shared_from_this<Observer> {
 public:
  Observer(boost::asio::any_io_executor executor, std::function<void(const NodeStatus&)> call)
      : executor_(std::move(executor)), call_(std::move(call)) {}

  void tell(const NodeStatus& status) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(status);
      if (std::exchange(is_busy_, true)) return;
    }
    call_next();
  }

 private:
  void call_next() {
    boost::asio::post(executor_, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self == nullptr) return;
      const Turn turn{*self};
      self->call_(self->next());
    });
  }
  /// Its end lets the next call begin, also if this one throws.
  struct Turn {
    Observer& observer;
    explicit Turn(Observer& whose) : observer(whose) {}
    ~Turn() {
      if (observer.has_more()) observer.call_next();
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
  };
  NodeStatus next() {
    const std::lock_guard lock(mutex_);
    NodeStatus status = std::move(waiting_.front());
    waiting_.pop_front();
    return status;
  }
  bool has_more() {
    const std::lock_guard lock(mutex_);
    is_busy_ = !waiting_.empty();
    return is_busy_;
  }

  const boost::asio::any_io_executor executor_;
  const std::function<void(const NodeStatus&)> call_;
  std::mutex mutex_;  // guards what follows
  std::deque<NodeStatus> waiting_;
  bool is_busy_ = false;  // a call is planned, or runs
};

/// Owner: node strand.
class Observers {
 public:
  void add(const std::weak_ptr<Observer>& observer, const NodeStatus& now) {
    observers_.push_back(observer);
    if (const auto alive = observer.lock()) alive->tell(now);
  }

  void notify(const NodeStatus& status) {
    std::erase_if(observers_, [](const auto& observer) { return observer.expired(); });
    for (const auto& observer : observers_) {
      if (const auto alive = observer.lock()) alive->tell(status);
    }
  }

 private:
  std::vector<std::weak_ptr<Observer>> observers_;
};

}  // namespace raftkit::runtime
