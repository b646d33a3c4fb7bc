#include "storage/wal/log.hpp"

#include <algorithm>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include "storage/encoding.hpp"
#include "storage/failure_latch.hpp"
#include "storage/room.hpp"
#include "storage/wal/recovery.hpp"
#include "storage/wal/supply.hpp"
#include "storage/wal/writer.hpp"

namespace raftkit::storage {

namespace {

constexpr std::uint64_t kLeastSegmentBytes = 64 << 10;
constexpr std::size_t kLeastWindowBytes = 4 << 10;
// Of a segment, kept free of entries while no next segment can be had.
constexpr std::uint64_t kPartFreeOfEntries = 8;
constexpr std::uint64_t kPartFreeOfHardStates = 16;  // of it, free of hard states, too
constexpr std::size_t kStepBytes = 64 << 10;         // of what is written again, or zeroed

std::uint64_t draw_from_system() {
  std::random_device random;
  return (std::uint64_t{random()} << 32) | random();
}

/// read: any thread. changes_, frames_, places_ and writer_ belong to whoever writes.
class WalLog final : public LogStorage {
 public:
  WalLog(Disk& disk, WalLogOptions options, WalInternals internals, std::unique_ptr<FileLock> lock)
      : disk_(disk),
        options_(std::move(options)),
        internals_(std::move(internals)),
        lock_(std::move(lock)),
        supply_(disk, options_) {
    if (!internals_.draw) internals_.draw = draw_from_system;
    if (internals_.background) return;
    worker_ = std::make_unique<Worker>();
    internals_.background = [this](auto work) { worker_->post(std::move(work)); };
  }

  /// The next start need not guess whether the end is torn.
  ~WalLog() override {
    worker_.reset();
    if (!latch_.first() && writer_.has_room(reserve(Need::hard_state)))
      static_cast<void>(writer_.vouch());
  }
  WalLog(const WalLog&) = delete;
  WalLog& operator=(const WalLog&) = delete;

  Result<void> open() {
    auto found = wal::recover(disk_, options_.directory, options_.window_bytes);
    if (!found) return latch_.fail(std::move(found).error());
    for (const std::string& path : found->leftovers) {
      if (auto removed = disk_.remove_file(path); !removed)
        return latch_.fail(std::move(removed).error());
    }
    auto opened = found->segments.empty() ? create() : resume(*std::move(found));
    if (opened) opened = free_segments();
    return opened ? opened : latch_.fail(std::move(opened).error());
  }

  Result<std::optional<LoadedLog>> load(GroupId group) override {
    if (const auto failure = latch_.first()) return *failure;
    const std::lock_guard lock(mutex_);
    const auto found = groups_.find(group);
    return found == groups_.end() ? std::optional<LoadedLog>() : std::optional(found->second.log);
  }

  Result<void> write(std::span<const PersistBatch> batches) override {
    if (const auto failure = latch_.first()) return *failure;
    begin_change();
    if (options_.reserve_bytes > 0 && entry_bytes(batches) > 0) {
      if (auto room = check_reserve(); !room) return room;
    }
    bool needs_sync = false;
    bool has_snapshot = false;
    Need need = Need::hard_state;
    for (const PersistBatch& batch : batches) {
      if (is_empty(batch)) continue;
      if (auto fits = check_size(batch); !fits) return fits;
      if (auto applied = apply(log_to_change(batch.group), batch); !applied) return applied;
      wal::encode_batch(batch, frames_.next(wal::FrameKind::batches));
      places_.push_back(frames_.newest());
      needs_sync = needs_sync || batch.needs_sync();
      has_snapshot = has_snapshot || batch.snapshot;
      if (!batch.append.empty()) need = Need::entries;
    }
    if (changes_.empty()) return {};
    const auto begin = append(need, needs_sync);
    if (!begin) return begin.error();

    {
      const std::lock_guard lock(mutex_);
      auto place = places_.begin();
      for (const PersistBatch& batch : batches) {
        if (is_empty(batch)) continue;
        groups_[batch.group].took(batch, {writer_.segment().sequence, *begin + *place++});
      }
      adopt_changes();
    }
    return has_snapshot ? free_segments_or_fail() : Result<void>();
  }

  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    if (const auto failure = latch_.first()) return *failure;
    begin_change();
    const auto is_newer = storage::compact(log_to_change(group), snapshot, keep_from);
    if (!is_newer) return is_newer.error();
    if (!*is_newer) return {};
    wal::encode_compaction({group, snapshot, keep_from}, frames_.next(wal::FrameKind::batches));
    if (const auto begin = append(Need::compaction, true); !begin) return begin.error();

