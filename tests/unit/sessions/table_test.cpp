// The table of sessions, request by request.
#include "sessions/table.hpp"

#include <string>

#include <catch2/catch.hpp>

#include "sessions/encoding.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test
using sessions::SessionTable;
using std::chrono::milliseconds;

namespace {

/// A table, and a log that grows by one entry with each request.
class Log {
 public:
  SessionId open(const SessionOptions& options = {}) {
    const auto answer = decode_session_answer(table_.open(++last_, options));
    REQUIRE(answer);
    CHECK(answer->status == SessionStatus::opened);
    CHECK(answer->index == last_);
    return SessionId{answer->index.value};
  }
  /// Applies it, if it is to be applied; `response` is what the state machine says then.
  SessionAnswer propose(SessionId session,
                        std::uint64_t sequence,
                        std::uint64_t first_unanswered,
                        const std::string& response = "done") {
    ++last_;
    auto kept =
        table_.admit(last_, {session, sequence, first_unanswered, Bytes::copy_of("command")});
    if (!kept) {
      ++applied_;
      kept = sessions::encode_answer({SessionStatus::applied, last_, Bytes::copy_of(response)});
      table_.keep(session, {sequence, *kept, response.size()});
    }
    const auto answer = decode_session_answer(*kept);
    REQUIRE(answer);
    return *answer;
  }
  SessionStatus keep_alive(SessionId session, std::uint64_t first_unanswered = 1) {
    return decode_session_answer(table_.keep_alive(++last_, {session, first_unanswered}))->status;
  }
  SessionStatus close(SessionId session) {
    ++last_;
    return decode_session_answer(table_.close(session))->status;
  }
  void advance(std::uint64_t cluster_time) { table_.advance(cluster_time); }

  [[nodiscard]] int applied() const { return applied_; }
  [[nodiscard]] const SessionTable& table() const { return table_; }
  [[nodiscard]] std::size_t kept(SessionId session) const {
    return table_.sessions().at(session).kept.size();
  }

 private:
  SessionTable table_;
  Index last_{1};
  int applied_ = 0;
};

}  // namespace

TEST_CASE("A command that is proposed again is applied once, and answered as before",
          "[sessions][thesis:6.3]") {
  Log log;
  const SessionId session = log.open();

  const SessionAnswer first = log.propose(session, 1, 1, "one");
  const SessionAnswer again = log.propose(session, 1, 1, "another");

  CHECK(first.status == SessionStatus::applied);
  CHECK(first.response.view() == "one");
  CHECK(again == first);
  CHECK(log.applied() == 1);
}

TEST_CASE("Sessions number their commands independently of each other", "[sessions]") {
  Log log;
  const SessionId one = log.open();
  const SessionId other = log.open();
  REQUIRE(one != other);

  log.propose(one, 1, 1, "one");

  CHECK(log.propose(other, 1, 1, "other").response.view() == "other");
  CHECK(log.propose(one, 1, 1).response.view() == "one");
  CHECK(log.applied() == 2);
}

TEST_CASE("Commands of a session may come in any order, each once", "[sessions]") {
  Log log;
  const SessionId session = log.open();

  for (const std::uint64_t sequence : {3U, 1U, 4U, 2U})
    CHECK(log.propose(session, sequence, 1, std::to_string(sequence)).response.view() ==
          std::to_string(sequence));
  CHECK(log.applied() == 4);

  for (const std::uint64_t sequence : {1U, 2U, 3U, 4U})
    CHECK(log.propose(session, sequence, 1).response.view() == std::to_string(sequence));
  CHECK(log.applied() == 4);
  CHECK(log.kept(session) == 4);
}

TEST_CASE("Answers that the client has are forgotten, and their commands never applied again",
          "[sessions]") {
  Log log;
  const SessionId session = log.open();
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence)
    log.propose(session, sequence, 1);

  log.propose(session, 6, 4);

  CHECK(log.kept(session) == 3);
  CHECK(log.propose(session, 3, 3).status == SessionStatus::stale);  // a copy that comes late
  CHECK(log.propose(session, 4, 1).status == SessionStatus::applied);
  CHECK(log.propose(session, 3, 1).status == SessionStatus::stale);  // it undoes nothing
  CHECK(log.applied() == 6);

  CHECK(log.keep_alive(session, 7) == SessionStatus::alive);
  CHECK(log.kept(session) == 0);
  CHECK(log.table().sessions().at(session).kept_bytes == 0);
  CHECK(log.propose(session, 6, 1).status == SessionStatus::stale);
}

