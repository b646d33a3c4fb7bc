// Sessions in snapshots: nothing is lost, and nothing damaged is believed.
#include <functional>

#include "base/protobuf_wire.hpp"
#include "sessions/encoding.hpp"
#include "unit/sessions/session_fixture.hpp"
#include "wire/crc32c.hpp"
#include "wire/little_endian.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above
using base::ProtoWriter;
using std::chrono::milliseconds;
using Strings = std::vector<std::string>;

namespace {

/// Two sessions with answers, one without, and commands outside of them.
class BusyMember : public SessionMember {
 public:
  BusyMember() {
    const SessionId one = open();
    const SessionId other = open({.timeout = milliseconds(20'000), .max_unanswered = 8});
    open();
    apply({PlainCommand{text("a")},
           SessionCommand{one, 1, 1, text("b")},
           SessionCommand{one, 2, 1, text("c")},
           SessionCommand{other, 5, 4, text("d")}},
          10'000);
  }
};

/// A table written by hand, with checksums that fit.
class TableBytes {
 public:
  explicit TableBytes(std::uint32_t version = 1) {
    put("rkitsess");
    put_number(version);
  }
  TableBytes& piece(const std::string& bytes) { return piece(bytes, bytes.size()); }
  TableBytes& piece(const std::string& bytes, std::uint64_t announced) {
    put_number(announced);
    put_number(crc_, false);
    put(bytes);
    put_number(crc_, false);
    return *this;
  }
  TableBytes& head(std::uint64_t applied, std::uint64_t time, std::uint64_t count) {
    ProtoWriter head;
    head.varint(1, applied);
    head.varint(2, time);
    head.varint(3, count);
    return piece(head.bytes());
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void put(const std::string& bytes) {
    crc_ = wire::crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())), crc_);
    bytes_ += bytes;
  }
  template <class Number>
  void put_number(Number number, bool is_covered = true) {
    std::string bytes(sizeof number, '\0');
    wire::store_little_endian(std::as_writable_bytes(std::span(bytes.data(), bytes.size())),
                              number);
    if (is_covered) {
      put(bytes);
    } else {
      bytes_ += bytes;
    }
  }

  std::string bytes_;
  std::uint32_t crc_ = 0;
};

struct SessionFields {
  std::uint64_t id = 5;
  std::uint64_t last_used = 7;
  std::uint64_t last_used_time = 900;
  std::uint64_t first_unanswered = 3;
  SessionOptions options{milliseconds(1'000), 2, 100, 10};
  std::vector<std::pair<std::uint64_t, Bytes>> kept{
      {3, sessions::encode_answer({SessionStatus::applied, Index{6}, text("x")})},
      {4, sessions::encode_answer({SessionStatus::applied, Index{7}, {}})}};

  [[nodiscard]] std::string bytes() const {
    ProtoWriter writer;
    writer.varint(1, id);
    writer.varint(2, last_used);
    writer.varint(3, last_used_time);
    writer.varint(4, first_unanswered);
    sessions::OptionFields::of(options).write(writer);
    for (const auto& [sequence, answer] : kept) {
      writer.always_varint(10, sequence);
      writer.always_text(11, answer.view());
    }
    return writer.bytes();
  }
};

/// What a new member says to this table, of index 8 and time 1,000.
Result<void> restore(const std::string& table) {
  SessionMember member;
  auto restored =
      member.restore({{Term{1}, Index{8}}, std::make_shared<const Membership>()}, table + "a\n");
  CHECK(member.remembers().commands() == (restored ? Strings{"a"} : Strings{}));
  return restored;
}

Result<void> restore_sessions(const std::vector<SessionFields>& sessions) {
  TableBytes table;
  table.head(8, 1'000, sessions.size());
  for (const SessionFields& session : sessions)
    table.piece(session.bytes());
  return restore(table.bytes());
}

/// The complaint about one session that was changed like this.
std::string complaint(const std::function<void(SessionFields&)>& change) {
  SessionFields session;
  change(session);
  const auto restored = restore_sessions({session});
  if (restored) return "none";
  CHECK(restored.error() == Errc::corrupt_data);
  return restored.error().detail();
}

}  // namespace

TEST_CASE("A snapshot carries the sessions: a retry on another member is not applied again",
          "[sessions][thesis:6.3]") {
  BusyMember member;
  const std::string snapshot = member.snapshot();

  for (const std::size_t piece : {1U, 7U, 4096U}) {
    SessionMember other;
    other.apply_one(PlainCommand{text("is replaced")});
    REQUIRE(other.restore(member.meta(), snapshot, piece));
    CHECK(other.remembers().commands() == Strings{"a", "b", "c", "d"});
    CHECK(other.snapshot() == snapshot);

    const auto answer = other.apply_one(SessionCommand{SessionId{2}, 2, 1, text("c")});
    CHECK(answer == SessionAnswer{SessionStatus::applied, Index{7}, text("3")});
    CHECK(other.apply_one(SessionCommand{SessionId{3}, 3, 1, text("e")}).status ==
          SessionStatus::stale);
    CHECK(other.apply_one(SessionCommand{SessionId{3}, 12, 4, text("e")}).status ==
          SessionStatus::refused);
    CHECK(other.remembers().commands() == Strings{"a", "b", "c", "d"});
    // Neither the time nor who was used last was forgotten.
    CHECK(other.apply_one(KeepSessionAlive{SessionId{4}, 1}, 60'000).status ==
          SessionStatus::alive);
    CHECK(other.apply_one(KeepSessionAlive{SessionId{3}, 1}, 60'000).status ==
          SessionStatus::expired);
  }
}

TEST_CASE("A snapshot can be read in pieces of any size, while commands go on", "[sessions]") {
  BusyMember member;
  const std::string whole = member.snapshot();
  const SnapshotMeta meta = member.meta();

  for (const std::size_t piece : {1U, 3U, 64U}) {
    auto source = member.machine().capture(meta);
    REQUIRE(source);
    CHECK((*source)->meta() == meta);
    if (piece == 64U) member.apply_one(SessionCommand{SessionId{2}, 9, 9, text("later")});
    const auto content = drain(**source, piece);
    REQUIRE(content);
    CHECK(*content == whole);
  }
}

TEST_CASE("After a snapshot the bytes of answers are counted as before", "[sessions]") {
  SessionMember member;
  const SessionId session = member.open({.max_answer_bytes = 2});
  member.apply(
      {SessionCommand{session, 2, 1, text("a")}, SessionCommand{session, 3, 1, text("b")}});
  SessionMember other;
  REQUIRE(other.restore(member.meta(), member.snapshot()));

  for (SessionMember* each : {&member, &other}) {
    CHECK(each->apply_one(SessionCommand{session, 4, 1, text("c")}).status ==
          SessionStatus::refused);
    CHECK(each->apply_one(SessionCommand{session, 4, 3, text("c")}).status ==
          SessionStatus::applied);
  }
}

TEST_CASE("A snapshot without any session is one, too", "[sessions]") {
  SessionMember member;
  SessionMember other;
  member.apply_one(PlainCommand{text("a")});
  REQUIRE(other.restore(member.meta(), member.snapshot()));
  CHECK(other.remembers().commands() == Strings{"a"});
}

TEST_CASE("A bit that is turned over anywhere in the table is noticed", "[sessions]") {
  BusyMember member;
  const std::string snapshot = member.snapshot();
  const std::size_t table_size = snapshot.size() - std::string_view("a\nb\nc\nd\n").size();

  for (std::size_t bit = 0; bit < table_size * 8; ++bit) {
    std::string damaged = snapshot;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    SessionMember other;
    const auto restored = other.restore(member.meta(), damaged);
    CAPTURE(bit);
    REQUIRE_FALSE(restored);
    const bool is_version = bit / 8 >= 8 && bit / 8 < 12;
    CHECK(restored.error() == (is_version ? Errc::not_supported : Errc::corrupt_data));
    CHECK(other.remembers().commands().empty());
  }
}

TEST_CASE("A table that is cut short, or lacks a session, is noticed", "[sessions]") {
  BusyMember member;
  const std::string snapshot = member.snapshot();
  const std::size_t table_size = snapshot.size() - std::string_view("a\nb\nc\nd\n").size();
  for (std::size_t size = 0; size < table_size; ++size) {
    SessionMember other;
    const auto restored = other.restore(member.meta(), snapshot.substr(0, size));
    CAPTURE(size);
    REQUIRE_FALSE(restored);
    CHECK(restored.error() == Errc::corrupt_data);
  }

  // Sessions in another order, or left out, fail the checksums that go on from piece to piece.
  const std::string one = SessionFields().bytes();
  const std::string whole = TableBytes().head(8, 1'000, 2).piece(one).bytes();
  const std::string head = TableBytes().head(8, 1'000, 2).bytes();
  const std::string piece = whole.substr(head.size());
  CHECK(restore(head + piece + piece).error() == Errc::corrupt_data);
}

TEST_CASE("The table of another snapshot, or no table, is refused", "[sessions]") {
  CHECK(restore(TableBytes().head(8, 1'000, 0).bytes()));
  CHECK(restore(TableBytes().head(9, 1'000, 0).bytes()).error().detail() ==
        "sessions: the table is of index 9, and the snapshot of index 8");
  CHECK(restore("key=value and so on").error().detail() ==
        "sessions: the snapshot does not begin with a table of sessions");
  const auto newer = restore(TableBytes(2).head(8, 1'000, 0).bytes());
  REQUIRE_FALSE(newer);
  CHECK(newer.error() == Errc::not_supported);
  ProtoWriter head;
  head.varint(1, 8);
  head.varint(4, 1);
  CHECK(restore(TableBytes().piece(head.bytes()).bytes()).error() == Errc::corrupt_data);
  CHECK(restore(TableBytes().piece("\xff").bytes()).error() == Errc::corrupt_data);
  CHECK(restore(TableBytes().piece("", ~0ULL).bytes()).error() == Errc::corrupt_data);
}

TEST_CASE("Sessions that contradict themselves or the snapshot are refused", "[sessions]") {
  CHECK(complaint([](SessionFields&) {}) == "none");
  const auto contains = [](const char* what) { return Catch::Contains(what); };
  CHECK_THAT(complaint([](auto& its) { its.id = 0; }), contains("behind the end"));
  CHECK_THAT(complaint([](auto& its) { its.id = 9; }), contains("behind the end"));
  CHECK_THAT(complaint([](auto& its) { its.last_used = 4; }), contains("before it was opened"));
  CHECK_THAT(complaint([](auto& its) { its.last_used = 9; }), contains("after the snapshot"));
  CHECK_THAT(complaint([](auto& its) { its.last_used_time = 1'001; }), contains("in the future"));
  CHECK_THAT(complaint([](auto& its) { its.options.timeout = milliseconds(999); }),
             contains("timeout"));
  CHECK_THAT(complaint([](auto& its) { its.options.max_unanswered = 0; }),
             contains("max_unanswered"));
  CHECK_THAT(complaint([](auto& its) { its.options.max_unanswered = 1; }),
             contains("more answers"));
  CHECK_THAT(complaint([](auto& its) { its.first_unanswered = 0; }),
             contains("acknowledges nothing"));
  CHECK_THAT(complaint([](auto& its) { its.first_unanswered = 4; }), contains("out of order"));
  CHECK_THAT(complaint([](auto& its) { its.kept[1].first = 3; }), contains("out of order"));
  const auto with_answer = [&](SessionAnswer answer) {
    return complaint([&](auto& its) { its.kept[1].second = sessions::encode_answer(answer); });
  };
  CHECK_THAT(with_answer({SessionStatus::applied, Index{9}, {}}), contains("that is none"));
  CHECK_THAT(with_answer({SessionStatus::applied, Index{5}, {}}), contains("that is none"));
  CHECK_THAT(with_answer({SessionStatus::stale, Index{7}, {}}), contains("that is none"));
  CHECK_THAT(complaint([](auto& its) { its.kept[1].second = text("?"); }),
             contains("that is none"));

  TableBytes expired;
  expired.head(8, 2'000, 1).piece(SessionFields().bytes());
  CHECK_THAT(restore(expired.bytes()).error().detail(), contains("has expired"));
}

TEST_CASE("Sessions that contradict each other are refused", "[sessions]") {
  SessionFields first;
  SessionFields second;
  second.id = 6;
  second.last_used = 8;
  second.kept.clear();
  CHECK(restore_sessions({first, second}));

  second.last_used = 7;
  CHECK_THAT(restore_sessions({first, second}).error().detail(),
             Catch::Contains("same entry as another"));
  second.last_used = 8;
  second.id = 5;
  CHECK_THAT(restore_sessions({first, second}).error().detail(), Catch::Contains("out of order"));
}

TEST_CASE("A session with fields that nobody knows, or in pieces, is refused", "[sessions]") {
  const auto of = [](const std::string& session) {
    return restore(TableBytes().head(8, 1'000, 1).piece(session).bytes());
  };
  const std::string good = SessionFields().bytes();
  ProtoWriter unknown;
  unknown.varint(12, 1);
  ProtoWriter answer;
  answer.always_text(11, "");
  CHECK(of(good));
  CHECK_FALSE(of(good + unknown.bytes()));
  CHECK_FALSE(of(answer.bytes() + good));
  CHECK_FALSE(of(good.substr(0, good.size() - 1)));
}

TEST_CASE("What the wrapped state machine refuses leaves the sessions as they were", "[sessions]") {
  BusyMember member;
  const std::string before = member.snapshot();
  const auto refused = member.restore({{Term{1}, Index{8}}, std::make_shared<const Membership>()},
                                      TableBytes().head(8, 99'000, 0).bytes() + "broken");
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == Errc::io_error);
  CHECK(member.snapshot() == before);
}