    {
      const std::lock_guard lock(mutex_);
      adopt_changes();
      wal::Group& compacted = groups_[group];
      compacted.places.forgot_before(compacted.log.base.index + 1);
    }
    return free_segments_or_fail();
  }

  Result<std::vector<Entry>> read(const LogRange& range) override {
    if (const auto failure = latch_.first()) return *failure;
    const auto pieces = find(range);
    if (!pieces) return pieces.error();
    std::vector<Entry> entries;
    ReadBudget budget(range.max_bytes);
    for (const Piece& piece : *pieces) {
      auto read = read_piece(range.group, piece, range.max_bytes);
      if (!read) return std::move(read).error();
      for (Entry& entry : *read) {
        if (!budget.takes(entry)) return entries;
        entries.push_back(std::move(entry));
      }
      if (entries.empty() || entries.back().id.index != piece.where.last) break;
    }
    return entries;
  }

 private:
  /// What room is kept for when no next segment can be had, the first one here the least.
  enum class Need : std::uint8_t { entries, hard_state, compaction };
  struct Piece {
    wal::Places::Piece where;
    std::shared_ptr<const wal::Segment> segment;
  };

  // --- opening

  Result<void> create() {
    const wal::SegmentId first{{internals_.draw(), internals_.draw()}, wal::kFirstSequence};
    wal::Frames checkpoint = wal::checkpoint_of(groups_);
    auto file = supply_.take(first, wal::Writer::size_for(checkpoint.size()), true);
    if (!file) return std::move(file).error();
    return begin_segment(first, *std::move(file), std::move(checkpoint));
  }

  Result<void> resume(wal::Recovered found) {
    const auto present = found.segments.find(found.sequence);
    const wal::Segment& segment = *present->second;
    auto file = disk_.open_writable(segment.path(), Disk::Open::append);
    if (!file) return std::move(file).error();
    if (auto cleaned = clean_end(found, segment.path(), **file); !cleaned) return cleaned;
    // Also if nothing else is synced: what follows would be worth nothing without it.
    if (auto kept = make_durable(found, **file); !kept) return kept;
    writer_.resume({.segment = segment.id(),
                    .offset = found.offset,
                    .durable = found.offset,
                    .before = found.before},
                   *std::move(file));
    if (const auto next = std::next(present); next != found.segments.end()) {
      if (auto taken = supply_.found(next->first); !taken) return taken;
    }
    found.segments.erase(std::next(present), found.segments.end());
    groups_ = std::move(found.groups);
    segments_ = std::move(found.segments);
    // A crash may have come between the segment and its checkpoint.
    if (writer_.is_empty()) {
      wal::Frames checkpoint = wal::checkpoint_of(groups_);
      if (auto written = writer_.write(checkpoint); !written) return std::move(written).error();
    }
    prepare_next();
    return writer_.has_room(0) ? writer_.begin_life(internals_.draw()) : Result<void>();
  }

