#include "storage/wal/recovery.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "storage/wal/writer.hpp"

namespace raftkit::storage::wal {

namespace {

Error corrupt(std::string reason) {
  return {Errc::corrupt_data, std::move(reason)};
}

bool is_unfinished(std::string_view name) {
  return name.ends_with(kUnfinished) &&
         sequence_of(name.substr(0, name.size() - kUnfinished.size()));
}

class Recovery {
 public:
  Recovery(Disk& disk, std::string directory, std::size_t window_bytes)
      : disk_(disk), directory_(std::move(directory)), window_bytes_(window_bytes) {}

  Result<Recovered> run() {
    if (auto found = find_segments(); !found) return std::move(found).error();
    for (const auto& [sequence, segment] : found_.segments) {
      if (auto replayed = replay(*segment); !replayed) return std::move(replayed).error();
    }
    if (!found_.segments.empty() && !is_at_end_)
      return corrupt(found_.segments.rbegin()->second->path() + " is continued, and " +
                     segment_name(found_.segments.rbegin()->first + 1) + " is missing");
    settle_all();
    for (const auto& [id, group] : found_.groups) {
      const Index first = group.log.base.index + 1;
      if (group.log.last != group.log.base.index && !group.places.place_of(first))
        return corrupt(directory_ + ": entries from " + to_string(first) +
                       " on are missing: a segment is gone");
    }
    if (auto checked = check_doubtful(); !checked) return std::move(checked).error();
    return std::move(found_);
  }

 private:
  /// The newest unbroken row: what is older is what a crash kept from being removed. Were there
  /// something in it that counts, its absence would be noticed at the end.
  Result<void> find_segments() {
    const auto names = disk_.list(directory_);
    if (!names) return names.error();
    // In ascending order, since numbers have leading zeros.
    for (const std::string& name : *names) {
      if (is_unfinished(name)) found_.leftovers.push_back(directory_ + "/" + name);
      if (const auto sequence = sequence_of(name)) {
        if (auto opened = open(*sequence); !opened) return opened;
      }
    }
    return {};
  }

  Result<void> open(std::uint64_t sequence) {
    auto opened = Segment::open(disk_, directory_ + "/" + segment_name(sequence));
    if (!opened) return std::move(opened).error();
    const Segment& segment = **opened;
    if (segment.id().sequence != sequence)
      return segment.damaged(0, "it is segment " + std::to_string(segment.id().sequence));
    if (sequence < kFirstSequence || sequence > kLastSequence)
      return segment.damaged(0, "no segment has this number");
    Segments& row = found_.segments;
    // The others are not ours to remove, if it is this one that is strange here.
    if (!row.empty() && segment.id().log != row.begin()->second->id().log)
      return segment.damaged(0, "it belongs to another log than the segments before it");
    if (!row.empty() && row.rbegin()->first + 1 != sequence) {
      for (const auto& [old, older] : row)
        found_.leftovers.push_back(older->path());
      row.clear();
    }
    row.emplace(sequence, *std::move(opened));
    return {};
  }

  Result<void> replay(const Segment& segment) {
    const std::uint64_t sequence = segment.id().sequence;
    const bool is_first = sequence == found_.segments.begin()->first;
    SegmentScan scan(segment, window_bytes_);
    bool is_sealed = false;
    bool is_empty = true;
    while (!is_sealed) {
      const Place place{sequence, scan.offset()};
      const auto frame = scan.next();
      if (!frame) return frame.error();
      if (!*frame) break;
      if (is_at_end_) return unsealed(segment);
      const FrameHeader& header = (*frame)->header;
      if (is_empty != (header.kind == FrameKind::checkpoint))
        return segment.damaged(
            place.offset,
            is_empty ? "it does not begin with a checkpoint" : "a checkpoint in its midst");
      if (auto taken = take(**frame, place, is_first); !taken)
        return segment.damaged(place.offset, taken.error().message());
      if (is_empty) starts_.clear();
      if (is_empty || place.offset - starts_.back() >= kApartBytes) starts_.push_back(place.offset);
      is_empty = false;
      is_sealed = header.kind == FrameKind::seal;
      found_.doubtful = {sequence, header.durable, scan.offset()};
    }
    return is_sealed ? Result<void>() : end_in(segment, scan, is_first && is_empty);
  }

  /// What has to be written again is whole frames.
  [[nodiscard]] Result<void> check_doubtful() const {
    const auto& [sequence, begin, end] = found_.doubtful;
    if (sequence == 0) return {};
    const Segment& segment = *found_.segments.at(sequence);
    const auto behind = std::upper_bound(starts_.begin(), starts_.end(), begin);
    std::uint64_t at = behind == starts_.begin() ? end : *std::prev(behind);
    std::string buffer;
    while (at < begin) {
      const auto frame = segment.frame_at(at, buffer);
      if (!frame) return frame.error();
      if (!*frame) return segment.damaged(at, "what was read there is gone");
      at += (*frame)->header.size();
    }
    if (at == begin) return {};
    return segment.damaged(begin, "a frame says that so much was durable, and none ends there");
  }

