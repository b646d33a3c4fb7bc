#include <array>
#include <limits>
#include <utility>

#include <google/protobuf/arena.h>

#include "wire/codec.hpp"
#include "wire/codec_checks.hpp"
#include "wire/raftkit.pb.h"

namespace raftkit::wire {

namespace {

Error malformed(std::string what) {
  return {Errc::malformed, std::move(what)};
}

Result<VoteKind> vote_kind(proto::VoteKind kind) {
  switch (kind) {
    case proto::PRE_VOTE:
      return VoteKind::pre_vote;
    case proto::ELECTION:
      return VoteKind::election;
    case proto::TRANSFER:
      return VoteKind::transfer;
    default:
      return malformed("unknown kind of vote " + std::to_string(static_cast<int>(kind)));
  }
}

Result<EntryType> entry_type(std::uint32_t number) {
  if (number > static_cast<std::uint32_t>(EntryType::member_update))
    return malformed("unknown type of entry " + std::to_string(number));
  return static_cast<EntryType>(number);
}

EntryId entry_id(std::uint64_t term, std::uint64_t index) {
  return {Term{term}, Index{index}};
}

/// Whether the parallel lists of an AppendRequest or ProposeRequest fit each other and the bytes
/// that came.
template <class Message>
Result<void> check_lists(const Message& message, std::size_t payload_bytes, std::size_t max_bytes) {
  const auto count = static_cast<std::size_t>(message.payload_bytes_size());
  if (message.entry_types_size() != 0 && message.entry_types_size() != message.payload_bytes_size())
    return malformed("as many types as payloads expected");
  std::uint64_t sum = 0;
  for (const std::uint32_t length : message.payload_bytes())
    sum += length;
  if (sum != payload_bytes) {
    return malformed("payloads of " + std::to_string(sum) + " bytes announced, " +
                     std::to_string(payload_bytes) + " received");
  }
  if (kMessageOverheadBytes + payload_bytes + count * Entry::kOverheadBytes > max_bytes)
    return Error(Errc::message_too_large, std::to_string(count) + " entries in one message");
  return {};
}

/// Turns the head into one kind of message, with payloads from behind it.
class Reader {
 public:
  Reader(const proto::Envelope& head, const ReceivedMessage& received, std::size_t max_bytes)
      : head_(head), received_(received), max_bytes_(max_bytes) {}

  Result<Message> message() const {
    const bool takes_payloads = head_.message_case() == proto::Envelope::kAppendRequest ||
                                head_.message_case() == proto::Envelope::kProposeRequest;
    if (!takes_payloads && !received_.payloads.empty())
      return malformed("payloads behind a message that has none");
    switch (head_.message_case()) {
      case proto::Envelope::kVoteRequest:
        return vote_request(head_.vote_request());
      case proto::Envelope::kVoteResponse:
        return vote_response(head_.vote_response());
      case proto::Envelope::kAppendRequest:
        return append_request(head_.append_request());
      case proto::Envelope::kAppendResponse:
        return append_response(head_.append_response());
      case proto::Envelope::kHeartbeatRequest:
        return Message(HeartbeatRequest{Index{head_.heartbeat_request().commit()},
                                        head_.heartbeat_request().read_round()});
      case proto::Envelope::kHeartbeatResponse:
        return Message(HeartbeatResponse{head_.heartbeat_response().read_round()});
      case proto::Envelope::kSnapshotRequest:
        return snapshot_request(head_.snapshot_request());
      case proto::Envelope::kTransferRequest:
        return Message(TransferRequest{NodeId{head_.transfer_request().target()}});
      case proto::Envelope::kTimeoutNow:
        return Message(TimeoutNow{});
      case proto::Envelope::kProposeRequest:
        return propose_request(head_.propose_request());
      case proto::Envelope::kProposeResponse:
        return propose_response(head_.propose_response());
      case proto::Envelope::kReadIndexRequest:
        return Message(ReadIndexRequest{ReadId{head_.read_index_request().read()}});
      case proto::Envelope::kReadIndexResponse:
        return Message(ReadIndexResponse{ReadId{head_.read_index_response().read()},
                                         Index{head_.read_index_response().index()}});
      case proto::Envelope::MESSAGE_NOT_SET:
        break;
    }
    return malformed("unknown kind of message");
  }

 private:
  /// All payloads as one piece of memory that the single ones are slices of. A message's entries
  /// come and go together, so nothing is pinned that would not be there anyway; a copy is made only
  /// of what would otherwise pin a whole receive buffer.
  Bytes payloads() const {
    return received_.owner != nullptr ? Bytes::aliasing(received_.owner, received_.payloads)
                                      : Bytes::copy_of(received_.payloads);
  }

  static Result<Message> vote_request(const proto::VoteRequest& in) {
    const auto kind = vote_kind(in.kind());
    if (!kind) return kind.error();
    return Message(VoteRequest{*kind, entry_id(in.last_term(), in.last_index()), in.priority()});
  }

