// Requests and answers as they lie in the log: four bytes that say what this is, and fields as in
// protocol buffers. Strict: all members must take the same bytes for the same request, so nothing
// is skipped, and a new field needs a new version.
//
//   request   C1 "rs" 1 · 1 kind · 2 cluster time · 3 session · 4 sequence · 5 first unanswered ·
//             6 timeout in ms · 7 max unanswered · 8 max answer bytes · 9 max sessions · 15 command
//   answer    1 status · 2 index · 15 response
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "raftkit/sessions.hpp"

#include "base/protobuf_wire.hpp"
#include "sessions/encoding.hpp"

namespace raftkit {

namespace {

// Who forgets the envelope must be told so, and not stop the cluster as a later release would: C1
// is in no text, and the version after it is one of few.
constexpr std::string_view kMagic = "\xC1rs";
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kLastVersion = 31;  // that a later release may have
constexpr std::size_t kPreambleBytes = 4;
constexpr std::uint32_t kContentField = 15;

enum class Kind : std::uint8_t { plain = 1, open = 2, command = 3, keep_alive = 4, close = 5 };

/// All fields of all kinds; what a kind does not have is 0.
struct Fields {
  std::uint64_t kind = 0;
  std::uint64_t time = 0;
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  std::uint64_t first_unanswered = 0;
  sessions::OptionFields options = {};
  std::string_view command = {};

  friend bool operator==(const Fields&, const Fields&) = default;
};

Fields fields_of(const PlainCommand& plain) {
  return {.kind = static_cast<std::uint64_t>(Kind::plain), .command = plain.command.view()};
}

Fields fields_of(const OpenSession& open) {
  return {.kind = static_cast<std::uint64_t>(Kind::open),
          .options = sessions::OptionFields::of(open.options)};
}

Fields fields_of(const SessionCommand& command) {
  return {.kind = static_cast<std::uint64_t>(Kind::command),
          .session = command.session.value,
          .sequence = command.sequence,
          .first_unanswered = command.first_unanswered,
          .command = command.command.view()};
}

Fields fields_of(const KeepSessionAlive& alive) {
  return {.kind = static_cast<std::uint64_t>(Kind::keep_alive),
          .session = alive.session.value,
          .first_unanswered = alive.first_unanswered};
}

Fields fields_of(const CloseSession& close) {
  return {.kind = static_cast<std::uint64_t>(Kind::close), .session = close.session.value};
}

Result<void> check(const PlainCommand& plain) {
  if (plain.command.empty()) return Error(Errc::invalid_argument, "an empty command");
  return {};
}

Result<void> check(const OpenSession& open) {
  return open.options.validate();
}

Result<void> check_session(SessionId session, std::uint64_t first_unanswered) {
  if (session.value == 0) return Error(Errc::invalid_argument, "a session has no number 0");
  if (first_unanswered == 0)
    return Error(Errc::invalid_argument, "commands are numbered from 1 on");
  return {};
}

Result<void> check(const SessionCommand& command) {
  if (command.command.empty()) return Error(Errc::invalid_argument, "an empty command");
  if (command.first_unanswered > command.sequence) {
    return Error(
        Errc::invalid_argument,
        "command " + std::to_string(command.sequence) + " cannot be answered when it is proposed");
  }
  return check_session(command.session, command.first_unanswered);
}

Result<void> check(const KeepSessionAlive& alive) {
  return check_session(alive.session, alive.first_unanswered);
}

Result<void> check(const CloseSession& close) {
  return check_session(close.session, 1);
}

Result<Fields> read_fields(std::string_view body) {
  Fields fields;
  base::ProtoReader reader(body);
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        fields.kind = reader.number();
        break;
      case 2:
        fields.time = reader.number();
        break;
      case 3:
        fields.session = reader.number();
        break;
      case 4:
        fields.sequence = reader.number();
        break;
      case 5:
        fields.first_unanswered = reader.number();
        break;
      case kContentField:
        fields.command = reader.text();
        break;
      default:
        if (!fields.options.take(*field, reader.number()))
          return Error(Errc::malformed, "an unknown field " + std::to_string(*field));
    }
  }
  if (reader.failed()) return Error(Errc::malformed, "cut short");
  return fields;
}

Result<SessionRequest> request_of(const Fields& fields, const Bytes& command) {
  const SessionId session{fields.session};
  switch (static_cast<Kind>(fields.kind)) {
    case Kind::plain:
      return PlainCommand{command};
    case Kind::open: {
      const auto options = fields.options.options();
      if (!options) return Error(Errc::malformed, options.error().detail());
      return OpenSession{*options};
    }
    case Kind::command:
      return SessionCommand{session, fields.sequence, fields.first_unanswered, command};
    case Kind::keep_alive:
      return KeepSessionAlive{session, fields.first_unanswered};
    case Kind::close:
      return CloseSession{session};
  }
  return Error(Errc::malformed, "an unknown kind of request");
}

/// Part of `whole`, which `part` must point into.
Bytes slice_of(const Bytes& whole, std::string_view part) {
  if (part.empty()) return {};
  return whole.slice(static_cast<std::size_t>(part.data() - whole.view().data()), part.size());
}

}  // namespace

