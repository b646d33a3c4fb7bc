// Logs that somebody else has open, and what they cost; how they fail: testing's conformance suite.
#include "leveldb_log_fixture.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

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
