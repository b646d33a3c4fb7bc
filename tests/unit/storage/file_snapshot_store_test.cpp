// Snapshot files: what the suite for all stores (unit_testing) cannot know of them.
#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/printing.hpp"
#include "support/snapshots.hpp"
#include "testing/faulty_disk.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::DiskOperation;
using testing::FaultyDisk;
using testing::MemoryDisk;
using testing::Survivors;

namespace {

const std::string kDirectory = "/member/snap";
const std::string kPath = kDirectory + "/0000000000000002-00000000000186a1.snap";
const SnapshotMeta kMeta = snapshot(2, 100'001);

std::unique_ptr<SnapshotStore> open_store(storage::Disk& disk) {
  auto store = storage::open_file_snapshot_store(disk, kDirectory);
  REQUIRE(store);
  return *std::move(store);
}

void check_damage(const Error& error) {
  CHECK(error == Errc::corrupt_data);
  CHECK_THAT(error.message(), Catch::Contains(kPath));
}

/// Whether the file is refused by all who meet it, at the latest when its content is read.
bool is_refused(MemoryDisk& disk) {
  const auto store = open_store(disk);
  const auto content = content_of(*store, kMeta.last);
  if (content) return false;
  check_damage(content.error());
  if (const auto listed = store->list(); !listed) check_damage(listed.error());
  return true;
}

}  // namespace

TEST_CASE("A large snapshot is synced bit by bit as it is written", "[storage]") {
  MemoryDisk memory;
  storage::DiskCounters counters;
  const auto disk = storage::make_counting_disk(memory, counters);
  const auto store = open_store(*disk);
  auto sink = store->create(kMeta);
  REQUIRE(sink);

  const std::string piece = noise(std::size_t{1} << 20);
  for (int i = 0; i < 20; ++i)
    REQUIRE((*sink)->write(std::as_bytes(std::span(piece))));

  CHECK(counters.file_syncs >= 4);
  REQUIRE((*sink)->commit());
}

TEST_CASE("A snapshot's file is named by term and index", "[storage][snapshot]") {
  MemoryDisk disk;
  REQUIRE(save(*open_store(disk), kMeta, "abc"));
  CHECK(disk.files() == std::vector{kPath});
}

TEST_CASE("After a power loss a snapshot is there entirely or not at all", "[storage][snapshot]") {
  const std::string content = noise(600'000);
  int lost = 0;
  int kept = 0;
  for (std::uint64_t nth = 1; nth < 20; ++nth) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      MemoryDisk disk;
      FaultyDisk faulty(disk);
      REQUIRE(save(*open_store(faulty), snapshot(1, 3), "old"));
      auto store = open_store(faulty);
      faulty.set({.nth = nth, .lasts = true});
      const auto saved = save(*store, kMeta, content, 100'000);
      disk.lose_power(seed, seed % 2 == 0 ? Survivors::any : Survivors::newest);

      store = open_store(disk);
      CHECK(content_of(*store, {Term{1}, Index{3}}).value() == "old");
      const auto found = content_of(*store, kMeta.last);
      CAPTURE(nth, seed);
      if (saved || found) {
        CHECK(found.value() == content);
        ++kept;
      } else {
        CHECK(found.error() == Errc::not_found);
        ++lost;
      }
      CHECK(store->list().value().size() == (found ? 2U : 1U));
      CHECK(disk.files().size() == store->list().value().size());
    }
  }
  CHECK(lost > 0);
  CHECK(kept > 0);
}

TEST_CASE("A snapshot that is found after a kill is durable", "[storage][snapshot]") {
  MemoryDisk disk;
  FaultyDisk faulty(disk);
  auto store = open_store(faulty);
  faulty.set({.operation = DiskOperation::sync_directory, .lasts = true});
  REQUIRE_FALSE(save(*store, kMeta, "abc"));

  store = open_store(disk);
  const auto listed = store->list().value();
  disk.lose_power(1, Survivors::none);

  CHECK(open_store(disk)->list().value() == listed);
}

TEST_CASE("A membership that could not be read back is refused", "[storage][snapshot]") {
  MemoryDisk disk;
  const auto store = open_store(disk);
  Membership membership;
  SECTION("too large") {
    membership.voters = {NodeId{1}};
    membership.members = {{NodeId{1}, std::string(2 << 20, 'x'), {}, StoreId{}, {}}};
  }
  SECTION("a list that is not ascending") {
    membership.voters = {NodeId{2}, NodeId{1}};
  }
  const SnapshotMeta meta{kMeta.last, std::make_shared<const Membership>(membership)};

  CHECK(save(*store, meta, "abc").error() == Errc::invalid_argument);
  CHECK(disk.files().empty());
}

TEST_CASE("Every flipped bit in a snapshot is noticed", "[storage][snapshot]") {
  MemoryDisk disk;
  REQUIRE(save(*open_store(disk), kMeta, noise(300)));
  const std::string whole = disk.content(kPath);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    disk.set_content(kPath, damaged);
    CAPTURE(at);
    CHECK(is_refused(disk));
  }
}

