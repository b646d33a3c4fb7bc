#include "storage/wal/format.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "storage/log_shape.hpp"
#include "storage/record_parts.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage::wal {

namespace {

constexpr std::string_view kHeaderMagic = "rkwalseg";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kChecksumEnd = 8;  // magic and checksum, which it does not cover

/// On disk: never reuse a value.
enum class RecordKind : std::uint8_t { batch = 1, compaction = 2, checkpoint = 3 };

/// On disk: never reuse a bit.
constexpr std::uint8_t kHasHardState = 1;
constexpr std::uint8_t kHasVote = 2;
constexpr std::uint8_t kHasSnapshot = 4;
constexpr std::uint8_t kTruncates = 8;

constexpr std::string_view kNewer = ", maybe of a newer release";

std::string bytes_of_id(const SegmentId& segment) {
  std::string bytes;
  put<std::uint64_t>(bytes, segment.log[0]);
  put<std::uint64_t>(bytes, segment.log[1]);
  put<std::uint64_t>(bytes, segment.sequence);
  return bytes;
}

std::uint32_t crc_of(std::string_view bytes, std::uint32_t seed = 0) {
  return wire::crc32c(bytes_of(bytes), seed);
}

std::string header_start(const SegmentId& segment) {
  std::string header(kHeaderMagic);
  put<std::uint32_t>(header, kVersion);
  return header + bytes_of_id(segment);
}

Error corrupt(std::string_view reason, std::string_view more = {}) {
  return {Errc::corrupt_data, std::string(reason) + std::string(more)};
}

void put_hard_state(std::string& target, const HardState& state) {
  put<std::uint64_t>(target, state.term.value);
  put<std::uint64_t>(target, state.voted_for ? state.voted_for->value : 0);
  put<std::uint64_t>(target, state.commit.value);
}

HardState take_hard_state(RecordReader& reader, std::uint8_t flags) {
  HardState state;
  state.term = Term{reader.take<std::uint64_t>()};
  const NodeId voted_for{reader.take<std::uint64_t>()};
  if ((flags & kHasVote) != 0) state.voted_for = voted_for;
  state.commit = Index{reader.take<std::uint64_t>()};
  return state;
}

void put_snapshot(std::string& target, const SnapshotMeta& snapshot) {
  put_id(target, snapshot.last);
  const auto membership = encode(*snapshot.membership);
  put<std::uint32_t>(target, static_cast<std::uint32_t>(membership.size()));
  target += membership.view();
}

Result<SnapshotMeta> take_snapshot(RecordReader& reader) {
  SnapshotMeta snapshot;
  snapshot.last = take_id(reader);
  const auto bytes = reader.take_bytes(reader.take<std::uint32_t>());
  if (reader.failed()) return corrupt("a snapshot's record is cut short");
  auto membership = decode_membership(Bytes::copy_of(bytes));
  if (!membership) return corrupt(membership.error().message());
  snapshot.membership = std::make_shared<const Membership>(*std::move(membership));
  return snapshot;
}

void begin_record(std::string& target, RecordKind kind, GroupId group) {
  put<std::uint8_t>(target, static_cast<std::uint8_t>(kind));
  put<std::uint64_t>(target, group.value);
}

Result<void> take_entries(RecordReader& reader,
                          const Records& wanted,
                          std::vector<Entry>& entries) {
  constexpr std::size_t kEntryBytes = 13;  // without its payload
  const auto count = reader.take<std::uint32_t>();
  if (count == 0) return {};
  Index index{reader.take<std::uint64_t>()};
  if (count > reader.rest().size() / kEntryBytes)
    return corrupt("more entries than there is room for");
  entries.reserve(count);
  for (std::uint32_t at = 0; at < count; ++at, ++index) {
    const auto type = static_cast<EntryType>(reader.take<std::uint8_t>());
    const Term term{reader.take<std::uint64_t>()};
    const auto payload = reader.take_bytes(reader.take<std::uint32_t>());
    if (!is_known(type)) return corrupt("unknown type of entry", kNewer);
    const bool is_wanted = index >= wanted.first_payload && index <= wanted.last_payload;
    entries.push_back({{term, index}, type, is_wanted ? Bytes::copy_of(payload) : Bytes()});
  }
  return {};
}

Result<PersistBatch> take_batch(RecordReader& reader, GroupId group, const Records& wanted) {
  PersistBatch batch;
  batch.group = group;
  const auto flags = reader.take<std::uint8_t>();
  if ((flags & ~(kHasHardState | kHasVote | kHasSnapshot | kTruncates)) != 0)
    return corrupt("unknown part of a batch", kNewer);
  if ((flags & kHasHardState) != 0) batch.hard_state = take_hard_state(reader, flags);
  if ((flags & kHasSnapshot) != 0) {
    auto snapshot = take_snapshot(reader);
    if (!snapshot) return std::move(snapshot).error();
    batch.snapshot = *std::move(snapshot);
  }
  if ((flags & kTruncates) != 0) batch.truncate_from = Index{reader.take<std::uint64_t>()};
  if (auto taken = take_entries(reader, wanted, batch.append); !taken)
    return std::move(taken).error();
  return batch;
}

Result<Compaction> take_compaction(RecordReader& reader, GroupId group) {
  auto snapshot = take_snapshot(reader);
  if (!snapshot) return std::move(snapshot).error();
  return Compaction{group, *std::move(snapshot), Index{reader.take<std::uint64_t>()}};
}

Result<Checkpoint> take_checkpoint(RecordReader& reader, GroupId group) {
  constexpr std::size_t kRunBytes = 16;
  Checkpoint checkpoint{group, {}};
  LoadedLog& log = checkpoint.log;
  const auto flags = reader.take<std::uint8_t>();
  if ((flags & ~kHasVote) != 0) return corrupt("unknown part of a checkpoint", kNewer);
  log.hard_state = take_hard_state(reader, flags);
  auto snapshot = take_snapshot(reader);
  if (!snapshot) return std::move(snapshot).error();
  log.snapshot = *std::move(snapshot);
  log.base = take_id(reader);
  log.last = Index{reader.take<std::uint64_t>()};
  const auto runs = reader.take<std::uint32_t>();
  if (runs > reader.rest().size() / kRunBytes) return corrupt("more terms than there is room for");
  for (std::uint32_t at = 0; at < runs; ++at) {
    const Index first{reader.take<std::uint64_t>()};
    log.terms.push_back({first, Term{reader.take<std::uint64_t>()}});
  }
  if (!is_consistent(log)) return corrupt("a checkpoint of a log that cannot be");
  return checkpoint;
}

template <class Record, class Call>
Result<void> hand_on(const RecordReader& reader, Result<Record> record, const Call& call) {
  if (!record) return std::move(record).error();
  if (reader.failed()) return corrupt("a record is cut short");
  if (!call) return corrupt("a record that does not belong here");
  return call(*std::move(record));
}

}  // namespace

