// Sessions on real nodes: commands are proposed again, and applied once.
#include <algorithm>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/use_future.hpp>

#include "raftkit/session_client.hpp"

#include "unit/runtime/cluster.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

namespace {

Reply<Session> open(Node& node,
                    const std::shared_ptr<ClusterClock>& clock,
                    const SessionClientOptions& options = {}) {
  auto promise = std::make_shared<std::promise<Reply<Session>>>();
  Session::async_open(node, clock, options, [promise](error_code code, Session session) {
    promise->set_value({code, std::move(session)});
  });
  return get(promise->get_future());
}

std::future<Reply<ProposeResult>> propose(Session& session, const std::string& command) {
  auto promise = std::make_shared<std::promise<Reply<ProposeResult>>>();
  session.async_propose(Bytes::copy_of(command), [promise](error_code code, ProposeResult result) {
    promise->set_value({code, std::move(result)});
  });
  return promise->get_future();
}

error_code close(Session& session) {
  auto promise = std::make_shared<std::promise<Reply<int>>>();
  session.async_close([promise](error_code code) { promise->set_value({code, 0}); });
  return get(promise->get_future()).code;
}

std::string encoded(const SessionRequest& request, std::uint64_t cluster_time = 0) {
  const auto bytes = encode_session_request(request, cluster_time);
  REQUIRE(bytes);
  return std::string(bytes->view());
}

SessionStatus status_of(const Reply<ProposeResult>& reply) {
  REQUIRE_FALSE(reply.code);
  const auto answer = decode_session_answer(reply.value.result);
  REQUIRE(answer);
  return answer->status;
}

/// Holds a state machine back, from hold() to release().
class Gate {
 public:
  std::function<void()> pass() {
    return [this] {
      if (is_closed_) released_.wait();
    };
  }
  void hold() { is_closed_ = true; }
  void release() {
    is_closed_ = false;
    release_.set_value();
  }

 private:
  std::atomic<bool> is_closed_ = false;
  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
};

/// A clock that tells when so many requests have been stamped with it.
class CountedStamps {
 public:
  std::future<void> expect(int count) {
    reached_ = {};
    auto reached = reached_.get_future();
    left_ = count;
    return reached;
  }
  [[nodiscard]] const std::shared_ptr<ClusterClock>& clock() const { return clock_; }

 private:
  std::atomic<int> left_ = 0;
  std::promise<void> reached_;
  std::shared_ptr<ClusterClock> clock_ = std::make_shared<ClusterClock>([this] {
    if (left_.fetch_sub(1) == 1) reached_.set_value();
    return std::uint64_t{0};
  });
};

/// A completion token whose operations begin when what it returns is called, as use_awaitable's do
/// when they are waited for.
struct Lazy {};

}  // namespace

template <class Signature>
class boost::asio::async_result<Lazy, Signature> {
 public:
  template <class Initiation, class... Args>
  static auto initiate(Initiation initiation, const Lazy&, Args... args) {
    return [=](auto handler) { initiation(std::move(handler), args...); };
  }
};

TEST_CASE("Commands in a session are answered as others are", "[runtime][sessions]") {
  Cluster cluster;
  cluster.add_sessions();
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  for (const std::uint64_t id : {leader, cluster.somebody_else(leader)}) {
    auto opened = open(cluster.node(id), cluster.clock(id));
    REQUIRE_FALSE(opened.code);
    CHECK(opened.value.id().value > 0);
    const auto first = get(propose(opened.value, "a"));
    const auto second = get(propose(opened.value, "b"));
    CHECK_FALSE(first.code);
    CHECK(first.value.result.view() == "did a");
    CHECK(second.value.result.view() == "did b");
    CHECK(second.value.index > first.value.index);
    CHECK(opened.value.async_propose(Bytes::copy_of("c"), boost::asio::use_future)
              .get()
              .result.view() == "did c");
    CHECK_FALSE(close(opened.value));
  }
  // What another node answered, this one need not have applied yet.
  CHECK_FALSE(get(cluster.read(leader)).code);
  CHECK(cluster.machine(leader).applied() == Strings{"a", "b", "c", "a", "b", "c"});
}

