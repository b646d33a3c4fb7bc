#include "storage/log_records.hpp"

#include "storage/record_parts.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::storage {

namespace {

constexpr std::uint8_t kVersion = 1;

/// In keys: never reuse a value.
enum class Kind : std::uint8_t { state = 1, snapshot = 2, entry = 3 };

/// In StateRecord's flags: never reuse a bit.
constexpr std::uint8_t kHasVote = 1;
constexpr std::uint8_t kHasSnapshot = 2;

void put_sortable(std::string& key, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(value >> shift));
}

std::string key_of(GroupId group, Kind kind) {
  std::string key = group_prefix(group);
  put<std::uint8_t>(key, static_cast<std::uint8_t>(kind));
  return key;
}

std::uint32_t checksum(std::string_view key, std::string_view body) {
  return wire::crc32c(bytes_of(body), wire::crc32c(bytes_of(key)));
}

void start(std::string& value) {
  value.clear();
  put<std::uint8_t>(value, kVersion);
}

void finish(std::string_view key, std::string& value) {
  put<std::uint32_t>(value, checksum(key, value));
}

Error corrupt(const char* reason) {
  return {Errc::corrupt_data, reason};
}

/// What lies between version and checksum.
Result<std::string_view> verified(std::string_view key, std::string_view value) {
  constexpr std::size_t kCrcBytes = sizeof(std::uint32_t);
  if (value.size() < 1 + kCrcBytes) return corrupt("record too short");
  const std::string_view body = value.substr(0, value.size() - kCrcBytes);
  RecordReader crc(value.substr(body.size()));
  if (crc.take<std::uint32_t>() != checksum(key, body)) return corrupt("checksum mismatch");
  if (static_cast<std::uint8_t>(body.front()) != kVersion)
    return corrupt("unknown version, maybe of a newer release");
  return body.substr(1);
}

}  // namespace

std::string group_prefix(GroupId group) {
  std::string key;
  key.reserve(17);
  put_sortable(key, group.value);
  return key;
}

std::string state_key(GroupId group) {
  return key_of(group, Kind::state);
}

std::string snapshot_key(GroupId group) {
  return key_of(group, Kind::snapshot);
}

std::string entry_key(GroupId group, Index index) {
  std::string key = key_of(group, Kind::entry);
  put_sortable(key, index.value);
  return key;
}

void encode_state(std::string_view key, const StateRecord& state, std::string& value) {
  const HardState& hard = state.hard_state;
  start(value);
  put<std::uint8_t>(value,
                    static_cast<std::uint8_t>((hard.voted_for ? kHasVote : 0) |
                                              (state.has_snapshot ? kHasSnapshot : 0)));
  put<std::uint64_t>(value, hard.term.value);
  put<std::uint64_t>(value, hard.voted_for ? hard.voted_for->value : 0);
  put<std::uint64_t>(value, hard.commit.value);
  put_id(value, state.base);
  put<std::uint64_t>(value, state.last.value);
  put<std::uint64_t>(value, state.top.value);
  put<std::uint32_t>(value, static_cast<std::uint32_t>(state.garbage.size()));
  for (const IndexRange& range : state.garbage) {
    put<std::uint64_t>(value, range.first.value);
    put<std::uint64_t>(value, range.last.value);
  }
  finish(key, value);
}

void encode_snapshot(std::string_view key, const SnapshotMeta& snapshot, std::string& value) {
  start(value);
  put_id(value, snapshot.last);
  value += encode(*snapshot.membership).view();
  finish(key, value);
}

void encode_entry(std::string_view key, const Entry& entry, std::string& value) {
  start(value);
  put<std::uint8_t>(value, static_cast<std::uint8_t>(entry.type));
  put<std::uint64_t>(value, entry.id.term.value);
  value += entry.payload.view();
  finish(key, value);
}

Result<StateRecord> decode_state(std::string_view key, std::string_view value) {
  const auto body = verified(key, value);
  if (!body) return body.error();
  RecordReader reader(*body);
  StateRecord state;
  const auto flags = reader.take<std::uint8_t>();
  state.has_snapshot = (flags & kHasSnapshot) != 0;
  state.hard_state.term = Term{reader.take<std::uint64_t>()};
  const NodeId voted_for{reader.take<std::uint64_t>()};
  if ((flags & kHasVote) != 0) state.hard_state.voted_for = voted_for;
  state.hard_state.commit = Index{reader.take<std::uint64_t>()};
  state.base = take_id(reader);
  state.last = Index{reader.take<std::uint64_t>()};
  state.top = Index{reader.take<std::uint64_t>()};
  const auto ranges = reader.take<std::uint32_t>();
  for (std::uint32_t at = 0; at < ranges && !reader.failed(); ++at) {
    const Index first{reader.take<std::uint64_t>()};
    state.garbage.push_back({first, Index{reader.take<std::uint64_t>()}});
  }
  if (reader.failed() || !reader.rest().empty()) return corrupt("malformed record");
  if (state.last < state.base.index || state.top < state.last)
    return corrupt("the record contradicts itself");
  return state;
}

Result<SnapshotMeta> decode_snapshot(std::string_view key, std::string_view value) {
  const auto body = verified(key, value);
  if (!body) return body.error();
  RecordReader reader(*body);
  SnapshotMeta snapshot;
  snapshot.last = take_id(reader);
  if (reader.failed()) return corrupt("malformed record");
  auto membership = decode_membership(Bytes::copy_of(reader.rest()));
  if (!membership) return Error(Errc::corrupt_data, membership.error().message());
  snapshot.membership = std::make_shared<const Membership>(*std::move(membership));
  return snapshot;
}

Result<Entry> decode_entry(std::string_view key, Index index, std::string_view value) {
  const auto body = verified(key, value);
  if (!body) return body.error();
  RecordReader reader(*body);
  Entry entry;
  entry.type = static_cast<EntryType>(reader.take<std::uint8_t>());
  entry.id = {Term{reader.take<std::uint64_t>()}, index};
  entry.payload = Bytes::copy_of(reader.rest());
  if (reader.failed()) return corrupt("malformed record");
  if (!is_known(entry.type)) return corrupt("unknown type of entry, maybe of a newer release");
  return entry;
}

}  // namespace raftkit::storage
