// A connection's bytes, as they come or with right checksums and numbers: a message that is taken
// is the same when it is encoded again.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/input.hpp"
#include "fuzz/target.hpp"
#include "testing/batches.hpp"
#include "testing/check.hpp"
#include "wire/codec.hpp"
#include "wire/crc32c.hpp"
#include "wire/frame_parser.hpp"
#include "wire/frame_writer.hpp"

namespace raftkit::fuzz {

namespace {

using testing::require;

constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 20;
constexpr wire::ConnectionSeed kSeed{7};
constexpr std::size_t kKinds = std::variant_size_v<Message>;

enum class Form : std::uint8_t { raw = 0, made = 1 };

/// Writes the frames that an input asks for: lengths, numbers and checksums are right where nothing
/// else is asked for.
class FrameMaker {
 public:
  explicit FrameMaker(Input& input) : input_(input) {}

  std::string frames() {
    std::string bytes;
    while (!input_.is_empty())
      bytes += frame();
    return bytes;
  }

 private:
  /// One whose frames are not all written.
  struct Pending {
    GroupId group;
    std::size_t head_bytes = 0;
    std::string bytes;
    std::size_t written = 0;
  };

  std::string frame() {
    constexpr auto kPing = static_cast<std::uint8_t>(wire::FrameKind::ping);
    const std::uint8_t kind = input_.byte() % 4;
    if (kind >= kPing) return encoded(header_of(kind, {}, 0), {});
    Pending& message = pending_.at(kind);
    if (message.written == message.bytes.size()) begin(message);
    const std::size_t left = message.bytes.size() - message.written;
    const std::uint64_t kept_back = input_.number();
    const std::size_t size = left > kept_back ? left - kept_back : left;
    const std::string body = message.bytes.substr(message.written, size);
    const auto header = header_of(kind, message, size);
    message.written += size;
    return encoded(header, body);
  }

  void begin(Pending& message) {
    message.group = GroupId{input_.number()};
    message.bytes = input_.text();
    message.head_bytes = message.bytes.size();
    message.bytes += input_.text();
    message.written = 0;
  }

  wire::FrameHeader header_of(std::uint8_t kind, const Pending& message, std::size_t size) {
    wire::FrameHeader header;
    header.kind = static_cast<wire::FrameKind>(kind);
    header.body_bytes = near32(size);
    header.offset = near32(message.written);
    header.head_bytes = near32(message.head_bytes);
    header.message_bytes = near32(message.bytes.size());
    header.group = GroupId{input_.near(message.group.value)};
    header.sequence = input_.near(sequence_++);
    return header;
  }

  std::string encoded(wire::FrameHeader header, std::string_view body) {
    header.body_crc = near32(wire::crc32c(bytes_of(body)));
    return std::string(text_of(wire::encode(header, kSeed))) + std::string(body);
  }

  std::uint32_t near32(std::uint64_t right) {
    return static_cast<std::uint32_t>(input_.near(right));
  }

