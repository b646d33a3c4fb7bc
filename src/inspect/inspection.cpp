#include "inspect/inspection.hpp"

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <utility>

#include "raftkit/storage.hpp"

#include "storage/log_shape.hpp"
#include "storage/overlay_disk.hpp"
#include "storage/snapshot_format.hpp"
#include "storage/wal/recovery.hpp"
#include "storage/wal/segment.hpp"

namespace raftkit::inspect {

namespace {

namespace wal = storage::wal;

constexpr std::size_t kWindowBytes = std::size_t{1} << 20;
constexpr std::size_t kBeginBytes = 48;  // of a payload
constexpr int kDeepest = 3;              // of directories in directories

/// Where the parts lie; empty: there is none.
struct Places {
  std::string member;
  std::string wal;
  std::string leveldb;
  std::string snapshots;
};

Result<Places> find_places(storage::Disk& disk, const std::string& directory) {
  Places places;
  for (const std::string& member : {directory + "/member", directory}) {
    const auto part = [&](const char* name) {
      const std::string path = member + "/" + name;
      return disk.exists(path) ? path : std::string();
    };
    if (part("lock").empty() && part("identity").empty()) continue;
    return Places{member, part("wal"), part("log"), part("snapshots")};
  }
  const auto names = disk.list(directory);
  if (!names) return names.error();
  for (const std::string& name : *names) {
    if (wal::sequence_of(name)) places.wal = directory;
    if (name == "CURRENT") places.leveldb = directory;
    if (storage::is_snapshot_file_name(name)) places.snapshots = directory;
  }
  if (places.wal.empty() && places.leveldb.empty() && places.snapshots.empty())
    return Error(Errc::not_found,
                 directory + " holds no member, no log and no snapshot of raftkit");
  return places;
}

RecordReport report_of(const PersistBatch& batch) {
  RecordReport record{.kind = RecordReport::Kind::batch,
                      .group = batch.group,
                      .hard_state = batch.hard_state,
                      .truncate_from = batch.truncate_from};
  if (batch.snapshot) record.snapshot = batch.snapshot->last;
  if (!batch.append.empty())
    record.entries = {batch.append.front().id.index, batch.append.back().id.index};
  return record;
}

RecordReport report_of(const wal::Compaction& compaction) {
  return {.kind = RecordReport::Kind::compaction,
          .group = compaction.group,
          .snapshot = compaction.snapshot.last,
          .keep_from = compaction.keep_from};
}

RecordReport report_of(const wal::Checkpoint& checkpoint) {
  const LoadedLog& log = checkpoint.log;
  return {.kind = RecordReport::Kind::checkpoint,
          .group = checkpoint.group,
          .hard_state = log.hard_state,
          .snapshot = log.snapshot.last,
          .entries = {log.base.index + 1, log.last}};
}

/// One inspection. Owner: inspect().
class Inspection {
 public:
  Inspection(storage::Disk& disk, const InspectOptions& options) : disk_(disk), options_(options) {
    report_.directory = options.directory;
  }

  Result<Report> run() {
    auto places = find_places(disk_, options_.directory);
    if (!places) return std::move(places).error();
    using Step = Result<void> (Inspection::*)(const Places&);
    for (const Step step : {&Inspection::look_at_member,
                            &Inspection::look_at_wal,
                            &Inspection::look_at_leveldb,
                            &Inspection::look_at_snapshots}) {
      if (auto done = (this->*step)(*places); !done) return std::move(done).error();
    }
    if (report_.is_member) check_parts(*places);
    return std::move(report_);
  }

 private:
  Result<void> look_at_member(const Places& places) {
    report_.is_member = !places.member.empty();
    if (!report_.is_member) return {};
    auto lock = disk_.lock(places.member + "/lock");
    if (!lock) return in_use(lock.error());
    lock_ = *std::move(lock);
    const std::string path = places.member + "/identity";
    if (auto identity = assembly::read_identity(disk_, path)) {
      report_.identity = *identity;
    } else if (identity.error() == Errc::not_found) {
      is_identity_missing_ = true;
    } else if (auto noted = note(identity.error()); !noted) {
      return noted;
    }
    const std::string state = places.member + "/state";
    if (!disk_.exists(state)) return {};
    const auto counted = count_files(state, kDeepest);
    if (!counted) return counted.error();
    report_.state = *counted;
    return {};
  }

  // --- the write-ahead log

