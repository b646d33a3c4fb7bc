#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/sessions.hpp"

#include "sessions/encoding.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test
using std::chrono::milliseconds;

namespace {

Bytes text(std::string_view value) {
  return Bytes::copy_of(value);
}

Bytes encoded(const SessionRequest& request, std::uint64_t time = 0) {
  auto bytes = encode_session_request(request, time);
  REQUIRE(bytes);
  return *std::move(bytes);
}

/// The same, with other fields behind the preamble.
Bytes request_of(const base::ProtoWriter& fields, char version = 1) {
  return text(std::string("\xC1rs") + version + fields.bytes());
}

}  // namespace

TEST_CASE("Every kind of request can be read back", "[sessions]") {
  const SessionOptions options{milliseconds(2'500), 7, 0, 31};
  const auto plain = decode_session_request(encoded(PlainCommand{text("a")}, 5));
  const auto open = decode_session_request(encoded(OpenSession{options}, 6));
  const auto command =
      decode_session_request(encoded(SessionCommand{SessionId{300}, 9, 8, text("abc")}, 7));
  const auto alive = decode_session_request(encoded(KeepSessionAlive{SessionId{300}, 12}, 0));
  const auto close = decode_session_request(encoded(CloseSession{SessionId{1}}, ~0ULL));

  REQUIRE((plain && open && command && alive && close));
  CHECK(std::get<PlainCommand>(plain->request).command == text("a"));
  CHECK(plain->cluster_time == 5);
  CHECK(std::get<OpenSession>(open->request).options == options);
  const auto& read = std::get<SessionCommand>(command->request);
  CHECK(read.session == SessionId{300});
  CHECK(read.sequence == 9);
  CHECK(read.first_unanswered == 8);
  CHECK(read.command == text("abc"));
  CHECK(std::get<KeepSessionAlive>(alive->request).first_unanswered == 12);
  CHECK(std::get<CloseSession>(close->request).session == SessionId{1});
  CHECK(close->cluster_time == ~0ULL);
}

TEST_CASE("A command within a request is not copied when it is read", "[sessions]") {
  const Bytes payload = encoded(SessionCommand{SessionId{3}, 1, 1, text(std::string(1'000, 'x'))});
  CHECK(payload.size() < 1'020);

  const auto read = decode_session_request(payload);

  REQUIRE(read);
  const std::byte* command = std::get<SessionCommand>(read->request).command.data();
  CHECK(command > payload.data());
  CHECK(command < payload.data() + payload.size());
}

TEST_CASE("Requests that cannot be are not encoded", "[sessions]") {
  const auto error_of = [](const SessionRequest& request) {
    const auto encoded = encode_session_request(request, 0);
    return encoded ? error_code() : encoded.error().code();
  };
  CHECK(error_of(PlainCommand{}) == Errc::invalid_argument);
  CHECK(error_of(SessionCommand{SessionId{1}, 1, 1, {}}) == Errc::invalid_argument);
  CHECK(error_of(SessionCommand{SessionId{0}, 1, 1, text("a")}) == Errc::invalid_argument);
  CHECK(error_of(SessionCommand{SessionId{1}, 1, 2, text("a")}) == Errc::invalid_argument);
  CHECK(error_of(SessionCommand{SessionId{1}, 1, 0, text("a")}) == Errc::invalid_argument);
  CHECK(error_of(KeepSessionAlive{SessionId{1}, 0}) == Errc::invalid_argument);
  CHECK(error_of(CloseSession{}) == Errc::invalid_argument);
  CHECK(error_of(OpenSession{{.timeout = milliseconds(999)}}) == Errc::invalid_option);
  CHECK(error_of(OpenSession{{.timeout = std::chrono::hours(24 * 30 + 1)}}) ==
        Errc::invalid_option);
  CHECK(error_of(OpenSession{{.max_unanswered = 0}}) == Errc::invalid_option);
  CHECK(error_of(OpenSession{{.max_unanswered = 1'025}}) == Errc::invalid_option);
  CHECK(error_of(OpenSession{{.max_answer_bytes = (64U << 20) + 1}}) == Errc::invalid_option);
  CHECK(error_of(OpenSession{{.max_sessions = 0}}) == Errc::invalid_option);
  CHECK(error_of(OpenSession{{.max_sessions = 100'001}}) == Errc::invalid_option);
  CHECK_FALSE(error_of(OpenSession{{milliseconds(1'000), 1, 0, 1}}));
  CHECK_FALSE(error_of(OpenSession{{std::chrono::hours(24 * 30), 1'024, 64U << 20, 100'000}}));

  const auto refused = SessionOptions{.max_unanswered = 5'000}.validate();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail() == "max_unanswered = 5000, but it must be from 1 to 1024");
}

TEST_CASE("A request is at most 64 bytes longer than its command", "[sessions]") {
  const Bytes command = text(std::string(300, 'x'));
  const SessionCommand longest{SessionId{~0ULL}, ~0ULL, ~0ULL, command};
  CHECK(encoded(longest, ~0ULL).size() <= command.size() + 64);
}

TEST_CASE("What is no request is malformed, whatever it is", "[sessions]") {
  const auto is_malformed = [](const Bytes& payload) {
    const auto read = decode_session_request(payload);
    return !read && read.error() == Errc::malformed;
  };
  CHECK(is_malformed({}));
  CHECK(is_malformed(text("put x 1")));
  CHECK(is_malformed(text("rs")));
  CHECK(is_malformed(text("rs\x02 it is")));
  CHECK(is_malformed(text("rsync me")));
  for (const int version : {0x00, 0x20, 0x79, 0x80, 0xff}) {
    CAPTURE(version);
    CHECK(is_malformed(request_of({}, static_cast<char>(version))));
  }
  CHECK(is_malformed(request_of({})));  // no kind

  const Bytes whole = encoded(SessionCommand{SessionId{300}, 9, 8, text("abc")}, 1'000);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK(is_malformed(whole.slice(0, size)));
  }

  base::ProtoWriter unknown;
  unknown.varint(1, 1);
  unknown.text(15, "a");
  CHECK_FALSE(is_malformed(request_of(unknown)));
  unknown.varint(12, 1);
  CHECK(is_malformed(request_of(unknown)));

  base::ProtoWriter foreign;  // a plain command with a session
  foreign.varint(1, 1);
  foreign.varint(3, 7);
  foreign.text(15, "a");
  CHECK(is_malformed(request_of(foreign)));

  base::ProtoWriter number;  // where the command should be
  number.varint(1, 1);
  number.varint(15, 1);
  CHECK(is_malformed(request_of(number)));

  base::ProtoWriter options;  // out of their bounds, far and very far
  options.varint(1, 2);
  options.varint(6, ~0ULL);
  options.varint(7, (1ULL << 32) + 1);
  options.varint(9, (1ULL << 32) + 1);
  CHECK(is_malformed(request_of(options)));
}

TEST_CASE("A request of a later release is no malformed one", "[sessions]") {
  base::ProtoWriter fields;
  fields.varint(1, 1);
  for (const char version : {'\2', '\37'}) {
    const auto read = decode_session_request(request_of(fields, version));
    REQUIRE_FALSE(read);
    CHECK(read.error() == Errc::not_supported);
  }
}

TEST_CASE("Answers can be read back, and what is none is malformed", "[sessions]") {
  const std::vector<SessionAnswer> answers = {
      {SessionStatus::applied, Index{77}, text("done")},
      {SessionStatus::applied, Index{77}, {}},
      {SessionStatus::opened, Index{3}, {}},
      {SessionStatus::expired, {}, {}},
      {SessionStatus::malformed, {}, {}},
  };
  for (const SessionAnswer& answer : answers) {
    const auto read = decode_session_answer(sessions::encode_answer(answer));
    REQUIRE(read);
    CHECK(*read == answer);
  }
  CHECK_FALSE(decode_session_answer({}));
  CHECK_FALSE(decode_session_answer(text("ok")));
  CHECK_FALSE(decode_session_answer(
      sessions::encode_answer({static_cast<SessionStatus>(9), Index{1}, {}})));
  CHECK_FALSE(decode_session_answer(
      sessions::encode_answer({static_cast<SessionStatus>(0), Index{1}, {}})));
}
