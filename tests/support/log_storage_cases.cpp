#include "support/log_storage_cases.hpp"

#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "support/batches.hpp"
#include "support/printing.hpp"

namespace raftkit::test {

namespace {

/// One store of each kind in turn.
class AnyStore {
 public:
  explicit AnyStore(const LogStorageKind& kind) : kind_(kind), home_(kind.make_home()) {
    log_ = &home_->reopen();
    UNSCOPED_INFO(kind.name);
    REQUIRE_FALSE(load().has_value());
  }

  LogStorage& log() { return *log_; }
  std::optional<LoadedLog> load(GroupId group = {}) {
    auto loaded = log_->load(group);
    REQUIRE(loaded);
    return *std::move(loaded);
  }
  /// What the store says after a restart, or, if it dies with its object, what it says now.
  LoadedLog reload(GroupId group = {}) {
    if (kind_.is_durable) log_ = &home_->reopen();
    auto loaded = load(group);
    REQUIRE(loaded);
    return *std::move(loaded);
  }
  std::vector<Entry> entries(std::uint64_t first, std::uint64_t last, GroupId group = {}) {
    auto found = read(*log_, first, last, std::size_t{1} << 30, group);
    REQUIRE(found);
    return *std::move(found);
  }

 private:
  LogStorageKind kind_;
  std::unique_ptr<LogStorageHome> home_;
  LogStorage* log_ = nullptr;
};

AnyStore any_store() {
  return AnyStore(GENERATE(from_range(log_storage_kinds())));
}

}  // namespace

TEST_CASE("A log remembers term, vote, commit index and entries", "[storage][log][b140]") {
  AnyStore store = any_store();

  REQUIRE(write(store.log(), Batch().vote(2, 7, 1).append(1, 1, "a").append(2, 2, "b")));

  const LoadedLog log = store.reload();
  CHECK(log.hard_state == HardState{Term{2}, NodeId{7}, Index{1}});
  CHECK(log.base == EntryId{});
  CHECK(log.last == Index{2});
  CHECK(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{2}, Term{2}}});
  CHECK(store.entries(1, 2) == std::vector{entry(1, 1, "a"), entry(2, 2, "b")});
}

TEST_CASE("A log without a snapshot has the empty one", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().commit(1, 0)));

  const LoadedLog log = store.reload();

  CHECK(log.snapshot.last == EntryId{});
  REQUIRE(log.snapshot.membership != nullptr);
  CHECK(*log.snapshot.membership == Membership{});
  CHECK(log.last == Index{0});
  CHECK(log.terms.empty());
}

TEST_CASE("A log keeps a hard state without a vote apart from one with it", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().vote(1, 3)));
  REQUIRE(write(store.log(), Batch().commit(2, 0)));

  CHECK(store.reload().hard_state == HardState{Term{2}, std::nullopt, Index{0}});
}

TEST_CASE("A log keeps every type of entry and every payload", "[storage][log]") {
  AnyStore store = any_store();
  PersistBatch batch = Batch().append(1, 1, "").append(1, 2, std::string(100'000, 'p'));
  batch.append.push_back({{Term{1}, Index{3}}, EntryType::membership, Bytes::copy_of("m")});
  batch.append.push_back({{Term{1}, Index{4}}, EntryType::member_update, Bytes::copy_of("u")});

  REQUIRE(write(store.log(), batch));

  CHECK(store.reload().last == Index{4});
  CHECK(store.entries(1, 4) == batch.append);
}

TEST_CASE("A batch replaces the end of the log", "[storage][log][b140]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 10)));

  REQUIRE(write(store.log(), Batch().truncate(5).append(2, 5, "new")));

  const LoadedLog log = store.reload();
  CHECK(log.last == Index{5});
  CHECK(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{5}, Term{2}}});
  CHECK(store.entries(5, 9) == std::vector{entry(2, 5, "new")});
  CHECK(read(store.log(), 6, 6).error() == Errc::unavailable);
}

TEST_CASE("What was truncated does not come back behind a shorter replacement", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 3000)));
  REQUIRE(write(store.log(), Batch().truncate(2)));
  for (std::uint64_t index = 2; index <= 12; ++index)
    REQUIRE(write(store.log(), Batch().append(2, index)));

  const LoadedLog log = store.reload();

  CHECK(log.last == Index{12});
  CHECK(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{2}, Term{2}}});
  CHECK(store.entries(1, 3000).size() == 12);
}

TEST_CASE("Truncating behind the end changes nothing", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 3)));

  REQUIRE(write(store.log(), Batch().truncate(4)));

  CHECK(store.reload().last == Index{3});
}

TEST_CASE("Several batches in one call are written in order", "[storage][log]") {
  AnyStore store = any_store();
  const std::vector<PersistBatch> batches = {Batch().vote(1, 1).append_range(1, 1, 4),
                                             Batch().vote(2, 2).truncate(3).append(2, 3),
                                             PersistBatch{},
                                             Batch().commit(2, 3).append(2, 4)};

  REQUIRE(store.log().write(batches));

  const LoadedLog log = store.reload();
  CHECK(log.hard_state == HardState{Term{2}, std::nullopt, Index{3}});
  CHECK(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{3}, Term{2}}});
  CHECK(store.entries(3, 4) == std::vector{entry(2, 3, "x"), entry(2, 4, "x")});
}

