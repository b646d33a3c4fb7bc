#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

using raftkit::Errc;
using Shown = std::vector<std::string>;

Machine filled() {
  Machine machine;
  machine.apply({command_of(put_of("a", "1")),
                 command_of(put_of("b", std::string(9000, 'b'))),
                 command_of(put_of("a", "2")),
                 command_of(compaction_at(3))});
  return machine;
}

}  // namespace

TEST_CASE("A restored store is the captured one, history and all", "[kvstore][snapshot]") {
  Machine from = filled();
  const std::string stream = from.capture();
  const auto piece = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{1} << 20);
  Machine to;
  must(to.put("c", "of before"));

  REQUIRE(to.restore(stream, 40, piece).has_value());

  for (int round = 0; round < 2; ++round, to.reopen()) {
    CHECK(to.applied() == 40);
    CHECK(to.view()->revision() == 4);
    CHECK(to.view()->compacted() == 3);
    CHECK(to.read(everything())->SerializeAsString() ==
          from.read(everything())->SerializeAsString());
    CHECK(shown(*to.read(range_of("a", "", 3))) == Shown{"a=1"});
    CHECK(refusal(to.read(everything(2))) == RequestError::compacted);
  }
  CHECK(to.put("a", "3")->header().revision() == 5);
  CHECK(to.applied() == 41);
}

TEST_CASE("A capture shows its moment, whatever happens while it is read", "[kvstore][snapshot]") {
  Machine machine = filled();
  auto source = (*machine).capture(meta_at(4)).value();
  std::vector<std::byte> head(10);
  REQUIRE(source->read(head).value() == 10);

  must(machine.put("a", "later"));
  must(machine.erase("b"));
  must(machine.compact(6));
  machine.wait_until_compacted(6);

  std::string stream(reinterpret_cast<const char*>(head.data()), head.size());
  stream += raftkit::test::drain(*source).value();
  CHECK(source->meta().last.index == raftkit::Index{4});
  Machine other;
  REQUIRE(other.restore(stream, 4).has_value());
  CHECK(other.view()->revision() == 4);
  CHECK(shown(*other.read(range_of("a"))) == Shown{"a=2"});
}

TEST_CASE("A store may be restored over itself, again and again", "[kvstore][snapshot]") {
  Machine machine = filled();
  for (std::uint64_t round = 0; round < 3; ++round) {
    const auto before = machine.view();
    REQUIRE(machine.restore(machine.capture(), 10 + round).has_value());
    CHECK(machine.applied() == 10 + round);
    // Readers of the old database are not disturbed.
    CHECK(shown(*evaluate(*before, range_of("a"))) == Shown{"a=2"});
  }
  // With its last reader the old database goes.
  CHECK(machine.disk().list("store").value() == Shown{"current", "db-4"});
  machine.reopen();
  CHECK(shown(*machine.read(range_of("a"))) == Shown{"a=2"});
}

TEST_CASE("What a restore that was cut short left behind goes at the next start",
          "[kvstore][snapshot]") {
  Machine machine = filled();
  auto& disk = machine.disk();
  must(disk.create_directories("store/db-2"));
  must(disk.open_writable("store/db-2/000003.log", raftkit::storage::Disk::Open::create_new));

  machine.reopen();

  CHECK(disk.list("store").value() == Shown{"current", "db-1"});
  CHECK(shown(*machine.read(range_of("a"))) == Shown{"a=2"});
}

TEST_CASE("A stream that ends early, goes on, or is something else is refused",
          "[kvstore][snapshot]") {
  Machine from = filled();
  const std::string stream = from.capture();
  Machine to;
  must(to.put("kept", "1"));
  const auto refused = [&](const std::string& wrong) {
    const auto outcome = to.restore(wrong, 40, 100);
    return !outcome && outcome.error() == Errc::corrupt_data;
  };

  CHECK(refused(""));
  CHECK(refused("kvstore records, format 2\n" + stream.substr(26)));
  CHECK(refused("not even close, and much longer than the line that should be here"));
  CHECK(refused(stream + "more"));
  CHECK(refused(stream.substr(0, stream.size() - 8)));  // every record, but not the end
  for (std::size_t length = 0; length < stream.size(); length += 1 + length / 10)
    CHECK(refused(stream.substr(0, length)));

  // Nothing has changed, and nothing lies around.
  CHECK(to.applied() == 1);
  CHECK(shown(*to.read(everything())) == Shown{"kept=1"});
  CHECK(to.disk().list("store").value().size() == 2);
  to.reopen();
  CHECK(shown(*to.read(everything())) == Shown{"kept=1"});
}

TEST_CASE("A length that no record has is refused before anything is kept for it",
          "[kvstore][snapshot]") {
  Machine machine;
  const std::string huge = "kvstore records, format 1\n" + std::string(8, '\xff');
  auto sink = (*machine).restore(meta_at(40)).value();

  const auto written = sink->write(std::as_bytes(std::span(huge.data(), huge.size())));

  REQUIRE_FALSE(written.has_value());
  CHECK(written.error() == Errc::corrupt_data);
}

TEST_CASE("A stream of records that are no store is refused", "[kvstore][snapshot]") {
  Machine machine;
  const std::string nothing = "kvstore records, format 1\n" + std::string(8, '\0');

  CHECK(machine.restore(nothing, 40).error() == Errc::corrupt_data);
}

}  // namespace kvstore::test
