#include "wire/codec.hpp"

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

#include "unit/wire/random_messages.hpp"
#include "wire/raftkit.pb.h"

using namespace raftkit;  // NOLINT(google-build-using-namespace): nearly all of its message types
using wire::Decoder;
using wire::EncodedMessage;
using wire::Encoder;
using wire::ReceivedMessage;

namespace {

constexpr std::size_t kLimit = std::size_t{16} << 20;

/// The bytes behind the head, in one piece.
std::shared_ptr<std::string> joined_payloads(const EncodedMessage& encoded) {
  auto all = std::make_shared<std::string>();
  for (const Bytes& payload : encoded.payloads)
    all->append(payload.view());
  return all;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

Result<Envelope> decode(const proto::Envelope& head, const std::string& payloads = {}) {
  return Decoder(kLimit).decode(
      {GroupId{0}, bytes_of(head.SerializeAsString()), bytes_of(payloads), nullptr});
}

/// Two entries after 5/10 in term 7 with the payloads "ab" and "c".
proto::Envelope good_append() {
  proto::Envelope head;
  head.set_from(1);
  head.set_to(2);
  head.set_term(7);
  auto& append = *head.mutable_append_request();
  append.set_previous_term(5);
  append.set_previous_index(10);
  append.add_entry_terms(5);
  append.add_entry_terms(7);
  append.add_payload_bytes(2);
  append.add_payload_bytes(1);
  return head;
}

}  // namespace

TEST_CASE("Every message survives encoding and decoding", "[wire]") {
  Encoder encoder(kLimit);
  Decoder decoder(kLimit);
  EncodedMessage encoded;
  rc::prop("decoded equals encoded, with copied and with shared payloads", [&] {
    const Envelope envelope = *test::any_envelope();
    RC_ASSERT(encoder.encode(envelope, encoded).has_value());
    const auto payloads = joined_payloads(encoded);
    RC_ASSERT(encoded.bytes == encoded.head.size() + payloads->size());

    const auto copied =
        decoder.decode({encoded.group, bytes_of(encoded.head), bytes_of(*payloads), nullptr});
    RC_ASSERT(copied.has_value());
    RC_ASSERT(*copied == envelope);
    const auto shared =
        decoder.decode({encoded.group, bytes_of(encoded.head), bytes_of(*payloads), payloads});
    RC_ASSERT(shared.has_value());
    RC_ASSERT(*shared == envelope);
  });
}

TEST_CASE("The payloads of an encoded message are those of its entries, not copies", "[wire]") {
  const Bytes payload = Bytes::copy_of("payload");
  AppendRequest request;
  request.entries.push_back({{Term{1}, Index{1}}, EntryType::normal, payload});
  request.entries.push_back({{Term{1}, Index{2}}, EntryType::normal, {}});
  EncodedMessage encoded;
  REQUIRE(Encoder(kLimit).encode({GroupId{}, NodeId{1}, NodeId{2}, Term{1}, request}, encoded));

  REQUIRE(encoded.payloads.size() == 1);
  CHECK(encoded.payloads[0].data() == payload.data());
  CHECK(encoded.message_class == MessageClass::bulk);
}

TEST_CASE("Decoded payloads point into memory that has an owner", "[wire]") {
  const auto owner = std::make_shared<std::string>("abc");
  const std::string head = good_append().SerializeAsString();
  const auto decoded =
      Decoder(kLimit).decode({GroupId{3}, bytes_of(head), bytes_of(*owner), owner});
  REQUIRE(decoded);

  const auto& entries = std::get<AppendRequest>(decoded->message).entries;
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].payload.data() == bytes_of(*owner).data());
  CHECK(entries[1].payload.view() == "c");
  CHECK(entries[1].id == EntryId{Term{7}, Index{12}});
  CHECK(decoded->group == GroupId{3});
}

TEST_CASE("Fields of a newer version are ignored", "[wire]") {
  std::string head = good_append().SerializeAsString();
  head.append("\xf8\x3f\x01", 3);     // field 1023, a number
  head.append("\xfa\x3f\x03xyz", 6);  // field 1023, bytes
  const auto decoded =
      Decoder(kLimit).decode({GroupId{}, bytes_of(head), bytes_of("abc"), nullptr});
  REQUIRE(decoded);
  CHECK(std::get<AppendRequest>(decoded->message).entries.size() == 2);
}

TEST_CASE("A kind of message that is not known is refused", "[wire]") {
  proto::Envelope head;
  head.set_from(1);
  head.set_to(2);
  CHECK(decode(head).error() == Errc::malformed);  // none at all

  std::string newer = head.SerializeAsString();
  newer.append("\xa2\x06\x00", 3);  // field 100, an empty message
  CHECK(Decoder(kLimit).decode({GroupId{}, bytes_of(newer), {}, nullptr}).error() ==
        Errc::malformed);
}