// The bounds are part of the request's version: a request beyond them is malformed on every member,
// or the members part.
Result<void> SessionOptions::validate() const {
  using std::to_string;
  const auto bounds = [](const char* name, auto value, auto least, auto most) -> Result<void> {
    if (value >= least && value <= most) return {};
    return Error(Errc::invalid_option,
                 std::string(name) + " = " + to_string(value) + ", but it must be from " +
                     to_string(least) + " to " + to_string(most));
  };
  if (auto fits = bounds("timeout in milliseconds",
                         timeout.count(),
                         std::chrono::milliseconds::rep{1'000},
                         sessions::kLongestTimeout.count());
      !fits)
    return fits;
  if (auto fits = bounds("max_unanswered", max_unanswered, 1U, 1'024U); !fits) return fits;
  if (auto fits =
          bounds("max_answer_bytes", max_answer_bytes, std::uint64_t{0}, std::uint64_t{64} << 20);
      !fits)
    return fits;
  return bounds("max_sessions", max_sessions, 1U, 100'000U);
}

Result<Bytes> encode_session_request(const SessionRequest& request, std::uint64_t cluster_time) {
  if (auto fits = std::visit([](const auto& its) { return check(its); }, request); !fits)
    return std::move(fits).error();
  const Fields fields = std::visit([](const auto& its) { return fields_of(its); }, request);
  base::ProtoWriter head;
  head.varint(1, fields.kind);
  head.varint(2, cluster_time);
  head.varint(3, fields.session);
  head.varint(4, fields.sequence);
  head.varint(5, fields.first_unanswered);
  fields.options.write(head);
  if (!fields.command.empty()) head.text_head(kContentField, fields.command.size());
  constexpr auto kVersionByte = static_cast<char>(kVersion);
  return sessions::concatenate(
      {kMagic, std::string_view(&kVersionByte, 1), head.bytes(), fields.command});
}

Result<StampedSessionRequest> decode_session_request(const Bytes& payload) {
  const std::string_view bytes = payload.view();
  if (bytes.size() < kPreambleBytes || !bytes.starts_with(kMagic))
    return Error(Errc::malformed, "not a request of a session");
  // Whether a plain char has a sign depends on the processor, and members must agree.
  const auto version = static_cast<std::uint8_t>(bytes[kPreambleBytes - 1]);
  if (version < kVersion || version > kLastVersion)
    return Error(Errc::malformed, "not a request of a session");
  if (version > kVersion)
    return Error(Errc::not_supported, "a session's request is of a later release");
  auto fields = read_fields(bytes.substr(kPreambleBytes));
  if (!fields) return std::move(fields).error();
  auto request = request_of(*fields, slice_of(payload, fields->command));
  if (!request) return std::move(request).error();
  const auto fits = std::visit([](const auto& its) { return check(its); }, *request);
  if (!fits) return Error(Errc::malformed, fits.error().detail());
  // Nothing that this kind does not have.
  Fields expected = std::visit([](const auto& its) { return fields_of(its); }, *request);
  expected.time = fields->time;
  if (expected != *fields) return Error(Errc::malformed, "a field of another kind of request");
  return StampedSessionRequest{*std::move(request), fields->time};
}

Result<SessionAnswer> decode_session_answer(const Bytes& result) {
  SessionAnswer answer;
  std::uint64_t status = 0;
  std::string_view response;
  base::ProtoReader reader(result.view());
  while (const auto field = reader.next()) {
    switch (*field) {
      case 1:
        status = reader.number();
        break;
      case 2:
        answer.index = Index{reader.number()};
        break;
      case kContentField:
        response = reader.text();
        break;
      default:
        break;  // of a later release, which answers; nothing depends on it here
    }
  }
  constexpr auto kFirst = static_cast<std::uint64_t>(SessionStatus::applied);
  constexpr auto kLast = static_cast<std::uint64_t>(SessionStatus::malformed);
  if (reader.failed() || status < kFirst || status > kLast)
    return Error(Errc::malformed, "not an answer of a session");
  answer.status = static_cast<SessionStatus>(status);
  answer.response = slice_of(result, response);
  return answer;
}

namespace sessions {

OptionFields OptionFields::of(const SessionOptions& options) {
  return {static_cast<std::uint64_t>(options.timeout.count()),
          options.max_unanswered,
          options.max_answer_bytes,
          options.max_sessions};
}

bool OptionFields::take(std::uint32_t field, std::uint64_t value) {
  switch (field) {
    case 6:
      timeout_milliseconds = value;
      return true;
    case 7:
      max_unanswered = value;
      return true;
    case 8:
      max_answer_bytes = value;
      return true;
    case 9:
      max_sessions = value;
      return true;
    default:
      return false;
  }
}

void OptionFields::write(base::ProtoWriter& writer) const {
  writer.varint(6, timeout_milliseconds);
  writer.varint(7, max_unanswered);
  writer.varint(8, max_answer_bytes);
  writer.varint(9, max_sessions);
}

Result<SessionOptions> OptionFields::options() const {
  const auto narrow = [](std::uint64_t value) {
    constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
    return static_cast<std::uint32_t>(std::min(value, kMost));  // which is out of bounds
  };
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  const SessionOptions options{
      std::chrono::milliseconds(static_cast<std::int64_t>(std::min(timeout_milliseconds, kMost))),
      narrow(max_unanswered),
      max_answer_bytes,
      narrow(max_sessions)};
  if (auto fits = options.validate(); !fits) return std::move(fits).error();
  return options;
}

Bytes encode_answer(const SessionAnswer& answer) {
  base::ProtoWriter head;
  head.varint(1, static_cast<std::uint64_t>(answer.status));
  head.varint(2, answer.index.value);
  const std::string_view response = answer.response.view();
  if (!response.empty()) head.text_head(kContentField, response.size());
  return concatenate({head.bytes(), response});
}

Bytes concatenate(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts)
    size += part.size();
  return Bytes::build(size, [&](std::span<std::byte> bytes) {
    for (const std::string_view part : parts) {
      if (!part.empty()) std::memcpy(bytes.data(), part.data(), part.size());
      bytes = bytes.subspan(part.size());
    }
  });
}

}  // namespace sessions

}  // namespace raftkit
