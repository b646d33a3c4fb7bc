// How fast a log is made durable: unit_storage '[bench]'. Not run otherwise.
#include <chrono>
#include <cstdio>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/temporary_directory.hpp"

namespace raftkit::test {

TEST_CASE("Throughput of durable writes", "[.bench]") {
  using Clock = std::chrono::steady_clock;
  const std::size_t group_size = GENERATE(1U, 8U, 64U);
  const TemporaryDirectory directory;  // TMPDIR says where; never a file system in memory
  storage::DiskCounters counters;
  const auto disk = storage::make_counting_disk(storage::posix_disk(), counters);
  const bool is_wal = GENERATE(false, true);
  auto log = is_wal ? storage::open_wal_log_storage(*disk, {.directory = directory / "log"})
                    : storage::open_leveldb_log_storage(*disk, {.directory = directory / "log"});
  REQUIRE(log);
  const std::string payload(256, 'p');

  std::uint64_t index = 0;
  const std::uint64_t syncs_before = counters.file_syncs;
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  while (elapsed() < 3.0) {
    std::vector<PersistBatch> group;
    for (std::size_t at = 0; at < group_size; ++at) {
      ++index;
      group.push_back(Batch().commit(1, index - 1).append(1, index, payload));
    }
    REQUIRE((*log)->write(group));
  }
  const double seconds = elapsed();

  std::printf("%s, groups of %2zu: %8.0f writes/s, %7.0f calls/s, %.2f fdatasync per call\n",
              is_wal ? "write-ahead log" : "LevelDB        ",
              group_size,
              static_cast<double>(index) / seconds,
              static_cast<double>(index) / seconds / static_cast<double>(group_size),
              static_cast<double>((counters.file_syncs - syncs_before) * group_size) /
                  static_cast<double>(index));
}

}  // namespace raftkit::test
