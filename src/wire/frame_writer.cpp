#include "wire/frame_writer.hpp"

#include <algorithm>
#include <cstring>

#include "wire/crc32c.hpp"

namespace raftkit::wire {

void WriteBatch::clear() {
  copied_.clear();
  pieces_.clear();
  buffers_.clear();
  bytes_ = 0;
}

std::span<std::byte> WriteBatch::append(std::size_t size) {
  const std::size_t position = copied_.size();
  copied_.resize(position + size);
  if (pieces_.empty() || !pieces_.back().shared.empty()) pieces_.emplace_back();
  pieces_.back().copied_bytes += size;
  bytes_ += size;
  return std::span(copied_).subspan(position);
}

void WriteBatch::append(const Bytes& payload, std::size_t offset, std::size_t length) {
  if (length < kShareFromBytes) {
    std::memcpy(append(length).data(), payload.data() + offset, length);
    return;
  }
  pieces_.push_back({payload.slice(offset, length), 0});
  bytes_ += length;
}

std::span<const std::span<const std::byte>> WriteBatch::buffers() {
  buffers_.clear();
  std::span<const std::byte> copied(copied_);
  for (const Piece& piece : pieces_) {
    if (piece.shared.empty()) {
      buffers_.push_back(copied.first(piece.copied_bytes));
      copied = copied.subspan(piece.copied_bytes);
    } else {
      buffers_.push_back(piece.shared.span());
    }
  }
  return buffers_;
}

FrameWriter::FrameWriter(ConnectionSeed seed, std::size_t max_message_bytes)
    : seed_(seed), encoder_(max_message_bytes) {}

bool FrameWriter::is_busy(MessageClass message_class) const {
  return pending_[static_cast<std::size_t>(message_class)].busy;
}

Result<void> FrameWriter::begin(Envelope envelope) {
  Pending& slot = pending(message_class(envelope.message));
  if (slot.busy) return Error(Errc::invalid_argument, "a message of this class is unfinished");
  if (auto encoded = encoder_.encode(std::move(envelope), slot.message); !encoded) return encoded;
  slot.busy = true;
  slot.sent = slot.payload = slot.payload_offset = 0;
  return {};
}

void FrameWriter::write_frame(MessageClass message_class, WriteBatch& batch) {
  Pending& slot = pending(message_class);
  if (!slot.busy) return;

  FrameHeader header;
  header.kind = message_class == MessageClass::control ? FrameKind::control : FrameKind::bulk;
  header.body_bytes =
      static_cast<std::uint32_t>(std::min(kMaxFrameBodyBytes, slot.message.bytes - slot.sent));
  header.offset = static_cast<std::uint32_t>(slot.sent);
  header.head_bytes = static_cast<std::uint32_t>(slot.message.head.size());
  header.message_bytes = static_cast<std::uint32_t>(slot.message.bytes);
  header.group = slot.message.group;
  header.sequence = next_sequence_++;

  // The header comes first and holds the checksum of what follows: leave room, fill it afterwards.
  const std::size_t position = batch.copied_bytes();
  batch.append(kFrameHeaderBytes);
  header.body_crc = append_body(slot, header.body_bytes, batch);
  const FrameHeaderBytes bytes = encode(header, seed_);
  std::copy(bytes.begin(), bytes.end(), batch.copied(position, kFrameHeaderBytes).begin());

  if (header.is_last()) {
    slot.busy = false;
    slot.message.clear();  // lets go of the payloads; the batch holds what it still needs
  }
}

std::uint32_t FrameWriter::append_body(Pending& slot, std::size_t size, WriteBatch& batch) {
  std::uint32_t crc = 0;
  if (slot.sent < slot.message.head.size()) {
    const auto head = std::as_bytes(std::span(slot.message.head)).subspan(slot.sent);
    const auto part = head.first(std::min(size, head.size()));
    std::copy(part.begin(), part.end(), batch.append(part.size()).begin());
    crc = crc32c(part, crc);
    slot.sent += part.size();
    size -= part.size();
  }
  while (size != 0) {
    const Bytes& payload = slot.message.payloads[slot.payload];
    const std::size_t length = std::min(size, payload.size() - slot.payload_offset);
    crc = crc32c(payload.span().subspan(slot.payload_offset, length), crc);
    batch.append(payload, slot.payload_offset, length);
    slot.sent += length;
    size -= length;
    slot.payload_offset += length;
    if (slot.payload_offset == payload.size()) {
      ++slot.payload;
      slot.payload_offset = 0;
    }
  }
  return crc;
}

void FrameWriter::write_ping(WriteBatch& batch) {
  FrameHeader header;
  header.sequence = next_sequence_++;
  const FrameHeaderBytes bytes = encode(header, seed_);
  std::copy(bytes.begin(), bytes.end(), batch.append(bytes.size()).begin());
}

}  // namespace raftkit::wire
