#include "inspect/inspection.hpp"

#include <limits>
#include <map>
#include <sstream>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "inspect/print.hpp"
#include "support/batches.hpp"
#include "support/crafted_segment.hpp"
#include "support/printing.hpp"
#include "support/snapshots.hpp"
#include "testing/memory_disk.hpp"
#include "transport/json.hpp"

namespace raftkit::inspect {

namespace {

using test::Batch;
using testing::MemoryDisk;
using Files = std::map<std::string, std::string>;

const std::string kMember = "/data/member";
const std::string kWal = kMember + "/wal";

Files files_of(const MemoryDisk& disk) {
  Files files;
  for (const std::string& path : disk.files())
    files[path] = disk.content(path);
  return files;
}

void put(MemoryDisk& disk, const std::string& path, const std::string& content) {
  REQUIRE(disk.create_directories(path.substr(0, path.rfind('/'))));
  REQUIRE(disk.open_writable(path, storage::Disk::Open::truncate));
  disk.set_content(path, content);
}

std::unique_ptr<LogStorage> open_log(storage::Disk& disk, bool is_leveldb = false) {
  auto log = is_leveldb
                 ? storage::open_leveldb_log_storage(
                       disk, {.directory = kMember + "/log", .reserve_bytes = 0})
                 : storage::open_wal_log_storage(
                       disk, {.directory = kWal, .segment_bytes = 64 << 10, .reserve_bytes = 0});
  REQUIRE(log);
  return *std::move(log);
}

/// A log of entries 11 to 70, of which 70 replaced another one, in several segments.
void fill(LogStorage& log) {
  const auto write = [&](const PersistBatch& batch) { REQUIRE(test::write(log, batch)); };
  write(Batch().vote(3, 2, 1));
  for (std::uint64_t index = 1; index < 70; ++index)
    write(Batch().append(3, index, std::string(3000, 'x')));
  write(Batch().append(3, 70, "replaced"));
  REQUIRE(log.compact({}, test::snapshot(3, 30), Index{11}));
  write(Batch().vote(4, 1, 60).truncate(70).append(4, 70, "a\tb"));
}

/// A data directory as a member in memory leaves it.
void make_member(MemoryDisk& disk, bool is_leveldb = false) {
  REQUIRE(disk.create_directories(kMember));
  REQUIRE(assembly::write_identity(
      disk, kMember + "/identity", {ClusterId{0xc}, NodeId{2}, StoreId{7}, {}}));
  put(disk, kMember + "/lock", "");
  fill(*open_log(disk, is_leveldb));
  const auto snapshots = storage::open_file_snapshot_store(disk, kMember + "/snapshots");
  REQUIRE(test::save(**snapshots, test::snapshot(3, 30), test::noise(700'000)));
}

Report look(MemoryDisk& disk, InspectOptions options = {}) {
  if (options.directory.empty()) options.directory = "/data";
  const Files before = files_of(disk);
  auto report = inspect(disk, options);
  REQUIRE(report);
  CHECK(files_of(disk) == before);
  return *std::move(report);
}

void require_log(const Report& report) {
  REQUIRE(report.log);
  REQUIRE(report.log->groups.size() == 1);
  const LoadedLog& log = report.log->groups.front().log;
  CHECK(log.hard_state == HardState{Term{4}, NodeId{1}, Index{60}});
  CHECK(log.base.index == Index{10});
  CHECK(log.last == Index{70});
  CHECK(log.terms.back() == TermRun{Index{70}, Term{4}});
  CHECK(log.snapshot == test::snapshot(3, 30));
}

std::string text_of(const Report& report) {
  std::ostringstream text;
  print_text(text, report);
  return text.str();
}

void flip(MemoryDisk& disk, const std::string& path, std::size_t offset) {
  std::string content = disk.content(path);
  content.at(offset) ^= 0x10;
  disk.set_content(path, content);
}

/// The log of `member` with the end of its last write missing, as a power loss may leave it.
MemoryDisk& tear_end(MemoryDisk& disk) {
  MemoryDisk other;
  auto log = open_log(other);
  REQUIRE(test::write(*log, Batch().append(1, 1, "kept")));
  REQUIRE(test::write(*log, Batch().append(1, 2, std::string(2000, 'y'))));
  // Still open: so no mark vouches for the end.
  std::string content = other.content(kWal + "/0000000000000001.wal");
  const std::size_t end = content.find_last_of('y');
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(end - 500), content.end(), '\0');
  put(disk, kWal + "/0000000000000001.wal", content);
  return disk;
}

}  // namespace

TEST_CASE("An inspection says what a member's log and snapshots hold, and changes nothing",
          "[inspect]") {
  const bool is_leveldb = GENERATE(false, true);
  MemoryDisk disk;
  make_member(disk, is_leveldb);

  const Report report = look(disk, {.directory = "/data", .is_thorough = true});

  CHECK(report.damages.empty());
  CHECK(report.is_member);
  CHECK(report.identity->member == NodeId{2});
  CHECK(report.log->is_leveldb == is_leveldb);
  require_log(report);
  REQUIRE(report.snapshots.size() == 1);
  CHECK(*report.snapshots.front().meta == test::snapshot(3, 30));
  CHECK(report.snapshots.front().content_bytes == 700'000U);
}

TEST_CASE("Of a write-ahead log it says what each segment holds", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);

  const Report report = look(disk, {.directory = "/data", .lists_records = true});

  const auto& segments = report.log->segments;
  REQUIRE(segments.size() >= 3);
  CHECK(segments.front().is_sealed);
  CHECK(segments.front().entries.at(GroupId{}).first <= Index{11});
  CHECK(segments.front().used_bytes <= segments.front().bytes);
  CHECK(segments.back().frames == 0);  // made ahead
  const SegmentReport& present = segments[segments.size() - 2];
  CHECK_FALSE(present.is_sealed);
  CHECK(present.entries.at(GroupId{}).last == Index{70});
  const auto compacts = [](const RecordReport& record) {
    return record.kind == RecordReport::Kind::compaction && record.keep_from == Index{11} &&
           record.snapshot == EntryId{Term{3}, Index{30}};
  };
  const auto replaces = [](const RecordReport& record) {
    return record.kind == RecordReport::Kind::batch && record.truncate_from == Index{70} &&
           record.entries.first == Index{70} && record.hard_state;
  };
  const auto& records = present.records;
  CHECK(std::any_of(records.begin(), records.end(), compacts));
  CHECK(std::any_of(records.begin(), records.end(), replaces));
}

TEST_CASE("Entries that were asked for are listed as the log holds them now", "[inspect]") {
  const bool is_leveldb = GENERATE(false, true);
  MemoryDisk disk;
  make_member(disk, is_leveldb);

  const Report report =
      look(disk, {.directory = "/data", .entries = Range{Index{69}, Index{1000}}});

  const auto& entries = report.log->groups.front().entries;
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].id == EntryId{Term{3}, Index{69}});
  CHECK(entries[0].bytes == 3000);
  CHECK(entries[1].id == EntryId{Term{4}, Index{70}});
  CHECK(entries[1].begins_with == "a\tb");
  CHECK_THAT(text_of(report), Catch::Contains("entry 70  term 4  normal  3 B  \"a\\x09b\""));
}

TEST_CASE("A log or snapshots can be looked at without the rest", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);