  /// A later start should not wonder about a torn end again. Nor may what is written next, all of
  /// whose frames begin alike, be torn so that it completes one that was torn there before: no
  /// header is left there.
  Result<void> clean_end(const wal::Recovered& found, const std::string& path, WritableFile& file) {
    if (found.torn_end != found.offset)
      options_.log_sink->log(LogLevel::warn,
                             "log_end_torn",
                             "the end of the log, which was not durable yet, does not count",
                             {{"file", path},
                              {"offset", std::to_string(found.offset)},
                              {"bytes", std::to_string(found.torn_end - found.offset)}});
    const std::uint64_t end = std::max(found.torn_end, found.offset + wal::kFrameBytes);
    const std::vector<std::byte> zeros(std::min<std::uint64_t>(kStepBytes, end - found.offset));
    for (std::uint64_t at = found.offset; at < end; at += zeros.size()) {
      const auto size = std::min<std::uint64_t>(zeros.size(), end - at);
      if (auto written = file.write_at(at, std::span(zeros).first(size)); !written) return written;
    }
    return {};
  }

  /// What was read is on the disk, and so are the names of the files. A sync alone is not enough:
  /// after one that failed the operating system takes what it holds in memory for written.
  Result<void> make_durable(const wal::Recovered& found, WritableFile& present) {
    if (found.doubtful.sequence == found.sequence) {
      if (auto again = write_again(found, present); !again) return again;
    } else if (found.doubtful.sequence != 0) {
      const wal::Segment& sealed = *found.segments.at(found.doubtful.sequence);
      auto file = disk_.open_writable(sealed.path(), Disk::Open::append);
      if (!file) return std::move(file).error();
      if (auto again = write_again(found, **file); !again) return again;
      if (auto synced = (*file)->sync(); !synced) return synced;
    }
    if (auto synced = present.sync(); !synced) return synced;
    return disk_.sync_directory(options_.directory);
  }

  static Result<void> write_again(const wal::Recovered& found, WritableFile& target) {
    const auto& [sequence, begin, end] = found.doubtful;
    const wal::Segment& segment = *found.segments.at(sequence);
    std::string buffer;
    for (std::uint64_t at = begin; at < end; at += buffer.size()) {
      // Since it was read first it may have gone from memory, too.
      const auto frame = segment.frame_at(at, buffer);
      if (!frame) return frame.error();
      if (!*frame) return segment.damaged(at, "what was read there is gone");
      if (auto written = target.write_at(at, bytes_of(buffer)); !written) return written;
    }
    return {};
  }

  // --- writing

  void begin_change() {
    changes_.clear();
    frames_.clear();
    places_.clear();
  }

  /// The room for the entries themselves the log has already, or will look for.
  Result<void> check_reserve() {
    const auto check = [this] {
      return check_room(disk_, options_.directory, 0, options_.reserve_bytes);
    };
    if (auto room = check(); room) return room;
    supply_.give_up_spares();
    return check();
  }

  static Result<void> check_size(const PersistBatch& batch) {
    std::uint64_t bytes = 0;
    for (const Entry& entry : batch.append)
      bytes += entry.size_bytes();
    if (bytes <= wal::kMostBatchBytes) return {};
    return Error(Errc::invalid_argument,
                 "a batch of " + std::to_string(bytes) +
                     " bytes; a write-ahead log takes batches of up to " +
                     std::to_string(wal::kMostBatchBytes));
  }

  LoadedLog& log_to_change(GroupId group) {
    const auto known = groups_.find(group);
    return changes_.try_emplace(group, known == groups_.end() ? empty_log() : known->second.log)
        .first->second;
  }

  void adopt_changes() {
    for (auto& [id, log] : changes_)
      groups_[id].log = std::move(log);
  }

  /// How much must stay free in the present segment for what needs room more.
  [[nodiscard]] std::uint64_t reserve(Need need) const {
    if (supply_.is_ready(writer_.segment().sequence + 1)) return 0;
    switch (need) {
      case Need::entries:
        return options_.segment_bytes / kPartFreeOfEntries;
      case Need::hard_state:
        return options_.segment_bytes / kPartFreeOfHardStates;
      case Need::compaction:
        return 0;
    }
    return 0;
  }

