// What every log promises, whatever it keeps its data in.
#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "testing/batches.hpp"
#include "testing/log_storage_bench.hpp"

namespace raftkit::testing {

namespace {

template <class Value>
bool is_refused(const Result<Value>& result, Errc code) {
  return !result && result.error() == code;
}
/// How many entries; 0 if it was refused.
std::size_t count(const Result<std::vector<Entry>>& read) {
  return read ? read->size() : 0;
}

/// The log under test, which can be opened again.
class Store {
 public:
  explicit Store(LogStorageBench& bench) : bench_(bench) { bench_.open(); }

  LogStorage& log() { return bench_.store(); }
  std::optional<LoadedLog> load(GroupId group = {}) {
    auto loaded = log().load(group);
    RAFTKIT_EXPECT(loaded);
    return *std::move(loaded);
  }
  /// What the log says after a restart, or, if it dies with its object, what it says now.
  LoadedLog reload(GroupId group = {}) {
    if (bench_.subject().is_durable) bench_.open();
    auto loaded = load(group);
    RAFTKIT_EXPECT(loaded);
    return *std::move(loaded);
  }
  std::vector<Entry> entries(std::uint64_t first, std::uint64_t last, GroupId group = {}) {
    auto found = read_all(log(), first, last, group);
    RAFTKIT_EXPECT(found);
    return *std::move(found);
  }

 private:
  LogStorageBench& bench_;
};

void remembers(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().vote(2, 7, 1).append(1, 1, "a").append(2, 2, "b")));

  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.hard_state == HardState{Term{2}, NodeId{7}, Index{1}});
  RAFTKIT_EXPECT(log.base == EntryId{});
  RAFTKIT_EXPECT(log.last == Index{2});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{2}, Term{2}}});
  RAFTKIT_EXPECT(store.entries(1, 2) == std::vector{entry(1, 1, "a"), entry(2, 2, "b")});
}

void without_a_snapshot(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().commit(1, 0)));

  const LoadedLog log = store.reload();

  RAFTKIT_EXPECT(log.snapshot.last == EntryId{});
  RAFTKIT_EXPECT(log.snapshot.membership != nullptr);
  RAFTKIT_EXPECT(*log.snapshot.membership == Membership{});
  RAFTKIT_EXPECT(log.last == Index{0});
  RAFTKIT_EXPECT(log.terms.empty());
}

void without_a_vote(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().vote(1, 3)));
  RAFTKIT_EXPECT(write(store.log(), Batch().commit(2, 0)));

  RAFTKIT_EXPECT(store.reload().hard_state == HardState{Term{2}, std::nullopt, Index{0}});
}

void every_entry(Store& store) {
  PersistBatch batch = Batch().append(1, 1, "").append(1, 2, std::string(100'000, 'p'));
  batch.append.push_back({{Term{1}, Index{3}}, EntryType::membership, Bytes::copy_of("m")});
  batch.append.push_back({{Term{1}, Index{4}}, EntryType::member_update, Bytes::copy_of("u")});

  RAFTKIT_EXPECT(write(store.log(), batch));

  RAFTKIT_EXPECT(store.reload().last == Index{4});
  RAFTKIT_EXPECT(store.entries(1, 4) == batch.append);
}

void replaces_the_end(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 10)));

  RAFTKIT_EXPECT(write(store.log(), Batch().truncate(5).append(2, 5, "new")));

  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.last == Index{5});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{5}, Term{2}}});
  RAFTKIT_EXPECT(store.entries(5, 9) == std::vector{entry(2, 5, "new")});
  RAFTKIT_EXPECT(is_refused(read(store.log(), 6, 6), Errc::unavailable));
}

void truncated_stays_away(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 3000)));
  RAFTKIT_EXPECT(write(store.log(), Batch().truncate(2)));
  for (std::uint64_t index = 2; index <= 12; ++index)
    RAFTKIT_EXPECT(write(store.log(), Batch().append(2, index)));

  const LoadedLog log = store.reload();

  RAFTKIT_EXPECT(log.last == Index{12});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{2}, Term{2}}});
  RAFTKIT_EXPECT(store.entries(1, 3000).size() == 12);
}