std::string encode_header(const SegmentHeader& header) {
  std::string bytes = header_start(header.segment);
  put<std::uint64_t>(bytes, header.file_bytes);
  put<std::uint32_t>(bytes, crc_of(bytes));
  bytes.resize(kHeaderBytes, '\0');
  return bytes;
}

Result<SegmentHeader> decode_header(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return corrupt("the header is cut short");
  RecordReader reader(bytes);
  if (reader.take_bytes(kHeaderMagic.size()) != kHeaderMagic)
    return corrupt("this is no segment of a write-ahead log");
  const auto version = reader.take<std::uint32_t>();
  SegmentId segment;
  segment.log = {reader.take<std::uint64_t>(), reader.take<std::uint64_t>()};
  segment.sequence = reader.take<std::uint64_t>();
  const auto file_bytes = reader.take<std::uint64_t>();
  const std::size_t checked = bytes.size() - reader.rest().size();
  if (reader.take<std::uint32_t>() != crc_of(bytes.substr(0, checked)))
    return corrupt("the header's checksum is wrong");
  if (version != kVersion)
    return corrupt("version " + std::to_string(version) +
                   " of the format, and this program knows " + std::to_string(kVersion) +
                   ": it may be of a newer release");
  return SegmentHeader{segment, file_bytes};
}

std::uint32_t first_before(const SegmentId& segment) {
  return crc_of(header_start(segment));
}

std::uint32_t finish_frame(std::span<char> frame,
                           const SegmentId& segment,
                           const FrameHeader& header) {
  std::string front(kFrameMagic);
  put<std::uint32_t>(front, 0);
  put<std::uint32_t>(front, static_cast<std::uint32_t>(frame.size() - kFrameBytes));
  put<std::uint32_t>(front, header.before);
  put<std::uint64_t>(front, header.offset);
  put<std::uint64_t>(front, header.durable);
  put<std::uint32_t>(front, static_cast<std::uint32_t>(header.kind));
  const std::string_view payload(frame.data() + kFrameBytes, frame.size() - kFrameBytes);
  const std::uint32_t crc = checksum(segment, front, payload);
  std::string field;
  put<std::uint32_t>(field, crc);
  front.replace(kFrameMagic.size(), field.size(), field);
  std::copy(front.begin(), front.end(), frame.begin());
  return crc;
}

