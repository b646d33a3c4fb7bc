// What snapshot stores go through while their disk fails, and what they must hold then.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "testing/snapshot_store_bench.hpp"

namespace raftkit::testing {

struct Snapshot {
  SnapshotMeta meta;
  std::string content;
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

struct SnapshotStep {
  enum class Kind : std::uint8_t {
    commit,
    abandon,  ///< written to the end, and not committed
    remove,
  };
  Kind kind = Kind::commit;
  Snapshot snapshot;
  std::size_t piece = 1;  ///< in which it is written
};
using SnapshotScript = std::vector<SnapshotStep>;

/// The same for the same seed. Few entries, so that most of it replaces or removes something; one
/// snapshot is large, so that a store does not wait for the commit with all it writes. No two
/// snapshots are equal.
[[nodiscard]] inline SnapshotScript make_snapshot_script(std::uint64_t seed) {
  constexpr std::size_t kSteps = 12;
  constexpr std::size_t kLarge = 270'000;
  std::mt19937_64 random(seed);
  const std::size_t large = random() % 4;
  SnapshotScript script;
  for (std::size_t at = 0; at < kSteps; ++at) {
    using Kind = SnapshotStep::Kind;
    static constexpr Kind kKinds[] = {
        Kind::commit, Kind::commit, Kind::commit, Kind::abandon, Kind::remove};
    static constexpr std::size_t kSizes[] = {0, 1, 700, 3000};
    SnapshotMeta meta = snapshot(2, 9 + random() % 3);
    meta.membership = snapshot(2, 1000 + at).membership;
    const std::size_t size = at == large ? kLarge : kSizes[random() % std::size(kSizes)];
    const Kind kind = at < 4 ? Kind::commit : kKinds[random() % std::size(kKinds)];
    script.push_back({kind, {meta, noise(size, seed * 100 + at)}, 1 + size / 3});
  }
  return script;
}

/// What is in a store. Points into a script.
using Shelf = std::map<EntryId, const Snapshot*>;

/// After so many steps.
[[nodiscard]] inline Shelf shelf_after(const SnapshotScript& script, std::size_t steps) {
  Shelf shelf;
  for (std::size_t at = 0; at < std::min(steps, script.size()); ++at) {
    const Snapshot& snapshot = script[at].snapshot;
    if (script[at].kind == SnapshotStep::Kind::commit) shelf[snapshot.meta.last] = &snapshot;
    if (script[at].kind == SnapshotStep::Kind::remove) shelf.erase(snapshot.meta.last);
  }
  return shelf;
}

/// How far a store came, and why not to the end.
struct SnapshotRun {
  std::size_t done = 0;
  std::optional<Error> failure;
};

[[nodiscard]] inline Result<void> take_step(SnapshotStore& store, const SnapshotStep& step) {
  if (step.kind == SnapshotStep::Kind::remove) return store.remove(step.snapshot.meta.last);
  auto sink = store.create(step.snapshot.meta);
  if (!sink) return std::move(sink).error();
  auto result = write_all(**sink, step.snapshot.content, step.piece);
  if (result && step.kind == SnapshotStep::Kind::commit) result = (*sink)->commit();
  // Somebody does not look at what write() said.
  if (!result) require(!(*sink)->commit(), "a sink that has failed is committed all the same");
  return result;
}

/// From step `from` on, to the first that fails.
[[nodiscard]] inline SnapshotRun run_script(SnapshotStore& store,
                                            const SnapshotScript& script,
                                            std::size_t from = 0) {
  SnapshotRun run{from, std::nullopt};
  for (; run.done < script.size(); ++run.done) {
    if (auto taken = take_step(store, script[run.done]); !taken) {
      run.failure = taken.error();
      break;
    }
  }
  return run;
}

/// Everything a store has, in the order of its list.
[[nodiscard]] inline Result<std::vector<Snapshot>> everything(SnapshotStore& store) {
  const auto metas = store.list();
  if (!metas) return metas.error();
  std::vector<Snapshot> all;
  for (const SnapshotMeta& meta : *metas) {
    const auto source = store.open(meta.last);
    if (!source) return source.error();
    require((*source)->meta() == meta, "a snapshot is listed as another than it is");
    auto content = drain(**source);
    if (!content) return std::move(content).error();
    all.push_back({meta, *std::move(content)});
  }
  return all;
}

/// Reads `expected` in small pieces, or up to an error: whatever was handed out before must be a
/// part of it.
[[nodiscard]] inline Result<void> read_through(SnapshotStore& store,
                                               const Snapshot& expected,
                                               const std::string& when) {
  const auto source = store.open(expected.meta.last);
  if (!source) return source.error();
  require((*source)->meta() == expected.meta, when, ": a snapshot is taken for another one");
  std::string_view rest = expected.content;
  std::vector<char> buffer(10'000);
  for (;;) {
    const auto count = (*source)->read(std::as_writable_bytes(std::span(buffer)));
    if (!count) return count.error();
    require(*count <= buffer.size(), when, ": it says that it read more than it was asked for");
    const std::string_view piece(buffer.data(), *count);
    require(rest.starts_with(piece), when, ": wrong bytes are handed out");
    require(!piece.empty() || rest.empty(), when, ": the end comes too early");
    if (piece.empty()) return {};
    rest.remove_prefix(piece.size());
  }
}

[[nodiscard]] inline bool are_on(const std::vector<Snapshot>& all, const Shelf& shelf) {
  return std::equal(all.begin(),
                    all.end(),
                    shelf.begin(),
                    shelf.end(),
                    [](const Snapshot& found, const auto& kept) { return found == *kept.second; });
}

[[nodiscard]] inline std::string to_text(const std::vector<Snapshot>& all) {
  std::string text;
  for (const Snapshot& each : all)
    text += " " + to_string(each.meta.last) + " (" + std::to_string(each.content.size()) + ")";
  return text.empty() ? " nothing" : text;
}
[[nodiscard]] inline std::string to_text(const Shelf& shelf) {
  std::vector<Snapshot> all;
  for (const auto& [last, snapshot] : shelf)
    all.push_back(*snapshot);
  return to_text(all);
}

/// After `done` steps, and whatever has become of the next one. Returns what is held.
inline Shelf expect_held(SnapshotStore& store,
                         const SnapshotScript& script,
                         std::size_t done,
                         const std::string& when) {
  const auto found = value_of(when + ": it cannot be read", everything(store));
  for (const std::size_t steps : {done, done + 1}) {
    Shelf shelf = shelf_after(script, steps);
    if (are_on(found, shelf)) return shelf;
  }
  fail(when + ": it holds" + to_text(found) + ", and was told" +
       to_text(shelf_after(script, done)) + "; in brackets, bytes");
}

/// Nothing failed, and nothing is wrong.
inline void expect_whole(SnapshotStore& store,
                         const SnapshotScript& script,
                         const SnapshotRun& run) {
  require(!run.failure,
          "it stops though nothing fails: ",
          run.failure ? run.failure->message() : std::string());
  expect_held(store, script, script.size(), "nothing fails");
}

/// It takes, keeps and removes another one.
inline void expect_usable(SnapshotStore& store, const std::string& when) {
  const Snapshot more{snapshot(3, 50), "more"};
  expect_ok(when + ": it takes no more", save(store, more.meta, more.content));
  require(value_of(when, content_of(store, more.meta.last)) == more.content,
          when,
          ": another one comes out as something else");
  expect_ok(when + ": it removes nothing more", store.remove(more.meta.last));
}

/// Knows what stores need that were never interrupted: of one script, into which its keys point.
/// Owner: one thread at a time.
class Footprints {
 public:
  explicit Footprints(const SnapshotStoreSubject& subject) : subject_(subject) {}

  /// The disk holds what a store with this on its shelf needs, and nothing more.
  void expect_clean(MemoryDisk& disk, const Shelf& shelf, const std::string& when) {
    // A store may have a little to itself, such as a list that grows.
    constexpr std::uint64_t kOwnBytes = std::uint64_t{64} << 10;
    const Footprint& needed = of(shelf);
    const Footprint found = on(disk);
    require(found.files <= needed.files && found.bytes <= needed.bytes + kOwnBytes,
            when,
            ": files are left behind: ",
            std::to_string(found.files),
            " with ",
            std::to_string(found.bytes),
            " bytes instead of ",
            std::to_string(needed.files),
            " with ",
            std::to_string(needed.bytes));
  }

 private:
  struct Footprint {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
  };

  static Footprint on(MemoryDisk& disk) {
    Footprint found;
    for (const std::string& path : disk.files()) {
      ++found.files;
      found.bytes += value_of("the disk", disk.file_size(path));
    }
    return found;
  }
  const Footprint& of(const Shelf& shelf) {
    const auto known = known_.find(shelf);
    if (known != known_.end()) return known->second;
    MemoryDisk disk;
    for (int times = 0; times < 2; ++times) {  // as after a restart
      const auto store = value_of("it cannot be opened", subject_.open(disk, "/member/store"));
      for (const auto& [last, snapshot] : shelf)
        expect_ok("saving", save(*store, snapshot->meta, snapshot->content));
    }
    return known_[shelf] = on(disk);
  }

  const SnapshotStoreSubject& subject_;
  std::map<Shelf, Footprint> known_;
};

}  // namespace raftkit::testing
