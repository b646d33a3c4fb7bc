#include "wire/frame_parser.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "wire/crc32c.hpp"

namespace raftkit::wire {

namespace {

constexpr std::size_t kBufferBytes = 65536;

/// A message up to this size that is one frame is decoded out of the receive buffer. Larger ones
/// get memory of their own at once: what has not arrived yet is then received in place.
constexpr std::size_t kSmallMessageBytes = 4096;

/// While a large body is received in place, so much of what follows it is read along: enough for
/// the next header, little enough that next to nothing has to be copied afterwards.
constexpr std::size_t kLookAheadBytes = 4096;

}  // namespace

FrameParser::FrameParser(ConnectionSeed seed, std::size_t max_message_bytes)
    : seed_(seed), max_message_bytes_(max_message_bytes), buffer_(kBufferBytes) {}

std::array<std::span<std::byte>, 2> FrameParser::prepare() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  const auto free = std::span(buffer_).subspan(end_);
  if (!direct_) return {std::span<std::byte>(), free};
  return {missing_body(), free.first(std::min(free.size(), kLookAheadBytes))};
}

void FrameParser::commit(std::size_t bytes) {
  if (direct_) {
    const std::size_t placed = std::min(bytes, missing_body().size());
    body_received_ += placed;
    bytes -= placed;
  }
  end_ = std::min(end_ + bytes, buffer_.size());
}

Result<std::optional<ReceivedMessage>> FrameParser::next() {
  while (true) {
    if (!header_) {
      auto complete = read_header();
      if (!complete) return std::move(complete).error();
      if (!*complete) return std::optional<ReceivedMessage>();
      if (header_->kind == FrameKind::ping) {
        header_.reset();
        continue;
      }
    }
    if (direct_ ? body_received_ < header_->body_bytes : unread().size() < header_->body_bytes)
      return std::optional<ReceivedMessage>();
    const auto body = direct_ ? std::span<const std::byte>(
                                    assembly().memory.get() + header_->offset, header_->body_bytes)
                              : unread().first(header_->body_bytes);
    if (crc32c(body) != header_->body_crc)
      return Error(Errc::malformed, "a frame's body fails its checksum");
    auto message = direct_ ? finish_direct() : finish_small();
    header_.reset();
    direct_ = false;
    if (message) return message;
  }
}

Result<bool> FrameParser::read_header() {
  if (unread().size() < kFrameHeaderBytes) return false;
  auto header = decode_frame_header(unread().first(kFrameHeaderBytes), seed_, max_message_bytes_);
  if (!header) return std::move(header).error();
  if (header->sequence != next_sequence_) {
    return Error(Errc::malformed,
                 "frame " + std::to_string(header->sequence) + " received, " +
                     std::to_string(next_sequence_) + " expected");
  }
  ++next_sequence_;
  begin_ += kFrameHeaderBytes;
  header_ = *header;
  if (header_->kind == FrameKind::ping) return true;
  if (auto opened = open_assembly(); !opened) return std::move(opened).error();
  return true;
}

Result<void> FrameParser::open_assembly() {
  Assembly& slot = assembly();
  if (header_->is_first()) {
    if (slot.memory != nullptr)
      return Error(Errc::malformed, "a message begins before the one before it has ended");
    if (header_->is_last() && header_->message_bytes <= kSmallMessageBytes) return {};
    slot.memory = std::make_shared_for_overwrite<std::byte[]>(header_->message_bytes);
    slot.first = *header_;
    slot.received = 0;
  } else if (slot.memory == nullptr || header_->offset != slot.received ||
             header_->message_bytes != slot.first.message_bytes ||
             header_->head_bytes != slot.first.head_bytes || header_->group != slot.first.group) {
    return Error(Errc::malformed, "a frame that continues no message");
  }
  direct_ = true;
  body_received_ = 0;
  const auto here = unread().first(std::min<std::size_t>(unread().size(), header_->body_bytes));
  std::copy(here.begin(), here.end(), missing_body().begin());
  begin_ += here.size();
  body_received_ = here.size();
  return {};
}

std::span<std::byte> FrameParser::missing_body() {
  return {assembly().memory.get() + header_->offset + body_received_,
          header_->body_bytes - body_received_};
}

std::optional<ReceivedMessage> FrameParser::finish_direct() {
  Assembly& slot = assembly();
  slot.received += header_->body_bytes;
  if (!header_->is_last()) return std::nullopt;
  const std::shared_ptr<const std::byte[]> memory = std::move(slot.memory);
  slot.memory = nullptr;
  const std::span all(memory.get(), header_->message_bytes);
  return ReceivedMessage{
      header_->group, all.first(header_->head_bytes), all.subspan(header_->head_bytes), memory};
}

std::optional<ReceivedMessage> FrameParser::finish_small() {
  const auto all = unread().first(header_->body_bytes);
  begin_ += all.size();
  return ReceivedMessage{
      header_->group, all.first(header_->head_bytes), all.subspan(header_->head_bytes), nullptr};
}

}  // namespace raftkit::wire
