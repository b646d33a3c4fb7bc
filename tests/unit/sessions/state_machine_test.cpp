#include "unit/sessions/session_fixture.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

TEST_CASE("The wrapped state machine sees each command once, at its place in the log",
          "[sessions][thesis:6.3]") {
  SessionMember member;
  const SessionId session = member.open();  // at index 2

  const auto answers = member.apply({PlainCommand{text("a")},
                                     SessionCommand{session, 1, 1, text("b")},
                                     SessionCommand{session, 1, 1, text("b")},
                                     PlainCommand{text("a")},
                                     SessionCommand{session, 1, 1, text("b")}});

  CHECK(member.remembers().commands() == Strings{"a", "b", "a"});
  CHECK(answers[0] == SessionAnswer{SessionStatus::applied, Index{3}, text("1")});
  CHECK(answers[1] == SessionAnswer{SessionStatus::applied, Index{4}, text("2")});
  CHECK(answers[2] == answers[1]);
  CHECK(answers[3] == SessionAnswer{SessionStatus::applied, Index{6}, text("3")});
  CHECK(answers[4] == answers[1]);
}

TEST_CASE("Where a batch ends does not matter", "[sessions]") {
  const SessionId session{2};
  const SessionOptions narrow{
      .timeout = milliseconds(1'000), .max_unanswered = 4, .max_answer_bytes = 2};
  const std::vector<SessionRequest> requests = {OpenSession{narrow},
                                                SessionCommand{session, 2, 1, text("b")},
                                                SessionCommand{session, 3, 1, text("c")},
                                                SessionCommand{session, 4, 1, text("d")},
                                                KeepSessionAlive{session, 3},
                                                SessionCommand{session, 4, 3, text("d")},
                                                PlainCommand{text("e")},
                                                CloseSession{session},
                                                SessionCommand{session, 5, 3, text("f")}};
  SessionMember at_once;
  SessionMember one_by_one;

  const auto answers = at_once.apply(requests);

  for (std::size_t i = 0; i < requests.size(); ++i) {
    CAPTURE(i);
    CHECK(one_by_one.apply_one(requests[i]) == answers[i]);
  }
  CHECK(answers[3].status == SessionStatus::refused);
  CHECK(at_once.remembers().commands() == one_by_one.remembers().commands());
  CHECK(at_once.snapshot() == one_by_one.snapshot());
}

TEST_CASE("A session that ends in the middle of a batch still answers what it had begun",
          "[sessions]") {
  SessionMember member;
  const SessionId session = member.open({.timeout = milliseconds(1'000)});
  const auto command = encode_session_request(SessionCommand{session, 1, 1, text("a")}, 0);
  const auto later = encode_session_request(PlainCommand{text("b")}, 5'000);

  const auto answers = member.apply_bytes({*command, *later, *command});

  CHECK(answers[0].status == SessionStatus::applied);
  CHECK(answers[2].status == SessionStatus::expired);
  CHECK(member.remembers().commands() == Strings{"a", "b"});
}

TEST_CASE("Commands of different sessions reach the state machine in one piece", "[sessions]") {
  SessionMember member;
  const SessionId one = member.open();
  const SessionId other = member.open();
  const int calls = member.remembers().calls();

  member.apply({SessionCommand{one, 1, 1, text("a")},
                SessionCommand{other, 1, 1, text("b")},
                PlainCommand{text("c")}});

  CHECK(member.remembers().calls() == calls + 1);
}

TEST_CASE("A batch without commands tells the state machine how far it is", "[sessions]") {
  SessionMember member;
  member.machine().apply({}, {Term{2}, Index{9}}, {});
  CHECK(member.remembers().last() == Index{9});
}

TEST_CASE("What is no request is answered so, and not applied", "[sessions]") {
  SessionMember member;
  const auto answers = member.apply_bytes({text("raw"), text("\xC1rs\x01"), text("rsync")});
  for (const SessionAnswer& answer : answers)
    CHECK(answer.status == SessionStatus::malformed);
  CHECK(member.remembers().commands().empty());
}

TEST_CASE("A request of a later release stops the member instead of dividing the cluster",
          "[sessions]") {
  SessionMember member;
  CHECK_THROWS_WITH(member.apply_bytes({text("\xC1rs\x02whatever")}),
                    Catch::Contains("later release"));
}

TEST_CASE("Whoever proposes on this member learns the time of what it has applied", "[sessions]") {
  SessionMember member;
  member.apply_one(PlainCommand{text("a")}, 1'234);
  CHECK(member.stamp() == 1'234);

  SessionMember other;
  REQUIRE(other.restore(member.meta(), member.snapshot()));
  CHECK(other.stamp() == 1'234);
}

TEST_CASE("A state machine on disk cannot have sessions", "[sessions]") {
  class OnDisk final : public StateMachine {
   public:
    void apply(std::span<const Command>, EntryId, std::span<Bytes>) override {}
    [[nodiscard]] StateMachineKind kind() const override { return StateMachineKind::on_disk; }
  };
  OnDisk disk;
  const auto refused = SessionStateMachine::create(disk, nullptr);
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Errc::not_supported);
  CHECK_FALSE(SessionStateMachine::create(std::make_unique<OnDisk>(), nullptr));
  CHECK(SessionStateMachine::create(std::make_unique<Remembers>(), nullptr));
}

TEST_CASE("A snapshot is of the index it was asked for, whatever the wrapped state machine says",
          "[sessions]") {
  class Confused final : public StateMachine {
   public:
    void apply(std::span<const Command>, EntryId, std::span<Bytes>) override {}
    Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
      return make_snapshot_source({{Term{1}, Index{1}}, meta.membership}, text("content"));
    }
    Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta&) override {
      return make_snapshot_sink([](const std::string&) -> Result<void> { return {}; });
    }
  };
  Confused inner;
  auto machine = SessionStateMachine::create(inner, nullptr);
  REQUIRE(machine);
  const SnapshotMeta meta{{Term{3}, Index{9}}, std::make_shared<const Membership>()};

  auto source = (*machine)->capture(meta);
  REQUIRE(source);
  CHECK((*source)->meta() == meta);
  const auto content = drain(**source);
  REQUIRE(content);
  auto sink = (*machine)->restore(meta);
  REQUIRE(sink);
  CHECK((*sink)->write(std::as_bytes(std::span(content->data(), content->size()))));
  CHECK((*sink)->commit());
}

TEST_CASE("Without snapshots of its own the wrapped state machine has none", "[sessions]") {
  class NoSnapshots final : public StateMachine {
   public:
    void apply(std::span<const Command>, EntryId, std::span<Bytes>) override {}
  };
  NoSnapshots inner;
  auto machine = SessionStateMachine::create(inner, nullptr);
  REQUIRE(machine);
  const SnapshotMeta meta{{Term{1}, Index{1}}, std::make_shared<const Membership>()};
  CHECK((*machine)->capture(meta).error() == Errc::not_supported);
  CHECK((*machine)->restore(meta).error() == Errc::not_supported);
}