TEST_CASE("What contradicts itself is refused", "[wire]") {
  proto::Envelope head = good_append();
  auto& append = *head.mutable_append_request();
  REQUIRE(decode(head, "abc"));

  SECTION("payloads that are shorter than announced") {
    CHECK_FALSE(decode(head, "ab"));
  }
  SECTION("payloads that are longer than announced") {
    CHECK_FALSE(decode(head, "abcd"));
  }
  SECTION("a length near 2^32") {
    append.set_payload_bytes(0, 0xffffffff);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("lengths whose sum would wrap around in 32 bits") {
    append.set_payload_bytes(0, 0xffffffff);
    append.set_payload_bytes(1, 4);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("fewer terms than payloads") {
    append.mutable_entry_terms()->RemoveLast();
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("fewer types than payloads") {
    append.add_entry_types(0);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("an unknown type of entry") {
    append.add_entry_types(0);
    append.add_entry_types(3);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("terms that go back") {
    append.set_entry_terms(0, 7);
    append.set_entry_terms(1, 6);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("an entry older than the one before it") {
    append.set_previous_term(6);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("an entry of a term that the sender has not reached") {
    head.set_term(6);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("indexes that wrap around") {
    append.set_previous_index(std::numeric_limits<std::uint64_t>::max() - 1);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("no sender") {
    head.set_from(0);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("payloads behind a heartbeat") {
    head.mutable_heartbeat_request()->set_commit(1);
    CHECK_FALSE(decode(head, "abc"));
  }
  SECTION("an unknown kind of vote") {
    head.mutable_vote_request()->set_kind(static_cast<proto::VoteKind>(3));
    CHECK_FALSE(decode(head));
  }
  SECTION("a membership that is none") {
    head.mutable_snapshot_request()->set_membership("\x08");
    CHECK_FALSE(decode(head));
  }
}

TEST_CASE("Each truncation and each flipped bit of a head is refused or decodes to something else",
          "[wire]") {
  const std::string head = good_append().SerializeAsString();
  const std::string payloads = "abc";
  const auto whole = decode(good_append(), payloads);
  REQUIRE(whole);
  Decoder decoder(kLimit);
  for (std::size_t length = 0; length < head.size(); ++length) {
    const auto decoded =
        decoder.decode({GroupId{}, bytes_of(head).first(length), bytes_of(payloads), nullptr});
    CHECK_FALSE((decoded && *decoded == *whole));
  }
  for (std::size_t bit = 0; bit < head.size() * 8; ++bit) {
    std::string flipped = head;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto decoded =
        decoder.decode({GroupId{}, bytes_of(flipped), bytes_of(payloads), nullptr});
    CHECK_FALSE((decoded && *decoded == *whole));
  }
}

TEST_CASE("Random bytes never decode to something harmful", "[wire]") {
  rc::prop("an error or a message, no crash", [] {
    const auto head = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const auto payloads = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    const auto decoded =
        Decoder(kLimit).decode({GroupId{}, bytes_of(head), bytes_of(payloads), nullptr});
    RC_ASSERT(decoded.has_value() || decoded.error() == Errc::malformed);
  });
}

TEST_CASE("A message over the limit is not sent and not received", "[wire]") {
  ProposeRequest request;
  request.proposals.push_back({EntryType::normal, Bytes::copy_of(std::string(1000, 'x'))});
  const Envelope envelope{GroupId{}, NodeId{1}, NodeId{2}, Term{}, request};
  EncodedMessage encoded;
  CHECK(Encoder(1000).encode(envelope, encoded).error() == Errc::message_too_large);

  REQUIRE(Encoder(2000).encode(envelope, encoded));
  const ReceivedMessage received{
      GroupId{}, bytes_of(encoded.head), encoded.payloads[0].span(), nullptr};
  CHECK(Decoder(2000).decode(received));
  CHECK(Decoder(1000).decode(received).error() == Errc::message_too_large);
}

TEST_CASE("A million empty entries count for what they cost", "[wire]") {
  proto::Envelope head;
  head.set_from(1);
  head.set_to(2);
  for (int i = 0; i < 1'000'000; ++i)
    head.mutable_propose_request()->add_payload_bytes(0);
  const std::string text = head.SerializeAsString();
  REQUIRE(text.size() < 1'100'000);
  CHECK(Decoder(std::size_t{8} << 20).decode({GroupId{}, bytes_of(text), {}, nullptr}).error() ==
        Errc::message_too_large);
}

TEST_CASE("Entries that are no run of a log are not sent", "[wire]") {
  AppendRequest request;
  request.previous = {Term{1}, Index{4}};
  request.entries.push_back({{Term{1}, Index{6}}, EntryType::normal, {}});
  EncodedMessage encoded;
  CHECK(Encoder(kLimit)
            .encode({GroupId{}, NodeId{1}, NodeId{2}, Term{1}, request}, encoded)
            .error() == Errc::invalid_argument);
}
