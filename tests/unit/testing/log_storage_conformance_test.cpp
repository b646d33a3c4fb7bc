// The conformance suite for logs, and whether it bites.
#include "raftkit/testing/log_storage_conformance.hpp"

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "storage/wal/log.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test
using raftkit::testing::check_log_storage;
using raftkit::testing::log_storage_case_names;
using raftkit::testing::LogStorageCase;
using raftkit::testing::LogStorageSubject;
using raftkit::testing::run_log_storage_case;

namespace {

using LogPtr = std::unique_ptr<LogStorage>;

Result<LogPtr> open_memory(storage::Disk&, const std::string&) {
  return storage::make_memory_log_storage();
}
Result<LogPtr> open_leveldb(storage::Disk& disk, const std::string& directory) {
  return storage::open_leveldb_log_storage(
      disk, {.directory = directory, .write_buffer_bytes = 64 << 10});
}
Result<LogPtr> open_wal_with(storage::Disk& disk, storage::WalLogOptions options) {
  static std::uint64_t drawn = 0;  // no two logs have the same number
  options.segment_bytes = 64 << 10;
  // What a thread would do at some time is done at once: so the same operation is the n-th again.
  return storage::open_wal_log(
      disk,
      options,
      {.background = [](const auto& work) { work(); }, .draw = [] { return ++drawn; }});
}
Result<LogPtr> open_wal(storage::Disk& disk, const std::string& directory) {
  return open_wal_with(disk, {.directory = directory});
}

void check_all(const LogStorageSubject& subject) {
  for (const LogStorageCase& each : check_log_storage(subject)) {
    CAPTURE(each.name, each.what);
    CHECK(each.passed);
    if (!each.what.empty()) UNSCOPED_INFO(each.name << ": " << each.what);
  }
}

/// Passes everything on, but for what a test makes it do wrong.
class WrongLog : public LogStorage {
 public:
  explicit WrongLog(LogPtr log) : log_(std::move(log)) {}

  Result<std::optional<LoadedLog>> load(GroupId group) override { return log_->load(group); }
  Result<void> write(std::span<const PersistBatch> batches) override {
    return log_->write(batches);
  }
  Result<std::vector<Entry>> read(const LogRange& range) override { return log_->read(range); }
  Result<void> compact(GroupId group, const SnapshotMeta& snapshot, Index keep_from) override {
    return log_->compact(group, snapshot, keep_from);
  }

 private:
  LogPtr log_;
};

/// Those that fail, of a log that `Wrong` makes of a good one.
template <class Wrong>
std::vector<std::string> failing_cases() {
  std::vector<std::string> names;
  const LogStorageSubject subject{
      .open = [](storage::Disk& disk, const std::string& directory) -> Result<LogPtr> {
        auto log = open_wal(disk, directory);
        if (!log) return log;
        return std::make_unique<Wrong>(*std::move(log));
      }};
  for (const LogStorageCase& each : check_log_storage(subject, {.survivors = 2, .damages = 50})) {
    if (each.passed) continue;
    CHECK_FALSE(each.what.empty());
    names.push_back(each.name);
  }
  return names;
}

}  // namespace

TEST_CASE("The log in memory keeps what a log promises", "[storage][log]") {
  check_all({.open = open_memory, .is_durable = false, .uses_disk = false});
}

TEST_CASE("The log in LevelDB keeps what a log promises", "[storage][log][b124][b140]") {
  check_all({.open = open_leveldb, .notices_damage = false});
}

TEST_CASE("The write-ahead log keeps what a log promises", "[storage][log][b124][b140]") {
  check_all({.open = open_wal});
}

TEST_CASE("Logs on the system's disk keep what a log promises", "[storage][log]") {
  SECTION("in LevelDB") {
    check_all({.open =
                   [](storage::Disk& disk, const std::string& directory) {
                     return storage::open_leveldb_log_storage(disk, {.directory = directory});
                   },
               .uses_disk = false});
  }
  SECTION("write-ahead") {
    check_all({.open =
                   [](storage::Disk& disk, const std::string& directory) {
                     return storage::open_wal_log_storage(
                         disk, {.directory = directory, .segment_bytes = 64 << 10});
                   },
               .uses_disk = false});
  }
}

TEST_CASE("What a log cannot do is not asked of it", "[storage][log]") {
  const auto everything = log_storage_case_names({.open = open_wal});
  const auto undamaged = log_storage_case_names({.open = open_wal, .notices_damage = false});
  const auto contract = log_storage_case_names({.open = open_wal, .uses_disk = false});

  CHECK(everything.size() > undamaged.size());
  CHECK(undamaged.size() > contract.size());
  CHECK_FALSE(
      run_log_storage_case(everything.back(), {.open = open_wal, .uses_disk = false}).passed);
}

TEST_CASE("A log that dies with its object is not durable", "[storage][log]") {
  const auto found = run_log_storage_case("a log remembers term, vote, commit index and entries",
                                          {.open = open_memory, .uses_disk = false});

  CHECK_FALSE(found.passed);
}

TEST_CASE("A log that does not sync loses what it acknowledged", "[storage][log]") {
  const LogStorageSubject subject{.open = [](storage::Disk& disk, const std::string& directory) {
    return open_wal_with(disk, {.directory = directory, .sync = false});
  }};

  const auto found = run_log_storage_case(
      "a power loss at any change takes nothing that was acknowledged", subject);

  CHECK_FALSE(found.passed);
  CHECK_THAT(found.what, Catch::Contains("the power is lost: it holds"));
}

TEST_CASE("A log that takes more after a failure is found out", "[storage][log]") {
  class Forgetful final : public WrongLog {
   public:
    using WrongLog::WrongLog;
    Result<void> write(std::span<const PersistBatch> batches) override {
      auto written = WrongLog::write(batches);
      return !written && written.error() == Errc::storage_failed ? Result<void>() : written;
    }
  };
  CHECK_THAT(failing_cases<Forgetful>(),
             Catch::VectorContains(std::string(
                 "whatever fails, nothing acknowledged is lost, and nothing more is taken")));
}

TEST_CASE("A log that believes whatever it reads is found out", "[storage][log]") {
  class Credulous final : public WrongLog {
   public:
    using WrongLog::WrongLog;
    Result<std::vector<Entry>> read(const LogRange& range) override {
      auto entries = WrongLog::read(range);
      if (entries && entries->size() > 3) entries->erase(entries->begin());
      return entries;
    }
  };
  CHECK(failing_cases<Credulous>().size() > 5);
}

TEST_CASE("A log that forgets a vote in a power loss is found out", "[storage][log]") {
  class Voteless final : public WrongLog {
   public:
    using WrongLog::WrongLog;
    Result<std::optional<LoadedLog>> load(GroupId group) override {
      auto log = WrongLog::load(group);
      if (log && *log && (*log)->last == Index{0}) (*log)->hard_state.voted_for.reset();
      return log;
    }
  };
  CHECK_THAT(failing_cases<Voteless>(),
             Catch::VectorContains(
                 std::string("a power loss at any change takes nothing that was acknowledged")));
}

TEST_CASE("A log that does not use the disk it is given is told so", "[storage][log]") {
  const auto found = run_log_storage_case("a bit that flips is noticed", {.open = open_memory});

  CHECK_FALSE(found.passed);
  CHECK_THAT(found.what, Catch::Contains("uses_disk"));
}
