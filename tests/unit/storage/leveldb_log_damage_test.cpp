// A log in LevelDB whose stored bytes are not what they were.
#include <map>
#include <random>

#include <leveldb/db.h>
#include <leveldb/env.h>

#include "leveldb_log_fixture.hpp"
#include "storage/encoding.hpp"
#include "storage/log_records.hpp"
#include "wire/crc32c.hpp"

namespace raftkit::test {

using testing::MemoryDisk;

namespace {

using Entries = std::vector<Entry>;

/// A log of entries 11 to 60, most of them in tables, some only in LevelDB's log.
void fill(LevelDbLog& log) {
  REQUIRE(log.try_open());
  REQUIRE(write(*log, Batch().vote(3, 2, 1)));
  const auto append = [&](std::uint64_t index) {
    REQUIRE(write(*log, Batch().append(3, index, std::string(3000, static_cast<char>(index)))));
  };
  for (std::uint64_t index = 1; index < 60; ++index)
    append(index);
  REQUIRE(log->compact({}, snapshot(3, 30), Index{11}));
  append(60);
}

/// Everything there is, or the first error met on the way.
Result<Entries> everything(LevelDbLog& log) {
  if (auto opened = log.try_open(); !opened) return std::move(opened).error();
  const auto loaded = log->load({});
  if (!loaded) return loaded.error();
  if (!*loaded) return Entries{};
  const LoadedLog& held = **loaded;
  if (held.hard_state != HardState{Term{3}, NodeId{2}, Index{1}} ||
      held.snapshot != snapshot(3, 30))
    return Error(Errc::invariant_violated, "a wrong state was believed");
  if (held.last == held.base.index) return Entries{};
  return read(*log, held.base.index.value + 1, held.last.value);
}

/// All bytes of a disk, to be damaged in copies: not in the zeros of space that is only reserved.
class Image {
 public:
  explicit Image(const MemoryDisk& disk) {
    for (const std::string& path : disk.files()) {
      files_[path] = disk.content(path);
      bits_ += bits_of(files_[path]);
    }
  }

  /// Makes a copy with one flipped bit; returns the file it is in.
  std::string copy_flipped(std::uint64_t place, MemoryDisk& target) const {
    place %= bits_;
    std::string damaged;
    REQUIRE(target.create_directories("/member/log"));
    for (auto [path, bytes] : files_) {
      const auto bits = bits_of(bytes);
      if (damaged.empty() && place < bits) {
        bytes[place / 8] = static_cast<char>(bytes[place / 8] ^ (1 << (place % 8)));
        damaged = path;
      }
      if (damaged.empty()) place -= bits;
      REQUIRE(target.open_writable(path, storage::Disk::Open::create_new));
      target.set_content(path, bytes);
    }
    return damaged;
  }
  /// Makes a copy that lacks one file.
  void copy_without(const std::string& missing, MemoryDisk& target) const {
    REQUIRE(target.create_directories("/member/log"));
    for (const auto& [path, bytes] : files_) {
      if (path == missing) continue;
      REQUIRE(target.open_writable(path, storage::Disk::Open::create_new));
      target.set_content(path, bytes);
    }
  }

 private:
  static std::uint64_t bits_of(const std::string& bytes) {
    return (bytes.find_last_not_of('\0') + 1) * 8;
  }

  std::map<std::string, std::string> files_;
  std::uint64_t bits_ = 0;
};

/// The database below the log, for changes that LevelDB itself finds in order.
class Database {
 public:
  explicit Database(LevelDbLog& log) {
    log.close();
    env_ = storage::make_leveldb_env(log.memory());
    leveldb::Options options;
    options.env = env_.get();
    leveldb::DB* opened = nullptr;
    REQUIRE(leveldb::DB::Open(options, "/member/log", &opened).ok());
    db_.reset(opened);
  }

  std::string get(const std::string& key) {
    std::string value;
    REQUIRE(db_->Get({}, key, &value).ok());
    return value;
  }
  void put(const std::string& key, const std::string& value) {
    REQUIRE(db_->Put({}, key, value).ok());
  }
  void put(const Entry& entry) {
    const std::string key = entry_key(entry.id.index.value);
    std::string value;
    storage::encode_entry(key, entry, value);
    put(key, value);
  }
  /// Indexes of all entries there are, counted or not.
  std::vector<std::uint64_t> indexes() {
    std::vector<std::uint64_t> found;
    const std::unique_ptr<leveldb::Iterator> cursor(db_->NewIterator({}));
    for (cursor->Seek(entry_key(0)); cursor->Valid(); cursor->Next()) {
      std::uint64_t index = 0;
      for (const char byte : cursor->key().ToString().substr(9))
        index = index * 256 + static_cast<unsigned char>(byte);
      found.push_back(index);
    }
    return found;
  }
  void remove(const std::string& key) { REQUIRE(db_->Delete({}, key).ok()); }

  static std::string entry_key(std::uint64_t index, GroupId group = {}) {
    return storage::entry_key(group, Index{index});
  }