void truncating_behind_the_end(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 3)));

  RAFTKIT_EXPECT(write(store.log(), Batch().truncate(4)));

  RAFTKIT_EXPECT(store.reload().last == Index{3});
}

void several_batches(Store& store) {
  const std::vector<PersistBatch> batches = {Batch().vote(1, 1).append_range(1, 1, 4),
                                             Batch().vote(2, 2).truncate(3).append(2, 3),
                                             PersistBatch{},
                                             Batch().commit(2, 3).append(2, 4)};

  RAFTKIT_EXPECT(store.log().write(batches));

  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.hard_state == HardState{Term{2}, std::nullopt, Index{3}});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{1}, Term{1}}, {Index{3}, Term{2}}});
  RAFTKIT_EXPECT(store.entries(3, 4) == std::vector{entry(2, 3, "x"), entry(2, 4, "x")});
}

void nothing_to_write(Store& store) {
  RAFTKIT_EXPECT(store.log().write({}));
  RAFTKIT_EXPECT(write(store.log(), PersistBatch{}));

  RAFTKIT_EXPECT(!store.load().has_value());
}

template <std::uint64_t at>
void installed_snapshot(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 6)));

  RAFTKIT_EXPECT(write(store.log(), Batch().install(2, at).append(3, at + 1)));

  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.snapshot == snapshot(2, at));
  RAFTKIT_EXPECT(log.base == EntryId{Term{2}, Index{at}});
  RAFTKIT_EXPECT(log.last == Index{at + 1});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{at + 1}, Term{3}}});
  RAFTKIT_EXPECT(is_refused(read(store.log(), at, at), Errc::compacted));
  RAFTKIT_EXPECT(store.entries(at + 1, at + 9) == std::vector{entry(3, at + 1, "x")});
}

void replaced_by_a_snapshot(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 3000)));
  RAFTKIT_EXPECT(write(store.log(), Batch().install(2, 10)));
  RAFTKIT_EXPECT(write(store.log(), Batch().append(2, 11)));
  RAFTKIT_EXPECT(write(store.log(), Batch().append(2, 12)));

  const LoadedLog log = store.reload();

  RAFTKIT_EXPECT(log.last == Index{12});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{11}, Term{2}}});
  RAFTKIT_EXPECT(store.entries(11, 3000).size() == 2);
}

void compaction(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 4).append_range(2, 5, 9)));

  RAFTKIT_EXPECT(store.log().compact({}, snapshot(2, 8), Index{4}));

  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.snapshot == snapshot(2, 8));
  RAFTKIT_EXPECT(log.base == EntryId{Term{1}, Index{3}});
  RAFTKIT_EXPECT(log.last == Index{9});
  RAFTKIT_EXPECT(log.terms == std::vector<TermRun>{{Index{4}, Term{1}}, {Index{5}, Term{2}}});
  RAFTKIT_EXPECT(is_refused(read(store.log(), 3, 9), Errc::compacted));
  RAFTKIT_EXPECT(store.entries(4, 9).size() == 6);
}

void compaction_of_all_or_nothing(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 5)));

  RAFTKIT_EXPECT(store.log().compact({}, snapshot(1, 3), Index{0}));
  RAFTKIT_EXPECT(store.reload().base == EntryId{});
  RAFTKIT_EXPECT(store.entries(1, 5).size() == 5);

  RAFTKIT_EXPECT(store.log().compact({}, snapshot(1, 5), Index{6}));
  const LoadedLog log = store.reload();
  RAFTKIT_EXPECT(log.base == EntryId{Term{1}, Index{5}});
  RAFTKIT_EXPECT(log.last == Index{5});
  RAFTKIT_EXPECT(log.terms.empty());
  RAFTKIT_EXPECT(write(store.log(), Batch().append(2, 6)));
  RAFTKIT_EXPECT(store.entries(6, 6) == std::vector{entry(2, 6, "x")});
}

void compaction_of_many(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 5000)));

  RAFTKIT_EXPECT(store.log().compact({}, snapshot(1, 4990), Index{4980}));
  RAFTKIT_EXPECT(store.reload().base == EntryId{Term{1}, Index{4979}});
  for (std::uint64_t index = 5001; index <= 5010; ++index)
    RAFTKIT_EXPECT(write(store.log(), Batch().append(1, index)));

  RAFTKIT_EXPECT(store.reload().last == Index{5010});
  RAFTKIT_EXPECT(store.entries(4980, 5010).size() == 31);
  RAFTKIT_EXPECT(is_refused(read(store.log(), 4979, 5010), Errc::compacted));
}

