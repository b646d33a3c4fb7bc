#include <algorithm>
#include <array>
#include <utility>

#include <google/protobuf/arena.h>

#include "wire/codec.hpp"
#include "wire/codec_checks.hpp"
#include "wire/raftkit.pb.h"

namespace raftkit::wire {

namespace {

proto::VoteKind to_proto(VoteKind kind) {
  switch (kind) {
    case VoteKind::pre_vote:
      return proto::PRE_VOTE;
    case VoteKind::election:
      return proto::ELECTION;
    case VoteKind::transfer:
      return proto::TRANSFER;
  }
  return proto::ELECTION;
}

/// Entries and proposals alike: types only if one of them is special, lengths, and the payloads
/// themselves.
template <class Message, class Items>
void add_payloads(Message& message, Items& items, EncodedMessage& encoded) {
  const bool all_normal = std::all_of(
      items.begin(), items.end(), [](const auto& item) { return item.type == EntryType::normal; });
  for (auto& item : items) {
    if (!all_normal) message.add_entry_types(static_cast<std::uint32_t>(item.type));
    message.add_payload_bytes(static_cast<std::uint32_t>(item.payload.size()));
    if (!item.payload.empty()) encoded.payloads.push_back(std::move(item.payload));
  }
}

/// Fills the head from one kind of message, and takes its payloads.
struct Filler {
  proto::Envelope& out;
  EncodedMessage& encoded;

  void operator()(VoteRequest& request) const {
    auto& message = *out.mutable_vote_request();
    message.set_kind(to_proto(request.kind));
    message.set_last_term(request.last.term.value);
    message.set_last_index(request.last.index.value);
    message.set_priority(request.priority);
  }
  void operator()(VoteResponse& response) const {
    auto& message = *out.mutable_vote_response();
    message.set_kind(to_proto(response.kind));
    message.set_granted(response.granted);
    message.set_commit_term(response.commit.term.value);
    message.set_commit_index(response.commit.index.value);
    message.set_outranks(response.outranks);
  }
  void operator()(AppendRequest& request) const {
    auto& message = *out.mutable_append_request();
    message.set_previous_term(request.previous.term.value);
    message.set_previous_index(request.previous.index.value);
    message.set_commit(request.commit.value);
    for (const Entry& entry : request.entries)
      message.add_entry_terms(entry.id.term.value);
    add_payloads(message, request.entries, encoded);
  }
  void operator()(AppendResponse& response) const {
    auto& message = *out.mutable_append_response();
    message.set_index(response.index.value);
    message.set_rejected(response.rejection.has_value());
    if (!response.rejection) return;
    message.set_hint_term(response.rejection->hint.term.value);
    message.set_hint_index(response.rejection->hint.index.value);
  }
  void operator()(HeartbeatRequest& request) const {
    auto& message = *out.mutable_heartbeat_request();
    message.set_commit(request.commit.value);
    message.set_read_round(request.read_round);
  }
  void operator()(HeartbeatResponse& response) const {
    out.mutable_heartbeat_response()->set_read_round(response.read_round);
  }
  void operator()(SnapshotRequest& request) const {
    auto& message = *out.mutable_snapshot_request();
    message.set_last_term(request.snapshot.last.term.value);
    message.set_last_index(request.snapshot.last.index.value);
    const Bytes membership = raftkit::encode(*request.snapshot.membership);
    message.set_membership(membership.data(), membership.size());
  }
  void operator()(TransferRequest& request) const {
    out.mutable_transfer_request()->set_target(request.target.value);
  }
  void operator()(TimeoutNow&) const { out.mutable_timeout_now(); }
  void operator()(ProposeRequest& request) const {
    auto& message = *out.mutable_propose_request();
    message.set_incarnation(request.tag.incarnation);
    message.set_sequence(request.tag.sequence);
    add_payloads(message, request.proposals, encoded);
  }
  void operator()(ProposeResponse& response) const {
    auto& message = *out.mutable_propose_response();
    message.set_incarnation(response.tag.incarnation);
    message.set_sequence(response.tag.sequence);
    message.set_appended(response.first.has_value());
    if (!response.first) return;
    message.set_first_term(response.first->term.value);
    message.set_first_index(response.first->index.value);
  }
  void operator()(ReadIndexRequest& request) const {
    out.mutable_read_index_request()->set_read(request.read.value);
  }
  void operator()(ReadIndexResponse& response) const {
    auto& message = *out.mutable_read_index_response();
    message.set_read(response.read.value);
    message.set_index(response.index.value);
  }
};

Result<void> check(const Envelope& envelope) {
  if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
    if (auto wrong = what_is_wrong(*append, envelope.term))
      return Error(Errc::invalid_argument, *std::move(wrong));
  }
  const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message);
  if (snapshot != nullptr && snapshot->snapshot.membership == nullptr)
    return Error(Errc::invalid_argument, "a snapshot without membership");
  return {};
}

Error too_large(const Envelope& envelope, std::size_t size, std::size_t limit) {
  return {Errc::message_too_large,
          std::string(message_name(envelope.message)) + " of " + std::to_string(size) +
              " bytes is over the limit of " + std::to_string(limit)};
}

}  // namespace

/// A message costs no allocation as long as it fits the block.
struct Encoder::Scratch {
  alignas(std::max_align_t) std::array<char, 4096> block;
  google::protobuf::Arena arena{block.data(), block.size()};
};

Encoder::Encoder(std::size_t max_message_bytes)
    : scratch_(std::make_unique<Scratch>()), max_message_bytes_(max_message_bytes) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

void EncodedMessage::clear() {
  head.clear();
  payloads.clear();
  bytes = 0;
}

Result<void> Encoder::encode(Envelope envelope, EncodedMessage& encoded) {
  encoded.clear();
  encoded.message_class = message_class(envelope.message);
  encoded.group = envelope.group;
  const std::size_t size = size_bytes(envelope);
  if (size > max_message_bytes_) return too_large(envelope, size, max_message_bytes_);
  if (auto checked = check(envelope); !checked) return checked;

  auto* out = google::protobuf::Arena::CreateMessage<proto::Envelope>(&scratch_->arena);
  out->set_from(envelope.from.value);
  out->set_to(envelope.to.value);
  out->set_term(envelope.term.value);
  std::visit(Filler{*out, encoded}, envelope.message);
  out->AppendToString(&encoded.head);
  scratch_->arena.Reset();

  encoded.bytes = encoded.head.size();
  for (const Bytes& payload : encoded.payloads)
    encoded.bytes += payload.size();
  if (encoded.bytes > max_message_bytes_ ||
      encoded.head.size() > max_head_bytes(max_message_bytes_)) {
    return too_large(envelope, encoded.bytes, max_message_bytes_);
  }
  return {};
}

}  // namespace raftkit::wire
