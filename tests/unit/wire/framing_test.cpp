#include "wire/framing.hpp"

#include <optional>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "unit/wire/random_messages.hpp"
#include "wire/crc32c.hpp"
#include "wire/frame_parser.hpp"
#include "wire/frame_writer.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): nearly all of its message types
using wire::ConnectionSeed;
using wire::FrameHeader;
using wire::FrameKind;
using wire::FrameParser;
using wire::FrameWriter;
using wire::WriteBatch;

namespace {

constexpr std::size_t kLimit = std::size_t{16} << 20;
constexpr ConnectionSeed kSeed{0x1234};

std::vector<std::byte> joined(WriteBatch& batch) {
  std::vector<std::byte> all;
  for (const auto buffer : batch.buffers())
    all.insert(all.end(), buffer.begin(), buffer.end());
  CHECK(all.size() == batch.bytes());
  return all;
}

/// All frames of the messages, one message after the other.
std::vector<std::byte> framed(const std::vector<Envelope>& envelopes, ConnectionSeed seed = kSeed) {
  FrameWriter writer(seed, kLimit);
  WriteBatch batch;
  for (const Envelope& envelope : envelopes) {
    REQUIRE(writer.begin(envelope));
    const MessageClass message_class = raftkit::message_class(envelope.message);
    while (writer.is_busy(message_class))
      writer.write_frame(message_class, batch);
  }
  return joined(batch);
}

/// A receiver: bytes go in, in segments; messages come out.
class Receiver {
 public:
  explicit Receiver(std::size_t limit = kLimit) : parser(kSeed, limit), decoder_(limit) {}

  void feed(std::span<const std::byte> bytes) {
    while (!bytes.empty() && !error) {
      const auto room = parser.prepare();
      const auto first = bytes.first(std::min(bytes.size(), room[0].size()));
      std::copy(first.begin(), first.end(), room[0].begin());
      const auto rest = bytes.subspan(first.size());
      const auto second = rest.first(std::min(rest.size(), room[1].size()));
      std::copy(second.begin(), second.end(), room[1].begin());
      parser.commit(first.size() + second.size());
      bytes = rest.subspan(second.size());
      drain();
    }
  }

  std::vector<Envelope> messages;
  std::optional<Error> error;
  FrameParser parser;

 private:
  void drain() {
    while (!error) {
      auto received = parser.next();
      if (!received) {
        error = received.error();
        return;
      }
      if (!*received) return;
      auto envelope = decoder_.decode(**received);
      if (envelope) messages.push_back(*std::move(envelope));
      if (!envelope) error = envelope.error();
    }
  }

  wire::Decoder decoder_;
};

Bytes bytes_of(std::size_t size, char fill) {
  return Bytes::copy_of(std::string(size, fill));
}

Envelope append(std::size_t payload_bytes, std::uint64_t index = 1) {
  AppendRequest request;
  request.previous = {Term{1}, Index{index - 1}};
  request.entries.push_back(
      {{Term{1}, Index{index}}, EntryType::normal, bytes_of(payload_bytes, 'p')});
  return {GroupId{}, NodeId{1}, NodeId{2}, Term{1}, request};
}

Envelope heartbeat(std::uint64_t round) {
  return {GroupId{}, NodeId{1}, NodeId{2}, Term{1}, HeartbeatRequest{Index{}, round}};
}

/// A frame with any header, checksums as they should be.
std::vector<std::byte> forged(FrameHeader header, std::span<const std::byte> body) {
  header.body_crc = wire::crc32c(body);
  const auto bytes = encode(header, kSeed);
  std::vector<std::byte> frame(bytes.begin(), bytes.end());
  frame.insert(frame.end(), body.begin(), body.end());
  return frame;
}

}  // namespace

