// Where a group's entries lie in the segments.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::storage::wal {

/// Of a frame.
struct Place {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;

  friend bool operator==(const Place&, const Place&) = default;
};

/// Knows a place for some entries only: the others follow it in the same segment. Owner: the log.
class Places {
 public:
  /// Entries [first, last], all of them in one frame.
  struct Piece {
    Index first;
    Index last;
    Place from;  ///< they lie in this frame or in those behind it
  };

  /// Entries from `first` on were appended by the frame at `place`.
  void appended(Index first, const Place& place) {
    if (!is_continued_ || points_.empty() || points_.back().place.sequence != place.sequence ||
        place.offset - points_.back().place.offset >= kApartBytes)
      points_.push_back({first, place});
    is_continued_ = true;
  }
  /// Entries from `from` on are gone.
  void truncated(Index from) {
    while (!points_.empty() && points_.back().first >= from)
      points_.pop_back();
    // What follows replaces entries that still lie behind the last place.
    is_continued_ = false;
  }
  void cleared() {
    points_.clear();
    is_continued_ = false;
  }
  /// Entries before `first` are gone.
  void forgot_before(Index first) {
    const auto holds = point_of(first);
    if (holds != points_.end()) points_.erase(points_.begin(), holds);
  }

  /// Where [first, last] lie, in this order, or where its front does, about `bytes` of it; empty if
  /// `first` is not known.
  [[nodiscard]] std::vector<Piece> find(Index first, Index last, std::size_t bytes) const {
    const std::size_t most = 2 + bytes / kApartBytes;
    std::vector<Piece> pieces;
    for (auto point = point_of(first);
         point != points_.end() && point->first <= last && pieces.size() < most;
         ++point) {
      const auto next = std::next(point);
      const Index end = next == points_.end() ? last : std::min(last, next->first - 1);
      pieces.push_back({std::max(first, point->first), end, point->place});
    }
    return pieces;
  }
  [[nodiscard]] std::optional<Place> place_of(Index index) const {
    const auto point = point_of(index);
    return point == points_.end() ? std::nullopt : std::optional(point->place);
  }

 private:
  /// What has to be read to reach an entry is at most this much, and a frame.
  static constexpr std::uint64_t kApartBytes = 64 << 10;

  struct Point {
    Index first;
    Place place;
  };
  /// The last one that does not lie behind `index`.
  [[nodiscard]] std::vector<Point>::const_iterator point_of(Index index) const {
    const auto behind = std::upper_bound(
        points_.begin(), points_.end(), index, [](Index wanted, const Point& point) {
          return wanted < point.first;
        });
    return behind == points_.begin() ? points_.end() : std::prev(behind);
  }

  std::vector<Point> points_;  // ascending
  bool is_continued_ = false;
};

}  // namespace raftkit::storage::wal