  const Report log = look(disk, {.directory = kWal});
  const Report snapshots = look(disk, {.directory = kMember + "/snapshots"});
  const Report member = look(disk, {.directory = kMember});

  CHECK_FALSE(log.is_member);
  require_log(log);
  CHECK_FALSE(snapshots.log);
  CHECK(snapshots.snapshots.size() == 1);
  CHECK(member.is_member);
  for (const Report& report : {log, snapshots, member})
    CHECK(report.damages.empty());
}

TEST_CASE("Damage is reported with file and place", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);
  const std::string snapshot = kMember + "/snapshots/0000000000000003-000000000000001e.snap";

  SECTION("in the write-ahead log") {
    const std::string path = kWal + "/0000000000000001.wal";
    flip(disk, path, 20'000);
    const Report report = look(disk);
    REQUIRE(report.damages.size() == 1);
    CHECK_THAT(report.damages.front(), Catch::Contains(path + " is damaged at offset "));
  }
  SECTION("in the header of a segment") {
    const std::string path = kWal + "/0000000000000001.wal";
    flip(disk, path, 20);
    const Report report = look(disk);
    REQUIRE(report.damages.size() == 1);
    CHECK_THAT(report.damages.front(), Catch::Contains(path));
    CHECK_THAT(text_of(report), Catch::Contains("0000000000000001.wal  DAMAGED"));
    CHECK(report.log->segments.at(1).frames > 0);  // the others are looked at all the same
  }
  SECTION("in the content of a snapshot, if that is read") {
    flip(disk, snapshot, 300'000);
    CHECK(look(disk).damages.empty());
    const Report report = look(disk, {.directory = "/data", .is_thorough = true});
    REQUIRE(report.damages.size() == 1);
    CHECK_THAT(report.damages.front(), Catch::Contains(snapshot));
    CHECK(report.snapshots.front().damage == report.damages.front());
  }
  SECTION("the snapshot is gone that the log continues") {
    REQUIRE(disk.remove_file(snapshot));
    CHECK_THAT(look(disk).damages.at(0), Catch::Contains("the snapshot at index 30 is missing"));
  }
  SECTION("the log is gone") {
    REQUIRE(disk.remove_tree(kWal));
    CHECK_THAT(look(disk).damages.at(0), Catch::Contains("the log, wal/ or log/, is missing"));
  }
  SECTION("the identity is gone") {
    REQUIRE(disk.remove_file(kMember + "/identity"));
    CHECK_THAT(look(disk).damages.at(0), Catch::Contains("/identity is missing"));
  }
  SECTION("there are two logs") {
    fill(*open_log(disk, true));
    CHECK_THAT(look(disk).damages.at(0), Catch::Contains("a member has one log"));
  }
}

TEST_CASE("What a start refuses of a write-ahead log is damage, whoever wrote it", "[inspect]") {
  using storage::wal::FrameKind;
  MemoryDisk disk;
  test::CraftedSegment segment;
  std::uint64_t free = 16 << 10;
  std::uint64_t offset = storage::wal::kHeaderBytes;
  SECTION("no room for a checkpoint") {
    free = 0;
  }
  SECTION("full, without a seal") {
    free = 0;
    offset = segment.checkpoint().batch(Batch().append(1, 1)).size();
  }
  SECTION("durable within a frame") {
    offset = segment.checkpoint().size() + 1;
    segment.batch(Batch().append(1, 1)).batch(Batch().append(1, 2), offset);
  }
  SECTION("durable before it was written") {
    offset = segment.checkpoint().size();
    segment.batch(Batch().append(1, 1), offset + 1);
  }
  const std::string path = segment.put(disk, kWal, free);

  const Report report = look(disk, {.directory = kWal});

  REQUIRE(report.damages.size() == 1);
  CHECK_THAT(report.damages.front(),
             Catch::StartsWith(path + " is damaged at offset " + std::to_string(offset) + ": "));
  CHECK(storage::open_wal_log_storage(disk, {.directory = kWal}).error().message() ==
        report.damages.front());
  CHECK(repair_tail(disk, {.directory = kWal}).error() == Errc::corrupt_data);
}

TEST_CASE("Entries are listed up to the last possible index", "[inspect]") {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t count = GENERATE(0U, 1U);
  MemoryDisk disk;
  PersistBatch batch = Batch().install(1, 1);
  batch.snapshot->last.index = Index{kLast - count};
  if (count > 0) batch.append = {test::entry(1, kLast, "last")};
  test::CraftedSegment().checkpoint().batch(batch).put(disk, kWal, 64 << 10);

  const Report report = look(disk, {.directory = kWal, .entries = Range{Index{1}, Index{kLast}}});

  CHECK(report.damages.empty());
  CHECK(report.log->groups.front().entries.size() == count);
}

TEST_CASE("Damage to an entry in LevelDB is found if all of it is read", "[inspect]") {
  MemoryDisk disk;
  make_member(disk, true);
  for (const std::string& path : disk.files()) {
    if (path.ends_with(".log")) flip(disk, path, disk.content(path).size() / 2);
  }

  const Report report = look(disk, {.directory = "/data", .is_thorough = true});

  REQUIRE_FALSE(report.damages.empty());
  CHECK_THAT(report.damages.front(), Catch::Contains(kMember + "/log"));
}

TEST_CASE("What the next start mends or does not need is no damage", "[inspect]") {
  MemoryDisk disk;
  const std::string snapshot = kMember + "/snapshots/0000000000000003-000000000000001e.snap";

  SECTION("a first start that came no further than to the log") {
    put(disk, kMember + "/lock", "");
    REQUIRE(test::write(*open_log(disk), Batch().commit(1, 1).install(1, 1)));
  }
  SECTION("a snapshot of a member whose state machine is on disk") {
    make_member(disk);
    REQUIRE(assembly::write_identity(
        disk,
        kMember + "/identity",
        {ClusterId{0xc}, NodeId{2}, StoreId{7}, StateMachineKind::on_disk}));
    put(disk, kMember + "/state/db", "its own");
    flip(disk, snapshot, 300'000);
    const Report report = look(disk, {.directory = "/data", .is_thorough = true});
    CHECK_THAT(report.snapshots.front().damage, Catch::Contains(snapshot));
  }
  CHECK(look(disk, {.directory = "/data", .is_thorough = true}).damages.empty());
}

TEST_CASE("A snapshot of another term than the log's does not count", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);
  const auto snapshots = storage::open_file_snapshot_store(disk, kMember + "/snapshots");
  REQUIRE((*snapshots)->remove({Term{3}, Index{30}}));
  REQUIRE(test::save(**snapshots, test::snapshot(2, 40), "x"));

  CHECK_THAT(look(disk).damages.at(0), Catch::Contains("the snapshot at index 30 is missing"));
  REQUIRE(test::save(**snapshots, test::snapshot(3, 40), "x"));
  CHECK(look(disk).damages.empty());
}

TEST_CASE("A member that runs is not looked at", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);
  const auto held = disk.lock(kMember + "/lock");

  const auto report = inspect(disk, {.directory = "/data"});
  const auto repaired = repair_tail(disk, {.directory = "/data"});

  CHECK(report.error() == Errc::already_locked);
  CHECK_THAT(report.error().message(), Catch::Contains("/data is in use by a running member"));
  CHECK(repaired.error() == Errc::already_locked);
}

