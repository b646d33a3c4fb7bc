// The table of sessions, against a twin that remembers everything and forgets nothing in time.
#include "raftkit/sessions.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <ostream>
#include <tuple>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

namespace raftkit::test {

namespace {

using std::chrono::milliseconds;

/// Counts: its answer tells how many commands were applied before.
class Counter final : public StateMachine {
 public:
  void apply(std::span<const Command> commands, EntryId, std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i)
      results[i] = Bytes::copy_of(
          std::string(commands[i].payload.size(), 'x').append(std::to_string(++count_)));
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    return make_snapshot_source(meta, Bytes::copy_of(std::to_string(count_)));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta&) override {
    return make_snapshot_sink([this](const std::string& content) -> Result<void> {
      count_ = std::stoull(content);
      return {};
    });
  }

 private:
  std::uint64_t count_ = 0;
};

/// Says what each request must be answered, from the whole history, in the simplest way there is.
class Twin {
 public:
  SessionAnswer take(Index at, const SessionRequest& request, std::uint64_t time) {
    constexpr std::uint64_t kThirtyDays = 2'592'000'000;
    time_ = std::max(time_, std::min(time, time_ + kThirtyDays + 1));
    std::erase_if(sessions_, [this](const auto& entry) {
      return time_ - entry.second.used_time > entry.second.timeout;
    });
    return std::visit([&](const auto& its) { return answer(at, its); }, request);
  }

  [[nodiscard]] std::uint64_t time() const { return time_; }

 private:
  struct Session {
    SessionOptions options;
    std::uint64_t timeout = 0;
    std::uint64_t used_time = 0;
    Index used;
    std::uint64_t first_unanswered = 1;
    std::map<std::uint64_t, SessionAnswer> answers;
  };

  SessionAnswer apply(Index at, const Bytes& command) {
    return {SessionStatus::applied,
            at,
            Bytes::copy_of(std::string(command.size(), 'x').append(std::to_string(++count_)))};
  }
  SessionAnswer answer(Index at, const PlainCommand& plain) { return apply(at, plain.command); }
  SessionAnswer answer(Index at, const OpenSession& open) {
    while (sessions_.size() >= open.options.max_sessions) {
      sessions_.erase(
          std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
            return a.second.used < b.second.used;
          }));
    }
    Session& session = sessions_[at.value];
    session.options = open.options;
    session.timeout = static_cast<std::uint64_t>(open.options.timeout.count());
    session.used_time = time_;
    session.used = at;
    return {SessionStatus::opened, at, {}};
  }
  Session* use(Index at, SessionId id, std::uint64_t first_unanswered) {
    const auto found = sessions_.find(id.value);
    if (found == sessions_.end()) return nullptr;
    found->second.used_time = time_;
    found->second.used = at;
    found->second.first_unanswered = std::max(found->second.first_unanswered, first_unanswered);
    return &found->second;
  }
  SessionAnswer answer(Index at, const SessionCommand& command) {
    Session* session = use(at, command.session, command.first_unanswered);
    if (session == nullptr) return {SessionStatus::expired, {}, {}};
    const std::uint64_t first = session->first_unanswered;
    if (command.sequence < first) return {SessionStatus::stale, {}, {}};
    if (session->answers.contains(command.sequence)) return session->answers.at(command.sequence);
    std::uint64_t bytes = 0;
    for (const auto& [sequence, answer] : session->answers)
      bytes += sequence >= first ? answer.response.size() : 0;
    if (command.sequence > first && (command.sequence - first >= session->options.max_unanswered ||
                                     bytes >= session->options.max_answer_bytes))
      return {SessionStatus::refused, {}, {}};
    const SessionAnswer answer = apply(at, command.command);
    session->answers[command.sequence] = answer;
    return answer;
  }
  SessionAnswer answer(Index at, const KeepSessionAlive& alive) {
    const bool is_there = use(at, alive.session, alive.first_unanswered) != nullptr;
    return {is_there ? SessionStatus::alive : SessionStatus::expired, {}, {}};
  }
  SessionAnswer answer(Index /*at*/, const CloseSession& close) {
    sessions_.erase(close.session.value);
    return {SessionStatus::closed, {}, {}};
  }

  std::uint64_t count_ = 0;
  std::uint64_t time_ = 0;
  std::map<std::uint64_t, Session> sessions_;
};

/// What is drawn: a kind of step, and numbers that choose.
using Step = std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t>;
constexpr int kKinds = 12;

/// Members that apply the same log in batches of their own, and restart from each other's
/// snapshots.
class Members {
 public:
  Members() {
    for (auto& machine : machines_)
      machine = fresh();
  }