  Result<void> look_at_wal(const Places& places) {
    if (places.wal.empty()) return {};
    auto lock = disk_.lock(places.wal + "/LOCK");
    if (!lock) return in_use(lock.error());
    if (auto begun = begin_log(places.wal, false); !begun) return begun;
    for (const std::string& name : names_) {
      if (!wal::sequence_of(name)) continue;
      if (auto scanned = scan(places.wal + "/" + name, name); !scanned) return scanned;
    }
    if (auto recovered = recover_wal(places.wal); !recovered) return recovered;
    if (!options_.entries || report_.log->groups.empty()) return {};
    lock->reset();
    return read_entries(storage::open_wal_log_storage(disk_, {.directory = places.wal}));
  }

  /// What a start would find.
  Result<void> recover_wal(const std::string& directory) {
    const auto found = wal::recover(disk_, directory, kWindowBytes);
    if (!found) return note(found.error());
    for (const std::string& path : found->leftovers) {
      const auto bytes = disk_.file_size(path);
      report_.leftovers.push_back({path, bytes ? *bytes : 0});
    }
    for (SegmentReport& segment : report_.log->segments) {
      if (segment.name == wal::segment_name(found->sequence))
        segment.torn_bytes = found->torn_end - found->offset;
    }
    for (const auto& [id, group] : found->groups)
      report_.log->groups.push_back({id, group.log, {}});
    return {};
  }

  Result<void> scan(const std::string& path, const std::string& name) {
    SegmentReport& into = report_.log->segments.emplace_back();
    into.name = name;
    const auto segment = wal::Segment::open(disk_, path);
    if (!segment) {
      into.damage = segment.error().message();
      return note(segment.error());
    }
    into.bytes = (*segment)->size();
    wal::SegmentScan scan(**segment, kWindowBytes);
    while (!into.is_sealed) {
      const std::uint64_t offset = scan.offset();
      const auto frame = scan.next();
      into.used_bytes = scan.offset();
      if (!frame) return note(frame.error());
      if (!*frame) break;
      ++into.frames;
      into.is_sealed = (*frame)->header.kind == wal::FrameKind::seal;
      if (auto taken = take(**frame, offset, into); !taken)
        damaged((*segment)->damaged(offset, taken.error().message()).message());
      progress(path, scan.offset(), (*segment)->size());
    }
    return {};
  }

  Result<void> take(const wal::Segment::Frame& frame, std::uint64_t offset, SegmentReport& into) {
    const auto add = [&](RecordReport record) -> Result<void> {
      record.offset = offset;
      if (options_.lists_records) into.records.push_back(record);
      // What a checkpoint names lies in the segments before it.
      if (record.entries.is_empty() || record.kind == RecordReport::Kind::checkpoint) return {};
      Range& all = into.entries.try_emplace(record.group, record.entries).first->second;
      all.first = std::min(all.first, record.entries.first);
      all.last = std::max(all.last, record.entries.last);
      return {};
    };
    wal::Records records;
    records.batch = [&](const PersistBatch& batch) { return add(report_of(batch)); };
    records.compaction = [&](const wal::Compaction& done) { return add(report_of(done)); };
    records.checkpoint = [&](const wal::Checkpoint& state) { return add(report_of(state)); };
    switch (frame.header.kind) {
      case wal::FrameKind::batches:
      case wal::FrameKind::checkpoint:
        return wal::decode_records(frame.payload, records);
      case wal::FrameKind::seal:
        return add({.kind = RecordReport::Kind::seal});
      case wal::FrameKind::mark:
        return add({.kind = RecordReport::Kind::mark});
    }
    return Error(Errc::corrupt_data, "unknown kind of frame, maybe of a newer release");
  }

  // --- LevelDB

  Result<void> look_at_leveldb(const Places& places) {
    if (places.leveldb.empty()) return {};
    if (report_.log) {
      damaged("there are " + places.wal + " and " + places.leveldb + ", and a member has one log");
      return {};
    }
    if (auto begun = begin_log(places.leveldb, true); !begun) return begun;
    auto opened = storage::open_leveldb_log_storage(disk_, {.directory = places.leveldb});
    if (!opened)
      return opened.error() == Errc::already_locked ? in_use(opened.error()) : note(opened.error());
    const auto loaded = (*opened)->load({});
    if (!loaded) return note(loaded.error());
    if (*loaded) report_.log->groups.push_back({{}, **loaded, {}});
    if (!options_.entries) return {};
    return read_entries(std::move(opened));
  }