TEST_CASE("A command of unknown fate is proposed again, and applied once",
          "[runtime][sessions][thesis:6.3]") {
  Gate gate;
  CountedStamps stamps;
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(100); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), stamps.clock());
  REQUIRE_FALSE(opened.code);
  const Index before = cluster.node(1).status().last;

  gate.hold();
  auto third_attempt = stamps.expect(3);  // two have timed out by then
  auto reply = propose(opened.value, "a");
  get(std::move(third_attempt));
  gate.release();

  const auto answered = get(std::move(reply));
  CHECK_FALSE(answered.code);
  CHECK(answered.value.result.view() == "did a");
  CHECK(answered.value.index == before + 1);
  CHECK(get(propose(opened.value, "b")).value.result.view() == "did b");
  CHECK(cluster.node(1).status().last >= before + 3);
  CHECK(cluster.machine(1).applied() == Strings{"a", "b"});
}

TEST_CASE("When the time is up the answer says that the command may have been applied",
          "[runtime][sessions]") {
  Gate gate;
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(100); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), cluster.clock(1), {.retry_for = milliseconds(300)});
  REQUIRE_FALSE(opened.code);

  gate.hold();
  CHECK(get(propose(opened.value, "a")).code == Errc::commit_unknown);
  gate.release();

  CHECK(get(propose(opened.value, "b")).value.result.view() == "did b");
  CHECK(cluster.machine(1).applied() == Strings{"a", "b"});
}

TEST_CASE("Commands go on to the next leader, each once", "[runtime][sessions]") {
  Cluster cluster;
  cluster.add_sessions();
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  const std::uint64_t follower = cluster.somebody_else(leader);
  auto opened = open(cluster.node(follower), cluster.clock(follower));
  REQUIRE_FALSE(opened.code);

  std::vector<std::future<Reply<ProposeResult>>> replies;
  Strings commands;
  for (int i = 0; i < 40; ++i) {
    if (i == 20) cluster.network.isolate(NodeId{leader});
    commands.push_back("c" + std::to_string(i));
    replies.push_back(propose(opened.value, commands.back()));
  }

  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto reply = get(std::move(replies[i]));
    CHECK_FALSE(reply.code);
    CHECK(reply.value.result.view() == "did " + commands[i]);
  }
  auto applied = cluster.machine(follower).applied();
  std::sort(applied.begin(), applied.end());
  std::sort(commands.begin(), commands.end());
  CHECK(applied == commands);
}

TEST_CASE("A session that has expired applies nothing any more", "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), cluster.clock(1));
  REQUIRE_FALSE(opened.code);

  get(cluster.propose(1, encoded(PlainCommand{Bytes::copy_of("later")}, 100'000'000)));

  CHECK(get(propose(opened.value, "a")).code == Errc::session_expired);
  CHECK(get(propose(opened.value, "b")).code == Errc::session_expired);
  CHECK_FALSE(close(opened.value));
  CHECK(cluster.machine(1).applied() == Strings{"later"});
}

