// What every SnapshotStore promises.
#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "support/batches.hpp"
#include "support/printing.hpp"
#include "support/snapshots.hpp"
#include "support/temporary_directory.hpp"
#include "testing/memory_disk.hpp"

namespace raftkit::test {

using testing::MemoryDisk;

namespace {

/// One of the stores, and where it keeps its files.
class AnyStore {
 public:
  explicit AnyStore(const std::string& kind) {
    if (kind == "memory") store_ = storage::make_memory_snapshot_store();
    if (kind == "files") open(storage::posix_disk(), directory_ / "member/snap");
    if (kind == "files on a disk in memory") open(disk_, "/member/snap");
  }

  SnapshotStore& operator*() { return *store_; }
  SnapshotStore* operator->() { return store_.get(); }

 private:
  void open(storage::Disk& disk, const std::string& directory) {
    auto store = storage::open_file_snapshot_store(disk, directory);
    REQUIRE(store);
    store_ = *std::move(store);
  }

  TemporaryDirectory directory_;
  MemoryDisk disk_;
  std::unique_ptr<SnapshotStore> store_;
};

AnyStore any_store() {
  return AnyStore(GENERATE("memory", "files", "files on a disk in memory"));
}

}  // namespace

TEST_CASE("A snapshot comes out as it went in, in pieces of any size", "[storage][snapshot]") {
  AnyStore store = any_store();
  // Nothing, less than a chunk, exactly two, and some more.
  const std::size_t size = GENERATE(0U, 1000U, 512U << 10, (1U << 20) + 17);
  const std::string content = noise(size);
  const std::size_t piece = GENERATE(1000U, 300'000U);

  REQUIRE(save(*store, snapshot(2, 7), content, piece));

  auto source = store->open({Term{2}, Index{7}});
  REQUIRE(source);
  CHECK((*source)->meta() == snapshot(2, 7));
  CHECK(drain(**source, piece).value() == content);
  std::array<std::byte, 1> more{};
  CHECK((*source)->read(more).value() == 0);
}

TEST_CASE("Snapshots are listed by term and index", "[storage][snapshot]") {
  AnyStore store = any_store();
  CHECK(store->list().value().empty());

  for (const SnapshotMeta& meta : {snapshot(2, 100'001), snapshot(1, 300'000), snapshot(2, 9)})
    REQUIRE(save(*store, meta, "x"));

  CHECK(store->list().value() ==
        std::vector{snapshot(1, 300'000), snapshot(2, 9), snapshot(2, 100'001)});
}

TEST_CASE("A snapshot is not there before it is committed, and nothing remains if it is not",
          "[storage][snapshot]") {
  AnyStore store = any_store();
  auto sink = store->create(snapshot(1, 5));
  REQUIRE(sink);
  REQUIRE((*sink)->write(std::as_bytes(std::span("abc", 3))));

  CHECK(store->list().value().empty());
  CHECK(store->open({Term{1}, Index{5}}).error() == Errc::not_found);

  sink->reset();
  CHECK(store->list().value().empty());
}

TEST_CASE("Nothing follows a commit", "[storage][snapshot]") {
  AnyStore store = any_store();
  auto sink = store->create(snapshot(1, 5));
  REQUIRE(sink);
  REQUIRE((*sink)->commit());

  CHECK((*sink)->write(std::as_bytes(std::span("abc", 3))).error() == Errc::invalid_argument);
  CHECK((*sink)->commit().error() == Errc::invalid_argument);
  sink->reset();
  CHECK(store->list().value() == std::vector{snapshot(1, 5)});
}

TEST_CASE("A snapshot replaces one of the same entry when it is committed", "[storage][snapshot]") {
  AnyStore store = any_store();
  REQUIRE(save(*store, snapshot(1, 5), "old"));
  auto first = store->create(snapshot(1, 5));
  auto second = store->create(snapshot(1, 5));
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE((*first)->write(std::as_bytes(std::span("first", 5))));
  REQUIRE((*second)->write(std::as_bytes(std::span("second", 6))));

  CHECK(content_of(*store, {Term{1}, Index{5}}).value() == "old");
  REQUIRE((*second)->commit());
  CHECK(content_of(*store, {Term{1}, Index{5}}).value() == "second");
  REQUIRE((*first)->commit());
  CHECK(content_of(*store, {Term{1}, Index{5}}).value() == "first");
  CHECK(store->list().value().size() == 1);
}

TEST_CASE("A removed snapshot is gone, but whoever reads it may finish", "[storage][snapshot]") {
  AnyStore store = any_store();
  REQUIRE(save(*store, snapshot(1, 5), "abc"));
  REQUIRE(save(*store, snapshot(1, 6), "def"));
  auto source = store->open({Term{1}, Index{5}});
  REQUIRE(source);

  REQUIRE(store->remove({Term{1}, Index{5}}));
  REQUIRE(store->remove({Term{1}, Index{5}}));

  CHECK(store->open({Term{1}, Index{5}}).error() == Errc::not_found);
  CHECK(store->list().value() == std::vector{snapshot(1, 6)});
  CHECK(drain(**source).value() == "abc");
}

TEST_CASE("A snapshot needs a membership", "[storage][snapshot]") {
  AnyStore store = any_store();
  CHECK(store->create({{Term{1}, Index{5}}, nullptr}).error() == Errc::invalid_argument);
}

}  // namespace raftkit::test
