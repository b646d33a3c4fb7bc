// Who wants to know about status changes.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "raftkit/node.hpp"

#include "runtime/asio.hpp"

namespace raftkit::runtime {

struct Observer {
  /// Around the observer's own executor, which several threads may run: an older status must not
  /// come after a newer one.
  boost::asio::strand<boost::asio::any_io_executor> executor;
  std::function<void(const NodeStatus&)> call;
};

/// Owner: node strand.
class Observers {
 public:
  void add(std::weak_ptr<Observer> observer, const NodeStatus& now) {
    tell(observer, now);
    observers_.push_back(std::move(observer));
  }

  void notify(const NodeStatus& status) {
    std::erase_if(observers_, [](const auto& observer) { return observer.expired(); });
    for (const auto& observer : observers_)
      tell(observer, status);
  }

 private:
  static void tell(const std::weak_ptr<Observer>& observer, const NodeStatus& status) {
    const auto alive = observer.lock();
    if (!alive) return;
    boost::asio::post(alive->executor, [observer, status] {
      if (const auto still_alive = observer.lock()) still_alive->call(status);
    });
  }

  std::vector<std::weak_ptr<Observer>> observers_;
};

}  // namespace raftkit::runtime