  void take(const Step& step) {
    const auto& [kind, a, b, c] = step;
    switch (kind) {
      case 0:
        return end_batch(a % 2);
      case 1:
        return restart(a % 2);
      case 2:
        time_ += 500 * (a % 6);  // so that timeouts end exactly now and then
        is_next_stamp_wrong_ = b % 50 == 0;
        return;
      case 3:
        return append(OpenSession{{milliseconds(1'000 + 500 * (a % 10)),
                                   1 + b % 5,
                                   b % 3 == 0 ? 10U : 1'000U,
                                   c % 3 == 0 ? 2U : 5U}});
      case 4:
        return append(PlainCommand{Bytes::copy_of("p")});
      case 5:
        return append(KeepSessionAlive{session(a), 1 + b % 8});
      case 6:
        return append(CloseSession{session(a)});
      default:
        const std::uint64_t first = 1 + b % 8;
        return append(SessionCommand{
            session(a), first + c % 6, first, Bytes::copy_of(std::string(1 + c % 9, 'c'))});
    }
  }

  void finish() {
    for (std::size_t member = 0; member < machines_.size(); ++member) {
      end_batch(member);
      RC_ASSERT(snapshot_of(member) == snapshot_of(0));
    }
  }

 private:
  struct Machine {
    std::unique_ptr<SessionStateMachine> state;
    std::size_t applied = 0;  // of the log
  };

  static Machine fresh() {
    auto made = SessionStateMachine::create(std::make_unique<Counter>(), nullptr);
    RC_ASSERT(static_cast<bool>(made));
    return {*std::move(made), 0};
  }
  [[nodiscard]] SessionId session(std::uint32_t choice) const {
    return opened_.empty() ? SessionId{99} : opened_[choice % opened_.size()];
  }
  static Index at(std::size_t position) { return Index{position + 2}; }
  static Index before(std::size_t position) { return Index{position + 1}; }

  void append(const SessionRequest& request) {
    // Stamps come late, too.
    std::uint64_t stamp = log_.size() % 3 == 0 ? time_ / 2 : time_;
    if (std::exchange(is_next_stamp_wrong_, false)) stamp = ~std::uint64_t{0};
    const Index index = at(log_.size());
    expected_.push_back(twin_.take(index, request, stamp));
    time_ = std::max(time_, twin_.time());
    if (std::holds_alternative<OpenSession>(request)) opened_.emplace_back(index.value);
    log_.push_back(*encode_session_request(request, stamp));
  }
  void end_batch(std::size_t member) {
    Machine& machine = machines_[member];
    std::vector<Command> commands;
    for (std::size_t i = machine.applied; i < log_.size(); ++i)
      commands.push_back({{Term{1}, at(i)}, log_[i]});
    std::vector<Bytes> results(commands.size());
    machine.state->apply(commands, {Term{1}, before(log_.size())}, results);
    for (std::size_t i = 0; i < results.size(); ++i) {
      const auto answer = decode_session_answer(results[i]);
      RC_ASSERT(static_cast<bool>(answer));
      RC_ASSERT(*answer == expected_[machine.applied + i]);
    }
    machine.applied = log_.size();
  }
  [[nodiscard]] SnapshotMeta meta_of(std::size_t member) const {
    return {{Term{1}, before(machines_[member].applied)}, std::make_shared<const Membership>()};
  }
  std::string snapshot_of(std::size_t member) {
    const auto source = machines_[member].state->capture(meta_of(member));
    RC_ASSERT(static_cast<bool>(source));
    std::string content(1 << 16, '\0');
    std::size_t size = 0;
    while (const auto count = *(*source)->read(
               std::as_writable_bytes(std::span(content.data(), content.size()).subspan(size))))
      size += count;
    content.resize(size);
    return content;
  }
  /// From what the other one has.
  void restart(std::size_t member) {
    const std::size_t other = 1 - member;
    end_batch(other);
    const std::string content = snapshot_of(other);
    machines_[member] = fresh();
    const auto sink = machines_[member].state->restore(meta_of(other));
    RC_ASSERT(static_cast<bool>(sink));
    RC_ASSERT(static_cast<bool>(
        (*sink)->write(std::as_bytes(std::span(content.data(), content.size())))));
    const auto committed = (*sink)->commit();
    RC_ASSERT(static_cast<bool>(committed));
    machines_[member].applied = machines_[other].applied;
  }

  std::vector<Bytes> log_;
  std::vector<SessionAnswer> expected_;
  std::vector<SessionId> opened_;
  std::uint64_t time_ = 0;
  bool is_next_stamp_wrong_ = false;
  Twin twin_;
  std::array<Machine, 2> machines_;
};

}  // namespace

TEST_CASE("Sessions answer as a twin that remembers everything, on all members alike",
          "[property][sessions][thesis:6.3]") {
  CHECK(rc::check([] {
    const auto number = rc::gen::inRange<std::uint32_t>(0, 10'000);
    const auto step = rc::gen::tuple(rc::gen::inRange(0, kKinds), number, number, number);
    Members members;
    for (const Step& each : *rc::gen::scale(3, rc::gen::container<std::vector<Step>>(step)))
      members.take(each);
    members.finish();
  }));
}

}  // namespace raftkit::test