TEST_CASE("A call with nothing to write leaves a group unwritten", "[storage][log]") {
  AnyStore store = any_store();

  REQUIRE(store.log().write({}));
  REQUIRE(write(store.log(), PersistBatch{}));

  CHECK_FALSE(store.load().has_value());
}

TEST_CASE("An installed snapshot starts the log anew", "[storage][log][b140]") {
  AnyStore store = any_store();
  const std::uint64_t at = GENERATE(3U, 6U, 100U);  // inside the log, at its end, beyond
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 6)));

  REQUIRE(write(store.log(), Batch().install(2, at).append(3, at + 1)));

  const LoadedLog log = store.reload();
  CHECK(log.snapshot == snapshot(2, at));
  CHECK(log.base == EntryId{Term{2}, Index{at}});
  CHECK(log.last == Index{at + 1});
  CHECK(log.terms == std::vector<TermRun>{{Index{at + 1}, Term{3}}});
  CHECK(read(store.log(), at, at).error() == Errc::compacted);
  CHECK(store.entries(at + 1, at + 9) == std::vector{entry(3, at + 1, "x")});
}

TEST_CASE("Entries of before a snapshot do not come back behind it", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 3000)));
  REQUIRE(write(store.log(), Batch().install(2, 10)));
  REQUIRE(write(store.log(), Batch().append(2, 11)));
  REQUIRE(write(store.log(), Batch().append(2, 12)));

  const LoadedLog log = store.reload();

  CHECK(log.last == Index{12});
  CHECK(log.terms == std::vector<TermRun>{{Index{11}, Term{2}}});
  CHECK(store.entries(11, 3000).size() == 2);
}

TEST_CASE("Compaction forgets old entries and remembers the snapshot",
          "[storage][log][b124][b140]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 4).append_range(2, 5, 9)));

  REQUIRE(store.log().compact({}, snapshot(2, 8), Index{4}));

  const LoadedLog log = store.reload();
  CHECK(log.snapshot == snapshot(2, 8));
  CHECK(log.base == EntryId{Term{1}, Index{3}});
  CHECK(log.last == Index{9});
  CHECK(log.terms == std::vector<TermRun>{{Index{4}, Term{1}}, {Index{5}, Term{2}}});
  CHECK(read(store.log(), 3, 9).error() == Errc::compacted);
  CHECK(store.entries(4, 9).size() == 6);
}

TEST_CASE("Compaction may take the whole log, or nothing but the snapshot's place",
          "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 5)));

  REQUIRE(store.log().compact({}, snapshot(1, 3), Index{0}));
  CHECK(store.reload().base == EntryId{});
  CHECK(store.entries(1, 5).size() == 5);

  REQUIRE(store.log().compact({}, snapshot(1, 5), Index{6}));
  const LoadedLog log = store.reload();
  CHECK(log.base == EntryId{Term{1}, Index{5}});
  CHECK(log.last == Index{5});
  CHECK(log.terms.empty());
  REQUIRE(write(store.log(), Batch().append(2, 6)));
  CHECK(store.entries(6, 6) == std::vector{entry(2, 6, "x")});
}

TEST_CASE("A compaction of many entries is carried on by later writes", "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 5000)));

  REQUIRE(store.log().compact({}, snapshot(1, 4990), Index{4980}));
  CHECK(store.reload().base == EntryId{Term{1}, Index{4979}});
  for (std::uint64_t index = 5001; index <= 5010; ++index)
    REQUIRE(write(store.log(), Batch().append(1, index)));

  CHECK(store.reload().last == Index{5010});
  CHECK(store.entries(4980, 5010).size() == 31);
  CHECK(read(store.log(), 4979, 5010).error() == Errc::compacted);
}

TEST_CASE("Compaction with an older snapshot than the known one changes nothing",
          "[storage][log][b140]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 9)));
  REQUIRE(store.log().compact({}, snapshot(1, 8), Index{3}));

  REQUIRE(store.log().compact({}, snapshot(1, 7), Index{7}));

  CHECK(store.reload().snapshot == snapshot(1, 8));
  CHECK(store.reload().base.index == Index{2});
}

TEST_CASE("A read returns a prefix that fits, but never nothing", "[storage][log][b124]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(),
                Batch().append(1, 1, "12345678").append(1, 2, "12345678").append(1, 3, "1")));
  const std::size_t one = entry(1, 1, "12345678").size_bytes();

  CHECK(read(store.log(), 1, 3, 0)->size() == 1);
  CHECK(read(store.log(), 1, 3, one)->size() == 1);
  CHECK(read(store.log(), 1, 3, 2 * one - 1)->size() == 1);
  CHECK(read(store.log(), 1, 3, 2 * one)->size() == 2);
  CHECK(read(store.log(), 2, 3, 1000)->size() == 2);
  CHECK(read(store.log(), 2, 2, 1000)->size() == 1);
  CHECK(read(store.log(), 2, 1, 1000).error() == Errc::invalid_argument);
}