TEST_CASE("Messages come out of a stream as they went in, however it is cut", "[wire]") {
  rc::prop("any messages, any segments", [] {
    const auto envelopes = *rc::gen::container<std::vector<Envelope>>(
        *rc::gen::inRange<std::size_t>(0, 6), test::any_envelope());
    const auto stream = framed(envelopes);
    Receiver receiver;
    std::span<const std::byte> rest(stream);
    while (!rest.empty()) {
      const auto length = std::min(rest.size(), *rc::gen::inRange<std::size_t>(1, 100'000));
      receiver.feed(rest.first(length));
      rest = rest.subspan(length);
    }
    RC_ASSERT(!receiver.error.has_value());
    RC_ASSERT(receiver.messages == envelopes);
  });
}

TEST_CASE("Segments of a single byte are enough", "[wire]") {
  const std::vector<Envelope> envelopes = {heartbeat(1), append(70'000), append(5), heartbeat(2)};
  const auto stream = framed(envelopes);
  Receiver receiver;
  for (const std::byte& byte : stream)
    receiver.feed({&byte, 1});
  CHECK_FALSE(receiver.error);
  CHECK(receiver.messages == envelopes);
}

TEST_CASE("A control message overtakes a large append between two of its frames", "[wire]") {
  FrameWriter writer(kSeed, kLimit);
  WriteBatch batch;
  REQUIRE(writer.begin(append(200'000)));
  writer.write_frame(MessageClass::bulk, batch);
  REQUIRE(writer.begin(heartbeat(7)));
  writer.write_frame(MessageClass::control, batch);
  CHECK_FALSE(writer.is_busy(MessageClass::control));
  while (writer.is_busy(MessageClass::bulk))
    writer.write_frame(MessageClass::bulk, batch);

  Receiver receiver;
  receiver.feed(joined(batch));
  CHECK_FALSE(receiver.error);
  CHECK(receiver.messages == std::vector{heartbeat(7), append(200'000)});
}

TEST_CASE("No frame is larger than its limit", "[wire]") {
  FrameWriter writer(kSeed, kLimit);
  REQUIRE(writer.begin(append(300'000)));
  std::size_t frames = 0;
  while (writer.is_busy(MessageClass::bulk)) {
    WriteBatch batch;
    writer.write_frame(MessageClass::bulk, batch);
    CHECK(batch.bytes() <= wire::kFrameHeaderBytes + wire::kMaxFrameBodyBytes);
    ++frames;
  }
  CHECK(frames == 5);
}

TEST_CASE("A large payload is sent from where it is and received where it stays", "[wire]") {
  const Envelope envelope = append(100'000);
  const Bytes& payload = std::get<AppendRequest>(envelope.message).entries[0].payload;
  FrameWriter writer(kSeed, kLimit);
  WriteBatch batch;
  REQUIRE(writer.begin(envelope));
  writer.write_frame(MessageClass::bulk, batch);
  const auto buffers = batch.buffers();
  REQUIRE(buffers.size() == 2);
  CHECK(buffers[1].data() == payload.data());

  FrameParser parser(kSeed, kLimit);
  std::copy(buffers[0].begin(), buffers[0].end(), parser.prepare()[1].begin());
  parser.commit(buffers[0].size());
  REQUIRE(parser.next());
  CHECK(parser.prepare()[0].size() == buffers[1].size());
}

TEST_CASE("Small payloads are gathered into one buffer", "[wire]") {
  FrameWriter writer(kSeed, kLimit);
  WriteBatch batch;
  for (std::uint64_t index = 1; index <= 10; ++index) {
    REQUIRE(writer.begin(append(256, index)));
    writer.write_frame(MessageClass::bulk, batch);
  }
  CHECK(batch.buffers().size() == 1);
}

TEST_CASE("A second message of a class waits for the first", "[wire]") {
  FrameWriter writer(kSeed, kLimit);
  REQUIRE(writer.begin(append(200'000)));
  CHECK(writer.begin(append(1)).error() == Errc::invalid_argument);
}

TEST_CASE("A message that cannot be sent leaves no trace in the stream", "[wire]") {
  FrameWriter writer(kSeed, 1000);
  WriteBatch batch;
  CHECK(writer.begin(append(2000)).error() == Errc::message_too_large);
  CHECK_FALSE(writer.is_busy(MessageClass::bulk));
  writer.write_frame(MessageClass::bulk, batch);
  CHECK(batch.empty());
  REQUIRE(writer.begin(append(10)));
  writer.write_frame(MessageClass::bulk, batch);

  Receiver receiver(1000);
  receiver.feed(joined(batch));
  CHECK(receiver.messages == std::vector{append(10)});
}

TEST_CASE("Pings carry nothing and are counted", "[wire]") {
  FrameWriter writer(kSeed, kLimit);
  WriteBatch batch;
  writer.write_ping(batch);
  REQUIRE(writer.begin(heartbeat(1)));
  writer.write_frame(MessageClass::control, batch);
  writer.write_ping(batch);

  Receiver receiver;
  receiver.feed(joined(batch));
  CHECK(receiver.messages == std::vector{heartbeat(1)});
  CHECK(receiver.parser.frames() == 3);
}

TEST_CASE("A stream that is cut short yields no message that was not complete", "[wire]") {
  const auto stream = framed({append(100), append(5000, 2)});
  const auto first = framed({append(100)}).size();
  for (std::size_t length = 0; length < stream.size(); ++length) {
    Receiver receiver;
    receiver.feed(std::span(stream).first(length));
    CHECK_FALSE(receiver.error);
    CHECK(receiver.messages.size() == (length < first ? 0 : 1));
  }
}

TEST_CASE("Every flipped bit is noticed", "[wire]") {
  const auto stream = framed({append(100), heartbeat(1)});
  for (std::size_t bit = 0; bit < stream.size() * 8; ++bit) {
    auto flipped = stream;
    flipped[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << (bit % 8))};
    Receiver receiver;
    receiver.feed(flipped);
    REQUIRE(receiver.error);
    CHECK(*receiver.error == Errc::malformed);
  }
}

TEST_CASE("Frames that were recorded on another connection do not fit", "[wire]") {
  Receiver receiver;
  receiver.feed(framed({heartbeat(1)}, ConnectionSeed{0x1235}));
  REQUIRE(receiver.error);
  CHECK(ConnectionSeed::from_nonces(1, 2).value != ConnectionSeed::from_nonces(2, 1).value);
}

TEST_CASE("A frame that comes twice, or is missing, ends the connection", "[wire]") {
  const auto frame = framed({heartbeat(1)});
  const auto both = framed({heartbeat(1), heartbeat(2)});
  Receiver twice;
  twice.feed(frame);
  twice.feed(frame);
  CHECK(twice.messages.size() == 1);
  REQUIRE(twice.error);
  CHECK(*twice.error == Errc::malformed);

  Receiver missing;
  missing.feed(std::span(both).subspan(frame.size()));
  REQUIRE(missing.error);
  CHECK(*missing.error == Errc::malformed);
}

TEST_CASE("A message over the limit is refused before memory is taken for it", "[wire]") {
  FrameHeader header{FrameKind::bulk, 65536, 0, 10, 0xffffffff, GroupId{}, 0, 0};
  Receiver receiver;
  receiver.feed(encode(header, kSeed));
  REQUIRE(receiver.error);
  CHECK(*receiver.error == Errc::message_too_large);
}

TEST_CASE("Headers that contradict themselves are refused", "[wire]") {
  const std::vector<std::byte> body(10, std::byte{'x'});
  FrameHeader header{FrameKind::bulk, 10, 0, 10, 10, GroupId{}, 0, 0};
  SECTION("a body larger than its message") {
    header.message_bytes = 9;
  }
  SECTION("a body over the limit of a frame") {
    header.body_bytes = header.message_bytes = 65537;
  }
  SECTION("no body") {
    header.body_bytes = 0;
  }
  SECTION("a head larger than its message") {
    header.head_bytes = 11;
  }
  SECTION("no head") {
    header.head_bytes = 0;
  }
  SECTION("an offset that wraps around") {
    header.offset = 0xffffffff;
  }
  SECTION("a continuation of nothing") {
    header.offset = 10;
    header.message_bytes = 20;
  }
  SECTION("a ping with content") {
    header.kind = FrameKind::ping;
  }
  SECTION("an unknown kind") {
    header.kind = static_cast<FrameKind>(3);
  }
  Receiver receiver;
  receiver.feed(forged(header, body));
  REQUIRE(receiver.error);
  CHECK(*receiver.error == Errc::malformed);
}

TEST_CASE("The frames of a message must follow each other without gap", "[wire]") {
  const std::vector<std::byte> body(100, std::byte{'x'});
  const FrameHeader first{FrameKind::bulk, 100, 0, 10, 300, GroupId{}, 0, 0};
  FrameHeader second = first;
  second.sequence = 1;
  second.offset = 100;
  SECTION("a gap") {
    second.offset = 101;
  }
  SECTION("a repetition") {
    second.offset = 99;
  }
  SECTION("another message") {
    second.offset = 0;
  }
  SECTION("another size") {
    second.message_bytes = 301;
  }
  SECTION("another head") {
    second.head_bytes = 11;
  }
  SECTION("another group") {
    second.group = GroupId{1};
  }
  SECTION("a small message in between") {
    second.offset = 0;
    second.message_bytes = 100;
  }
  Receiver receiver;
  receiver.feed(forged(first, body));
  REQUIRE_FALSE(receiver.error);
  receiver.feed(forged(second, body));
  REQUIRE(receiver.error);
  CHECK(*receiver.error == Errc::malformed);
}

TEST_CASE("Random bytes are no frames", "[wire]") {
  rc::prop("an error, or too short to tell", [] {
    const auto bytes =
        *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
    Receiver receiver;
    receiver.feed(std::as_bytes(std::span(bytes)));
    RC_ASSERT(receiver.messages.empty());
    RC_ASSERT(receiver.error.has_value() == (bytes.size() >= wire::kFrameHeaderBytes));
  });
}