std::optional<FrameHeader> decode_frame_header(std::string_view bytes) {
  if (bytes.size() < kFrameBytes || !bytes.starts_with(kFrameMagic)) return std::nullopt;
  RecordReader reader(bytes.substr(kFrameMagic.size()));
  FrameHeader header;
  header.crc = reader.take<std::uint32_t>();
  header.length = reader.take<std::uint32_t>();
  header.before = reader.take<std::uint32_t>();
  header.offset = reader.take<std::uint64_t>();
  header.durable = reader.take<std::uint64_t>();
  header.kind = static_cast<FrameKind>(reader.take<std::uint32_t>());
  return header;
}

std::uint32_t checksum(const SegmentId& segment,
                       std::string_view header,
                       std::string_view payload) {
  const std::string_view covered = header.substr(kChecksumEnd, kFrameBytes - kChecksumEnd);
  return crc_of(payload, crc_of(covered, crc_of(bytes_of_id(segment))));
}

void encode_batch(const PersistBatch& batch, std::string& target) {
  begin_record(target, RecordKind::batch, batch.group);
  const bool has_vote = batch.hard_state && batch.hard_state->voted_for;
  put<std::uint8_t>(
      target,
      static_cast<std::uint8_t>((batch.hard_state ? kHasHardState : 0) | (has_vote ? kHasVote : 0) |
                                (batch.snapshot ? kHasSnapshot : 0) |
                                (batch.truncate_from ? kTruncates : 0)));
  if (batch.hard_state) put_hard_state(target, *batch.hard_state);
  if (batch.snapshot) put_snapshot(target, *batch.snapshot);
  if (batch.truncate_from) put<std::uint64_t>(target, batch.truncate_from->value);
  put<std::uint32_t>(target, static_cast<std::uint32_t>(batch.append.size()));
  if (batch.append.empty()) return;
  put<std::uint64_t>(target, batch.append.front().id.index.value);
  for (const Entry& entry : batch.append) {
    put<std::uint8_t>(target, static_cast<std::uint8_t>(entry.type));
    put<std::uint64_t>(target, entry.id.term.value);
    put<std::uint32_t>(target, static_cast<std::uint32_t>(entry.payload.size()));
    target += entry.payload.view();
  }
}

void encode_compaction(const Compaction& compaction, std::string& target) {
  begin_record(target, RecordKind::compaction, compaction.group);
  put_snapshot(target, compaction.snapshot);
  put<std::uint64_t>(target, compaction.keep_from.value);
}

void encode_checkpoint(const Checkpoint& checkpoint, std::string& target) {
  const LoadedLog& log = checkpoint.log;
  begin_record(target, RecordKind::checkpoint, checkpoint.group);
  put<std::uint8_t>(target, log.hard_state.voted_for ? kHasVote : std::uint8_t{0});
  put_hard_state(target, log.hard_state);
  put_snapshot(target, log.snapshot);
  put_id(target, log.base);
  put<std::uint64_t>(target, log.last.value);
  put<std::uint32_t>(target, static_cast<std::uint32_t>(log.terms.size()));
  for (const TermRun& run : log.terms) {
    put<std::uint64_t>(target, run.first.value);
    put<std::uint64_t>(target, run.term.value);
  }
}

Result<void> decode_records(std::string_view frame, const Records& records) {
  RecordReader reader(frame);
  while (!reader.rest().empty()) {
    const auto kind = static_cast<RecordKind>(reader.take<std::uint8_t>());
    const GroupId group{reader.take<std::uint64_t>()};
    Result<void> done = corrupt("unknown kind of record", kNewer);
    switch (kind) {
      case RecordKind::batch:
        done = hand_on(reader, take_batch(reader, group, records), records.batch);
        break;
      case RecordKind::compaction:
        done = hand_on(reader, take_compaction(reader, group), records.compaction);
        break;
      case RecordKind::checkpoint:
        done = hand_on(reader, take_checkpoint(reader, group), records.checkpoint);
        break;
    }
    if (!done) return done;
  }
  return {};
}

}  // namespace raftkit::storage::wal