  // --- entries

  Result<void> read_entries(Result<std::unique_ptr<LogStorage>> opened) {
    if (!opened) return note(opened.error());
    LogStorage& log = **opened;
    for (GroupReport& group : report_.log->groups) {
      if (auto loaded = log.load(group.group); !loaded) return note(loaded.error());
      if (group.log.last == group.log.base.index) continue;
      Range range{std::max(group.log.base.index + 1, options_.entries->first),
                  std::min(group.log.last, options_.entries->last)};
      while (!range.is_empty()) {
        const auto entries = log.read({group.group, range.first, range.last, kWindowBytes});
        if (!entries) return note(entries.error());
        for (const Entry& entry : *entries)
          group.entries.push_back({entry.id,
                                   entry.type,
                                   entry.payload.size(),
                                   std::string(entry.payload.view().substr(0, kBeginBytes))});
        const Index last = entries->back().id.index;
        progress(report_.log->directory,
                 last - group.log.base.index + 1,
                 group.log.last - group.log.base.index + 1);
        // None follows the last one there can be.
        if (last >= range.last) break;
        range.first = last + 1;
      }
    }
    return {};
  }

  // --- snapshots

  Result<void> look_at_snapshots(const Places& places) {
    if (places.snapshots.empty()) return {};
    const auto names = disk_.list(places.snapshots);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      const std::string path = places.snapshots + "/" + name;
      const auto bytes = disk_.file_size(path);
      if (!bytes) return bytes.error();
      if (!storage::is_snapshot_file_name(name)) {
        report_.leftovers.push_back({path, *bytes});
        continue;
      }
      SnapshotReport& into = report_.snapshots.emplace_back();
      into.name = name;
      into.bytes = *bytes;
      const auto read = read_snapshot(path, into);
      if (read) continue;
      into.damage = read.error().message();
      // A state machine on disk holds what a snapshot would.
      const bool is_needed =
          !report_.identity || report_.identity->kind == StateMachineKind::in_memory;
      if (!is_needed) continue;
      if (auto noted = note(read.error()); !noted) return noted;
    }
    return {};
  }

  Result<void> read_snapshot(const std::string& path, SnapshotReport& into) const {
    auto reader = storage::SnapshotFileReader::open(disk_, path);
    if (!reader) return std::move(reader).error();
    into.meta = reader->meta();
    if (!options_.is_thorough) return {};
    std::vector<std::byte> buffer(storage::kSnapshotChunkBytes);
    std::uint64_t total = 0;
    while (true) {
      const auto count = reader->read(buffer);
      if (!count) return count.error();
      if (*count == 0) break;
      total += *count;
      progress(path, total, into.bytes);
    }
    into.content_bytes = total;
    return {};
  }

  // --- all together

  /// What each of the parts cannot know. A state machine on disk says itself where it stands, so
  /// only one in memory must have its snapshot.
  void check_parts(const Places& places) {
    if (is_identity_missing_) {
      if (was_used()) damaged(places.member + "/identity is missing, but the log was in use");
      return;
    }
    if (places.wal.empty() && places.leveldb.empty())
      damaged(places.member + ": the log, wal/ or log/, is missing");
    if (places.snapshots.empty()) damaged(places.member + "/snapshots is missing");
    if (!report_.log || !report_.damages.empty()) return;
    const LoadedLog* log = log_of_member();
    if (log == nullptr) return damaged(report_.log->directory + " holds nothing");
    if (report_.identity->kind == StateMachineKind::on_disk) {
      if (!report_.state) damaged(places.member + "/state is missing");
      return;
    }
    const auto is_usable = [&](const SnapshotReport& snapshot) {
      if (!snapshot.meta) return false;
      const EntryId& last = snapshot.meta->last;
      return last == log->snapshot.last || (last.index >= log->snapshot.last.index &&
                                            storage::term_at(*log, last.index) == last.term);
    };
    const auto& snapshots = report_.snapshots;
    if (log->snapshot.last.index > Index{1} &&
        std::none_of(snapshots.begin(), snapshots.end(), is_usable))
      damaged(places.snapshots + ": the snapshot at index " + to_string(log->snapshot.last.index) +
              " is missing, which the log continues");
  }

  [[nodiscard]] const LoadedLog* log_of_member() const {
    if (!report_.log) return nullptr;
    const auto& groups = report_.log->groups;
    const auto found = std::find_if(groups.begin(), groups.end(), [](const GroupReport& group) {
      return group.group == GroupId{};
    });
    return found == groups.end() ? nullptr : &found->log;
  }