  Input& input_;
  std::array<Pending, 2> pending_;
  std::uint64_t sequence_ = 0;
};

void check_encoding(const Envelope& envelope) {
  wire::EncodedMessage encoded;
  const auto done = wire::Encoder(kMaxMessageBytes).encode(envelope, encoded);
  require(done.has_value(),
          message_name(envelope.message),
          " is taken, but would not be sent: ",
          done ? "" : done.error().message());
  std::string payloads;
  for (const Bytes& payload : encoded.payloads)
    payloads += payload.view();
  const wire::ReceivedMessage received{
      encoded.group, bytes_of(encoded.head), bytes_of(payloads), nullptr};
  const auto again = wire::Decoder(kMaxMessageBytes).decode(received);
  require(again.has_value(), message_name(envelope.message), " cannot be decoded again");
  require(*again == envelope, message_name(envelope.message), " decodes to something else");
}

/// As much of `bytes` as there is room for; returns how much that is.
std::size_t fill(const std::array<std::span<std::byte>, 2>& buffers, std::string_view bytes) {
  std::size_t filled = 0;
  for (const auto& buffer : buffers) {
    const std::string_view part = bytes.substr(filled, buffer.size());
    if (!part.empty()) std::memcpy(buffer.data(), part.data(), part.size());
    filled += part.size();
  }
  return filled;
}

std::size_t payload_bytes(const Message& message) {
  std::size_t bytes = 0;
  if (const auto* append = std::get_if<AppendRequest>(&message)) {
    for (const Entry& entry : append->entries)
      bytes += entry.payload.size();
  }
  if (const auto* propose = std::get_if<ProposeRequest>(&message)) {
    for (const Proposal& proposal : propose->proposals)
      bytes += proposal.payload.size();
  }
  return bytes;
}

/// All messages that come in `bytes`, at most `step` of them at a time.
void receive(std::string_view bytes, std::size_t step) {
  wire::FrameParser parser(kSeed, kMaxMessageBytes);
  wire::Decoder decoder(kMaxMessageBytes);
  while (!bytes.empty()) {
    const std::size_t filled = fill(parser.prepare(), bytes.substr(0, step));
    require(filled > 0, "no room for more bytes");
    parser.commit(filled);
    bytes.remove_prefix(filled);
    while (true) {
      const auto message = parser.next();
      if (!message) return;
      if (!*message) break;
      require((*message)->head.size() + (*message)->payloads.size() <= kMaxMessageBytes,
              "a message over the limit");
      const auto envelope = decoder.decode(**message);
      if (!envelope) continue;
      require(payload_bytes(envelope->message) == (*message)->payloads.size(),
              "other payloads than were received");
      check_encoding(*envelope);
    }
  }
}

/// One of each kind.
std::vector<Message> messages() {
  AppendRequest append{{Term{1}, Index{3}}, Index{2}, {}};
  append.entries.push_back(testing::entry(1, 4, "four"));
  append.entries.push_back(testing::entry(2, 5, ""));
  ProposeRequest propose{{1, 2}, {}};
  propose.proposals.push_back({EntryType::normal, Bytes::copy_of("command")});
  propose.proposals.push_back({EntryType::membership, {}});
  return {VoteRequest{VoteKind::transfer, {Term{1}, Index{3}}, 4},
          VoteResponse{VoteKind::pre_vote, true, {Term{1}, Index{3}}, true},
          append,
          AppendResponse{Index{3}, AppendResponse::Rejection{{Term{1}, Index{2}}}},
          HeartbeatRequest{Index{3}, 5},
          HeartbeatResponse{5},
          SnapshotRequest{testing::snapshot(1, 3)},
          TransferRequest{NodeId{2}},
          TimeoutNow{},
          propose,
          ProposeResponse{{1, 2}, EntryId{Term{1}, Index{3}}},
          ReadIndexRequest{ReadId{6}},
          ReadIndexResponse{ReadId{6}, Index{3}}};
}

/// As a connection would carry it.
std::string sent(const Envelope& envelope) {
  wire::FrameWriter writer(kSeed, kMaxMessageBytes);
  wire::WriteBatch batch;
  writer.write_ping(batch);
  const MessageClass its_class = message_class(envelope.message);
  if (!writer.begin(envelope)) return {};
  while (writer.is_busy(its_class))
    writer.write_frame(its_class, batch);
  std::string bytes;
  for (const auto& buffer : batch.buffers())
    bytes += text_of(buffer);
  return bytes;
}

/// The same in two frames; all that is wrong is left out.
Recipe made(const Envelope& envelope) {
  wire::EncodedMessage encoded;
  static_cast<void>(wire::Encoder(kMaxMessageBytes).encode(envelope, encoded));
  std::string payloads;
  for (const Bytes& payload : encoded.payloads)
    payloads += payload.view();
  Recipe recipe;
  const auto finish = [&](std::uint64_t kept_back) {
    recipe.number(kept_back);
    for (int fields = 0; fields < 7; ++fields)
      recipe.right();
  };
  recipe.byte(static_cast<std::uint8_t>(encoded.message_class));
  recipe.number(encoded.group.value).text(encoded.head).text(payloads);
  finish(2);
  recipe.byte(static_cast<std::uint8_t>(encoded.message_class));
  finish(0);
  return recipe;
}

}  // namespace

std::vector<std::string> examples() {
  std::vector<std::string> found;
  for (const Message& message : messages()) {
    const Envelope envelope{GroupId{}, NodeId{1}, NodeId{2}, Term{9}, message};
    // Or else all that is made of it would be refused, and nothing noticed.
    check_encoding(envelope);
    found.push_back(
        Recipe().number(100).byte(static_cast<std::uint8_t>(Form::raw)).rest(sent(envelope)));
    found.push_back(Recipe()
                        .number(3)
                        .byte(static_cast<std::uint8_t>(Form::made))
                        .rest(std::string(made(envelope))));
  }
  testing::require(found.size() == 2 * kKinds, "not all kinds of messages are there");
  return found;
}

}  // namespace raftkit::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace raftkit::fuzz;
  Input input(data, size);
  const std::size_t step = 1 + input.below(100'000);
  const bool is_made = static_cast<Form>(input.byte() % 2) == Form::made;
  receive(is_made ? FrameMaker(input).frames() : std::string(input.rest()), step);
  return 0;
}
