// What records of all formats have in common.
#pragma once

#include <cstdint>
#include <string>

#include "raftkit/message.hpp"
#include "raftkit/types.hpp"

#include "storage/encoding.hpp"

namespace raftkit::storage {

inline void put_id(std::string& target, const EntryId& id) {
  put<std::uint64_t>(target, id.term.value);
  put<std::uint64_t>(target, id.index.value);
}

[[nodiscard]] inline EntryId take_id(RecordReader& reader) {
  const Term term{reader.take<std::uint64_t>()};
  return {term, Index{reader.take<std::uint64_t>()}};
}

/// Whether this release knows what such an entry means.
[[nodiscard]] inline bool is_known(EntryType type) {
  switch (type) {
    case EntryType::normal:
    case EntryType::membership:
    case EntryType::member_update:
      return true;
  }
  return false;
}

}  // namespace raftkit::storage
