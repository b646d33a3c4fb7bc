// What a process that starts again believes, others will be told: so it must be on the disk.
#include "leveldb_log_fixture.hpp"
#include "log_script.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

namespace {

/// The machine goes on after the process has ended, and fails later.
template <class Log>
void check_kept(Log& log, int done, std::uint64_t nth, bool is_used) {
  log.close();
  log.faulty().heal();
  REQUIRE(log.try_open());
  Expected believed = loaded(*log);
  CAPTURE(nth, done, believed.last.value);
  CHECK((believed == after(done) || believed == after(done + 1)));

  if (is_used) {
    believed.term = Term{9};
    REQUIRE(write(*log, Batch().vote(9, 9)));
  }
  log.lose_power(nth, Survivors::none);
  REQUIRE(log.try_open());
  CHECK(loaded(*log) == believed);
}

}  // namespace

TEMPLATE_TEST_CASE("What is read after a sync that failed is durable",
                   "[storage][restart]",
                   LevelDbLog,
                   WalLog) {
  const bool is_used = GENERATE(false, true);
  int failures = 0;
  for (std::uint64_t nth = 0; nth < 2 * kScriptSteps; ++nth) {
    TestType log;
    REQUIRE(log.try_open());
    log.memory().fail_sync_after(nth);
    const int done = run_script(*log);
    if (done == kScriptSteps) continue;
    ++failures;
    check_kept(log, done, nth, is_used);
  }
  CHECK(failures >= kScriptSteps);
}

TEMPLATE_TEST_CASE("What is read after a kill is durable",
                   "[storage][restart]",
                   LevelDbLog,
                   WalLog) {
  const bool is_used = GENERATE(false, true);
  int failures = 0;
  for (std::uint64_t nth = 1; nth < 5 * kScriptSteps; ++nth) {
    TestType log;
    REQUIRE(log.try_open());
    log.faulty().set({.nth = nth, .lasts = true});
    const int done = run_script(*log);
    if (done == kScriptSteps) continue;
    ++failures;
    check_kept(log, done, nth, is_used);
  }
  CHECK(failures >= 2 * kScriptSteps);
}

}  // namespace raftkit::test
