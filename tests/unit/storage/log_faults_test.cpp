// Logs on a disk that fails, or that somebody else has open.
#include "leveldb_log_fixture.hpp"
#include "log_script.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

TEMPLATE_TEST_CASE("The script of the fault tests does what it says",
                   "[storage][faults]",
                   LevelDbLog,
                   WalLog) {
  TestType log;
  REQUIRE(log.try_open());
  CHECK(run_script(*log) == kScriptSteps);
  CHECK(loaded(*log) == after(kScriptSteps));
}

TEMPLATE_TEST_CASE("Whatever write, sync or creation fails, nothing acknowledged is lost",
                   "[storage][faults]",
                   LevelDbLog,
                   WalLog) {
  const auto operation = GENERATE(DiskOperation::open,
                                  DiskOperation::write,
                                  DiskOperation::reserve,
                                  DiskOperation::sync,
                                  DiskOperation::sync_directory,
                                  DiskOperation::rename);
  const auto code = GENERATE(Errc::io_error, Errc::out_of_space);
  const bool lasts = GENERATE(false, true);
  int failures = 0;
  for (std::uint64_t nth = 1; nth < 200; ++nth) {
    TestType log;
    log.faulty().set({.operation = operation, .nth = nth, .code = code, .lasts = lasts});
    int done = 0;
    if (const auto opened = log.try_open(); !opened) {
      CHECK(opened.error() == code);
      CHECK_THAT(opened.error().message(), Catch::Contains("/member/log"));
    } else {
      done = run_script(*log);
      if (log.faulty().matched() < nth) break;
      const bool is_stopped = code == Errc::io_error || !TestType::kGoesOnWithoutSpace;
      if (done < kScriptSteps && is_stopped) {
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

TEMPLATE_TEST_CASE("A log can be opened only once", "[storage][faults]", LevelDbLog, WalLog) {
  TestType log;
  REQUIRE(log.try_open());

  const auto second = log.open_another();

  CHECK(second.error() == Errc::already_locked);
  CHECK_THAT(second.error().message(), Catch::Contains("/member/log"));
  log.close();
  CHECK(log.open_another());
}

TEMPLATE_TEST_CASE("A group of batches costs one sync, and a commit index alone none",
                   "[storage][faults]",
                   LevelDbLog,
                   WalLog) {
  TestType log;
  log.options().sync = GENERATE(true, false);
  REQUIRE(log.try_open());
  const auto operation = GENERATE(DiskOperation::sync, DiskOperation::sync_directory);
  const auto count = [&](const std::vector<PersistBatch>& batches) {
    constexpr std::uint64_t kNever = 1'000'000;
    log.faulty().set({.operation = operation, .nth = kNever});  // it counts
    REQUIRE(log->write(batches));
    return log.faulty().matched();
  };

  const std::uint64_t one = log.options().sync && operation == DiskOperation::sync ? 1 : 0;
  CHECK(count({Batch().vote(1, 1)}) == one);
  CHECK(count({Batch().append(1, 1), Batch().commit(1, 1), Batch().append(1, 2)}) == one);
  CHECK(count({Batch().truncate(2), Batch().commit(1, 1)}) == one);
  CHECK(count({Batch().commit(1, 1)}) == 0);
  CHECK(count({PersistBatch{}}) == 0);
}

}  // namespace raftkit::test
