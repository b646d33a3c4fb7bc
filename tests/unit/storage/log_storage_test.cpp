// The stores that the common cases are run over.
#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/log_storage_cases.hpp"
#include "support/temporary_directory.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::MemoryDisk;

namespace {

class MemoryHome final : public LogStorageHome {
 public:
  LogStorage& reopen() override {
    log_ = storage::make_memory_log_storage();
    return *log_;
  }

 private:
  std::unique_ptr<LogStorage> log_;
};

using LogPtr = std::unique_ptr<LogStorage>;

Result<LogPtr> open_leveldb(storage::Disk& disk, const std::string& directory) {
  return storage::open_leveldb_log_storage(disk, {.directory = directory});
}

Result<LogPtr> open_wal(storage::Disk& disk, const std::string& directory) {
  return storage::open_wal_log_storage(disk, {.directory = directory, .segment_bytes = 64 << 10});
}

/// A store on a disk; `open` opens it.
template <auto open>
class Home : public LogStorageHome {
 public:
  Home(storage::Disk& disk, std::string directory)
      : disk_(disk), directory_(std::move(directory)) {}

  LogStorage& reopen() override {
    log_.reset();
    auto log = open(disk_, directory_);
    REQUIRE(log);
    log_ = *std::move(log);
    return *log_;
  }

 private:
  storage::Disk& disk_;
  std::string directory_;
  LogPtr log_;
};

template <auto open>
class OnSystem final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  TemporaryDirectory directory_;
  Home<open> home_{storage::posix_disk(), directory_ / "member/log"};
};

template <auto open>
class InMemory final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  MemoryDisk disk_;
  Home<open> home_{disk_, "/log"};
};

}  // namespace

std::vector<LogStorageKind> log_storage_kinds() {
  return {
      {"memory", false, [] { return std::make_unique<MemoryHome>(); }},
      {"LevelDB", true, [] { return std::make_unique<OnSystem<open_leveldb>>(); }},
      {"LevelDB on a disk in memory",
       true,
       [] { return std::make_unique<InMemory<open_leveldb>>(); }},
      {"WAL", true, [] { return std::make_unique<OnSystem<open_wal>>(); }},
      {"WAL on a disk in memory", true, [] { return std::make_unique<InMemory<open_wal>>(); }},
  };
}

}  // namespace raftkit::test
