// Threads that run executors, for tests of things that live on one.
#pragma once

#include <functional>
#include <future>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

namespace raftkit::test {

/// A strand on a pool of two threads, as a node has it.
class EventLoop {
 public:
  EventLoop()
      : strand_(boost::asio::make_strand(context_)),
        guard_(boost::asio::make_work_guard(context_)),
        first_([this] { context_.run(); }),
        second_([this] { context_.run(); }) {}
  ~EventLoop() {
    guard_.reset();
    context_.stop();
    first_.join();
    second_.join();
  }
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] boost::asio::any_io_executor executor() const { return strand_; }
  void post(std::function<void()> task) { boost::asio::post(strand_, std::move(task)); }
  /// Runs `task` on the strand and waits for it.
  void run(const std::function<void()>& task) {
    std::promise<void> done;
    post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }

 private:
  boost::asio::io_context context_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::thread first_;
  std::thread second_;
};

}  // namespace raftkit::test
