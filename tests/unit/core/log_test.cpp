// The log by itself, where the protocol does not lead: violated invariants, ends, copies.
#include "core/log.hpp"

#include <catch2/catch.hpp>

#include "base/assert.hpp"
#include "support/core_group.hpp"
#include "support/printing.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

EntryList list_of(std::uint64_t first, const std::vector<std::uint64_t>& terms) {
  EntryList list;
  for (Entry& entry : entries_of(first, terms))
    list.push_back(std::move(entry));
  return list;
}

core::Log empty_log() {
  return {bootstrapped(voters(3)), {1 << 20, 1 << 20, StorageMode::asynchronous}};
}

void append(core::Log& log, EntryList entries) {
  for (Entry& entry : entries)
    log.append(std::move(entry));
}

EntryList copy_of(const core::Log& log, std::uint64_t from, std::size_t max_bytes) {
  EntryList copied;
  log.copy(Index{from}, max_bytes, copied);
  return copied;
}

}  // namespace

TEST_CASE("Whoever would replace a committed entry violates an invariant",
          "[core][log][thesis:3.6.3][b57]") {
  core::Log log = empty_log();
  append(log, list_of(2, {1, 1, 1}));
  log.commit_to(Index{3});

  EntryList others = list_of(3, {2});
  CHECK_THROWS_AS(log.try_append(at(1, 2), others, Index{3}), base::InvariantViolation);
  EntryList partly_others = list_of(2, {1, 2});
  CHECK_THROWS_AS(log.try_append(at(1, 1), partly_others, Index{3}), base::InvariantViolation);
  CHECK(log.commit() == Index{3});
  CHECK(log.last_id() == at(1, 4));
  EntryList behind = list_of(4, {2});
  CHECK(log.try_append(at(1, 3), behind, Index{3}).replaced_from == Index{4});
  CHECK(log.last_id() == at(2, 4));
}

TEST_CASE("The commit index goes neither back nor beyond the log", "[core][log][b56]") {
  core::Log log = empty_log();
  append(log, list_of(2, {1, 1}));
  log.commit_to(Index{3});

  log.commit_to(Index{2});
  CHECK(log.commit() == Index{3});
  CHECK_THROWS_AS(log.commit_to(Index{4}), base::InvariantViolation);
  CHECK(log.commit() == Index{3});
}

TEST_CASE("A log that waits for its snapshot knows its ends and terms", "[core][log][b119][b123]") {
  core::Log log = empty_log();
  append(log, list_of(2, {1, 1}));
  log.restore({at(3, 9), voters(3)});

  CHECK(log.first() == Index{10});
  CHECK(log.last_id() == at(3, 9));
  CHECK_FALSE(log.knows_term_at(Index{8}));
  CHECK(log.knows_term_at(Index{9}));
  CHECK(log.term_at(Index{9}) == Term{3});
  CHECK_FALSE(log.knows_term_at(Index{10}));

  append(log, list_of(10, {3, 4}));
  CHECK(log.term_at(Index{10}) == Term{3});
  CHECK(log.last_id() == at(4, 11));

  PersistBatch batch;
  log.hand_out_writes(batch, Term{4});
  CHECK(batch.snapshot == SnapshotMeta{at(3, 9), voters(3)});
  CHECK(batch.append == entries_of(10, {3, 4}));
  CHECK_FALSE(log.has_unwritten());
  CHECK(log.has_pending_snapshot());
  log.stable_snapshot_to(Index{8});  // another one's
  CHECK(log.has_pending_snapshot());
  log.stable_snapshot_to(Index{9});
  CHECK_FALSE(log.has_pending_snapshot());
}

TEST_CASE("A copy takes durable entries and others alike, and one limit holds for all of them",
          "[core][log][b124]") {
  core::Log log = empty_log();
  append(log, list_of(2, {1, 1}));
  PersistBatch batch;
  log.hand_out_writes(batch, Term{1});
  log.stable_to(at(1, 3));
  append(log, list_of(4, {2, 2}));
  REQUIRE(log.stable() == Index{3});
  const std::size_t one = copy_of(log, 2, 0)[0].size_bytes();

  CHECK(copy_of(log, 2, 4 * one) == list_of(2, {1, 1, 2, 2}));
  CHECK(copy_of(log, 2, 3 * one) == list_of(2, {1, 1, 2}));
  CHECK(copy_of(log, 3, 2 * one) == list_of(3, {1, 2}));
  CHECK(copy_of(log, 5, 9 * one) == list_of(5, {2}));
  CHECK(copy_of(log, 2, 0).size() == 1);
  CHECK_FALSE(log.in_memory(Index{1}));
  CHECK_FALSE(log.in_memory(Index{6}));
}

TEST_CASE("Page by page every entry is copied once", "[core][log][b125]") {
  core::Log log = empty_log();
  EntryList entries;
  std::size_t total = 0;
  for (std::uint64_t index = 2; index < 40; ++index) {
    entries.push_back(
        {at(1, index), EntryType::normal, Bytes::copy_of(std::string(index * 7 % 30, 'x'))});
    total += entries.back().size_bytes();
  }
  append(log, entries);

  for (std::size_t limit = 0; limit <= total + 1; limit += 13) {
    CAPTURE(limit);
    EntryList copied;
    while (copied.size() < entries.size()) {
      const EntryList page = copy_of(log, 2 + copied.size(), limit);
      REQUIRE_FALSE(page.empty());
      std::size_t bytes = 0;
      for (const Entry& entry : page) {
        bytes += entry.size_bytes();
        copied.push_back(entry);
      }
      CHECK((page.size() == 1 || bytes <= limit));
    }
    CHECK(copied == entries);
  }
}
