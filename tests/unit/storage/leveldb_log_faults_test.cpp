// A log in LevelDB when the disk fills up; what else can fail: log_faults_test.cpp.
#include "leveldb_log_fixture.hpp"

namespace raftkit::test {

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

}  // namespace raftkit::test