void older_compaction(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 9)));
  RAFTKIT_EXPECT(store.log().compact({}, snapshot(1, 8), Index{3}));

  RAFTKIT_EXPECT(store.log().compact({}, snapshot(1, 7), Index{7}));

  RAFTKIT_EXPECT(store.reload().snapshot == snapshot(1, 8));
  RAFTKIT_EXPECT(store.reload().base.index == Index{2});
}

void read_of_a_prefix(Store& store) {
  RAFTKIT_EXPECT(write(
      store.log(), Batch().append(1, 1, "12345678").append(1, 2, "12345678").append(1, 3, "1")));
  const std::size_t one = entry(1, 1, "12345678").size_bytes();

  RAFTKIT_EXPECT(count(read(store.log(), 1, 3, 0)) == 1);
  RAFTKIT_EXPECT(count(read(store.log(), 1, 3, one)) == 1);
  RAFTKIT_EXPECT(count(read(store.log(), 1, 3, 2 * one - 1)) == 1);
  const std::size_t two = count(read(store.log(), 1, 3, 2 * one));
  RAFTKIT_EXPECT(two == 1 || two == 2);
  RAFTKIT_EXPECT(count(read(store.log(), 2, 2, 1000)) == 1);
  RAFTKIT_EXPECT(is_refused(read(store.log(), 2, 1, 1000), Errc::invalid_argument));
}

void read_of_nothing(Store& store) {
  RAFTKIT_EXPECT(is_refused(read(store.log(), 1, 1), Errc::unavailable));

  RAFTKIT_EXPECT(write(store.log(), Batch().append(1, 1)));
  RAFTKIT_EXPECT(is_refused(read(store.log(), 2, 2), Errc::unavailable));
  RAFTKIT_EXPECT(is_refused(read(store.log(), 0, 1), Errc::compacted));
}

void groups(Store& store) {
  const GroupId one{1};
  const GroupId other{0x0100};
  RAFTKIT_EXPECT(!store.load(one) && !store.load(other));
  RAFTKIT_EXPECT(write(store.log(), Batch(one).vote(3, 1).append_range(3, 1, 5)));
  const std::vector<PersistBatch> both = {Batch(other).vote(9, 2).append(9, 1, "other"),
                                          Batch(one).truncate(5).append(4, 5)};
  RAFTKIT_EXPECT(store.log().write(both));
  RAFTKIT_EXPECT(store.log().compact(one, snapshot(3, 2), Index{3}));

  RAFTKIT_EXPECT(store.reload(one).base.index == Index{2});
  const LoadedLog log = store.load(other).value();
  RAFTKIT_EXPECT(log.hard_state.term == Term{9});
  RAFTKIT_EXPECT(log.last == Index{1});
  RAFTKIT_EXPECT(store.entries(1, 1, other) == std::vector{entry(9, 1, "other")});
  RAFTKIT_EXPECT(!store.load(GroupId{2}).has_value());
}

void batch_that_does_not_fit(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().install(1, 2).append_range(2, 3, 5)));
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
    RAFTKIT_EXPECT(is_refused(store.log().write(call), Errc::invalid_argument));
    RAFTKIT_EXPECT(is_refused(write(store.log(), wrong), Errc::invalid_argument));
  }

  RAFTKIT_EXPECT(store.reload().hard_state == HardState{});
  RAFTKIT_EXPECT(store.reload().last == Index{5});
  RAFTKIT_EXPECT(write(store.log(), Batch().append(2, 6)));
}