TEST_CASE("A session that nobody uses for its timeout expires, and not before", "[sessions]") {
  Log log;
  const SessionId session = log.open({.timeout = milliseconds(1'000)});
  const SessionId longer = log.open({.timeout = milliseconds(5'000)});
  log.advance(1'000);
  CHECK(log.propose(session, 1, 1).status == SessionStatus::applied);
  log.advance(2'000);
  CHECK(log.keep_alive(session) == SessionStatus::alive);
  log.advance(3'000);
  CHECK(log.propose(session, 1, 1).status == SessionStatus::applied);  // a replay counts, too

  log.advance(4'001);

  CHECK(log.propose(session, 1, 1).status == SessionStatus::expired);
  CHECK(log.propose(session, 2, 1).status == SessionStatus::expired);
  CHECK(log.keep_alive(session) == SessionStatus::expired);
  CHECK(log.applied() == 1);
  CHECK(log.keep_alive(longer) == SessionStatus::alive);
}

TEST_CASE("Cluster time never goes back", "[sessions]") {
  Log log;
  log.advance(10'000);
  const SessionId session = log.open({.timeout = milliseconds(1'000)});

  log.advance(500);  // a stamp that was under way for long

  CHECK(log.table().cluster_time() == 10'000);
  log.advance(11'000);
  CHECK(log.keep_alive(session) == SessionStatus::alive);
}

TEST_CASE("A stamp far ahead ends all sessions there are, and not the measure of time",
          "[sessions]") {
  constexpr std::uint64_t kLongest = 30ULL * 86'400'000;
  Log log;
  log.advance(10'000);
  const SessionId session = log.open({.timeout = milliseconds(kLongest)});

  log.advance(~0ULL);

  CHECK(log.table().cluster_time() == 10'000 + kLongest + 1);
  CHECK(log.keep_alive(session) == SessionStatus::expired);
  const SessionId next = log.open({.timeout = milliseconds(1'000)});
  log.advance(log.table().cluster_time() + 1'001);
  CHECK(log.keep_alive(next) == SessionStatus::expired);
}

TEST_CASE("At the end of time sessions live on", "[sessions]") {
  SessionTable table(~0ULL - 5);
  const auto opened = decode_session_answer(table.open(Index{2}, {}));
  REQUIRE(opened);

  table.advance(~0ULL);

  CHECK(table.cluster_time() == ~0ULL);
  const KeepSessionAlive alive{SessionId{2}, 1};
  CHECK(decode_session_answer(table.keep_alive(Index{3}, alive))->status == SessionStatus::alive);
}

TEST_CASE("One session too many takes the place of the one that was used least recently",
          "[sessions]") {
  Log log;
  const SessionOptions three{.max_sessions = 3};
  const SessionId first = log.open(three);
  const SessionId second = log.open(three);
  const SessionId third = log.open(three);
  log.propose(first, 1, 1);

  const SessionId fourth = log.open(three);

  CHECK(log.keep_alive(second) == SessionStatus::expired);
  for (const SessionId session : {first, third, fourth})
    CHECK(log.keep_alive(session) == SessionStatus::alive);

  // Another bound, of a member with other settings, holds from then on.
  const SessionId fifth = log.open({.max_sessions = 1});
  CHECK(log.table().sessions().size() == 1);
  CHECK(log.keep_alive(fifth) == SessionStatus::alive);
}

TEST_CASE("Commands far ahead of the oldest unanswered one are refused until it is answered",
          "[sessions]") {
  Log log;
  const SessionId session = log.open({.max_unanswered = 3});
  for (const std::uint64_t sequence : {3U, 2U})
    CHECK(log.propose(session, sequence, 1).status == SessionStatus::applied);

  CHECK(log.propose(session, 4, 1).status == SessionStatus::refused);
  CHECK(log.propose(session, ~0ULL, 1).status == SessionStatus::refused);
  CHECK(log.propose(session, 1, 1).status == SessionStatus::applied);
  CHECK(log.applied() == 3);

  CHECK(log.propose(session, 4, 2).status == SessionStatus::applied);
  CHECK(log.kept(session) == 3);
}

TEST_CASE("When too many bytes of answers are kept only the oldest command is taken",
          "[sessions]") {
  Log log;
  const SessionId session = log.open({.max_answer_bytes = 100});
  const std::string large(100, 'x');
  CHECK(log.propose(session, 2, 1, large).status == SessionStatus::applied);

  CHECK(log.propose(session, 3, 1).status == SessionStatus::refused);
  CHECK(log.propose(session, 2, 1).response.view() == large);  // what is kept stays
  CHECK(log.propose(session, 1, 1, large).status == SessionStatus::applied);
  CHECK(log.propose(session, 3, 1).status == SessionStatus::refused);
  CHECK(log.applied() == 2);

  CHECK(log.propose(session, 3, 3).status == SessionStatus::applied);
  CHECK(log.propose(session, 4, 3).status == SessionStatus::applied);
}

TEST_CASE("The bytes of answers are those that the state machine answered with", "[sessions]") {
  Log log;
  const SessionId session = log.open({.max_answer_bytes = 10});
  for (const std::uint64_t sequence : {2U, 3U})
    CHECK(log.propose(session, sequence, 1, "fives").status == SessionStatus::applied);
  CHECK(log.table().sessions().at(session).kept_bytes == 10);

  CHECK(log.propose(session, 4, 1).status == SessionStatus::refused);
  CHECK(log.propose(session, 4, 3, "").status == SessionStatus::applied);
  CHECK(log.table().sessions().at(session).kept_bytes == 5);
}

TEST_CASE("A session without room for answers still takes one command after the other",
          "[sessions]") {
  Log log;
  const SessionId session = log.open({.max_unanswered = 1, .max_answer_bytes = 0});
  for (std::uint64_t sequence = 1; sequence < 5; ++sequence) {
    CHECK(log.propose(session, sequence + 1, sequence).status == SessionStatus::refused);
    CHECK(log.propose(session, sequence, sequence).status == SessionStatus::applied);
    CHECK(log.propose(session, sequence, sequence).status == SessionStatus::applied);
  }
  CHECK(log.applied() == 4);
}

TEST_CASE("A closed session is unknown, and closing it again is no error", "[sessions]") {
  Log log;
  const SessionId session = log.open();
  log.propose(session, 1, 1);

  CHECK(log.close(session) == SessionStatus::closed);
  CHECK(log.close(session) == SessionStatus::closed);

  CHECK(log.propose(session, 1, 1).status == SessionStatus::expired);
  CHECK(log.keep_alive(session) == SessionStatus::expired);
  CHECK(log.keep_alive(SessionId{99}) == SessionStatus::expired);
  CHECK(log.table().sessions().empty());
  log.advance(1'000'000);  // nothing of it is left to expire
}