TEST_CASE("A snapshot that was cut short or extended is noticed before it is read",
          "[storage][snapshot]") {
  MemoryDisk disk;
  REQUIRE(save(*open_store(disk), kMeta, noise(300)));
  const std::string whole = disk.content(kPath);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    disk.set_content(kPath, whole.substr(0, size));
    CAPTURE(size);
    check_damage(open_store(disk)->list().error());
    check_damage(open_store(disk)->open(kMeta.last).error());
  }
  disk.set_content(kPath, whole + '\0');
  check_damage(open_store(disk)->open(kMeta.last).error());
}

TEST_CASE("A chunk of another snapshot or another place is noticed", "[storage][snapshot]") {
  constexpr std::size_t kChunk = 256 << 10;
  constexpr std::size_t kChunkOnDisk = kChunk + 8;
  MemoryDisk disk;
  const std::string part = noise(kChunk);
  REQUIRE(save(*open_store(disk), snapshot(2, 7), part + part));
  const std::string other =
      disk.content(kDirectory + "/" + "0000000000000002-0000000000000007.snap");
  REQUIRE(open_store(disk)->remove({Term{2}, Index{7}}));
  REQUIRE(save(*open_store(disk), kMeta, part + noise(kChunk - 1) + "x"));
  const std::string whole = disk.content(kPath);
  const std::size_t header = whole.size() - 2 * kChunkOnDisk - 16;
  const std::size_t other_header = other.size() - 2 * kChunkOnDisk - 16;

  SECTION("the same bytes from another snapshot") {
    std::string mixed = whole;
    mixed.replace(header, kChunkOnDisk, other, other_header, kChunkOnDisk);
    disk.set_content(kPath, mixed);
    CHECK(is_refused(disk));
  }
  SECTION("the chunks in another order") {
    std::string swapped = whole;
    swapped.replace(header, kChunkOnDisk, whole, header + kChunkOnDisk, kChunkOnDisk);
    swapped.replace(header + kChunkOnDisk, kChunkOnDisk, whole, header, kChunkOnDisk);
    disk.set_content(kPath, swapped);
    CHECK(is_refused(disk));
  }
  SECTION("one chunk missing") {
    std::string shorter = whole;
    shorter.erase(header + kChunkOnDisk, kChunkOnDisk);
    disk.set_content(kPath, shorter);
    CHECK(is_refused(disk));
  }
}

TEST_CASE("A snapshot under another one's name is refused", "[storage][snapshot]") {
  MemoryDisk disk;
  REQUIRE(save(*open_store(disk), snapshot(2, 7), "abc"));
  REQUIRE(disk.rename(kDirectory + "/0000000000000002-0000000000000007.snap", kPath));

  check_damage(open_store(disk)->open(kMeta.last).error());
  check_damage(open_store(disk)->list().error());
}

TEST_CASE("What a crash left half-written is removed, what is not ours is left alone",
          "[storage][snapshot]") {
  MemoryDisk disk;
  REQUIRE(disk.create_directories(kDirectory));
  for (const char* name : {"/README", "/0000000000000001-0000000000000001.snap.3.tmp"})
    REQUIRE(disk.open_writable(kDirectory + name, storage::Disk::Open::create_new));

  CHECK(open_store(disk)->list().value().empty());
  CHECK(disk.files() == std::vector{kDirectory + "/README"});
}

}  // namespace raftkit::test
