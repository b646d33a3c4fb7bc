// A client with a session, in the process of a member: its commands are applied once, however often
// they must be proposed.
#pragma once

#include <chrono>
#include <memory>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>

#include "raftkit/bytes.hpp"
#include "raftkit/detail/completion.hpp"
#include "raftkit/error.hpp"
#include "raftkit/node.hpp"
#include "raftkit/result.hpp"
#include "raftkit/sessions.hpp"

namespace raftkit {

/// A cluster clock on this process' steady clock.
[[nodiscard]] std::shared_ptr<ClusterClock> make_cluster_clock();

struct SessionClientOptions {
  SessionOptions session = {};
  /// How long an operation goes on proposing; from 0 to 30 days. The last attempt is waited for:
  /// see NodeOptions::request_timeout.
  std::chrono::milliseconds retry_for{30'000};

  /// Errors: invalid_option, naming the field, the value and the bound.
  [[nodiscard]] Result<void> validate() const;
};

/// An open session. Proposes through one node, whose state machine must be a SessionStateMachine on
/// all members. What this node cannot take now, or may have taken, is proposed again under the same
/// number until it is answered.
///
/// A third of the session's timeout after its last use it is kept alive, with as many attempts as
/// fit into another third. One attempt may take NodeOptions::request_timeout: let the session's
/// timeout be several times that.
///
/// Every asynchronous operation takes any Asio completion token; its handler runs on its associated
/// executor (or the node's), never inside the call that started it. Operations may outlive this
/// object, also those that a lazy token begins later. It may outlive the node, whose end is
/// answered by `stopped`, but not the context of the node's executor, which it has a timer on: that
/// keeps the context busy until the session is over, this object is gone, or a keep-alive has found
/// the node stopped.
///
/// Thread-safe. Empty when default-constructed or moved from: then only destruction and assignment
/// are allowed.
class Session {
 public:
  Session() = default;
  Session(Session&&) noexcept = default;
  Session& operator=(Session&&) noexcept = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  /// Whatever is under way goes on, and the session is kept alive meanwhile. Then it stays until it
  /// expires.
  ~Session() = default;

  /// Opens one; completes with void(error_code, Session). `clock` is that of the node's
  /// SessionStateMachine, and `node` must live until the operation has begun. Errors:
  /// invalid_option · invalid_argument: no clock · malformed: the node's state machine is no
  /// SessionStateMachine · those of Node::async_propose(), after the last attempt. If it took more
  /// than one, there may be sessions that nobody uses, until they expire: after commit_unknown, and
  /// also after success.
  template <class CompletionToken>
  static auto async_open(Node& node,
                         std::shared_ptr<ClusterClock> clock,
                         SessionClientOptions options,
                         CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, Session)>(
        [&node](
            auto handler, std::shared_ptr<ClusterClock> on, const SessionClientOptions& wanted) {
          open(node, std::move(on), wanted, {std::move(handler), executor_of(node)});
        },
        token,
        std::move(clock),
        options);
  }

  /// Has `command` applied once; completes with void(error_code, ProposeResult) when this node has
  /// applied it, with the index where it was applied and what the wrapped state machine answered.
  /// Commands that are under way at the same time may be applied in any order.
  /// Errors: overloaded: it was not applied and never will be. At once when
  /// SessionOptions::max_unanswered numbers from the oldest command on that is not answered are in
  /// use; when the time is up if the node's queue stayed full, or SessionOptions::max_answer_bytes
  /// are kept for others · malformed: the node's state machine is no SessionStateMachine, or not
  /// any more, and what it did is not known · session_expired, command_too_large, invalid_argument,
  /// stopped, no_leader, proposal_dropped, out_of_space: it was not applied and never will be ·
  /// commit_unknown: it may have been applied, or be applied yet, once: the time was up, or node or
  /// session ended meanwhile.
  template <class CompletionToken>
  auto async_propose(Bytes command, CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code, ProposeResult)>(
        [impl = impl_](auto handler, Bytes bytes) {
          propose(impl, std::move(bytes), {std::move(handler), executor_of(impl)});
        },
        token,
        std::move(command));
  }

  /// Ends the session for all members; completes with void(error_code). What is under way is not
  /// waited for: it may be answered by session_expired or commit_unknown. Nothing can be proposed
  /// from now on, also after an error: those of Node::async_propose(). Then it may be tried again.
  template <class CompletionToken>
  auto async_close(CompletionToken&& token) {
    return boost::asio::async_initiate<CompletionToken, void(error_code)>(
        [impl = impl_](auto handler) {
          close(impl, {std::move(handler), executor_of(impl)});
        },
        token);
  }

  [[nodiscard]] SessionId id() const;

 private:
  class Attempts;
  class Impl;
  explicit Session(std::shared_ptr<Impl> impl);

  [[nodiscard]] static boost::asio::any_io_executor executor_of(const Node& node);
  [[nodiscard]] static boost::asio::any_io_executor executor_of(const std::shared_ptr<Impl>& impl);
  static void open(Node& node,
                   std::shared_ptr<ClusterClock> clock,
                   const SessionClientOptions& options,
                   detail::Completion<error_code, Session> done);
  static void propose(const std::shared_ptr<Impl>& impl,
                      Bytes command,
                      detail::Completion<error_code, ProposeResult> done);
  static void close(const std::shared_ptr<Impl>& impl, detail::Completion<error_code> done);

  std::shared_ptr<Impl> impl_;
};

}  // namespace raftkit
