// LevelDB on a Disk: what a database of anybody may rely on.
#include <random>

#include <catch2/catch.hpp>
#include <leveldb/db.h>
#include <leveldb/env.h>

#include "raftkit/storage.hpp"

#include "storage/encoding.hpp"
#include "storage/path.hpp"
#include "testing/faulty_disk.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::storage {

namespace {

using testing::DiskOperation;
using testing::FaultyDisk;
using testing::MemoryDisk;
using testing::Survivors;

/// A database on a disk that can fail and lose power.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { close(); }

  leveldb::Status open() {
    close();
    env_ = make_leveldb_env(faulty_);
    leveldb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    options.paranoid_checks = true;
    options.write_buffer_size = 64 << 10;  // LevelDB's least: many logs
    options.compression = leveldb::kNoCompression;
    leveldb::DB* db = nullptr;
    const auto status = leveldb::DB::Open(options, "/db", &db);
    db_.reset(db);
    return status;
  }
  void close() {
    db_.reset();
    env_.reset();
  }
  /// Nothing reaches the disk from now on, and what was not synced is lost as `survivors` says.
  void lose_power(std::uint64_t seed, Survivors survivors) {
    faulty_.set({.operation = DiskOperation::change, .lasts = true});
    close();
    memory_.lose_power(seed, survivors);
    faulty_.heal();
  }

  leveldb::Status put(std::uint64_t number, bool sync, std::size_t size = 10) {
    leveldb::WriteOptions options;
    options.sync = sync;
    return db_->Put(options, key(number), std::string(size, 'v'));
  }
  /// Moves everything to tables, and begins an empty log.
  void flush() { db_->CompactRange(nullptr, nullptr); }
  /// How many of the numbers from 0 on are there; -1 if there is a hole.
  int count() {
    std::string value;
    int found = 0;
    const std::unique_ptr<leveldb::Iterator> cursor(db_->NewIterator({}));
    for (cursor->SeekToFirst(); cursor->Valid(); cursor->Next(), ++found) {
      if (cursor->key() != leveldb::Slice(key(static_cast<std::uint64_t>(found)))) return -1;
    }
    return cursor->status().ok() ? found : -1;
  }

  MemoryDisk& memory() { return memory_; }
  FaultyDisk& faulty() { return faulty_; }

 private:
  static std::string key(std::uint64_t number) { return std::to_string(1'000'000 + number); }

  MemoryDisk memory_;
  FaultyDisk faulty_{memory_};
  std::unique_ptr<leveldb::Env> env_;
  std::unique_ptr<leveldb::DB> db_;
};

std::string newest_log(const MemoryDisk& disk) {
  std::string newest;
  for (const std::string& path : disk.files()) {
    if (path.ends_with(".log")) newest = std::max(newest, path);
  }
  return newest;
}

}  // namespace

TEST_CASE("A database keeps what was written", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  for (std::uint64_t number = 0; number < 500; ++number)
    REQUIRE(database.put(number, false, 1000).ok());

  REQUIRE(database.open().ok());

  CHECK(database.count() == 500);
}

TEST_CASE("After a power loss a database holds a prefix of its batches, with all synced ones",
          "[storage][env]") {
  const auto survivors = GENERATE(
      Survivors::none, Survivors::oldest, Survivors::newest, Survivors::any, Survivors::all);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    Database database;
    REQUIRE(database.open().ok());
    std::uint64_t written = 0;
    int durable = 0;
    for (int boot = 0; boot < 3; ++boot) {
      // Now and then the power fails in the middle of something.
      if (random() % 2 == 0) database.faulty().set({.nth = 1 + random() % 300, .lasts = true});
      for (auto puts = random() % 200; puts > 0; --puts) {
        const bool sync = random() % 50 == 0;
        if (!database.put(written, sync, random() % 3000).ok()) break;
        ++written;
        if (sync) durable = static_cast<int>(written);
      }
      database.lose_power(seed, survivors);

      CAPTURE(seed, boot, written, durable);
      const auto status = database.open();
      INFO(status.ToString());
      REQUIRE(status.ok());
      const int found = database.count();
      REQUIRE(found >= durable);
      REQUIRE(found <= static_cast<int>(written) + 1);
      written = static_cast<std::uint64_t>(found);
      durable = found;
    }
  }
}

