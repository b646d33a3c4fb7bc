#include "raftkit/session_client.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include <boost/asio/bind_executor.hpp>

#include "base/unique_function.hpp"
#include "runtime/node_impl.hpp"

namespace raftkit {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Strand = boost::asio::strand<boost::asio::any_io_executor>;

std::shared_ptr<ClusterClock> make_cluster_clock() {
  return std::make_shared<ClusterClock>([] {
    const auto since_boot = steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since_boot).count());
  });
}

namespace {

constexpr milliseconds kLongestRetry = std::chrono::hours(24 * 30);
constexpr milliseconds kFirstPause{10};
constexpr milliseconds kLongestPause{500};

}  // namespace

Result<void> SessionClientOptions::validate() const {
  if (auto fits = session.validate(); !fits) return fits;
  if (retry_for >= milliseconds(0) && retry_for <= kLongestRetry) return {};
  return Error(Errc::invalid_option,
               "retry_for in milliseconds = " + std::to_string(retry_for.count()) +
                   ", but it must be from 0 to " + std::to_string(kLongestRetry.count()));
}

/// Proposes one request until it is answered, or cannot be, or the time is up. One copy is under
/// way at a time, so that the last one's answer is about all of them. Owner: the session's strand.
class Session::Attempts : public std::enable_shared_from_this<Session::Attempts> {
 public:
  /// Where requests go, and what they are stamped with.
  struct Way {
    Strand strand;
    std::weak_ptr<Node::Impl> node;
    std::shared_ptr<ClusterClock> clock;
    /// When the youngest attempt began that the session was used by for certain.
    std::shared_ptr<steady_clock::time_point> last_use;
  };
  /// Called anew for each attempt: what is acknowledged may have grown.
  using Make = std::function<SessionRequest()>;
  /// With an error, the answer is the one that it follows from, if there was any.
  using Done = base::UniqueFunction<void(error_code, const SessionAnswer&)>;

  Attempts(Way way, milliseconds retry_for, Make make, Done done)
      : way_(std::move(way)),
        give_up_at_(steady_clock::now() + retry_for),
        make_(std::move(make)),
        done_(std::move(done)),
        timer_(way_.strand) {}

  void start() {
    const auto node = way_.node.lock();
    if (node == nullptr) return finish(Errc::stopped);
    began_at_ = steady_clock::now();
    auto request = encode_session_request(make_(), way_.clock->now());
    if (!request) return finish(request.error().code());
    auto to_strand = boost::asio::bind_executor(
        way_.strand, [self = shared_from_this()](error_code code, const ProposeResult& result) {
          self->on_outcome(code, result);
        });
    node->propose(*std::move(request), {std::move(to_strand), node->executor()});
  }

 private:
  void on_outcome(error_code code, const ProposeResult& result) {
    if (code == Errc::commit_unknown) may_be_applied_ = true;
    if (code == Errc::commit_unknown || code == Errc::proposal_dropped || code == Errc::no_leader ||
        code == Errc::overloaded || code == Errc::out_of_space)
      return retry(code);
    if (code) return finish(code);
    auto answer = decode_session_answer(result.result);
    if (!answer) return finish(answer.error().code());  // not a SessionStateMachine
    // Also when it was refused. After any other answer that is no use the session is over.
    *way_.last_use = std::max(*way_.last_use, began_at_);
    switch (answer->status) {
      case SessionStatus::applied:
      case SessionStatus::opened:
      case SessionStatus::alive:
      case SessionStatus::closed:
        return done_({}, *answer);
      case SessionStatus::refused:
        return retry(Errc::overloaded);
      case SessionStatus::expired:
        return finish(Errc::session_expired, *answer);
      case SessionStatus::stale:  // somebody else uses this session
        may_be_applied_ = true;
        return finish(Errc::commit_unknown);
      case SessionStatus::malformed:
        return finish(Errc::malformed);
    }
  }

  void retry(error_code code) {
    const auto pause = std::exchange(pause_, std::min(2 * pause_, kLongestPause));
    if (steady_clock::now() + pause >= give_up_at_) return finish(code);
    timer_.expires_after(pause);
    timer_.async_wait([self = shared_from_this()](error_code) { self->start(); });
  }

  void finish(error_code code, const SessionAnswer& answer = {}) {
    done_(may_be_applied_ ? make_error_code(Errc::commit_unknown) : code, answer);
  }

  Way way_;
  steady_clock::time_point give_up_at_;
  steady_clock::time_point began_at_;  // the present attempt
  Make make_;
  Done done_;
  boost::asio::steady_timer timer_;
  milliseconds pause_ = kFirstPause;
  bool may_be_applied_ = false;  // a copy that nobody answered
};

/// Owner: its strand; id() and executor() on any thread.
class Session::Impl : public std::enable_shared_from_this<Session::Impl> {
 public:
  Impl(Attempts::Way way,
       boost::asio::any_io_executor executor,
       const SessionClientOptions& options,
       SessionId id)
      : way_(std::move(way)),
        executor_(std::move(executor)),
        options_(options),
        id_(id),
        keep_alive_timer_(way_.strand) {}

  [[nodiscard]] SessionId id() const { return id_; }
  [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }

  /// In the strand, while nothing is armed: for when a third of the timeout has passed without use,
  /// but not before `earliest`.
  void arm_keep_alive(steady_clock::time_point earliest = {}) {
    keep_alive_timer_.expires_at(std::max(earliest, keep_alive_due()));
    keep_alive_timer_.async_wait([weak = weak_from_this()](error_code code) {
      const auto self = weak.lock();
      if (!code && self != nullptr && !self->is_over_) self->keep_alive();
    });
  }