  /// Writes frames_; returns where. Errors: out_of_space: nothing happened · storage_failed.
  Result<std::uint64_t> append(Need need, bool needs_sync) {
    const bool begins_segment = !writer_.has_room(frames_.size() + reserve(need));
    if (begins_segment) {
      const wal::SegmentId next{writer_.segment().log, writer_.segment().sequence + 1};
      wal::Frames checkpoint = wal::checkpoint_of(groups_);
      const std::uint64_t wanted =
          checkpoint.size() + frames_.size() + options_.segment_bytes / kPartFreeOfEntries;
      auto file = supply_.take(next, wal::Writer::size_for(wanted), need != Need::entries);
      if (!file && file.error() == Errc::out_of_space) return std::move(file).error();
      auto begun = file ? begin_segment(next, *std::move(file), std::move(checkpoint))
                        : std::move(file).error();
      if (!begun) return fail(begun.error());
    }
    auto begin = writer_.write(frames_);
    if (!begin) return fail(begin.error());
    if (needs_sync && options_.sync) {
      if (auto synced = writer_.sync(); !synced) return fail(synced.error());
    }
    // The segment that was left may hold nothing any more.
    if (begins_segment) {
      if (auto freed = free_segments(); !freed) return fail(freed.error());
    }
    return begin;
  }

  /// Seals the present segment, if there is one, and goes on in `next`, which is `file`, with a
  /// checkpoint, which makes those before it dispensable. Errors: as Disk.
  Result<void> begin_segment(const wal::SegmentId& next,
                             std::unique_ptr<WritableFile> file,
                             wal::Frames checkpoint) {
    auto segment =
        wal::Segment::open(disk_, options_.directory + "/" + wal::segment_name(next.sequence));
    if (!segment) return std::move(segment).error();
    if (writer_.is_open()) {
      if (auto sealed = writer_.seal(); !sealed) return sealed;
    }
    writer_.begin(next, std::move(file));
    if (auto written = writer_.write(checkpoint); !written) return std::move(written).error();
    {
      const std::lock_guard lock(mutex_);
      segments_.insert_or_assign(next.sequence, *std::move(segment));
    }
    prepare_next();
    return {};
  }

  void prepare_next() {
    const wal::SegmentId& present = writer_.segment();
    // With room for as much as if there were no checkpoint.
    internals_.background([this,
                           next = wal::SegmentId{present.log, present.sequence + 1},
                           bytes = options_.segment_bytes + wal::checkpoint_of(groups_).size()] {
      supply_.prepare(next, bytes);
    });
  }

  Error fail(const Error& error) {
    return latch_.fail(
        Error(Errc::storage_failed, "log in " + options_.directory + ": " + error.message()));
  }

  /// Gives up the segments before the first one that holds an entry. Errors: as Disk.
  Result<void> free_segments() {
    std::uint64_t first = writer_.segment().sequence;
    for (const auto& [id, group] : groups_)
      first = std::min(first, group.oldest_segment().value_or(first));
    if (segments_.begin()->first >= first) return {};
    // What makes them dispensable is the checkpoint of the first one that stays.
    if (auto synced = writer_.sync(); !synced) return synced;
    // Shared, since the work may be copied, and the segments must not have more owners.
    const auto retired = std::make_shared<std::vector<std::shared_ptr<const wal::Segment>>>();
    {
      const std::lock_guard lock(mutex_);
      for (; segments_.begin()->first < first; segments_.erase(segments_.begin()))
        retired->push_back(std::move(segments_.begin()->second));
    }
    internals_.background([this, retired] {
      for (auto& segment : *retired)
        supply_.retire(std::move(segment));
    });
    prepare_next();  // there may not have been room for it before
    return {};
  }

  Result<void> free_segments_or_fail() {
    auto freed = free_segments();
    return freed ? freed : fail(freed.error());
  }

  // --- reading

  /// Where the front of the range lies, and the files, which nobody can take away meanwhile.
  Result<std::vector<Piece>> find(const LogRange& range) {
    const std::lock_guard lock(mutex_);
    const auto known = groups_.find(range.group);
    if (known == groups_.end())
      return Error(Errc::unavailable, "group " + to_hex(range.group.value) + " was never written");
    const wal::Group& group = known->second;
    const auto end = readable_end(group.log.base.index, group.log.last, range);
    if (!end) return end.error();
    std::vector<Piece> pieces;
    for (const auto& where : group.places.find(range.first, *end, range.max_bytes))
      pieces.push_back({where, segments_.at(where.from.sequence)});
    return pieces;
  }