TEST_CASE("A new log begins only when the old one is durable", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  const std::string old_log = newest_log(database.memory());
  std::uint64_t number = 0;
  while (newest_log(database.memory()) == old_log)
    REQUIRE(database.put(number++, false, 1000).ok());

  database.lose_power(1, Survivors::none);

  REQUIRE(database.open().ok());
  CHECK(database.count() == static_cast<int>(number) - 1);
}

TEST_CASE("After a failed write a database takes no other", "[storage][env]") {
  const auto operation = GENERATE(DiskOperation::write, DiskOperation::sync);
  Database database;
  REQUIRE(database.open().ok());
  REQUIRE(database.put(0, true).ok());

  database.faulty().set({.operation = operation, .path = ".log"});
  const auto failed = database.put(1, true);
  CHECK_THAT(failed.ToString(), Catch::Contains(".log: an injected fault"));
  database.faulty().heal();

  const auto refused = database.put(2, false);
  CHECK_FALSE(refused.ok());
  CHECK(database.count() == 1);
  REQUIRE(database.open().ok());
  CHECK(database.count() <= 2);
}

TEST_CASE("A failed append is not followed by another, though LevelDB would", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());

  // Not synced: LevelDB forgets such a failure.
  database.faulty().set({.operation = DiskOperation::write, .path = ".log"});
  REQUIRE_FALSE(database.put(0, false).ok());
  database.faulty().heal();

  CHECK_THAT(database.put(1, false).ToString(), Catch::Contains("retired"));
}

TEST_CASE("A database whose new log cannot be made or made durable is retired", "[storage][env]") {
  const auto operation =
      GENERATE(DiskOperation::open, DiskOperation::sync_directory, DiskOperation::sync);
  Database database;
  REQUIRE(database.open().ok());
  std::uint64_t number = 0;
  database.faulty().set({.operation = operation});

  while (number < 200 && database.put(number, false, 1000).ok())
    ++number;

  REQUIRE(number < 200);
  database.faulty().heal();
  CHECK_FALSE(database.put(number, false).ok());
  REQUIRE(database.open().ok());
  CHECK(database.count() >= static_cast<int>(number));
}

TEST_CASE("A database without its CURRENT or its newest log is refused and left alone",
          "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  REQUIRE(database.put(0, true).ok());
  const std::string gone = GENERATE(true, false) ? newest_log(database.memory()) : "/db/CURRENT";
  database.close();
  REQUIRE(database.memory().remove_file(gone));
  const auto files = database.memory().files();

  const auto status = database.open();

  CHECK(status.IsCorruption());
  CHECK_THAT(status.ToString(), Catch::Contains("/db has lost its"));
  CHECK(database.memory().files() == files);
}

TEST_CASE("A database whose CURRENT was changed is refused", "[storage][env]") {
  constexpr std::size_t kMost = 1 << 20;
  Database database;
  REQUIRE(database.open().ok());
  const std::string current = read_file(database.memory(), "/db/CURRENT", kMost).value();
  const std::string old_name = "/db/" + current.substr(0, current.find('\n'));
  const std::string old_manifest = read_file(database.memory(), old_name, kMost).value();
  REQUIRE(database.put(0, true).ok());
  REQUIRE(database.open().ok());
  database.flush();
  database.close();
  // A crash may leave an old manifest, and with it an older database.
  REQUIRE(write_file_atomically(database.memory(), old_name, bytes_of(old_manifest)));
  std::string changed = read_file(database.memory(), "/db/CURRENT", kMost).value();
  REQUIRE(changed.substr(0, changed.find('\n')) != old_name.substr(4));
  SECTION("to name an old manifest") {
    changed.replace(0, old_name.size() - 4, old_name.substr(4));
  }
  SECTION("in any bit") {
    const auto bit = GENERATE_COPY(range(std::size_t{0}, 8 * current.size()));
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
  }
  SECTION("to end with the name") {
    changed.resize(changed.find('\n') + 1);
  }
  REQUIRE(write_file_atomically(database.memory(), "/db/CURRENT", bytes_of(changed)));

  const auto status = database.open();

  CHECK(status.IsCorruption());
  CHECK_THAT(status.ToString(), Catch::Contains("/db/CURRENT"));
}

TEST_CASE("A database whose making was interrupted is made anew", "[storage][env]") {
  for (std::uint64_t nth = 1; nth < 40; ++nth) {
    Database database;
    database.faulty().set({.nth = nth, .lasts = true});
    (void)database.open();
    database.lose_power(nth, nth % 2 == 0 ? Survivors::any : Survivors::oldest);

    CAPTURE(nth);
    REQUIRE(database.open().ok());
    CHECK(database.count() == 0);
  }
}