TEST_CASE("Where nothing of raftkit's is, it says so", "[inspect]") {
  MemoryDisk disk;
  put(disk, "/data/something", "else");

  CHECK(inspect(disk, {.directory = "/data"}).error() == Errc::not_found);
  CHECK(inspect(disk, {.directory = "/nowhere"}).error() == Errc::not_found);
}

TEST_CASE("A torn end is no damage, and can be overwritten as a start does it", "[inspect]") {
  MemoryDisk disk;
  tear_end(disk);
  const Report before = look(disk, {.directory = kWal});
  CHECK(before.damages.empty());
  CHECK(before.torn_bytes() > 2000);
  CHECK_THAT(text_of(before), Catch::Contains("are a torn end, which does not count"));

  CHECK(repair_tail(disk, {.directory = kWal}).value() == before.torn_bytes());

  const Report after = look(disk, {.directory = kWal});
  CHECK(after.torn_bytes() == 0);
  CHECK(after.log->groups.at(0).log.last == Index{1});
  const Files files = files_of(disk);
  CHECK(repair_tail(disk, {.directory = kWal}).value() == 0);
  CHECK(files_of(disk) == files);
}

TEST_CASE("What is damaged is not repaired", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);
  flip(disk, kWal + "/0000000000000001.wal", 20'000);
  const Files before = files_of(disk);

  CHECK(repair_tail(disk, {.directory = "/data"}).error() == Errc::corrupt_data);
  CHECK(files_of(disk) == before);
}

TEST_CASE("The report for programs is JSON with the same numbers", "[inspect]") {
  MemoryDisk disk;
  make_member(disk);
  const Report report = look(
      disk, {.directory = "/data", .lists_records = true, .entries = Range{Index{70}, Index{70}}});
  std::ostringstream text;

  print_json(text, report);

  const auto json = transport::parse_json(text.str());
  REQUIRE(json);
  CHECK(json->find("identity")->find("member")->text == "2");
  const auto* log = json->find("log");
  CHECK(log->find("kind")->text == "wal");
  CHECK(log->find("segments")->items.size() == report.log->segments.size());
  const auto& group = log->find("groups")->items.at(0);
  CHECK(group.find("last")->number() == 70U);
  CHECK(group.find("hard_state")->find("voted_for")->text == "1");
  CHECK(group.find("entries")->items.at(0).find("type")->text == "normal");
  CHECK(json->find("damages")->items.empty());
}

}  // namespace raftkit::inspect
