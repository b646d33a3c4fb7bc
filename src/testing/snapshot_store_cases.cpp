// What every snapshot store promises, whatever it keeps its data in.
#include <atomic>
#include <future>
#include <limits>

#include "testing/snapshot_store_bench.hpp"

namespace raftkit::testing {

namespace {

constexpr EntryId kLast{Term{1}, Index{5}};
SnapshotMeta some_meta() {
  return snapshot(1, 5);
}

/// The same state with another membership.
SnapshotMeta successor(const SnapshotMeta& meta) {
  return {meta.last, snapshot(1, 1'000'000).membership};
}

std::vector<SnapshotMeta> listed(SnapshotStore& store) {
  return value_of("it cannot be listed", store.list());
}
std::unique_ptr<SnapshotSink> create(SnapshotStore& store, const SnapshotMeta& meta) {
  auto sink = value_of("nothing can be created", store.create(meta));
  RAFTKIT_EXPECT(sink != nullptr);
  return sink;
}
std::unique_ptr<SnapshotSource> open(SnapshotStore& store, EntryId last) {
  auto source = value_of("it cannot be opened", store.open(last));
  RAFTKIT_EXPECT(source != nullptr);
  return source;
}
Result<void> write(SnapshotSink& sink, std::string_view content) {
  return sink.write(std::as_bytes(std::span(content.data(), content.size())));
}
bool is_missing(SnapshotStore& store, EntryId last) {
  const auto source = store.open(last);
  return !source && source.error() == Errc::not_found;
}
/// Whether the snapshot is there, with exactly this.
bool holds(SnapshotStore& store, const SnapshotMeta& meta, std::string_view content) {
  const auto source = open(store, meta.last);
  const auto found = drain(*source);
  return source->meta() == meta && found && *found == content;
}
/// The store after a restart, or, if it dies with its object, as it is.
SnapshotStore& reopened(SnapshotStoreBench& bench) {
  if (bench.subject().is_durable) bench.open();
  return bench.store();
}

void every_size(SnapshotStoreBench& bench) {
  constexpr std::size_t kUsualChunk = std::size_t{256} << 10;
  SnapshotStore& store = bench.store();
  std::uint64_t index = 0;
  for (const std::size_t size : {std::size_t{0},
                                 std::size_t{1},
                                 std::size_t{4096},
                                 kUsualChunk - 1,
                                 kUsualChunk,
                                 kUsualChunk + 1,
                                 2 * kUsualChunk,
                                 (std::size_t{5} << 20) + 17}) {
    const std::string content = noise(size);
    const std::size_t small = size > 4096 ? 997 : 1;
    for (const auto& [put, get] : {std::pair(small, std::size_t{300'007}), {size + 1, small}}) {
      const SnapshotMeta meta = snapshot(2, ++index);
      const std::string what = std::to_string(size) + " bytes in pieces of " + std::to_string(put);
      expect_ok(what, save(store, meta, content, put));

      const auto source = open(store, meta.last);
      require(source->meta() == meta, what, ": the source is of another snapshot");
      require(value_of(what, drain(*source, get)) == content, what, " come out as others");
      require(value_of(what, drain(*source, get)).empty(), what, ": something follows the end");
    }
  }
}

void every_membership(SnapshotStoreBench& bench) {
  Membership joint;
  joint.voters_outgoing = {NodeId{1}, NodeId{2}};
  joint.learners = {NodeId{7}};
  joint.learners_next = {NodeId{1}};
  joint.auto_leave = true;
  for (std::uint64_t id = 2; id < 300; ++id) {
    joint.voters.push_back(NodeId{id});
    joint.members.push_back({NodeId{id}, "n", {"http://a:1", "http://b:2"}, StoreId{id}, {}});
    joint.members.back().attributes = {{"client", std::string("\0\n\xff", 3)}, {"empty", ""}};
  }
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  const std::vector<SnapshotMeta> metas = {
      {{Term{1}, Index{1}}, std::make_shared<const Membership>()},
      {{Term{1}, Index{kMost}}, std::make_shared<const Membership>(joint)},
      {{Term{kMost}, Index{kMost}}, std::make_shared<const Membership>(joint)}};

  for (const SnapshotMeta& meta : metas)
    expect_ok("saving", save(bench.store(), meta, "x"));

  RAFTKIT_EXPECT(listed(reopened(bench)) == metas);
  for (const SnapshotMeta& meta : metas)
    RAFTKIT_EXPECT(holds(bench.store(), meta, "x"));
}

void large_membership(SnapshotStoreBench& bench) {
  for (const std::size_t size : {std::size_t{64} << 10, std::size_t{3} << 20}) {
    Membership large;
    large.voters = {NodeId{1}};
    large.members = {{NodeId{1}, "n", {}, StoreId{}, {{"large", std::string(size, 'x')}}}};
    const SnapshotMeta meta{{Term{1}, Index{size}}, std::make_shared<const Membership>(large)};
    const auto saved = save(bench.store(), meta, "x");
    if (saved) {
      RAFTKIT_EXPECT(holds(bench.store(), meta, "x"));
    } else {
      require(saved.error() == Errc::invalid_argument, "it says: ", saved.error().message());
      RAFTKIT_EXPECT(is_missing(bench.store(), meta.last));
    }
  }
  (void)listed(reopened(bench));
}

void without_a_membership(SnapshotStoreBench& bench) {
  const auto refused = bench.store().create({kLast, nullptr});

  RAFTKIT_EXPECT(!refused && refused.error() == Errc::invalid_argument);
  RAFTKIT_EXPECT(listed(bench.store()).empty());
}

void order(SnapshotStoreBench& bench) {
  for (const SnapshotMeta& meta : {snapshot(2, 100'001),
                                   snapshot(10, 1),
                                   snapshot(1, 300'000),
                                   snapshot(2, 10),
                                   snapshot(2, 9)})
    expect_ok("saving", save(bench.store(), meta, "x"));

  const std::vector<SnapshotMeta> ascending = {
      snapshot(1, 300'000), snapshot(2, 9), snapshot(2, 10), snapshot(2, 100'001), snapshot(10, 1)};
  RAFTKIT_EXPECT(listed(bench.store()) == ascending);
  RAFTKIT_EXPECT(listed(reopened(bench)) == ascending);
}

void before_the_commit(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  const std::string content = noise(700'000);
  const auto sink = create(store, some_meta());
  for (std::size_t at = 0; at < content.size(); at += 100'000) {
    RAFTKIT_EXPECT(listed(store).empty());
    RAFTKIT_EXPECT(is_missing(store, kLast));
    expect_ok("writing", write(*sink, std::string_view(content).substr(at, 100'000)));
  }
  RAFTKIT_EXPECT(listed(store).empty());
  RAFTKIT_EXPECT(is_missing(store, kLast));

  expect_ok("committing", sink->commit());

  RAFTKIT_EXPECT(listed(store) == std::vector{some_meta()});
  RAFTKIT_EXPECT(holds(store, some_meta(), content));
}

void without_a_commit(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  expect_ok("saving", save(store, some_meta(), "old"));
  const std::size_t files = bench.memory().files().size();
  for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{700'000}}) {
    for (const SnapshotMeta& meta : {successor(some_meta()), snapshot(2, 9)}) {
      auto sink = create(store, meta);
      expect_ok("writing", write_all(*sink, noise(size), 100'000));
      sink.reset();

      RAFTKIT_EXPECT(listed(store) == std::vector{some_meta()});
      RAFTKIT_EXPECT(holds(store, some_meta(), "old"));
      require(bench.memory().files().size() == files, "files remain of what was not committed");
    }
  }
  RAFTKIT_EXPECT(is_missing(reopened(bench), {Term{2}, Index{9}}));
}

void replacing(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  const SnapshotMeta meta = successor(some_meta());
  // Shorter and longer ones.
  const std::vector<std::string> contents = {noise(300'000), "short", noise(600'000), ""};
  expect_ok("saving", save(store, some_meta(), "first"));
  std::string before = "first";
  for (const std::string& content : contents) {
    const SnapshotMeta known = before == "first" ? some_meta() : meta;
    const auto sink = create(store, meta);
    expect_ok("writing", write_all(*sink, content));
    RAFTKIT_EXPECT(listed(store) == std::vector{known});
    RAFTKIT_EXPECT(holds(store, known, before));

    expect_ok("committing", sink->commit());

    RAFTKIT_EXPECT(listed(store) == std::vector{meta});
    RAFTKIT_EXPECT(holds(store, meta, content));
    before = content;
  }
  RAFTKIT_EXPECT(listed(reopened(bench)) == std::vector{meta});
  RAFTKIT_EXPECT(holds(bench.store(), meta, before));
}

void several_sinks(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  const std::string one = noise(300'000, 1);
  const std::string two = noise(300'000, 2);
  auto first = create(store, some_meta());
  const auto second = create(store, some_meta());
  const auto other = create(store, snapshot(1, 6));
  const auto abandoned = create(store, some_meta());
  for (std::size_t at = 0; at < one.size(); at += 1000) {
    expect_ok("writing", write(*first, std::string_view(one).substr(at, 1000)));
    expect_ok("writing", write(*abandoned, "abandoned"));
    expect_ok("writing", write(*second, std::string_view(two).substr(at, 1000)));
    expect_ok("writing", write(*other, std::string_view(one).substr(at, 1000)));
  }

  expect_ok("committing", second->commit());
  RAFTKIT_EXPECT(holds(store, some_meta(), two));
  expect_ok("committing", first->commit());
  RAFTKIT_EXPECT(holds(store, some_meta(), one));
  first.reset();
  create(store, some_meta()).reset();
  RAFTKIT_EXPECT(listed(store) == std::vector{some_meta()});
  expect_ok("committing", other->commit());

  RAFTKIT_EXPECT(holds(store, some_meta(), one));
  RAFTKIT_EXPECT(holds(store, snapshot(1, 6), one));
}

void after_the_commit(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  auto sink = create(store, some_meta());
  expect_ok("writing", write(*sink, "content"));
  expect_ok("committing", sink->commit());

  require(!write(*sink, "more"), "what is written after the commit is taken");
  (void)sink->commit();  // may say either
  RAFTKIT_EXPECT(holds(store, some_meta(), "content"));

  expect_ok("removing", store.remove(kLast));
  require(!sink->commit() || is_missing(store, kLast), "a second commit brings it back");
  sink.reset();
  RAFTKIT_EXPECT(is_missing(store, kLast));
  RAFTKIT_EXPECT(is_missing(reopened(bench), kLast));
}

void removing(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  const SnapshotMeta other = snapshot(1, 6);
  expect_ok("removing nothing", store.remove(kLast));
  expect_ok("saving", save(store, some_meta(), "abc"));
  expect_ok("saving", save(store, other, "def"));

  expect_ok("removing", store.remove(kLast));
  expect_ok("removing again", store.remove(kLast));

  RAFTKIT_EXPECT(is_missing(store, kLast));
  RAFTKIT_EXPECT(listed(store) == std::vector{other});
  RAFTKIT_EXPECT(listed(reopened(bench)) == std::vector{other});
  expect_ok("saving again", save(bench.store(), some_meta(), "new"));
  RAFTKIT_EXPECT(holds(bench.store(), some_meta(), "new"));
  RAFTKIT_EXPECT(holds(bench.store(), other, "def"));
}

void never_there(SnapshotStoreBench& bench) {
  expect_ok("saving", save(bench.store(), some_meta(), "abc"));
  RAFTKIT_EXPECT(is_missing(bench.store(), {Term{2}, Index{5}}));
  RAFTKIT_EXPECT(is_missing(bench.store(), {Term{1}, Index{4}}));
  RAFTKIT_EXPECT(is_missing(bench.store(), {}));
}

void reading_on(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  for (const bool is_replaced : {false, true}) {
    const std::string content = noise(700'000);
    expect_ok("saving", save(store, some_meta(), content));
    const auto unread = open(store, kLast);
    const auto begun = open(store, kLast);
    std::string front(1000, '\0');
    const auto count = value_of("reading", begun->read(std::as_writable_bytes(std::span(front))));
    front.resize(count);

    if (is_replaced) {
      expect_ok("replacing", save(store, successor(some_meta()), noise(700'000, 1)));
    } else {
      expect_ok("removing", store.remove(kLast));
      expect_ok("saving again", save(store, successor(some_meta()), "new"));
    }

    RAFTKIT_EXPECT(unread->meta() == some_meta());
    RAFTKIT_EXPECT(value_of("it cannot be read any more", drain(*unread)) == content);
    RAFTKIT_EXPECT(front + value_of("it cannot be read on", drain(*begun)) == content);
  }
}

void opened_again(SnapshotStoreBench& bench) {
  if (!bench.subject().is_durable) return;
  const std::string content = noise(600'000);
  expect_ok("saving", save(bench.store(), some_meta(), "old"));
  expect_ok("saving", save(bench.store(), successor(some_meta()), content));
  expect_ok("saving", save(bench.store(), snapshot(1, 6), "removed"));
  expect_ok("saving", save(bench.store(), snapshot(1, 7), ""));
  expect_ok("removing", bench.store().remove({Term{1}, Index{6}}));
  create(bench.store(), snapshot(1, 8)).reset();

  for (int times = 0; times < 2; ++times) {
    bench.open();
    RAFTKIT_EXPECT(listed(bench.store()) == std::vector{successor(some_meta()), snapshot(1, 7)});
    RAFTKIT_EXPECT(holds(bench.store(), successor(some_meta()), content));
    RAFTKIT_EXPECT(holds(bench.store(), snapshot(1, 7), ""));
  }
}

/// One snapshot of its own, and one that all threads replace and remove.
void use(SnapshotStore& store, std::uint64_t thread, const std::vector<std::string>& contents) {
  const SnapshotMeta own = snapshot(2, 1 + thread);
  for (int round = 0; round < 15; ++round) {
    expect_ok("saving", save(store, own, contents[thread], 50'000));
    expect_ok("saving", save(store, some_meta(), contents[thread], 50'000));
    RAFTKIT_EXPECT(holds(store, own, contents[thread]));
    const auto found = content_of(store, kLast);
    require(found ? std::find(contents.begin(), contents.end(), *found) != contents.end()
                  : found.error() == Errc::not_found,
            "a snapshot is neither missing nor any of those that were committed");
    const auto metas = listed(store);
    RAFTKIT_EXPECT(std::count(metas.begin(), metas.end(), own) == 1);
    if (round % 3 == 0) expect_ok("removing", store.remove(kLast));
    expect_ok("removing", store.remove(own.last));
    RAFTKIT_EXPECT(is_missing(store, own.last));
  }
}

void several_threads(SnapshotStoreBench& bench) {
  const std::vector<std::string> contents = {
      noise(300'000, 1), noise(300'000, 2), noise(300'000, 3)};
  {
    std::vector<std::future<void>> others;
    for (std::uint64_t thread = 1; thread < contents.size(); ++thread)
      others.push_back(
          std::async(std::launch::async, [&, thread] { use(bench.store(), thread, contents); }));
    use(bench.store(), 0, contents);
    for (auto& other : others)
      other.get();
  }
  expect_ok("removing", bench.store().remove(kLast));
  RAFTKIT_EXPECT(listed(bench.store()).empty());
  if (bench.subject().is_durable && bench.subject().uses_disk) {
    RAFTKIT_EXPECT(listed(reopened(bench)).empty());
  }
}

void listing_meanwhile(SnapshotStoreBench& bench) {
  SnapshotStore& store = bench.store();
  const SnapshotMeta replaced = snapshot(1, 7);
  const SnapshotMeta untouched = snapshot(1, 9);
  expect_ok("saving", save(store, replaced, "old"));
  expect_ok("saving", save(store, untouched, "x"));
  std::atomic<bool> is_done = false;
  const auto look = [&] {
    for (int round = 0; !is_done || round < 20; ++round) {
      const auto metas = listed(store);
      const auto precedes = [](const SnapshotMeta& left, const SnapshotMeta& right) {
        return left.last < right.last;
      };
      RAFTKIT_EXPECT(std::is_sorted(metas.begin(), metas.end(), precedes));
      RAFTKIT_EXPECT(std::count(metas.begin(), metas.end(), untouched) == 1);
      for (const SnapshotMeta& meta : metas)
        RAFTKIT_EXPECT(meta == snapshot(1, meta.last.index.value));
      const std::string found =
          value_of("what is being replaced is missing", content_of(store, replaced.last));
      RAFTKIT_EXPECT(found == "old" || found == "new");
    }
  };
  // Whatever is thrown here, it ends before what it refers to.
  std::future<void> reader = std::async(std::launch::async, look);
  const auto stop = [](std::atomic<bool>* done) { *done = true; };
  const std::unique_ptr<std::atomic<bool>, decltype(stop)> stopped_in_any_case(&is_done, stop);

  for (std::uint64_t round = 0; round < 30; ++round) {
    expect_ok("saving", save(store, snapshot(1, 1 + round % 5), "x"));
    expect_ok("replacing", save(store, replaced, round % 2 == 0 ? "new" : "old"));
    expect_ok("removing", store.remove({Term{1}, Index{1 + round % 5}}));
  }
  is_done = true;
  reader.get();
}

template <auto run>
void on_store(SnapshotStoreBench& bench) {
  bench.open();
  RAFTKIT_EXPECT(listed(bench.store()).empty());
  run(bench);
}

}  // namespace

CaseDefinitions<SnapshotStoreBench> snapshot_store_contract_cases() {
  return {
      {"a snapshot of any size comes out as it went in, in pieces of any size",
       on_store<every_size>},
      {"a snapshot keeps its entry and its membership", on_store<every_membership>},
      {"a membership that is too large is refused, not lost", on_store<large_membership>},
      {"a snapshot without a membership is refused", on_store<without_a_membership>},
      {"snapshots are listed by term and index", on_store<order>},
      {"a snapshot is not there before it is committed", on_store<before_the_commit>},
      {"what is not committed leaves nothing behind", on_store<without_a_commit>},
      {"a snapshot replaces one of the same entry, but not before it is committed",
       on_store<replacing>},
      {"sinks do not disturb each other, though they be of the same entry",
       on_store<several_sinks>},
      {"nothing follows a commit", on_store<after_the_commit>},
      {"a snapshot that was removed is gone, and only that one", on_store<removing>},
      {"what was never there is not found", on_store<never_there>},
      {"whoever reads a snapshot may finish, though it be removed or replaced",
       on_store<reading_on>},
      {"a store that is opened again holds the same", on_store<opened_again>},
      {"several threads create, read, list and remove at a time", on_store<several_threads>},
      {"a list can be made while snapshots come and go", on_store<listing_meanwhile>},
  };
}

}  // namespace raftkit::testing
