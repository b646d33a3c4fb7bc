#include "transport/snapshot_stream.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "transport/remote_error.hpp"
#include "wire/frame_parser.hpp"
#include "wire/frame_writer.hpp"
#include "wire/snapshot_records.hpp"

namespace raftkit::transport {

namespace {

using wire::RecordHeader;
using wire::RecordKind;

constexpr std::size_t kChunkBytes = 256 * 1024;

/// How long a side that has failed waits for the other to read why.
constexpr std::chrono::milliseconds kGoodbye{1000};

/// Sends no more than so many bytes in a second, by waiting.
class Throttle {
 public:
  explicit Throttle(std::uint64_t bytes_per_second)
      : bytes_per_second_(bytes_per_second), start_(std::chrono::steady_clock::now()) {}

  void sent(std::size_t bytes, BlockingSocket& socket) {
    if (bytes_per_second_ == 0) return;
    bytes_ += bytes;
    const std::chrono::duration<double> due(static_cast<double>(bytes_) /
                                            static_cast<double>(bytes_per_second_));
    const auto wait = due - (std::chrono::steady_clock::now() - start_);
    if (wait.count() > 0) socket.pause(std::chrono::ceil<std::chrono::milliseconds>(wait));
  }

 private:
  std::uint64_t bytes_per_second_;
  std::chrono::steady_clock::time_point start_;
  std::uint64_t bytes_ = 0;
};

/// One end of the conversation.
class Conversation {
 public:
  Conversation(BlockingSocket& socket, wire::ConnectionSeed seed, const SnapshotLimits& limits)
      : socket_(socket), seed_(seed), limits_(limits) {}

  Result<void> write(RecordKind kind, std::uint64_t position, std::span<const std::byte> body) {
    const auto header = wire::encode_record(kind, position, body, seed_);
    if (auto written = socket_.write(header, limits_.idle_timeout); !written) return written;
    return socket_.write(body, limits_.idle_timeout);
  }

  void write_failure(const Error& error) {
    const std::string text = std::string(name_of(error)) + "\n" + error.message();
    if (write(RecordKind::failed, 0, std::as_bytes(std::span(text)))) socket_.finish(kGoodbye);
  }

  /// The next record; its body is in body() until the next call. A record `failed` is returned as
  /// the error in it.
  Result<RecordHeader> read(std::chrono::milliseconds timeout) {
    wire::RecordHeaderBytes bytes{};
    if (auto got = socket_.read(bytes, timeout); !got) return std::move(got).error();
    auto header = wire::decode_record_header(bytes, seed_);
    if (!header) return header;
    body_.resize(header->body_bytes);
    if (auto got = socket_.read(body_, limits_.idle_timeout); !got) return std::move(got).error();
    if (auto checked = wire::check_record_body(*header, body_); !checked)
      return std::move(checked).error();
    if (header->kind == RecordKind::failed) return remote_failure();
    return header;
  }
  [[nodiscard]] std::span<const std::byte> body() const { return body_; }

  /// Reads a record that must be of this kind.
  Result<void> expect(RecordKind kind, std::chrono::milliseconds timeout) {
    const auto header = read(timeout);
    if (!header) return header.error();
    if (header->kind != kind || header->position != 0)
      return Error(Errc::malformed, "an unexpected record");
    return {};
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
                             SnapshotSink& sink,
                             const SnapshotLimits& limits) {
  std::uint64_t position = 0;
  while (true) {
    const auto record = conversation.read(limits.idle_timeout);
    if (!record) return record.error();
    const bool fits = record->position == position &&
                      (record->kind == RecordKind::chunk || record->kind == RecordKind::end);
    if (!fits) return Error(Errc::malformed, "a part of the snapshot is missing");
    if (record->kind == RecordKind::end) return sink.commit();
    if (auto written = sink.write(conversation.body()); !written) return written;
    position += record->body_bytes;
  }
}

}  // namespace

Result<void> send_snapshot(BlockingSocket& socket,
                           wire::ConnectionSeed seed,
                           Envelope envelope,
                           SnapshotSource& source,
                           const SnapshotLimits& limits) {
  Conversation conversation(socket, seed, limits);
  if (auto written = write_envelope(socket, seed, std::move(envelope), limits); !written)
    return written;
  if (auto accepted = conversation.expect(RecordKind::accepted, limits.idle_timeout); !accepted)
    return accepted;

  std::vector<std::byte> buffer(kChunkBytes);
  std::uint64_t position = 0;
  Throttle throttle(limits.bytes_per_second);
  while (true) {
    const auto count = source.read(buffer);
    if (!count) {
      conversation.write_failure(count.error());
      return count.error();
    }
    const auto chunk = std::span(buffer).first(*count);
    const bool at_end = chunk.empty();
    auto written =
        conversation.write(at_end ? RecordKind::end : RecordKind::chunk, position, chunk);
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
    if (at_end) break;
    position += chunk.size();
    throttle.sent(chunk.size(), socket);
  }
  return conversation.expect(RecordKind::committed, limits.commit_timeout);
}

Result<Envelope> receive_snapshot(BlockingSocket& socket,
                                  wire::ConnectionSeed seed,
                                  SnapshotRoute route,
                                  TransportHandler& handler,
                                  const SnapshotLimits& limits) {
  auto envelope = read_envelope(socket, seed, limits);
  if (!envelope) return envelope;
  Conversation conversation(socket, seed, limits);
  const auto refuse = [&](const Error& error) {
    conversation.write_failure(error);
    return error;
  };
  if (!std::holds_alternative<SnapshotRequest>(envelope->message))
    return refuse(Error(Errc::malformed, "not a SnapshotRequest"));
  if (envelope->from != route.from || envelope->to != route.to)
    return refuse(Error(Errc::member_mismatch, "a SnapshotRequest with other addresses"));

  auto sink = handler.accept_snapshot(*envelope);
  if (!sink) return refuse(sink.error());
  if (auto written = conversation.write(RecordKind::accepted, 0, {}); !written)
    return std::move(written).error();
  if (auto received = receive_content(conversation, **sink, limits); !received)
    return refuse(received.error());
  // It is durable here, whether or not the sender still learns it.
  (void)conversation.write(RecordKind::committed, 0, {});
  return envelope;
}

}  // namespace raftkit::transport
