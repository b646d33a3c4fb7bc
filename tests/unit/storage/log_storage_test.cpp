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

class LevelDbHome : public LogStorageHome {
 public:
  LevelDbHome(storage::Disk& disk, std::string directory)
      : disk_(disk), directory_(std::move(directory)) {}

  LogStorage& reopen() override {
    log_.reset();
    storage::LevelDbLogOptions options;
    options.directory = directory_;
    auto log = storage::open_leveldb_log_storage(disk_, options);
    REQUIRE(log);
    log_ = *std::move(log);
    return *log_;
  }

 private:
  storage::Disk& disk_;
  std::string directory_;
  std::unique_ptr<LogStorage> log_;
};

class LevelDbOnSystem final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  TemporaryDirectory directory_;
  LevelDbHome home_{storage::posix_disk(), directory_ / "member/log"};
};

class LevelDbInMemory final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  MemoryDisk disk_;
  LevelDbHome home_{disk_, "/log"};
};

class WalHome : public LogStorageHome {
 public:
  WalHome(storage::Disk& disk, std::string directory)
      : disk_(disk), directory_(std::move(directory)) {}

  LogStorage& reopen() override {
    log_.reset();
    storage::WalLogOptions options;
    options.directory = directory_;
    options.segment_bytes = 64 << 10;
    auto log = storage::open_wal_log_storage(disk_, options);
    REQUIRE(log);
    log_ = *std::move(log);
    return *log_;
  }

 private:
  storage::Disk& disk_;
  std::string directory_;
  std::unique_ptr<LogStorage> log_;
};

class WalOnSystem final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  TemporaryDirectory directory_;
  WalHome home_{storage::posix_disk(), directory_ / "member/log"};
};

class WalInMemory final : public LogStorageHome {
 public:
  LogStorage& reopen() override { return home_.reopen(); }

 private:
  MemoryDisk disk_;
  WalHome home_{disk_, "/log"};
};

}  // namespace

std::vector<LogStorageKind> log_storage_kinds() {
  return {
      {"memory", false, [] { return std::make_unique<MemoryHome>(); }},
      {"LevelDB", true, [] { return std::make_unique<LevelDbOnSystem>(); }},
      {"LevelDB on a disk in memory", true, [] { return std::make_unique<LevelDbInMemory>(); }},
      {"WAL", true, [] { return std::make_unique<WalOnSystem>(); }},
      {"WAL on a disk in memory", true, [] { return std::make_unique<WalInMemory>(); }},
  };
}

}  // namespace raftkit::test