TEST_CASE("A session that nobody uses is kept alive", "[runtime][sessions]") {
  CountedStamps stamps;
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  auto opened =
      open(cluster.node(1), stamps.clock(), {.session = {.timeout = milliseconds(1'000)}});
  REQUIRE_FALSE(opened.code);
  const Index before = cluster.node(1).status().last;

  get(stamps.expect(2));
  get(cluster.read(1));

  CHECK(cluster.node(1).status().last > before);
  CHECK_FALSE(get(propose(opened.value, "a")).code);
}

TEST_CASE("A session is kept alive in time, and once more when nobody answers",
          "[runtime][sessions]") {
  Gate command_gate;
  Gate gate;
  CountedStamps stamps;
  CountedStamps later;
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(100); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = [pass_command = command_gate.pass(), pass = gate.pass()] {
    pass_command();
    pass();
  };
  cluster.start_all();
  cluster.await_leader();
  auto session =
      open(cluster.node(1), stamps.clock(), {.session = {.timeout = milliseconds(2'000)}});
  REQUIRE_FALSE(session.code);
  // The attempt that is answered begins when another one has timed out.
  command_gate.hold();
  auto second_attempt = stamps.expect(2);
  auto reply = propose(session.value, "a");
  get(std::move(second_attempt));
  command_gate.release();
  REQUIRE_FALSE(get(std::move(reply)).code);
  // This one must be kept alive half as much later.
  auto other = open(cluster.node(1), later.clock(), {.session = {.timeout = milliseconds(3'000)}});
  REQUIRE_FALSE(other.code);

  gate.hold();
  auto two_attempts = stamps.expect(2);
  get(later.expect(1));

  CHECK(two_attempts.wait_for(milliseconds(0)) == std::future_status::ready);
  gate.release();
}

TEST_CASE("A session whose node has stopped leaves its executor nothing to do",
          "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  auto opened =
      open(cluster.node(1), cluster.clock(1), {.session = {.timeout = milliseconds(1'000)}});
  REQUIRE_FALSE(opened.code);

  cluster.stop(1);

  CHECK(cluster.await_idle());
}

TEST_CASE("An operation may begin when its session is gone", "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), cluster.clock(1));
  REQUIRE_FALSE(opened.code);
  const auto begin_propose = opened.value.async_propose(Bytes::copy_of("a"), Lazy());
  const auto begin_close = opened.value.async_close(Lazy());
  opened.value = Session();

  std::promise<Reply<ProposeResult>> proposed;
  begin_propose([&](error_code code, ProposeResult result) {
    proposed.set_value({code, std::move(result)});
  });
  CHECK(get(proposed.get_future()).value.result.view() == "did a");
  std::promise<error_code> closed;
  begin_close([&](error_code code) { closed.set_value(code); });
  CHECK_FALSE(get(closed.get_future()));
}

TEST_CASE("Closing a session again is no success until it is closed", "[runtime][sessions]") {
  Gate gate;
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(50); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), cluster.clock(1), {.retry_for = milliseconds(0)});
  REQUIRE_FALSE(opened.code);

  gate.hold();
  CHECK(close(opened.value) == Errc::commit_unknown);
  CHECK(close(opened.value) == Errc::commit_unknown);
  gate.release();

  error_code code;
  do {
    code = close(opened.value);  // until what was held back is applied
  } while (code == Errc::commit_unknown);
  CHECK_FALSE(code);
}

TEST_CASE("When the session is found expired an earlier copy may have been applied",
          "[runtime][sessions]") {
  Gate gate;
  const std::string later = encoded(PlainCommand{Bytes::copy_of("later")}, 100'000'000);
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(100); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  std::atomic<int> stamps = 0;
  std::promise<void> second_attempt;
  const auto clock = std::make_shared<ClusterClock>([&] {
    if (++stamps == 3) {  // the session's, the first attempt's, and this
      cluster.propose(1, later);
      second_attempt.set_value();
    }
    return std::uint64_t{0};
  });
  auto opened = open(cluster.node(1), clock);
  REQUIRE_FALSE(opened.code);

  gate.hold();
  auto reply = propose(opened.value, "a");
  get(second_attempt.get_future());
  gate.release();

  CHECK(get(std::move(reply)).code == Errc::commit_unknown);
  CHECK(cluster.machine(1).applied() == Strings{"a", "later"});
  CHECK(get(propose(opened.value, "b")).code == Errc::session_expired);
}

TEST_CASE("Without room for answers commands wait for each other, and are applied once each",
          "[runtime][sessions]") {
  Cluster cluster;
  cluster.add_sessions();
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  auto opened =
      open(cluster.node(leader), cluster.clock(leader), {.session = {.max_answer_bytes = 0}});
  REQUIRE_FALSE(opened.code);

  Strings commands;
  std::vector<std::future<Reply<ProposeResult>>> replies;
  for (const char* command : {"a", "b", "c", "d", "e"}) {
    commands.emplace_back(command);
    replies.push_back(propose(opened.value, command));
  }

  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto reply = get(std::move(replies[i]));
    CHECK_FALSE(reply.code);
    CHECK(reply.value.result.view() == "did " + commands[i]);
  }
  auto applied = cluster.machine(leader).applied();
  std::sort(applied.begin(), applied.end());
  CHECK(applied == commands);
}

TEST_CASE("Options that no session can have are refused", "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  const auto refusal = [&](milliseconds retry_for) {
    const SessionClientOptions options{.retry_for = retry_for};
    CHECK(open(cluster.node(1), cluster.clock(1), options).code == Errc::invalid_option);
    const auto fits = options.validate();
    REQUIRE_FALSE(fits);
    return fits.error().detail();
  };

  CHECK(refusal(milliseconds(-1)) ==
        "retry_for in milliseconds = -1, but it must be from 0 to 2592000000");
  CHECK_THAT(refusal(milliseconds::max()), Catch::Contains("from 0 to 2592000000"));
  CHECK(SessionClientOptions{.retry_for = std::chrono::hours(24 * 30)}.validate());
  CHECK_FALSE(SessionClientOptions{.session = {.max_sessions = 0}}.validate());
}

TEST_CASE("What a session cannot take is refused at once", "[runtime][sessions]") {
  Gate gate;
  Cluster cluster(1, [](NodeOptions& options) { options.max_command_bytes = 100; });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  CHECK(open(cluster.node(1), cluster.clock(1), {.session = {.max_unanswered = 0}}).code ==
        Errc::invalid_option);
  CHECK(open(cluster.node(1), nullptr).code == Errc::invalid_argument);
  auto opened = open(cluster.node(1), cluster.clock(1), {.session = {.max_unanswered = 2}});
  REQUIRE_FALSE(opened.code);
  CHECK(get(propose(opened.value, "")).code == Errc::invalid_argument);
  CHECK(get(propose(opened.value, std::string(100, 'x'))).code == Errc::command_too_large);

  gate.hold();
  auto first = propose(opened.value, "a");
  auto second = propose(opened.value, "b");
  CHECK(get(propose(opened.value, "c")).code == Errc::overloaded);
  gate.release();
  CHECK_FALSE(get(std::move(first)).code);
  CHECK_FALSE(get(std::move(second)).code);
  CHECK_FALSE(get(propose(opened.value, "c")).code);
}

TEST_CASE("A closed session is over for all members", "[runtime][sessions]") {
  Cluster cluster;
  cluster.add_sessions();
  cluster.start_all();
  const std::uint64_t leader = cluster.await_leader();
  auto opened = open(cluster.node(leader), cluster.clock(leader));
  REQUIRE_FALSE(opened.code);
  const SessionId id = opened.value.id();

  CHECK_FALSE(close(opened.value));

  CHECK(get(propose(opened.value, "a")).code == Errc::session_expired);
  const SessionCommand command{id, 1, 1, Bytes::copy_of("a")};
  CHECK(status_of(get(cluster.propose(cluster.somebody_else(leader), encoded(command)))) ==
        SessionStatus::expired);
  CHECK_FALSE(get(cluster.read(leader)).code);
  CHECK(cluster.machine(leader).applied().empty());
}

TEST_CASE("A session may outlive its node", "[runtime][sessions]") {
  Gate gate;
  Cluster cluster(1, [](NodeOptions& options) { options.request_timeout = milliseconds(50); });
  cluster.add_sessions();
  cluster.machine(1).before_apply = gate.pass();
  cluster.start_all();
  cluster.await_leader();
  auto opened = open(cluster.node(1), cluster.clock(1));
  REQUIRE_FALSE(opened.code);
  gate.hold();
  auto reply = propose(opened.value, "a");
  auto stopped = cluster.async_stop(1);
  gate.release();
  get(std::move(stopped));
  cluster.release(1).reset();

  get(std::move(reply));  // with whatever became of it
  CHECK(get(propose(opened.value, "b")).code == Errc::stopped);
}

TEST_CASE("A state machine without sessions cannot open one", "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.await_leader();
  CHECK(open(cluster.node(1), make_cluster_clock()).code == Errc::malformed);
}

TEST_CASE("A session's handlers run on their own executor", "[runtime][sessions]") {
  Cluster cluster(1);
  cluster.add_sessions();
  cluster.start_all();
  cluster.await_leader();
  boost::asio::io_context own;
  std::vector<std::thread::id> ran_on;
  const auto note = [&] { ran_on.push_back(std::this_thread::get_id()); };
  Session session;

  Session::async_open(cluster.node(1),
                      cluster.clock(1),
                      {},
                      boost::asio::bind_executor(own, [&](error_code, Session opened) {
                        note();
                        session = std::move(opened);
                      }));
  own.run();  // kept busy by what has not completed
  own.restart();
  session.async_propose(
      Bytes(), boost::asio::bind_executor(own, [&](error_code, ProposeResult) { note(); }));
  session.async_close(boost::asio::bind_executor(own, [&](error_code) { note(); }));
  own.run();

  CHECK(ran_on == std::vector(3, std::this_thread::get_id()));
}