TEST_CASE("A log that lost its end although a later one was used is damage", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  const std::string old_log = newest_log(database.memory());
  // No table is ever written: then the old log is still needed.
  database.faulty().set({.operation = DiskOperation::open, .lasts = true, .path = ".ldb"});
  std::uint64_t number = 0;
  while (newest_log(database.memory()) == old_log)
    REQUIRE(database.put(number++, false, 1000).ok());
  database.lose_power(1, Survivors::all);
  REQUIRE(database.memory().content(newest_log(database.memory())).size() > 0);

  const std::string whole = database.memory().content(old_log);
  database.memory().set_content(old_log, whole.substr(0, whole.size() - 1));

  const auto status = database.open();
  CHECK(status.IsCorruption());
  CHECK_THAT(status.ToString(), Catch::Contains(old_log));

  database.memory().set_content(old_log, whole);
  CHECK(database.open().ok());
  CHECK(database.count() == static_cast<int>(number));
}

TEST_CASE("Damage to a manifest is noticed, also after a kill", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  REQUIRE(database.put(0, true).ok());
  database.flush();  // to a table, which only the manifest knows
  database.lose_power(1, Survivors::all);
  std::string manifest;
  for (const std::string& path : database.memory().files()) {
    if (path.find("MANIFEST-") != std::string::npos) manifest = path;
  }
  const std::string whole = database.memory().content(manifest);

  for (std::size_t at = 0; at < whole.size(); ++at) {
    Database copy;
    REQUIRE(copy.memory().create_directories("/db"));
    for (const std::string& path : database.memory().files()) {
      REQUIRE(copy.memory().open_writable(path, Disk::Open::create_new));
      copy.memory().set_content(path, database.memory().content(path));
    }
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    copy.memory().set_content(manifest, damaged);

    CAPTURE(at);
    if (const auto status = copy.open(); status.ok()) {
      CHECK(copy.count() == 1);
    } else {
      CHECK(status.IsCorruption());
    }
  }
}

TEST_CASE("LevelDB's log for people is not written", "[storage][env]") {
  Database database;
  REQUIRE(database.open().ok());
  REQUIRE(database.open().ok());
  CHECK_FALSE(database.memory().exists("/db/LOG"));
  CHECK_FALSE(database.memory().exists("/db/LOG.old"));
}

TEST_CASE("A table in another one's place, or without its end, is noticed", "[storage][leveldb]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories("/db"));
  const auto env = make_leveldb_env(disk);
  // All of it fits into a sector in one case, and only its end is covered in the other.
  const std::size_t size = GENERATE(1U, 150U, 65'536U, 200'000U);
  const auto write_table = [&](const std::string& path, char content) {
    leveldb::WritableFile* opened = nullptr;
    REQUIRE(env->NewWritableFile(path, &opened).ok());
    const std::unique_ptr<leveldb::WritableFile> file(opened);
    REQUIRE(file->Append(std::string(size, content)).ok());
    REQUIRE(file->Sync().ok());
    REQUIRE(file->Close().ok());
  };
  const auto open_table = [&](const std::string& path) {
    leveldb::RandomAccessFile* opened = nullptr;
    const auto status = env->NewRandomAccessFile(path, &opened);
    const std::unique_ptr<leveldb::RandomAccessFile> file(opened);
    if (!status.ok()) return status.ToString();
    std::string scratch(size, '\0');
    leveldb::Slice read;
    REQUIRE(file->Read(0, size, &read, scratch.data()).ok());
    return read.ToString();
  };
  write_table("/db/000005.ldb", 'a');
  write_table("/db/000007.ldb", 'b');
  REQUIRE(open_table("/db/000005.ldb") == std::string(size, 'a'));
  const std::string whole = disk.content("/db/000005.ldb");
  const auto is_refused = [&](const std::string& content) {
    disk.set_content("/db/000005.ldb", content);
    return open_table("/db/000005.ldb").starts_with("Corruption: /db/000005.ldb does not end");
  };

  CHECK(is_refused(disk.content("/db/000007.ldb")));
  CHECK(is_refused(whole.substr(0, size)));
  CHECK(is_refused(whole.substr(0, whole.size() - 1)));
  CHECK(is_refused(std::string(size - 1, 'a') + 'b' + whole.substr(size)));
  CHECK(is_refused(""));
  CHECK_FALSE(is_refused(whole));
}

}  // namespace raftkit::storage