void compaction_that_does_not_fit(Store& store) {
  RAFTKIT_EXPECT(
      is_refused(store.log().compact({}, snapshot(1, 1), Index{1}), Errc::invalid_argument));
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(2, 1, 5)));

  RAFTKIT_EXPECT(
      is_refused(store.log().compact({}, snapshot(2, 6), Index{1}), Errc::invalid_argument));
  RAFTKIT_EXPECT(
      is_refused(store.log().compact({}, snapshot(2, 4), Index{6}), Errc::invalid_argument));
  RAFTKIT_EXPECT(
      is_refused(store.log().compact({}, snapshot(1, 4), Index{3}), Errc::invalid_argument));
  RAFTKIT_EXPECT(is_refused(store.log().compact({}, {{Term{2}, Index{4}}, nullptr}, Index{3}),
                            Errc::invalid_argument));

  RAFTKIT_EXPECT(store.reload().snapshot.last == EntryId{});
  RAFTKIT_EXPECT(store.reload().base == EntryId{});
}

void read_meanwhile(Store& store) {
  RAFTKIT_EXPECT(write(store.log(), Batch().append_range(1, 1, 50)));
  std::atomic<bool> is_done = false;
  std::atomic<int> reads = 0;
  std::atomic<int> wrong = 0;
  const auto read_on = [&] {
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
  };
  // Whatever is thrown here, it ends before what it refers to.
  std::future<void> reader = std::async(std::launch::async, read_on);
  const auto stop = [&](std::atomic<bool>* done) { *done = true; };
  const std::unique_ptr<std::atomic<bool>, decltype(stop)> stopped_in_any_case(&is_done, stop);

  for (std::uint64_t term = 2, last = 50; last < 400; ++term) {
    // Five entries go, ten come, and now and then the front is cut.
    RAFTKIT_EXPECT(
        write(store.log(), Batch().truncate(last - 4).append_range(term, last - 4, last + 5)));
    last += 5;
    if (term % 10 == 0)
      RAFTKIT_EXPECT(store.log().compact({}, snapshot(term - 3, last - 20), Index{last - 30}));
  }
  is_done = true;
  reader.get();

  RAFTKIT_EXPECT(wrong == 0);
  RAFTKIT_EXPECT(reads > 0);
}

template <auto run>
void on_store(LogStorageBench& bench) {
  Store store(bench);
  RAFTKIT_EXPECT(!store.load().has_value());
  run(store);
}

}  // namespace

CaseDefinitions<LogStorageBench> log_storage_contract_cases() {
  return {
      {"a log remembers term, vote, commit index and entries", on_store<remembers>},
      {"a log without a snapshot has the empty one", on_store<without_a_snapshot>},
      {"a log keeps a hard state without a vote apart from one with it", on_store<without_a_vote>},
      {"a log keeps every type of entry and every payload", on_store<every_entry>},
      {"a batch replaces the end of the log", on_store<replaces_the_end>},
      {"what was truncated does not come back behind a shorter replacement",
       on_store<truncated_stays_away>},
      {"truncating behind the end changes nothing", on_store<truncating_behind_the_end>},
      {"several batches in one call are written in order", on_store<several_batches>},
      {"a call with nothing to write leaves a group unwritten", on_store<nothing_to_write>},
      {"a snapshot installed inside the log starts it anew", on_store<installed_snapshot<3>>},
      {"a snapshot installed at the end of the log starts it anew",
       on_store<installed_snapshot<6>>},
      {"a snapshot installed beyond the log starts it anew", on_store<installed_snapshot<100>>},
      {"entries of before a snapshot do not come back behind it", on_store<replaced_by_a_snapshot>},
      {"compaction forgets old entries and remembers the snapshot", on_store<compaction>},
      {"compaction may take the whole log, or nothing but the snapshot's place",
       on_store<compaction_of_all_or_nothing>},
      {"a compaction of many entries is carried on by later writes", on_store<compaction_of_many>},
      {"compaction with an older snapshot than the known one changes nothing",
       on_store<older_compaction>},
      {"a read returns a prefix that fits, but never nothing", on_store<read_of_a_prefix>},
      {"reading where nothing was written yet says so", on_store<read_of_nothing>},
      {"groups do not see each other", on_store<groups>},
      {"a batch that does not continue the log is refused, and nothing of the call is written",
       on_store<batch_that_does_not_fit>},
      {"a compaction that does not fit the log is refused", on_store<compaction_that_does_not_fit>},
      {"reading goes on while the log is appended to, truncated and compacted",
       on_store<read_meanwhile>},
  };
}

}  // namespace raftkit::testing
