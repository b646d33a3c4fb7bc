// The store below the state machine.
#include "mvcc/store.hpp"

#include <future>

#include <catch2/catch.hpp>

#include "testing/memory_disk.hpp"

namespace kvstore::test {

namespace {

using mvcc::KeyRange;
using mvcc::KeyValueView;
using mvcc::Store;
using mvcc::Writer;
using Shown = std::vector<std::string>;

mvcc::StoreOptions options_on(raftkit::storage::Disk& disk) {
  mvcc::StoreOptions options;
  options.directory = "store";
  options.disk = &disk;
  return options;
}

void put(Writer& writer, const std::string& key, const std::string& value) {
  writer.put(key, writer.get(key).value(), value, 0);
}

Shown shown(const Writer& writer) {
  Shown keys;
  const auto scanned = writer.scan({"", std::nullopt}, [&](const KeyValueView& kv) {
    keys.push_back(std::string(kv.key) + "=" + std::string(kv.value) + "@" +
                   std::to_string(kv.info.mod_revision));
    return true;
  });
  REQUIRE(scanned);
  return keys;
}

}  // namespace

TEST_CASE("What is rolled back was never there, and what was before it stays", "[kvstore][mvcc]") {
  raftkit::testing::MemoryDisk disk;
  const auto store = Store::open(options_on(disk)).value();
  Writer writer = store->begin();
  put(writer, "a", "1");
  put(writer, "b", "1");
  writer.end_revision();
  const Shown before = shown(writer);

  put(writer, "a", "2");
  writer.erase(*writer.get("b").value());
  put(writer, "b", "3");
  put(writer, "c", "2");
  writer.erase(*writer.get("a").value());
  writer.rollback();

  CHECK(shown(writer) == before);
  CHECK_FALSE(writer.has_changed());
  put(writer, "d", "4");
  writer.end_revision();
  REQUIRE(store->commit(writer, 7));
  CHECK(shown(store->begin()) == Shown{"a=1@2", "b=1@2", "d=4@3"});
  CHECK(store->view()->get("a", 2).value()->value == "1");
  const auto raw = store->view()->raw();
  std::size_t history = 0;
  for (raw->SeekToFirst(); raw->Valid(); raw->Next())
    history += raw->key()[0] == 'h' ? 1U : 0U;
  CHECK(history == 0);
}

TEST_CASE("A store that must be there is not made, and nothing is removed in its place",
          "[kvstore][mvcc]") {
  raftkit::testing::MemoryDisk disk;
  {
    const auto store = Store::open(options_on(disk)).value();
    Writer writer = store->begin();
    put(writer, "a", "1");
    writer.end_revision();
    REQUIRE(store->commit(writer, 1));
  }
  REQUIRE(disk.remove_file("store/current"));
  const auto files = disk.files();
  mvcc::StoreOptions options = options_on(disk);
  options.must_exist = true;

  for (int start = 1; start <= 2; ++start) {
    const auto store = Store::open(options);

    REQUIRE_FALSE(store);
    CHECK(store.error() == raftkit::Errc::corrupt_data);
    CHECK(disk.files() == files);
  }
}

TEST_CASE("Whoever waits for a compaction is told when nobody will do it", "[kvstore][mvcc]") {
  raftkit::testing::MemoryDisk disk;
  const auto store = Store::open(options_on(disk)).value();
  const auto wait = [&](std::int64_t revision) {
    auto told = std::make_shared<std::promise<bool>>();
    store->async_compacted(revision, [told](const raftkit::Result<void>& outcome) {
      told->set_value(!outcome && outcome.error() == raftkit::Errc::stopped);
    });
    return told;
  };

  const auto early = wait(1000);
  store->stop_waiting();
  const auto late = wait(1000);

  CHECK(early->get_future().get());
  CHECK(late->get_future().get());
}

}  // namespace kvstore::test
