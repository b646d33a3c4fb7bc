#include "transport/snapshot_stream.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "transport/remote_error.hpp"
#include "wire/frame_parser.hpp"
#include "wire/frame_writer.hpp"
#include "wire/snapshot_records.hpp"

namespace raftkit::transport {

namespace {

using wire::RecordHeader;
using wire::RecordKind;

/// How long a side that has failed waits for the other to read why.
constexpr std::chrono::milliseconds kGoodbye{1000};

/// Sends no more than so many bytes in a second, by waiting. What the other side was too slow for
/// is not made up for by a burst.
class Throttle {
 public:
  explicit Throttle(std::uint64_t bytes_per_second) : bytes_per_second_(bytes_per_second) {}

  void sent(std::size_t bytes, BlockingSocket& socket) {
    if (bytes_per_second_ == 0) return;
    const auto now = Clock::now();
    const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                              static_cast<double>(bytes_per_second_));
    due_ = std::max(due_, now - kMadeUpFor) + std::chrono::ceil<Clock::duration>(takes);
    if (due_ > now) socket.pause(std::chrono::ceil<std::chrono::milliseconds>(due_ - now));
  }

 private:
  using Clock = std::chrono::steady_clock;
  /// Pauses are not exact.
  static constexpr std::chrono::milliseconds kMadeUpFor{50};

  std::uint64_t bytes_per_second_;
  Clock::time_point due_ = Clock::now();
};

/// One end of the conversation.
class Conversation {
 public:
  Conversation(BlockingSocket& socket, wire::ConnectionSeed seed, const SnapshotLimits& limits)
      : socket_(socket), seed_(seed), limits_(limits) {}

  Result<void> write(RecordKind kind, std::uint64_t position, std::span<const std::byte> body) {
    const auto header = wire::encode_record(kind, position, body, seed_);
    if (auto written = socket_.write(header, limits_.idle_timeout); !written) return lost(written);
    auto written = socket_.write(body, limits_.idle_timeout);
    return written ? written : lost(written);
  }

  void write_failure(const Error& error) {
    const bool was_lost = has_lost_connection_;
    const std::string text = std::string(name_of(error)) + "\n" + error.message();
    if (write(RecordKind::failed, 0, std::as_bytes(std::span(text)))) socket_.finish(kGoodbye);
    has_lost_connection_ = was_lost;  // this error is the reason, whether or not it still arrives
  }

  /// The next record; its body is in body() until the next call. A record `failed` is returned as
  /// the error in it.
  Result<RecordHeader> read(std::chrono::milliseconds timeout) {
    wire::RecordHeaderBytes bytes{};
    if (auto got = socket_.read(bytes, timeout); !got) return lost(got).error();
    auto header = wire::decode_record_header(bytes, seed_);
    if (!header) return header;
    body_.resize(header->body_bytes);
    if (auto got = socket_.read(body_, limits_.idle_timeout); !got) return lost(got).error();
    if (auto checked = wire::check_record_body(*header, body_); !checked)
      return std::move(checked).error();
    if (header->kind == RecordKind::failed) {
      has_lost_connection_ = false;  // it broke because of this
      return remote_failure();
    }
    return header;
  }
  [[nodiscard]] std::span<const std::byte> body() const { return body_; }

  /// The position of the next record, which must be of this kind.
  Result<std::uint64_t> expect(RecordKind kind, std::chrono::milliseconds timeout) {
    const auto header = read(timeout);
    if (!header) return header.error();
    if (header->kind != kind) return Error(Errc::malformed, "an unexpected record");
    return header->position;
  }

  /// Whether anything has failed because of the connection, and not because of what was said.
  [[nodiscard]] bool has_lost_connection() const { return has_lost_connection_; }

  Result<void> lost(const Result<void>& why) {
    has_lost_connection_ = true;
    return why;
  }

 private:
  [[nodiscard]] Error remote_failure() const {
    const std::string_view text(reinterpret_cast<const char*>(body_.data()), body_.size());
    const auto line_end = std::min(text.find('\n'), text.size());
    const auto words = text.substr(std::min(line_end + 1, text.size()));
    return {errc_named(text.substr(0, line_end), Errc::io_error), sanitized(words)};
  }

