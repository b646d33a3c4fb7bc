// How a log lies in a key-value store.
//
//   key    group u64 big-endian · kind u8 [· index u64 big-endian, for entries]
//   value  version u8 · ... · crc32c u32 over the key and the value so far
//
//   state     flags u8 · term u64 · voted_for u64 · commit u64 · base (term u64, index u64) ·
//             last u64 · top u64 · count u32 · count x garbage (first u64, last u64)
//   snapshot  term u64 · index u64 · an encoded Membership
//   entry     type u8 · term u64 · the payload
//
// The state record decides what counts: entries (base, last] and the snapshot record. It is written
// with every batch, in the same atomic write. Entries outside of that range are garbage that is not
// deleted yet: in the ranges `garbage`, all at or below the base, and (last, top], where a later
// append overwrites them. So dropping any number of entries is one small write, and deleting them
// needs no atomicity: it is repeated until the state record has forgotten about them.
//
// The checksum covers the key: a record that turns up in another one's place does not verify.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/log_storage.hpp"

namespace raftkit::storage {

struct IndexRange {
  Index first;
  Index last;

  friend bool operator==(const IndexRange&, const IndexRange&) = default;
};

struct StateRecord {
  HardState hard_state;
  EntryId base;
  Index last;
  Index top;  ///< at least `last`
  std::vector<IndexRange> garbage;
  bool has_snapshot = false;
};

/// What all keys of a group begin with.
[[nodiscard]] std::string group_prefix(GroupId group);
[[nodiscard]] std::string state_key(GroupId group);
[[nodiscard]] std::string snapshot_key(GroupId group);
[[nodiscard]] std::string entry_key(GroupId group, Index index);

/// The encoders replace what `value` holds, and keep its memory.
void encode_state(std::string_view key, const StateRecord& state, std::string& value);
void encode_snapshot(std::string_view key, const SnapshotMeta& snapshot, std::string& value);
void encode_entry(std::string_view key, const Entry& entry, std::string& value);

/// Errors of all: corrupt_data, with a reason but no place.
[[nodiscard]] Result<StateRecord> decode_state(std::string_view key, std::string_view value);
[[nodiscard]] Result<SnapshotMeta> decode_snapshot(std::string_view key, std::string_view value);
[[nodiscard]] Result<Entry> decode_entry(std::string_view key, Index index, std::string_view value);

}  // namespace raftkit::storage
