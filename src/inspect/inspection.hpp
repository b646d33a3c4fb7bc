// What lies in a member's data directory, found out without a running member and without a change.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/disk.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/result.hpp"

#include "assembly/identity.hpp"

namespace raftkit::inspect {

/// [first, last]; empty if last is less.
struct Range {
  Index first;
  Index last;

  [[nodiscard]] bool is_empty() const { return last < first; }
};

struct InspectOptions {
  /// A data directory, its member/, or one of these alone: a log of either kind, snapshots.
  std::string directory;
  bool is_thorough = false;  ///< reads the content of snapshots, too
  bool lists_records = false;
  std::optional<Range> entries = {};  ///< to be listed
  /// How far it is, now and then.
  std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)> progress = {};
};

/// Of a write-ahead log. Numbers as docs/storage-format.md has them.
struct RecordReport {
  enum class Kind : std::uint8_t { batch, compaction, checkpoint, seal, mark };

  std::uint64_t offset = 0;  ///< of the frame that holds it
  Kind kind = Kind::mark;
  GroupId group = {};
  std::optional<HardState> hard_state = {};
  std::optional<EntryId> snapshot = {};
  std::optional<Index> truncate_from = {};
  std::optional<Index> keep_from = {};
  Range entries{Index{1}, Index{0}};
};

struct SegmentReport {
  std::string name;
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  std::uint64_t used_bytes = 0;      ///< up to where the last frame ends
  std::uint64_t torn_bytes = 0;      ///< behind it, which do not count and which a start overwrites
  bool is_sealed = false;            ///< a next one continues it
  std::map<GroupId, Range> entries;  ///< written to it, whether they still count or not
  std::vector<RecordReport> records;
  std::string damage;  ///< what keeps it from being read at all
};

struct EntryReport {
  EntryId id;
  EntryType type = EntryType::normal;
  std::uint64_t bytes = 0;
  std::string begins_with;  ///< the first bytes of the payload
};

struct GroupReport {
  GroupId group;
  LoadedLog log;
  std::vector<EntryReport> entries;
};

struct LogReport {
  std::string directory;
  bool is_leveldb = false;
  std::uint64_t bytes = 0;  ///< of all files
  std::vector<SegmentReport> segments;
  std::vector<GroupReport> groups;
};

struct SnapshotReport {
  std::string name;
  std::uint64_t bytes = 0;  ///< of the file
  std::optional<SnapshotMeta> meta;
  std::optional<std::uint64_t> content_bytes;  ///< all of it was read
  std::string damage;
};

/// What belongs to nobody: a start removes it, or uses it again.
struct LeftoverReport {
  std::string path;
  std::uint64_t bytes = 0;
};

struct FilesReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};

struct Report {
  std::string directory;
  bool is_member = false;  ///< and not a log or snapshots alone
  std::optional<assembly::Identity> identity;
  std::optional<LogReport> log;
  std::vector<SnapshotReport> snapshots;
  std::vector<LeftoverReport> leftovers;
  std::optional<FilesReport> state;  ///< what the state machine keeps
  /// Sentences with path and place. A member that has any does not start.
  std::vector<std::string> damages;

  [[nodiscard]] std::uint64_t torn_bytes() const;
};

/// Reads `options.directory`, of which nothing changes, through raftkit's own stores. Holds the
/// member's lock meanwhile. Damage is part of the report; what a state machine keeps on disk is not
/// looked at. Memory: a few MiB, what is to be listed, and in LevelDB, which takes some hundred,
/// what that would write when it is opened.
/// Errors: not_found: nothing of raftkit's is there · already_locked: a member is running there ·
/// io_error.
[[nodiscard]] Result<Report> inspect(storage::Disk& disk, const InspectOptions& options);

/// Does to a torn end of the write-ahead log what a start of the member does: overwrites it.
/// Returns how many bytes that were; 0: nothing was to be done, and nothing was written.
/// Errors: corrupt_data: it is damaged, which cannot be repaired · as inspect() · as
/// open_wal_log_storage().
[[nodiscard]] Result<std::uint64_t> repair_tail(storage::Disk& disk, const InspectOptions& options);

}  // namespace raftkit::inspect