  BlockingSocket& socket_;
  wire::ConnectionSeed seed_;
  const SnapshotLimits& limits_;
  std::vector<std::byte> body_;
  bool has_lost_connection_ = false;
};

Result<void> write_envelope(BlockingSocket& socket,
                            wire::ConnectionSeed seed,
                            Envelope envelope,
                            const SnapshotLimits& limits) {
  wire::FrameWriter writer(seed, limits.max_message_bytes);
  const MessageClass kind = message_class(envelope.message);
  if (auto begun = writer.begin(std::move(envelope)); !begun) return begun;
  while (writer.is_busy(kind)) {
    wire::WriteBatch batch;
    writer.write_frame(kind, batch);
    for (const auto buffer : batch.buffers()) {
      if (auto written = socket.write(buffer, limits.idle_timeout); !written) return written;
    }
  }
  return {};
}

Result<Envelope> read_envelope(BlockingSocket& socket,
                               wire::ConnectionSeed seed,
                               const SnapshotLimits& limits) {
  wire::FrameParser parser(seed, limits.max_message_bytes);
  while (true) {
    auto received = parser.next();
    if (!received) return std::move(received).error();
    if (*received) return wire::Decoder(limits.max_message_bytes).decode(**received);
    // The sender waits for our answer before it goes on, so nothing is read that is not a frame.
    const auto room = parser.prepare();
    const auto count = socket.read_some(room[0].empty() ? room[1] : room[0], limits.idle_timeout);
    if (!count) return count.error();
    parser.commit(*count);
  }
}

Result<void> receive_content(Conversation& conversation,
                             IncomingSnapshot& snapshot,
                             const SnapshotLimits& limits) {
  while (true) {
    const auto record = conversation.read(limits.idle_timeout);
    if (!record) return record.error();
    const bool fits = record->position == snapshot.position &&
                      (record->kind == RecordKind::chunk || record->kind == RecordKind::end);
    if (!fits) return Error(Errc::malformed, "a part of the snapshot is missing");
    if (record->kind == RecordKind::end) return snapshot.sink->commit();
    if (auto written = snapshot.sink->write(conversation.body()); !written) return written;
    snapshot.position += record->body_bytes;
  }
}

/// From where the other side wants it on.
Result<void> send_content(Conversation& conversation,
                          BlockingSocket& socket,
                          OutgoingSnapshot& snapshot,
                          const SnapshotLimits& limits) {
  Throttle throttle(limits.bytes_per_second);
  while (true) {
    const std::uint64_t position = snapshot.position();
    const auto chunk = snapshot.next();
    if (!chunk) {
      conversation.write_failure(chunk.error());
      return chunk.error();
    }
    const bool at_end = chunk->empty();
    auto written =
        conversation.write(at_end ? RecordKind::end : RecordKind::chunk, position, *chunk);
    // Whatever the other side says now is why it does not want more; so is an answer that it left
    // before it closed.
    if (!written || (!at_end && socket.is_readable())) {
      const auto reason = conversation.read(std::chrono::milliseconds{1});
      if (!written && reason) return written;
      if (reason) return Error(Errc::malformed, "an unexpected record");
      const bool says_nothing =
          reason.error() == Errc::peer_unreachable || reason.error() == Errc::timed_out;
      return !written && says_nothing ? written : reason.error();
    }
    if (at_end) return {};
    throttle.sent(chunk->size(), socket);
  }
}

}  // namespace

// --- OutgoingSnapshot

std::deque<OutgoingSnapshot::Chunk>::iterator OutgoingSnapshot::chunk_at(std::uint64_t position) {
  return std::lower_bound(
      kept_.begin(), kept_.end(), position, [](const Chunk& chunk, std::uint64_t wanted) {
        return chunk.position < wanted;
      });
}

bool OutgoingSnapshot::go_to(std::uint64_t position) {
  const auto chunk = chunk_at(position);
  const bool is_kept = chunk != kept_.end() && chunk->position == position;
  // Else it is where the source stands, or nowhere.
  if (!is_kept && position != read_bytes_) return false;
  position_ = position;
  return true;
}