  /// Behind its last frame, if that is no seal.
  Result<void> end_in(const Segment& segment, const SegmentScan& scan, bool is_without_frames) {
    const auto rest = segment.examine(scan.offset(), scan.before());
    if (!rest) return rest.error();
    if (rest->was_durable) return segment.damaged(scan.offset(), "what was durable there is gone");
    // A segment is made before the one before it ends: it is the next one, not yet begun.
    if (is_at_end_) return rest->end == scan.offset() ? Result<void>() : unsealed(segment);
    if (is_without_frames && segment.id().sequence > kFirstSequence)
      return segment.damaged(scan.offset(), "it does not begin with a checkpoint");
    if (auto room = check_room(segment, scan); !room) return room;
    is_at_end_ = true;
    found_.sequence = segment.id().sequence;
    found_.offset = scan.offset();
    found_.before = scan.before();
    found_.torn_end = rest->end;
    return {};
  }

  /// Whoever makes a segment leaves room for its checkpoint, and whoever writes to it for its seal.
  Result<void> check_room(const Segment& segment, const SegmentScan& scan) const {
    const bool is_empty = scan.offset() == kHeaderBytes;
    const std::uint64_t needed = is_empty ? Writer::size_for(checkpoint_of(found_.groups).size())
                                          : scan.offset() + kFrameBytes;
    if (needed <= segment.size()) return {};
    return segment.damaged(
        scan.offset(), is_empty ? "it has no room for a checkpoint" : "it is full, and not sealed");
  }

  Error unsealed(const Segment& next) const {
    return found_.segments.at(found_.sequence)
        ->damaged(found_.offset, "it ends here, but " + next.path() + " continues it");
  }

  Result<void> take(const Segment::Frame& frame, const Place& place, bool is_in_first) {
    switch (frame.header.kind) {
      case FrameKind::batches:
        return take_batches(frame.payload, place);
      case FrameKind::checkpoint:
        return take_checkpoint(frame.payload, is_in_first);
      case FrameKind::seal:
      case FrameKind::mark:
        return {};
    }
    return corrupt("unknown kind of frame, maybe of a newer release");
  }

  Result<void> take_batches(std::string_view payload, const Place& place) {
    Records records;
    records.batch = [&](const PersistBatch& batch) -> Result<void> {
      Group& group = found_.groups[batch.group];
      if (auto applied = apply(group.log, batch); !applied) return applied;
      group.took(batch, place);
      return {};
    };
    records.compaction = [&](const Compaction& compaction) -> Result<void> {
      Group& group = found_.groups[compaction.group];
      // Settled later, and for all of them together.
      const auto compacted = compact_lazily(group.log, compaction.snapshot, compaction.keep_from);
      return compacted ? Result<void>() : compacted.error();
    };
    return decode_records(payload, records);
  }

  void settle_all() {
    for (auto& [id, group] : found_.groups) {
      settle(group.log);
      group.places.forgot_before(group.log.base.index + 1);
    }
  }

  /// The first one is where everything begins; the others are what the segments before them come
  /// to.
  Result<void> take_checkpoint(std::string_view payload, bool is_beginning) {
    settle_all();
    std::size_t count = 0;
    std::optional<GroupId> before;
    Records records;
    records.checkpoint = [&](Checkpoint checkpoint) -> Result<void> {
      ++count;
      if (before && checkpoint.group <= *before)
        return corrupt("its checkpoint names a group twice, or not in order");
      before = checkpoint.group;
      const auto known = found_.groups.find(checkpoint.group);
      if (is_beginning) {
        found_.groups[checkpoint.group].log = std::move(checkpoint.log);
      } else if (known == found_.groups.end() || !is_same(known->second.log, checkpoint.log)) {
        return corrupt("its checkpoint is not what the segments before it come to");
      }
      return {};
    };
    if (auto decoded = decode_records(payload, records); !decoded) return decoded;
    if (count != found_.groups.size())
      return corrupt("its checkpoint holds " + std::to_string(count) + " groups of " +
                     std::to_string(found_.groups.size()));
    return {};
  }

  static constexpr std::uint64_t kApartBytes = 64 << 10;

  Disk& disk_;
  const std::string directory_;
  const std::size_t window_bytes_;
  Recovered found_;
  std::vector<std::uint64_t> starts_;  // of some frames of the last segment that has any
  bool is_at_end_ = false;
};

}  // namespace

Result<Recovered> recover(Disk& disk, const std::string& directory, std::size_t window_bytes) {
  return Recovery(disk, directory, window_bytes).run();
}

}  // namespace raftkit::storage::wal
