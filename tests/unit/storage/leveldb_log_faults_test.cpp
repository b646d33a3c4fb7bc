// A log in LevelDB when the disk fails, fills up or is used twice.
#include "leveldb_log_fixture.hpp"
#include "log_script.hpp"

namespace raftkit::test {

TEST_CASE("The script of the fault tests does what it says", "[storage][faults]") {
  LevelDbLog log;
  REQUIRE(log.try_open());
  CHECK(run_script(*log) == kScriptSteps);
  CHECK(loaded(*log) == after(kScriptSteps));
}

TEST_CASE("Whatever write, sync or creation fails, nothing acknowledged is lost",
          "[storage][faults]") {
  const auto operation = GENERATE(DiskOperation::open,
                                  DiskOperation::write,
                                  DiskOperation::reserve,
                                  DiskOperation::sync,
                                  DiskOperation::sync_directory,
                                  DiskOperation::rename);
  const auto code = GENERATE(Errc::io_error, Errc::out_of_space);
  int failures = 0;
  for (std::uint64_t nth = 1; nth < 200; ++nth) {
    LevelDbLog log;
    log.faulty().set({.operation = operation, .nth = nth, .code = code});
    int done = 0;
    if (const auto opened = log.try_open(); !opened) {
      CHECK(opened.error() == code);
      CHECK_THAT(opened.error().message(), Catch::Contains("/member/log"));
    } else {
      done = run_script(*log);
      if (log.faulty().matched() < nth) break;
      if (done < kScriptSteps) {
        for (const auto& refused :
             {write(*log, Batch().append(9, 9)), log->compact({}, snapshot(1, 1), Index{1})}) {
          CHECK(refused.error() == Errc::storage_failed);
          CHECK_THAT(refused.error().message(), Catch::Contains("an injected fault"));
        }
        CHECK(log->load({}).error() == Errc::storage_failed);
        CHECK(read(*log, 1, 1).error() == Errc::storage_failed);
      }
    }
    ++failures;
    log.lose_power(nth, Survivors::any);

    REQUIRE(log.try_open());
    const Expected found = loaded(*log);
    CAPTURE(nth, done, found.last.value);
    // The step that failed may be there or not.
    CHECK((found == after(done) || found == after(done + 1)));
  }
  CHECK(failures > 0);
}

TEST_CASE("A log can be opened only once", "[storage][faults]") {
  LevelDbLog log;
  REQUIRE(log.try_open());

  const auto second = storage::open_leveldb_log_storage(log.memory(), log.options());

  CHECK(second.error() == Errc::already_locked);
  CHECK_THAT(second.error().message(), Catch::Contains("/member/log"));
  log.close();
  CHECK(storage::open_leveldb_log_storage(log.memory(), log.options()));
}

TEST_CASE("A log refuses entries before the disk is full, and can then still be compacted",
          "[storage][faults]") {
  LevelDbLog log;
  log.options().reserve_bytes = 1 << 20;
  log.memory().set_capacity(2 << 20);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  Result<void> written;
  while ((written = write(*log, Batch().append(1, index, std::string(20'000, 'p')))))
    ++index;

  CHECK(written.error() == Errc::out_of_space);
  CHECK_THAT(written.error().message(), Catch::Contains("/member/log"));
  CHECK(write(*log, Batch().vote(2, 2)));
  CHECK(log->compact({}, snapshot(1, index - 1), Index{index}));
  CHECK(log->load({}).value()->last == Index{index - 1});

  log.memory().set_capacity(4 << 20);
  CHECK(write(*log, Batch().append(2, index, std::string(20'000, 'p'))));
}

TEST_CASE("A disk that is full in earnest stops the log, and it recovers when there is room",
          "[storage][faults]") {
  LevelDbLog log;
  log.options().reserve_bytes = 0;
  log.memory().set_capacity(1 << 20);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  Result<void> written;
  while ((written = write(*log, Batch().append(1, index, std::string(20'000, 'p')))))
    ++index;
  if (written.error() == Errc::out_of_space) written = write(*log, Batch().vote(2, 2));
  while (written)
    written = write(*log, Batch().vote(2, 2));

  CHECK(written.error() == Errc::storage_failed);
  CHECK_THAT(written.error().message(), Catch::Contains("the disk is full"));

  log.memory().set_capacity(4 << 20);
  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last >= Index{index - 1});
  CHECK(write(*log, Batch().vote(3, 3)));
}

TEST_CASE("A group of batches costs one sync, and a commit index alone none", "[storage][faults]") {
  MemoryDisk memory;
  storage::DiskCounters counters;
  const auto disk = storage::make_counting_disk(memory, counters);
  storage::LevelDbLogOptions options;
  options.directory = "/log";
  options.sync = GENERATE(true, false);
  auto log = storage::open_leveldb_log_storage(*disk, options);
  REQUIRE(log);
  const auto syncs_of = [&](const std::vector<PersistBatch>& batches) {
    const auto before = counters.file_syncs + counters.directory_syncs;
    REQUIRE((*log)->write(batches));
    return counters.file_syncs + counters.directory_syncs - before;
  };

  const std::uint64_t one = options.sync ? 1 : 0;
  CHECK(syncs_of({Batch().vote(1, 1)}) == one);
  CHECK(syncs_of({Batch().append(1, 1), Batch().commit(1, 1), Batch().append(1, 2)}) == one);
  CHECK(syncs_of({Batch().truncate(2), Batch().commit(1, 1)}) == one);
  CHECK(syncs_of({Batch().commit(1, 1)}) == 0);
  CHECK(syncs_of({PersistBatch{}}) == 0);
}

}  // namespace raftkit::test