Result<std::span<const std::byte>> OutgoingSnapshot::next() {
  auto chunk = chunk_at(position_);
  if (chunk == kept_.end()) {
    if (auto read = read_chunk(); !read) return std::move(read).error();
    chunk = std::prev(kept_.end());
  }
  position_ += chunk->bytes.size();
  return std::span<const std::byte>(chunk->bytes);
}

Result<void> OutgoingSnapshot::read_chunk() {
  std::vector<std::byte> bytes;
  while (kept_bytes_ >= kKeptBytes) {
    kept_bytes_ -= kept_.front().bytes.size();
    bytes = std::move(kept_.front().bytes);
    kept_.pop_front();
  }
  bytes.resize(kChunkBytes);
  // Only the last one is short: that many are kept is what bounds the memory.
  std::size_t size = 0;
  while (size < bytes.size() && !is_at_end_) {
    const auto count = source_->read(std::span(bytes).subspan(size));
    if (!count) return count.error();
    is_at_end_ = *count == 0;
    size += *count;
  }
  bytes.resize(size);
  kept_.push_back({read_bytes_, std::move(bytes)});
  kept_bytes_ += size;
  read_bytes_ += size;
  return {};
}

// --- the two ends

SendOutcome send_snapshot(BlockingSocket& socket,
                          wire::ConnectionSeed seed,
                          OutgoingSnapshot& snapshot,
                          const SnapshotLimits& limits) {
  Conversation conversation(socket, seed, limits);
  const auto result = [&]() -> Result<void> {
    if (auto offered = conversation.write(RecordKind::offer, snapshot.number(), {}); !offered)
      return offered;
    if (auto written = write_envelope(socket, seed, snapshot.envelope(), limits); !written)
      return conversation.lost(written);
    const auto from = conversation.expect(RecordKind::accepted, limits.idle_timeout);
    if (!from) return from.error();
    if (!snapshot.go_to(*from)) {
      const Error gone(Errc::not_found,
                       "the other side has " + std::to_string(*from) +
                           " bytes of the snapshot, and what follows is not kept any more");
      conversation.write_failure(gone);
      return gone;
    }
    if (auto sent = send_content(conversation, socket, snapshot, limits); !sent) return sent;
    const auto committed = conversation.expect(RecordKind::committed, limits.commit_timeout);
    return committed ? Result<void>() : committed.error();
  }();
  return {result, !result && conversation.has_lost_connection()};
}

Result<Envelope> receive_snapshot(BlockingSocket& socket,
                                  wire::ConnectionSeed seed,
                                  SnapshotRoute route,
                                  TransportHandler& handler,
                                  const SnapshotLimits& limits,
                                  std::optional<IncomingSnapshot>& half) {
  Conversation conversation(socket, seed, limits);
  const auto refuse = [&](const Error& error) {
    conversation.write_failure(error);
    return error;
  };
  const auto number = conversation.expect(RecordKind::offer, limits.idle_timeout);
  if (!number) return refuse(number.error());
  auto envelope = read_envelope(socket, seed, limits);
  if (!envelope) return envelope;
  if (!std::holds_alternative<SnapshotRequest>(envelope->message))
    return refuse(Error(Errc::malformed, "not a SnapshotRequest"));
  if (envelope->from != route.from || envelope->to != route.to)
    return refuse(Error(Errc::member_mismatch, "a SnapshotRequest with other addresses"));
  // Whatever is thrown below, or fails for another reason than the connection, takes it along.
  auto mine = std::exchange(half, std::nullopt);
  if (!mine || mine->number != *number || mine->envelope != *envelope) {
    mine.reset();
    auto sink = handler.accept_snapshot(*envelope);
    if (!sink) return refuse(sink.error());
    mine.emplace(IncomingSnapshot{*envelope, *number, *std::move(sink), 0});
  }
  const auto received = [&]() -> Result<void> {
    if (auto told = conversation.write(RecordKind::accepted, mine->position, {}); !told)
      return told;
    return receive_content(conversation, *mine, limits);
  }();
  if (!received) {
    if (conversation.has_lost_connection()) half = std::move(mine);
    return refuse(received.error());
  }
  // It is durable here, whether or not the sender still learns it.
  (void)conversation.write(RecordKind::committed, 0, {});
  return envelope;
}

}  // namespace raftkit::transport