  static Result<Message> vote_response(const proto::VoteResponse& in) {
    const auto kind = vote_kind(in.kind());
    if (!kind) return kind.error();
    return Message(VoteResponse{
        *kind, in.granted(), entry_id(in.commit_term(), in.commit_index()), in.outranks()});
  }

  Result<Message> append_request(const proto::AppendRequest& in) const {
    if (auto fits = check_lists(in, received_.payloads.size(), max_bytes_); !fits)
      return std::move(fits).error();
    if (in.entry_terms_size() != in.payload_bytes_size())
      return malformed("as many terms as payloads expected");
    const auto count = static_cast<std::size_t>(in.payload_bytes_size());
    if (in.previous_index() > std::numeric_limits<std::uint64_t>::max() - count)
      return malformed("entries beyond the last possible index");

    AppendRequest request;
    request.previous = entry_id(in.previous_term(), in.previous_index());
    request.commit = Index{in.commit()};
    request.entries.reserve(count);
    const Bytes all = payloads();
    std::size_t offset = 0;
    for (int i = 0; i < in.payload_bytes_size(); ++i) {
      const auto type = entry_type(in.entry_types_size() == 0 ? 0 : in.entry_types(i));
      if (!type) return type.error();
      const std::size_t length = in.payload_bytes(i);
      request.entries.push_back(
          {entry_id(in.entry_terms(i), in.previous_index() + 1 + static_cast<std::uint64_t>(i)),
           *type,
           all.slice(offset, length)});
      offset += length;
    }
    if (auto wrong = what_is_wrong(request, Term{head_.term()}))
      return malformed(*std::move(wrong));
    return Message(std::move(request));
  }

  static Result<Message> append_response(const proto::AppendResponse& in) {
    AppendResponse response{Index{in.index()}, std::nullopt};
    if (in.rejected())
      response.rejection = AppendResponse::Rejection{entry_id(in.hint_term(), in.hint_index())};
    return Message(response);
  }

  static Result<Message> snapshot_request(const proto::SnapshotRequest& in) {
    auto membership = decode_membership(Bytes::copy_of(in.membership()));
    if (!membership) return std::move(membership).error();
    return Message(SnapshotRequest{{entry_id(in.last_term(), in.last_index()),
                                    std::make_shared<const Membership>(*std::move(membership))}});
  }

  Result<Message> propose_request(const proto::ProposeRequest& in) const {
    if (auto fits = check_lists(in, received_.payloads.size(), max_bytes_); !fits)
      return std::move(fits).error();
    ProposeRequest request{{in.incarnation(), in.sequence()}, {}};
    request.proposals.reserve(static_cast<std::size_t>(in.payload_bytes_size()));
    const Bytes all = payloads();
    std::size_t offset = 0;
    for (int i = 0; i < in.payload_bytes_size(); ++i) {
      const auto type = entry_type(in.entry_types_size() == 0 ? 0 : in.entry_types(i));
      if (!type) return type.error();
      const std::size_t length = in.payload_bytes(i);
      request.proposals.push_back({*type, all.slice(offset, length)});
      offset += length;
    }
    return Message(std::move(request));
  }

  static Result<Message> propose_response(const proto::ProposeResponse& in) {
    ProposeResponse response{{in.incarnation(), in.sequence()}, std::nullopt};
    if (in.appended()) response.first = entry_id(in.first_term(), in.first_index());
    return Message(response);
  }

  const proto::Envelope& head_;
  const ReceivedMessage& received_;
  std::size_t max_bytes_;
};

}  // namespace

/// A message costs no allocation as long as it fits the block.
struct Decoder::Scratch {
  alignas(std::max_align_t) std::array<char, 4096> block;
  google::protobuf::Arena arena{block.data(), block.size()};
};

Decoder::Decoder(std::size_t max_message_bytes)
    : scratch_(std::make_unique<Scratch>()), max_message_bytes_(max_message_bytes) {}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<Envelope> Decoder::decode(const ReceivedMessage& received) {
  scratch_->arena.Reset();
  if (received.head.size() > max_head_bytes(max_message_bytes_))
    return Error(Errc::message_too_large,
                 "a head of " + std::to_string(received.head.size()) + " bytes");
  auto* head = google::protobuf::Arena::CreateMessage<proto::Envelope>(&scratch_->arena);
  if (!head->ParseFromArray(received.head.data(), static_cast<int>(received.head.size())))
    return malformed("a head that is no protocol buffer");
  if (head->from() == 0 || head->to() == 0) return malformed("a message without addresses");
  auto message = Reader(*head, received, max_message_bytes_).message();
  if (!message) return std::move(message).error();
  return Envelope{received.group,
                  NodeId{head->from()},
                  NodeId{head->to()},
                  Term{head->term()},
                  *std::move(message)};
}

}  // namespace raftkit::wire