TEST_CASE("Reading where nothing was written yet says so", "[storage][log]") {
  AnyStore store = any_store();
  CHECK(read(store.log(), 1, 1).error() == Errc::unavailable);

  REQUIRE(write(store.log(), Batch().append(1, 1)));
  CHECK(read(store.log(), 2, 2).error() == Errc::unavailable);
  CHECK(read(store.log(), 0, 1).error() == Errc::compacted);
}

TEST_CASE("Groups do not see each other", "[storage][log]") {
  AnyStore store = any_store();
  const GroupId one{1};
  const GroupId other{0x0100};
  REQUIRE(write(store.log(), Batch(one).vote(3, 1).append_range(3, 1, 5)));
  const std::vector<PersistBatch> both = {Batch(other).vote(9, 2).append(9, 1, "other"),
                                          Batch(one).truncate(5).append(4, 5)};
  REQUIRE(store.log().write(both));
  REQUIRE(store.log().compact(one, snapshot(3, 2), Index{3}));

  CHECK(store.reload(one).base.index == Index{2});
  const LoadedLog log = store.load(other).value();
  CHECK(log.hard_state.term == Term{9});
  CHECK(log.last == Index{1});
  CHECK(store.entries(1, 1, other) == std::vector{entry(9, 1, "other")});
  CHECK_FALSE(store.load(GroupId{2}).has_value());
}

TEST_CASE("A batch that does not continue the log is refused, and nothing of the call is written",
          "[storage][log][b140]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().install(1, 2).append_range(2, 3, 5)));
  PersistBatch nobody = Batch().install(2, 9);
  nobody.snapshot->membership = nullptr;

  for (const PersistBatch& wrong : {PersistBatch(Batch().append(2, 7)),
                                    PersistBatch(Batch().append(2, 5)),
                                    PersistBatch(Batch().append(1, 6)),
                                    PersistBatch(Batch().append(2, 6).append(2, 8)),
                                    PersistBatch(Batch().truncate(2)),
                                    PersistBatch(Batch().install(1, 1)),
                                    nobody}) {
    const std::vector<PersistBatch> call = {Batch().vote(9, 9), wrong};
    CHECK(store.log().write(call).error() == Errc::invalid_argument);
    CHECK(write(store.log(), wrong).error() == Errc::invalid_argument);
  }

  CHECK(store.reload().hard_state == HardState{});
  CHECK(store.reload().last == Index{5});
  CHECK(write(store.log(), Batch().append(2, 6)));
}

TEST_CASE("A compaction that does not fit the log is refused", "[storage][log][b140]") {
  AnyStore store = any_store();
  CHECK(store.log().compact({}, snapshot(1, 1), Index{1}).error() == Errc::invalid_argument);
  REQUIRE(write(store.log(), Batch().append_range(2, 1, 5)));

  CHECK(store.log().compact({}, snapshot(2, 6), Index{1}).error() == Errc::invalid_argument);
  CHECK(store.log().compact({}, snapshot(2, 4), Index{6}).error() == Errc::invalid_argument);
  CHECK(store.log().compact({}, snapshot(1, 4), Index{3}).error() == Errc::invalid_argument);
  CHECK(store.log().compact({}, {{Term{2}, Index{4}}, nullptr}, Index{3}).error() ==
        Errc::invalid_argument);

  CHECK(store.reload().snapshot.last == EntryId{});
  CHECK(store.reload().base == EntryId{});
}

TEST_CASE("Reading goes on while the log is appended to, truncated and compacted",
          "[storage][log]") {
  AnyStore store = any_store();
  REQUIRE(write(store.log(), Batch().append_range(1, 1, 50)));
  std::atomic<bool> is_done = false;
  std::atomic<int> reads = 0;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    for (std::uint64_t round = 0; !is_done || round < 100; ++round) {
      const std::uint64_t first = 1 + round * 7 % 400;
      const auto found = read(store.log(), first, first + 20);
      if (!found) {
        if (found.error() != Errc::compacted && found.error() != Errc::unavailable) ++wrong;
        continue;
      }
      ++reads;
      for (std::size_t at = 0; at < found->size(); ++at) {
        const EntryId& id = (*found)[at].id;
        const std::string written = to_string(id.term) + "/" + to_string(id.index);
        if (id.index != Index{first + at} || (*found)[at].payload.view() != written) ++wrong;
      }
    }
  });

  for (std::uint64_t term = 2, last = 50; last < 400; ++term) {
    // Five entries go, ten come, and now and then the front is cut.
    REQUIRE(write(store.log(), Batch().truncate(last - 4).append_range(term, last - 4, last + 5)));
    last += 5;
    if (term % 10 == 0)
      REQUIRE(store.log().compact({}, snapshot(term - 3, last - 20), Index{last - 30}));
  }
  is_done = true;
  reader.join();

  CHECK(wrong == 0);
  CHECK(reads > 0);
}

}  // namespace raftkit::test
