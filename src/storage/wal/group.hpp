// A group of the write-ahead log: what counts of it, and where that lies.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "storage/log_shape.hpp"
#include "storage/wal/frames.hpp"
#include "storage/wal/places.hpp"

namespace raftkit::storage::wal {

/// Owner: the log.
struct Group {
  LoadedLog log = empty_log();
  Places places;

  /// `batch` lies in the frame at `place`; says nothing of the log.
  void took(const PersistBatch& batch, const Place& place) {
    if (batch.snapshot) places.cleared();
    if (batch.truncate_from) places.truncated(*batch.truncate_from);
    if (!batch.append.empty()) places.appended(batch.append.front().id.index, place);
  }

  /// The oldest segment that holds an entry of it.
  [[nodiscard]] std::optional<std::uint64_t> oldest_segment() const {
    if (log.last == log.base.index) return std::nullopt;
    const auto place = places.place_of(log.base.index + 1);
    return place ? std::optional(place->sequence) : std::nullopt;
  }
};

using Groups = std::map<GroupId, Group>;

/// What a segment begins with: one frame that names all of them.
[[nodiscard]] inline Frames checkpoint_of(const Groups& groups) {
  Frames checkpoint;
  std::string& records = checkpoint.begin(FrameKind::checkpoint);
  for (const auto& [id, group] : groups)
    encode_checkpoint({id, group.log}, records);
  return checkpoint;
}

}  // namespace raftkit::storage::wal
