// A completion handler whose type is forgotten, so that Node can hide its insides.
#pragma once

#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>

namespace raftkit::detail {

/// Calls a handler once, by posting it to its associated executor: never inline, never under a
/// lock, never on the node's strand. Keeps that executor's context busy until then. Move-only.
template <class... Args>
class Completion {
 public:
  Completion() = default;

  /// `fallback` is where handlers without an executor of their own run.
  template <class Handler>
  Completion(Handler handler, const boost::asio::any_io_executor& fallback)
      : held_(std::make_unique<Model<Handler>>(std::move(handler), fallback)) {}

  void operator()(Args... args) {
    if (held_) std::exchange(held_, nullptr)->complete(std::move(args)...);
  }

 private:
  struct Held {
    Held() = default;
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    virtual ~Held() = default;
    virtual void complete(Args... args) = 0;
  };
  template <class Handler>
  struct Model final : Held {
    using Any = boost::asio::any_io_executor;
    using Own = boost::asio::associated_executor_t<Handler, Any>;
    // use_future's own is not convertible.
    using Executor = std::conditional_t<std::is_convertible_v<Own, Any>, Any, Own>;
    static auto track(const Executor& executor) {
      return boost::asio::prefer(executor, boost::asio::execution::outstanding_work.tracked);
    }

    Model(Handler held, const Any& fallback)
        : work(track(boost::asio::get_associated_executor(held, fallback))),
          handler(std::move(held)) {}

    void complete(Args... args) override {
      boost::asio::post(
          work, [handler = std::move(handler), values = std::tuple(std::move(args)...)]() mutable {
            std::apply(std::move(handler), std::move(values));
          });
    }

    // In this order: what is left of the handler may belong to the context, which may be gone with
    // the last work for it. Not a work guard: that of Boost 1.74 keeps a copy for longer than the
    // work, and does not compile for strands of an any_io_executor.
    std::decay_t<decltype(track(std::declval<Executor>()))> work;
    Handler handler;
  };

  std::unique_ptr<Held> held_;
};

}  // namespace raftkit::detail
