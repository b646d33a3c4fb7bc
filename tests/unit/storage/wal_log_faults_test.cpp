// A write-ahead log when the disk fills up or fails; what else can fail: log_faults_test.cpp.
#include "testing/log_script.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

using testing::after;
using testing::Expected;
using testing::kScriptSteps;
using testing::loaded;
using testing::run_script;

namespace {

Result<void> append(LogStorage& log, std::uint64_t index, std::size_t bytes = 20'000) {
  return write(log, Batch().append(1, index, std::string(bytes, 'p')));
}

}  // namespace

TEST_CASE("After a failed write or sync the write-ahead log is not used again",
          "[storage][wal][faults]") {
  const auto operation = GENERATE(DiskOperation::write, DiskOperation::sync);
  const auto code = GENERATE(Errc::io_error, Errc::out_of_space);
  WalLog log;
  REQUIRE(log.try_open());
  REQUIRE(append(*log, 1));
  log.faulty().set({.operation = operation, .code = code, .path = "1.wal"});

  for (const auto& refused :
       {append(*log, 2), append(*log, 2), log->compact({}, snapshot(1, 1), Index{1})}) {
    CHECK(refused.error() == Errc::storage_failed);
    CHECK_THAT(refused.error().message(), Catch::Contains("an injected fault"));
  }
  CHECK(log->load({}).error() == Errc::storage_failed);
  CHECK(read(*log, 1, 1).error() == Errc::storage_failed);
}