  /// Not if a first start came no further than to the log: the next one goes on.
  [[nodiscard]] bool was_used() const {
    const LoadedLog* log = log_of_member();
    return log != nullptr &&
           (log->last > Index{1} || log->hard_state.voted_for || log->hard_state.term > Term{1});
  }

  Result<void> begin_log(const std::string& directory, bool is_leveldb) {
    auto names = disk_.list(directory);
    if (!names) return std::move(names).error();
    names_ = *std::move(names);
    report_.log.emplace();
    report_.log->directory = directory;
    report_.log->is_leveldb = is_leveldb;
    const auto counted = count_files(directory, kDeepest);
    if (!counted) return counted.error();
    report_.log->bytes = counted->bytes;
    return {};
  }

  /// Also in the directories in it, but not for ever: they may lead back.
  Result<FilesReport> count_files(const std::string& directory, int depth) {
    const auto names = disk_.list(directory);
    if (!names) return names.error();
    FilesReport sum;
    for (const std::string& name : *names) {
      const std::string path = directory + "/" + name;
      FilesReport part{1, 0};
      if (const auto within =
              depth > 0 ? count_files(path, depth - 1) : Result<FilesReport>(Errc::not_supported)) {
        part = *within;
      } else {
        const auto bytes = disk_.file_size(path);
        if (!bytes) return bytes.error();
        part.bytes = *bytes;
      }
      sum.files += part.files;
      sum.bytes += part.bytes;
    }
    return sum;
  }

  void damaged(std::string what) {
    if (known_damages_.insert(what).second) report_.damages.push_back(std::move(what));
  }
  /// Damage is what was looked for; anything else ends the inspection.
  Result<void> note(const Error& error) {
    if (!(error == Errc::corrupt_data)) return error;
    damaged(error.message());
    return {};
  }
  Error in_use(const Error& error) const {
    if (!(error == Errc::already_locked)) return error;
    return {
        Errc::already_locked,
        options_.directory + " is in use by a running member; stop that one, or look at a copy"};
  }
  void progress(std::string_view what, std::uint64_t done, std::uint64_t total) const {
    if (options_.progress) options_.progress(what, done, total);
  }

  storage::Disk& disk_;
  const InspectOptions& options_;
  Report report_;
  std::set<std::string> known_damages_;
  std::unique_ptr<storage::FileLock> lock_;
  bool is_identity_missing_ = false;
  std::vector<std::string> names_;  // in the log's directory, before it is opened
};

}  // namespace

std::uint64_t Report::torn_bytes() const {
  if (!log) return 0;
  return std::accumulate(
      log->segments.begin(),
      log->segments.end(),
      std::uint64_t{0},
      [](std::uint64_t sum, const SegmentReport& segment) { return sum + segment.torn_bytes; });
}

Result<Report> inspect(storage::Disk& disk, const InspectOptions& options) {
  storage::OverlayDisk overlay(disk);
  return Inspection(overlay, options).run();
}

Result<std::uint64_t> repair_tail(storage::Disk& disk, const InspectOptions& options) {
  const auto places = find_places(disk, options.directory);
  if (!places) return places.error();
  const auto whole = inspect(disk, options);
  if (!whole) return whole.error();
  if (!whole->damages.empty()) return Error(Errc::corrupt_data, whole->damages.front());
  // As a member that starts: nobody else may start meanwhile.
  std::unique_ptr<storage::FileLock> lock;
  if (const std::string path = places->member + "/lock";
      !places->member.empty() && disk.exists(path)) {
    auto taken = disk.lock(path);
    if (!taken) return std::move(taken).error();
    lock = *std::move(taken);
  }
  if (places->wal.empty())
    return Error(Errc::not_supported,
                 options.directory + " holds no write-ahead log; LevelDB drops a torn end itself");
  const auto report = inspect(disk, {.directory = places->wal, .progress = options.progress});
  if (!report) return report.error();
  if (!report->damages.empty()) return Error(Errc::corrupt_data, report->damages.front());
  const std::uint64_t torn = report->torn_bytes();
  if (torn == 0) return torn;
  const auto opened = storage::open_wal_log_storage(disk, {.directory = places->wal});
  if (!opened) return opened.error();
  return torn;
}

}  // namespace raftkit::inspect
