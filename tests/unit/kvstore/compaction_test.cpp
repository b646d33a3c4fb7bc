#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

using Shown = std::vector<std::string>;

/// Revisions 2 to 5: k=1, k=2, gone, k=3.
Machine filled() {
  Machine machine;
  machine.apply({command_of(put_of("k", "1")),
                 command_of(put_of("k", "2")),
                 command_of(delete_of("k")),
                 command_of(put_of("k", "3"))});
  return machine;
}

}  // namespace

TEST_CASE("After a compaction its revision can be read, and nothing before it",
          "[kvstore][compaction]") {
  Machine machine = filled();

  const auto response = machine.compact(3).value();

  CHECK(response.header().revision() == 5);
  CHECK(machine.view()->compacted() == 3);
  CHECK(refusal(machine.read(everything(2))) == RequestError::compacted);
  CHECK(refusal(machine.read(range_of("nobody", "", 1))) == RequestError::compacted);
  CHECK(shown(*machine.read(everything(3))) == Shown{"k=2"});
  CHECK(shown(*machine.read(everything(4))).empty());
  CHECK(shown(*machine.read(everything())) == Shown{"k=3"});
}

TEST_CASE("Only revisions after the last compaction and not in the future can be compacted",
          "[kvstore][compaction]") {
  Machine machine = filled();
  CHECK(refusal(machine.compact(6)) == RequestError::future_revision);
  CHECK(refusal(machine.compact(-1)) == RequestError::compacted);

  must(machine.compact(3));

  for (const std::int64_t revision : {0, 1, 2, 3})
    CHECK(refusal(machine.compact(revision)) == RequestError::compacted);
  must(machine.compact(5));
  CHECK(shown(*machine.read(everything(5))) == Shown{"k=3"});
  CHECK(machine.view()->revision() == 5);
}

TEST_CASE("A compaction removes the versions that nobody can read, and what changed them",
          "[kvstore][compaction]") {
  Machine machine = filled();
  machine.apply({}, 1);
  CHECK(records_of(*machine.view())['h'] == 2);
  CHECK(records_of(*machine.view())['r'] == 4);

  must(machine.compact(3));
  machine.wait_until_compacted(3);
  machine.apply({}, 1);
  // k=2 ended at 4, so it can still be read at 3.
  CHECK(records_of(*machine.view())['h'] == 1);
  CHECK(records_of(*machine.view())['r'] == 2);

  must(machine.compact(4));
  machine.wait_until_compacted(4);
  machine.apply({}, 1);
  CHECK(records_of(*machine.view())['h'] == 0);
  CHECK(records_of(*machine.view())['c'] == 1);
}

TEST_CASE("A compaction goes through more changes than one batch holds", "[kvstore][compaction]") {
  constexpr std::int64_t kChanges = 2500;
  Machine machine;
  std::vector<Command> commands;
  for (std::int64_t i = 0; i < kChanges; ++i)
    commands.push_back(command_of(put_of("k" + std::to_string(i % 7), std::to_string(i))));
  machine.apply(commands);

  must(machine.compact(kChanges));
  machine.wait_until_compacted(kChanges);
  machine.apply({}, 1);

  CHECK(records_of(*machine.view())['h'] == 1);  // revision kChanges + 1 ended one
  CHECK(records_of(*machine.view())['r'] == 1);
  CHECK(machine.read(everything())->count() == 7);
}

TEST_CASE("What a compaction had not removed goes after the next start", "[kvstore][compaction]") {
  Machine machine = filled();
  must(machine.compact(5));

  machine.reopen();

  CHECK(machine.view()->compacted() == 5);
  machine.wait_until_compacted(5);
  machine.apply({}, 1);
  CHECK(records_of(*machine.view())['h'] == 0);
  CHECK(records_of(*machine.view())['r'] == 0);
}

TEST_CASE("Who waits for a compaction that never comes is told when the store closes",
          "[kvstore][compaction]") {
  std::promise<raftkit::Result<void>> told;
  {
    Machine machine = filled();
    (*machine).async_compacted(
        5, [&](const raftkit::Result<void>& outcome) { told.set_value(outcome); });
  }
  CHECK(told.get_future().get().error() == raftkit::Errc::stopped);
}

TEST_CASE("A compaction in the same batch as changes judges those", "[kvstore][compaction]") {
  Machine machine;

  const auto results = machine.apply({command_of(put_of("k", "1")),
                                      command_of(put_of("k", "2")),
                                      command_of(compaction_at(3)),
                                      command_of(compaction_at(4)),
                                      command_of(put_of("k", "3"))});

  CompactionResponse response;
  CHECK(decode_result(results[2], response).has_value());
  CHECK(refusal(decode_result(results[3], response)) == RequestError::future_revision);
  CHECK(machine.view()->compacted() == 3);
  CHECK(shown(*machine.read(everything(3))) == Shown{"k=2"});
}

}  // namespace kvstore::test