TEST_CASE("A power loss while a segment is made larger loses nothing", "[storage][wal][faults]") {
  const auto survivors = GENERATE(Survivors::any, Survivors::none, Survivors::all);
  for (std::uint64_t nth = 1; nth < 24; ++nth) {
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      WalLog log;
      REQUIRE(log.try_open());
      REQUIRE(append(*log, 1));
      log.faulty().set({.nth = nth, .lasts = true});
      const bool is_written = append(*log, 2, 150'000).has_value();
      log.lose_power(seed, survivors);

      CAPTURE(nth, seed);
      REQUIRE(log.try_open());
      const Index last = log->load({}).value()->last;
      CHECK((last == Index{2} || (last == Index{1} && !is_written)));
      REQUIRE(append(*log, last.value + 1, 150'000));
      REQUIRE(log.try_open());
      CHECK(read(*log, 1, last.value + 1)->size() == last.value + 1);
    }
  }
}

TEST_CASE("A write-ahead log leaves the last part of the device to others",
          "[storage][wal][faults]") {
  WalLog log;
  log.options().reserve_bytes = 1 << 20;
  log.memory().set_capacity(2 << 20);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  Result<void> written;
  while ((written = append(*log, index)))
    ++index;
  const auto left = log.memory().free_bytes("/member/log").value();

  CHECK(written.error() == Errc::out_of_space);
  CHECK_THAT(written.error().message(),
             Catch::Contains("/member/log") && Catch::Contains("1048576 are kept in reserve"));
  CHECK(left > (900 << 10));
  CHECK(index > 40);
  CHECK(write(*log, Batch().vote(2, 2)));
  CHECK(log->compact({}, snapshot(1, index - 1), Index{index}));
  CHECK(write(*log, Batch().append(2, index)));
}

TEST_CASE("A write-ahead log gives up what it keeps for later before it refuses entries",
          "[storage][wal][faults]") {
  WalLog log;
  log.options().reserve_bytes = 1 << 20;
  log.memory().set_capacity(4 << 20);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  for (; index <= 40; ++index)
    REQUIRE(append(*log, index));
  REQUIRE(log->compact({}, snapshot(1, index - 1), Index{index}));
  // Others need the room meanwhile.
  const auto used = (4U << 20) - log.memory().free_bytes("/member/log").value();
  log.memory().set_capacity(used + (1 << 20) - 1);

  CHECK(append(*log, index));
  CHECK(log.memory().free_bytes("/member/log").value() > (1 << 20));
}

TEST_CASE("A write-ahead log keeps no more segments for later than it may", "[storage][wal]") {
  const std::size_t most = GENERATE(0U, 1U, 3U, 100U);
  WalLog log;
  log.options().max_spare_segments = most;
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  for (; index <= 200; ++index)
    REQUIRE(append(*log, index));
  const std::size_t before = log.memory().files().size();
  REQUIRE(log->compact({}, snapshot(1, index - 1), Index{index}));

  const auto files = log.memory().files();
  const auto kept = std::count_if(files.begin(), files.end(), [](const std::string& path) {
    return path.ends_with(".unfinished");
  });
  CHECK(before > 10);
  if (most < 100) CHECK(static_cast<std::size_t>(kept) == most);
  if (most == 100) CHECK(files.size() == before);
}

TEST_CASE("A write that is too large for a full disk leaves what was made ahead to others",
          "[storage][wal][faults]") {
  WalLog log;
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  for (; index <= 3; ++index)
    REQUIRE(append(*log, index));
  // Full, but for what the log has.
  log.memory().set_capacity((1ULL << 40) - log.memory().free_bytes("/member/log").value());

  CHECK(append(*log, index, 100'000).error() == Errc::out_of_space);
  CHECK(write(*log, Batch().vote(2, 2)));
  CHECK(write(*log, Batch().append(2, index, std::string(20'000, 'q'))));
  CHECK(log->compact({}, snapshot(1, index - 1), Index{index}));
  log.lose_power(1, Survivors::none);
  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last == Index{index});
}

TEST_CASE("What a write-ahead log has no space for either did not happen or stops it",
          "[storage][wal][faults]") {
  const auto operation = GENERATE(DiskOperation::open,
                                  DiskOperation::write,
                                  DiskOperation::reserve,
                                  DiskOperation::sync,
                                  DiskOperation::sync_directory,
                                  DiskOperation::rename);
  int refused = 0;
  int stopped = 0;
  for (std::uint64_t nth = 1; nth < 100; ++nth) {
    WalLog log;
    REQUIRE(log.try_open());
    log.faulty().set(
        {.operation = operation, .nth = nth, .code = Errc::out_of_space, .lasts = true});
    const int done = run_script(*log).done;
    if (done == kScriptSteps) break;
    log.faulty().heal();
    CAPTURE(nth, done);
    Expected expected = after(done);
    if (const auto written = write(*log, Batch().vote(9, 9))) {
      ++refused;
      expected.term = Term{9};
      expected.vote = NodeId{9};
      CHECK(loaded(*log).value() == expected);
    } else {
      ++stopped;
      CHECK(written.error() == Errc::storage_failed);
      continue;
    }
    log.lose_power(nth, Survivors::none);
    REQUIRE(log.try_open());
    CHECK(loaded(*log).value() == expected);
  }
  const bool is_of_content = operation == DiskOperation::write ||
                             operation == DiskOperation::sync ||
                             operation == DiskOperation::sync_directory;
  CHECK((refused > 0 || is_of_content));
  CHECK((stopped > 0) == is_of_content);
}

TEST_CASE("A write-ahead log refuses options and batches that it cannot serve, by their numbers",
          "[storage][wal]") {
  WalLog log;
  SECTION("too small a segment") {
    log.options().segment_bytes = 65'535;
    const auto opened = log.try_open();
    CHECK(opened.error() == Errc::invalid_argument);
    CHECK_THAT(opened.error().message(), Catch::Contains("segment_bytes is 65535"));
  }
  SECTION("too small a window") {
    log.options().window_bytes = 0;
    const auto opened = log.try_open();
    CHECK(opened.error() == Errc::invalid_argument);
    CHECK_THAT(opened.error().message(), Catch::Contains("window_bytes is 0"));
  }
  SECTION("too long a batch") {
    REQUIRE(log.try_open());
    const Bytes payload = Bytes::copy_of(std::string(std::size_t{64} << 20, 'p'));
    PersistBatch batch;
    for (std::uint64_t index = 1; index <= 17; ++index)
      batch.append.push_back({{Term{1}, Index{index}}, EntryType::normal, payload});
    const auto written = write(*log, batch);
    CHECK(written.error() == Errc::invalid_argument);
    CHECK_THAT(written.error().message(), Catch::Contains("1073741824"));
    CHECK(write(*log, Batch().append(1, 1)));
  }
}

TEST_CASE("A write-ahead log that does not sync loses no more than its end with the power",
          "[storage][wal]") {
  const auto survivors = GENERATE(Survivors::none, Survivors::any, Survivors::newest);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    WalLog log;
    log.options().sync = false;
    REQUIRE(log.try_open());
    const int steps = run_script(*log).done;
    REQUIRE(steps == kScriptSteps);
    log.lose_power(seed, survivors);
    CAPTURE(seed);
    REQUIRE(log.try_open());
    const Expected found = loaded(*log).value();
    bool is_prefix = false;
    for (int step = 0; step <= kScriptSteps; ++step)
      is_prefix = is_prefix || found == after(step);
    CHECK(is_prefix);
  }
}

TEST_CASE("A full disk refuses entries, takes votes and compactions, and recovers with room",
          "[storage][wal][faults]") {
  WalLog log;
  log.memory().set_capacity(300'000);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  Result<void> written;
  while ((written = append(*log, index)))
    ++index;
  REQUIRE(index > 5);

  CHECK(written.error() == Errc::out_of_space);
  CHECK_THAT(written.error().message(), Catch::Contains("/member/log"));
  CHECK(append(*log, index).error() == Errc::out_of_space);
  CHECK(write(*log, Batch().vote(2, 2)));
  CHECK(read(*log, 1, index - 1)->size() == index - 1);
  const bool is_restarted = GENERATE(false, true);
  if (is_restarted) REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last == Index{index - 1});

  SECTION("by compaction") {
    CHECK(log->compact({}, snapshot(1, index - 1), Index{index}));
    log.close();  // what was removed is gone by then
    REQUIRE(log.try_open());
    CHECK(append(*log, index));
  }
  SECTION("by others") {
    log.memory().set_capacity(1'000'000);
    CHECK(append(*log, index));
  }
}

TEST_CASE("With one segment and no room for another as large a compaction makes room for entries",
          "[storage][wal][faults]") {
  WalLog log;
  log.memory().set_capacity(100'000);
  REQUIRE(log.try_open());
  std::uint64_t index = 1;
  while (append(*log, index, 4000))
    ++index;
  REQUIRE(index > 10);
  CHECK(append(*log, index, 4000).error() == Errc::out_of_space);

  REQUIRE(log->compact({}, snapshot(1, index - 1), Index{index}));

  const std::uint64_t first = index;
  for (; index < first + 10; ++index)
    CHECK(append(*log, index, 4000));
  CHECK(read(*log, first, index - 1)->size() == 10);
}

TEST_CASE("A write-ahead log that does not sync holds a prefix after a power loss at any change",
          "[storage][wal][faults]") {
  const auto survivors = GENERATE(Survivors::none, Survivors::oldest, Survivors::any);
  std::uint64_t nth = 1;
  for (;; ++nth) {
    WalLog log;
    log.options().sync = false;
    REQUIRE(log.try_open());
    log.faulty().set({.nth = nth, .lasts = true});
    const int done = run_script(*log).done;
    if (log.faulty().matched() < nth) break;
    log.lose_power(nth, survivors);
    CAPTURE(nth, done);
    REQUIRE(log.try_open());
    const Expected found = loaded(*log).value();
    bool is_prefix = false;
    for (int step = 0; step <= done + 1; ++step)
      is_prefix = is_prefix || found == after(step);
    CHECK(is_prefix);
  }
  CHECK(nth > kScriptSteps);
}

TEST_CASE("A write-ahead log that does not sync is not damaged by what a kill left in memory",
          "[storage][wal][faults]") {
  const bool is_killed = GENERATE(true, false);
  int failures = 0;
  for (std::uint64_t nth = 1; nth < 120; ++nth) {
    WalLog log;
    log.options().sync = false;
    REQUIRE(log.try_open());
    if (is_killed) {
      log.faulty().set({.nth = nth, .lasts = true});
    } else {
      log.memory().fail_sync_after(nth);
    }
    const int done = run_script(*log).done;
    if (done < kScriptSteps) ++failures;
    log.close();
    log.faulty().heal();
    CAPTURE(nth, done);
    if (!log.try_open()) REQUIRE(log.try_open());  // the sync that fails may be this one's
    const Expected believed = loaded(*log).value();
    CHECK((believed == after(done) || believed == after(done + 1)));
    for (std::uint64_t index = 1; index <= 20; ++index)
      REQUIRE(write(*log, Batch().vote(9, index)));

    log.lose_power(nth, GENERATE(Survivors::newest, Survivors::none, Survivors::any));
    REQUIRE(log.try_open());
    const Expected found = loaded(*log).value();
    CHECK(found.last == believed.last);
    CHECK((found.term == believed.term || found.term == Term{9}));
  }
  CHECK(failures > 0);
}

}  // namespace raftkit::test