  void propose(Bytes command, detail::Completion<error_code, ProposeResult> done) {
    boost::asio::post(
        way_.strand,
        [self = shared_from_this(),
         command = std::move(command),
         done = std::move(done)]() mutable { self->begin(std::move(command), std::move(done)); });
  }

  void close(detail::Completion<error_code> done) {
    boost::asio::post(way_.strand, [self = shared_from_this(), done = std::move(done)]() mutable {
      // Also when it was closed before: nobody may have heard of it.
      self->is_over_ = true;
      self->keep_alive_timer_.cancel();
      self->start(
          self->options_.retry_for,
          [id = self->id_]() -> SessionRequest { return CloseSession{id}; },
          [done = std::move(done)](error_code code, const SessionAnswer&) mutable { done(code); });
    });
  }

 private:
  void start(milliseconds retry_for, Attempts::Make make, Attempts::Done done) {
    std::make_shared<Attempts>(way_, retry_for, std::move(make), std::move(done))->start();
  }

  [[nodiscard]] std::uint64_t first_unanswered() const {
    return unanswered_.empty() ? next_sequence_ : *unanswered_.begin();
  }

  void begin(Bytes command, detail::Completion<error_code, ProposeResult> done) {
    if (is_over_) return done(Errc::session_expired, {});
    if (command.empty()) return done(Errc::invalid_argument, {});
    if (next_sequence_ - first_unanswered() >= options_.session.max_unanswered)
      return done(Errc::overloaded, {});
    const std::uint64_t sequence = next_sequence_++;
    unanswered_.insert(sequence);
    start(
        options_.retry_for,
        [self = shared_from_this(), sequence, command = std::move(command)]() -> SessionRequest {
          return SessionCommand{self->id_, sequence, self->first_unanswered(), command};
        },
        [self = shared_from_this(), sequence, done = std::move(done)](
            error_code code, const SessionAnswer& answer) mutable {
          self->unanswered_.erase(sequence);
          if (answer.status == SessionStatus::expired) self->is_over_ = true;
          done(code, {answer.index, answer.response});
        });
  }

  [[nodiscard]] steady_clock::time_point keep_alive_due() const {
    return *way_.last_use + options_.session.timeout / 3;
  }

  void keep_alive() {
    if (steady_clock::now() < keep_alive_due()) return arm_keep_alive();
    start(
        options_.session.timeout / 3,
        [id = id_, first = first_unanswered()]() -> SessionRequest {
          return KeepSessionAlive{id, first};
        },
        [weak = weak_from_this()](error_code code, const SessionAnswer& answer) {
          const auto self = weak.lock();
          if (self != nullptr) self->kept_alive(code, answer);
        });
  }

  void kept_alive(error_code code, const SessionAnswer& answer) {
    if (answer.status == SessionStatus::expired) is_over_ = true;
    // The node does not come back, and a timer would keep the embedder's context busy for nothing.
    if (is_over_ || code == Errc::stopped) return;
    arm_keep_alive(steady_clock::now() + std::min(kLongestPause, options_.session.timeout / 10));
  }

  Attempts::Way way_;
  boost::asio::any_io_executor executor_;
  SessionClientOptions options_;
  SessionId id_;
  boost::asio::steady_timer keep_alive_timer_;
  std::uint64_t next_sequence_ = 1;
  std::set<std::uint64_t> unanswered_;
  bool is_over_ = false;  // closed, or expired
};

// --- the front door

Session::Session(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

SessionId Session::id() const {
  return impl_->id();
}

boost::asio::any_io_executor Session::executor_of(const Node& node) {
  return node.executor();
}

boost::asio::any_io_executor Session::executor_of(const std::shared_ptr<Impl>& impl) {
  return impl->executor();
}

void Session::open(Node& node,
                   std::shared_ptr<ClusterClock> clock,
                   const SessionClientOptions& options,
                   detail::Completion<error_code, Session> done) {
  if (clock == nullptr) return done(Errc::invalid_argument, Session());
  if (auto fits = options.validate(); !fits) return done(fits.error().code(), Session());
  const Attempts::Way way{boost::asio::make_strand(node.executor()),
                          node.impl_,
                          std::move(clock),
                          std::make_shared<steady_clock::time_point>()};
  boost::asio::post(
      way.strand, [way, executor = node.executor(), options, done = std::move(done)]() mutable {
        auto opened = [way, executor, options, done = std::move(done)](
                          error_code code, const SessionAnswer& answer) mutable {
          if (code) return done(code, Session());
          auto impl = std::make_shared<Impl>(
              std::move(way), executor, options, SessionId{answer.index.value});
          impl->arm_keep_alive();
          done({}, Session(std::move(impl)));
        };
        const auto make = [session = options.session]() -> SessionRequest {
          return OpenSession{session};
        };
        std::make_shared<Attempts>(way, options.retry_for, make, std::move(opened))->start();
      });
}

void Session::propose(const std::shared_ptr<Impl>& impl,
                      Bytes command,
                      detail::Completion<error_code, ProposeResult> done) {
  impl->propose(std::move(command), std::move(done));
}

void Session::close(const std::shared_ptr<Impl>& impl, detail::Completion<error_code> done) {
  impl->close(std::move(done));
}

}  // namespace raftkit
