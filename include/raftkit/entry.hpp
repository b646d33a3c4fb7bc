// What the log is made of.
#pragma once

#include <cstddef>
#include <cstdint>

#include "raftkit/bytes.hpp"
#include "raftkit/small_vector.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// What an entry's payload means. On disk and on the wire: never reuse a value.
enum class EntryType : std::uint8_t {
  normal = 0,      ///< a command of the state machine; empty: a leader's first entry of its term
  membership = 1,  ///< an encoded MembershipChange
  member_update =
      2,  ///< an encoded Member: what a member publishes about itself; changes no quorum
};

/// One place in the log. Immutable once it has an EntryId; copies share the payload.
struct Entry {
  EntryId id;
  EntryType type = EntryType::normal;
  Bytes payload;

  /// What an entry counts for wherever bytes are limited: its payload and a fixed overhead for the
  /// rest.
  [[nodiscard]] std::size_t size_bytes() const { return payload.size() + kOverheadBytes; }

  friend bool operator==(const Entry&, const Entry&) = default;

  static constexpr std::size_t kOverheadBytes = 16;
};

/// A contiguous run of entries, ascending by index. One entry needs no allocation.
using EntryList = SmallVector<Entry, 1>;

/// What becomes an Entry once a leader has given it its place.
struct Proposal {
  EntryType type = EntryType::normal;
  Bytes payload;

  friend bool operator==(const Proposal&, const Proposal&) = default;
};

}  // namespace raftkit