 private:
  std::unique_ptr<leveldb::Env> env_;
  std::unique_ptr<leveldb::DB> db_;
};

void check_damage(const Error& error, const std::string& what) {
  CHECK(error == Errc::corrupt_data);
  CHECK_THAT(error.message(), Catch::Contains("/member/log") && Catch::Contains(what));
}

}  // namespace

TEST_CASE("A flipped bit anywhere is noticed or harmless, never believed", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  // After a kill nobody can vouch for the last write: it may look as if it had never been.
  const bool is_killed = GENERATE(false, true);
  if (is_killed) {
    log.lose_power(1, Survivors::all);
  } else {
    log.close();
  }
  const Image image(log.memory());
  const Entries whole = *everything(log);
  REQUIRE(whole.size() == 50);
  const Entries without_last(whole.begin(), whole.end() - 1);

  std::map<std::string, bool> unused;  // LevelDB's diary, and what it had not removed yet
  const auto is_unused = [&](const std::string& path) {
    if (const auto known = unused.find(path); known != unused.end()) return known->second;
    LevelDbLog copy;
    image.copy_without(path, copy.memory());
    const auto found = everything(copy);
    return unused[path] = found && *found == whole;
  };

  std::mt19937_64 random(7);
  int noticed = 0;
  int in_vain = 0;
  for (int round = 0; round < 500; ++round) {
    LevelDbLog copy;
    const std::string damaged = image.copy_flipped(random(), copy.memory());
    const auto found = everything(copy);
    CAPTURE(round, damaged);
    if (found) {
      CHECK((*found == whole || (is_killed && *found == without_last)));
      in_vain += is_unused(damaged) ? 1 : 0;
    } else {
      check_damage(found.error(), "/member/log");
      ++noticed;
    }
  }
  CAPTURE(noticed, in_vain);
  CHECK(noticed > (500 - in_vain) * 4 / 5);
  CHECK(noticed > 100);
}

TEST_CASE("A missing entry is noticed at start and when it is read", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  const std::uint64_t gone = GENERATE(11U, 40U, 60U);
  Database(log).remove(Database::entry_key(gone));
  const std::string named = "entry " + std::to_string(gone) + ": missing";

  REQUIRE(log.try_open());
  check_damage(log->load({}).error(), named);
  check_damage(read(*log, 11, 60).error(), named);
  check_damage(read(*log, gone, gone).error(), named);
}

TEST_CASE("An entry in another one's place is noticed", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  {
    Database database(log);
    std::string foreign;
    storage::encode_entry(
        Database::entry_key(40, GroupId{1}), entry(3, 40, "of another group"), foreign);
    database.put(Database::entry_key(40),
                 GENERATE(true, false) ? foreign : database.get(Database::entry_key(41)));
  }

  REQUIRE(log.try_open());
  check_damage(log->load({}).error(), "group 0: entry 40: checksum mismatch");
  check_damage(read(*log, 40, 41).error(), "group 0: entry 40: checksum mismatch");
}

TEST_CASE("A term that goes back is noticed at start", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  Database(log).put(entry(2, 40, "of a lost election"));

  REQUIRE(log.try_open());
  check_damage(log->load({}).error(), "entry 2/40 follows an entry of the later term 3");
}

TEST_CASE("A record that is missing or of an unknown version is noticed", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  const std::string state = storage::state_key({});
  const std::string snapshot = storage::snapshot_key({});

  SECTION("the state") {
    Database(log).remove(state);
    REQUIRE(log.try_open());
    check_damage(log->load({}).error(), "state: missing");
  }
  SECTION("the snapshot") {
    Database(log).remove(snapshot);
    REQUIRE(log.try_open());
    check_damage(log->load({}).error(), "snapshot: missing");
  }
  SECTION("a state in another group's place") {
    {
      Database database(log);
      database.put(storage::state_key(GroupId{1}), database.get(state));
    }
    REQUIRE(log.try_open());
    check_damage(log->load(GroupId{1}).error(), "group 1: state: checksum mismatch");
  }
  SECTION("a shortened state") {
    Database(log).put(state, "\1");
    REQUIRE(log.try_open());
    check_damage(log->load({}).error(), "state: record too short");
  }
  SECTION("an entry of a version to come") {
    {
      Database database(log);
      const std::string key = Database::entry_key(40);
      std::string value = database.get(key);
      value = "\2" + value.substr(1, value.size() - 5);
      storage::put<std::uint32_t>(
          value, wire::crc32c(storage::bytes_of(value), wire::crc32c(storage::bytes_of(key))));
      database.put(key, value);
    }
    REQUIRE(log.try_open());
    check_damage(log->load({}).error(), "entry 40: unknown version");
  }
}

TEST_CASE("What was dropped is deleted in the end, also after a restart", "[storage][damage]") {
  LevelDbLog log;
  REQUIRE(log.try_open());
  REQUIRE(write(*log, Batch().append_range(1, 1, 9000)));
  REQUIRE(log->compact({}, snapshot(1, 3000), Index{3001}));
  REQUIRE(write(*log, Batch().truncate(8001)));
  REQUIRE(write(*log, Batch().install(2, 5000)));
  REQUIRE(write(*log, Batch().install(2, 20'000).append(2, 20'001)));
  CHECK(Database(log).indexes().size() > 1000);

  REQUIRE(log.try_open());
  for (std::uint64_t index = 20'002; index <= 20'010; ++index)
    REQUIRE(write(*log, Batch().append(2, index)));

  const auto left = Database(log).indexes();
  CHECK(left.size() == 10);
  CHECK(left.front() == 20'001);
}

TEST_CASE("Entries outside of the log's range do not count", "[storage][damage]") {
  LevelDbLog log;
  fill(log);
  {
    Database database(log);
    database.put(entry(3, 10, "compacted"));
    database.put(entry(9, 61, "truncated"));
    database.put(entry(9, 70, "truncated"));
  }

  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->base.index == Index{10});
  CHECK(log->load({}).value()->last == Index{60});
  CHECK(read(*log, 61, 61).error() == Errc::unavailable);
  REQUIRE(write(*log, Batch().append(4, 61)));
  CHECK(read(*log, 60, 99)->size() == 2);
}

}  // namespace raftkit::test