  /// The piece, or its front if that has more than `max_bytes`.
  static Result<std::vector<Entry>> read_piece(GroupId group,
                                               const Piece& piece,
                                               std::size_t max_bytes) {
    const auto& [where, segment] = piece;
    std::vector<Entry> entries;
    std::size_t bytes = 0;
    std::string buffer;
    for (std::uint64_t offset = where.from.offset;
         (entries.empty() || entries.back().id.index < where.last) && bytes <= max_bytes;) {
      const auto frame = segment->frame_at(offset, buffer);
      if (!frame) return frame.error();
      if (!*frame) return segment->damaged(offset, "what was written there is gone");
      const std::size_t known = entries.size();
      const bool has_batches = (*frame)->header.kind == wal::FrameKind::batches;
      const auto taken =
          has_batches ? take((*frame)->payload, group, where, entries) : Result<void>();
      if (!taken) return segment->damaged(offset, taken.error().message());
      for (std::size_t at = known; at < entries.size(); ++at)
        bytes += entries[at].size_bytes();
      offset += (*frame)->header.size();
    }
    return entries;
  }

  /// A frame may replace what it wrote itself.
  static Result<void> take(std::string_view payload,
                           GroupId group,
                           const wal::Places::Piece& where,
                           std::vector<Entry>& entries) {
    wal::Records records;
    records.first_payload = where.first;
    records.last_payload = where.last;
    records.batch = [&](PersistBatch batch) -> Result<void> {
      if (batch.group != group) return {};
      if (batch.snapshot) entries.clear();
      while (batch.truncate_from && !entries.empty() &&
             entries.back().id.index >= *batch.truncate_from)
        entries.pop_back();
      for (Entry& entry : batch.append) {
        if (entry.id.index >= where.first && entry.id.index <= where.last)
          entries.push_back(std::move(entry));
      }
      return {};
    };
    records.compaction = [](const auto&) { return Result<void>(); };
    return decode_records(payload, records);
  }

  Disk& disk_;
  const WalLogOptions options_;
  WalInternals internals_;
  const std::unique_ptr<FileLock> lock_;
  FailureLatch latch_;
  wal::Supply supply_;

  wal::Writer writer_;
  std::map<GroupId, LoadedLog> changes_;
  wal::Frames frames_;
  std::vector<std::uint64_t> places_;  // of the batches, counted from the first frame

  std::mutex mutex_;  // guards what follows, which only the writer changes
  wal::Groups groups_;
  wal::Segments segments_;

  std::unique_ptr<Worker> worker_;  // ends first
};

template <class Number>
Result<void> check_least(std::string_view name, Number value, Number least) {
  if (value >= least) return {};
  return Error(Errc::invalid_argument,
               std::string(name) + " is " + std::to_string(value) + ", and must be at least " +
                   std::to_string(least));
}

}  // namespace

Result<std::unique_ptr<LogStorage>> open_wal_log_storage(Disk& disk, const WalLogOptions& options) {
  return open_wal_log(disk, options, {});
}

Result<std::unique_ptr<LogStorage>> open_wal_log(Disk& disk,
                                                 const WalLogOptions& options,
                                                 WalInternals internals) {
  auto valid = check_least("segment_bytes", options.segment_bytes, kLeastSegmentBytes);
  if (valid) valid = check_least("window_bytes", options.window_bytes, kLeastWindowBytes);
  if (!valid) return std::move(valid).error();
  if (auto made = disk.create_directories(options.directory); !made) return std::move(made).error();
  auto lock = disk.lock(options.directory + "/LOCK");
  if (!lock) return std::move(lock).error();
  auto log = std::make_unique<WalLog>(disk, options, std::move(internals), *std::move(lock));
  if (auto opened = log->open(); !opened) return std::move(opened).error();
  return log;
}

}  // namespace raftkit::storage
