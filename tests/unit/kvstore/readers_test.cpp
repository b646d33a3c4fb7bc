// Reads on other threads while the apply worker goes on.
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "machine.hpp"

namespace kvstore::test {

namespace {

/// Both keys always have the same value, at every revision that can be read.
bool is_consistent(const mvcc::View& view, std::int64_t revision) {
  const auto found = evaluate(view, everything(revision));
  return found && found->kvs_size() == 2 && found->kvs(0).value() == found->kvs(1).value() &&
         found->kvs(0).mod_revision() == revision;
}

}  // namespace

TEST_CASE("Readers see whole revisions, whatever is applied, compacted or restored meanwhile",
          "[kvstore][threads]") {
  constexpr std::int64_t kRounds = 150;
  Machine machine;
  machine.set_write_buffer_bytes(4096);
  machine.reopen();
  const auto put_both = [&](std::int64_t value) {
    const auto text = std::to_string(value);
    must(machine.txn(Txn().then(put_of("a", text)).then(put_of("b", text))));
  };
  put_both(0);

  std::atomic<bool> is_done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      do {
        const auto view = machine.view();
        const auto oldest = std::max<std::int64_t>(2, view->compacted());
        for (const auto revision : {oldest, (oldest + view->revision()) / 2, view->revision()})
          wrong += is_consistent(*view, revision) ? 0 : 1;
      } while (!is_done);
    });
  }
  for (std::int64_t round = 1; round <= kRounds; ++round) {
    put_both(round);
    if (round % 10 == 0) must(machine.compact(round - 5));
    if (round % 50 == 0) must(machine.restore(machine.capture(), machine.applied()));
  }
  is_done = true;
  for (std::thread& reader : readers)
    reader.join();

  CHECK(wrong == 0);
  CHECK(is_consistent(*machine.view(), kRounds + 2));
}

}  // namespace kvstore::test
