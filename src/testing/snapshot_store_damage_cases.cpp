// What a snapshot store on a Disk says of files that are not as it left them. Which file holds what
// is its own affair, so each is damaged in turn.
#include "storage/path.hpp"
#include "testing/snapshot_script.hpp"

namespace raftkit::testing {

namespace {

/// What a store kept, and where.
struct Kept {
  std::vector<Snapshot> snapshots;
  Files files;
};

Kept kept(SnapshotStoreBench& bench) {
  // An empty one, a small one, and one of several chunks.
  Kept kept{
      {{snapshot(2, 9), ""}, {snapshot(2, 10), noise(300)}, {snapshot(3, 11), noise(600'000)}}, {}};
  bench.start_anew();
  for (const Snapshot& each : kept.snapshots)
    expect_ok("saving", save(bench.store(), each.meta, each.content, 100'000));
  kept.files = bench.files();
  require(!kept.files.empty(),
          "it has written nothing through the disk it was given: see uses_disk");
  return kept;
}

enum class Loss : std::uint8_t {
  forbidden,
  allowed,  ///< a file is missing, and a store need not know that there was one
};

/// What was done to the files, and how the store must take it.
struct Damage {
  Files files;
  std::vector<std::string> paths;  ///< the damaged ones
  std::string what;
  Loss loss = Loss::forbidden;
};

/// It is called damage, and somebody who reads that finds the place.
void expect_named(const Error& error, const Kept& kept, const Damage& damage) {
  require(error == Errc::corrupt_data, damage.what, ": it says: ", error.message());
  const auto is_in = [&](std::string_view name) {
    return error.message().find(name) != std::string::npos;
  };
  bool is_named = false;
  for (const std::string& path : damage.paths)
    is_named = is_named || is_in(storage::file_name(path));
  for (const Snapshot& each : kept.snapshots)
    is_named = is_named || is_in(to_string(each.meta.last));
  require(is_named, damage.what, ": it names neither a file nor a snapshot: ", error.message());
}

/// It is noticed, or makes no difference. Returns whether it was noticed.
bool expect_noticed(SnapshotStoreBench& bench, const Kept& kept, const Damage& damage) {
  bench.put_files(damage.files);
  if (const auto opened = bench.try_open(); !opened) {
    expect_named(opened.error(), kept, damage);
    return true;
  }
  bool is_noticed = false;
  const auto metas = bench.store().list();
  if (!metas) {
    expect_named(metas.error(), kept, damage);
    is_noticed = true;
  } else {
    std::size_t known = 0;
    for (const Snapshot& each : kept.snapshots)
      known += static_cast<std::size_t>(std::count(metas->begin(), metas->end(), each.meta));
    require(known == metas->size(), damage.what, ": it lists what was never there");
    require(known == kept.snapshots.size() || damage.loss == Loss::allowed,
            damage.what,
            ": one is no longer listed");
  }
  for (const Snapshot& each : kept.snapshots) {
    const auto read = read_through(bench.store(), each, damage.what);
    if (read) continue;
    is_noticed = true;
    if (read.error() == Errc::not_found && damage.loss == Loss::allowed) continue;
    expect_named(read.error(), kept, damage);
  }
  return is_noticed;
}

/// Without damage nothing is noticed.
void expect_undamaged(SnapshotStoreBench& bench, const Kept& kept) {
  const Damage none{kept.files, {}, "it does not read what it wrote"};
  require(!expect_noticed(bench, kept, none), none.what);
}

/// Any file that is not empty, and a place in it: half of them near its front or end, where there
/// is more than content.
std::pair<std::string, std::size_t> any_place(const Files& files, std::mt19937_64& random) {
  constexpr std::size_t kEdge = 200;
  std::vector<const Files::value_type*> choices;
  for (const auto& each : files) {
    if (!each.second.empty()) choices.push_back(&each);
  }
  require(!choices.empty(), "it has written no bytes");
  const auto& [path, content] = *choices[random() % choices.size()];
  const std::size_t edge = random() % std::min(kEdge, content.size());
  switch (random() % 4) {
    case 0:
      return {path, edge};
    case 1:
      return {path, content.size() - 1 - edge};
    default:
      return {path, random() % content.size()};
  }
}

void flipped_bits(SnapshotStoreBench& bench) {
  const Kept whole = kept(bench);
  expect_undamaged(bench, whole);
  std::mt19937_64 random(7);
  std::size_t noticed = 0;
  for (std::size_t i = 0; i < bench.options().damages; ++i) {
    const auto [path, at] = any_place(whole.files, random);
    Damage damage{whole.files, {path}, "a bit flips at " + std::to_string(at) + " of " + path};
    char& byte = damage.files.at(path)[at];
    byte = static_cast<char>(byte ^ (1 << (random() % 8)));
    if (expect_noticed(bench, whole, damage)) ++noticed;
  }
  bench.count(std::to_string(noticed) + " of " + std::to_string(bench.options().damages) +
              " noticed");
  RAFTKIT_EXPECT(noticed > 0 || bench.options().damages == 0);
}

void damaged_sectors(SnapshotStoreBench& bench) {
  constexpr std::size_t kSector = 512;
  const Kept whole = kept(bench);
  std::mt19937_64 random(11);
  std::size_t noticed = 0;
  for (std::size_t i = 0; i < bench.options().damages / 4; ++i) {
    const auto [path, place] = any_place(whole.files, random);
    const auto [source, other] = any_place(whole.files, random);
    const std::size_t at = place - place % kSector;
    const std::size_t from = other - other % kSector;
    const bool is_misdirected = random() % 2 == 0;
    Damage damage{
        whole.files,
        {path},
        "the sector at " + std::to_string(at) + " of " + path + " holds " +
            (is_misdirected ? "that at " + std::to_string(from) + " of " + source : "zeros")};
    std::string& content = damage.files.at(path);
    const std::size_t size = std::min(kSector, content.size() - at);
    std::string bytes = is_misdirected ? whole.files.at(source).substr(from, size) : std::string();
    bytes.resize(size, '\0');
    content.replace(at, size, bytes);
    if (expect_noticed(bench, whole, damage)) ++noticed;
  }
  bench.count(std::to_string(noticed) + " of " + std::to_string(bench.options().damages / 4) +
              " noticed, the others make no difference");
}

void wrong_lengths(SnapshotStoreBench& bench) {
  const Kept whole = kept(bench);
  std::mt19937_64 random(13);
  std::size_t noticed = 0;
  const auto check = [&](const std::string& path, std::string content, const std::string& what) {
    Damage damage{whole.files, {path}, path + " " + what};
    damage.files[path] = std::move(content);
    if (expect_noticed(bench, whole, damage)) ++noticed;
  };
  for (std::size_t i = 0; i < bench.options().damages / 2; ++i) {
    const auto [path, size] = any_place(whole.files, random);
    check(path, whole.files.at(path).substr(0, size), "ends at " + std::to_string(size));
  }
  for (const auto& [path, content] : whole.files) {
    for (const std::size_t more : {1U, 16U, 512U, 300'000U}) {
      check(path, content + std::string(more, '\0'), "ends in zeros");
      check(path, content + noise(more), "ends in garbage");
    }
    check(path, content + content, "is there twice");
  }
  bench.count(std::to_string(noticed) + " noticed");
  RAFTKIT_EXPECT(noticed > 0 || bench.options().damages == 0);
}

void wrong_files(SnapshotStoreBench& bench) {
  const Kept whole = kept(bench);
  std::size_t noticed = 0;
  const auto check = [&](const Damage& damage) {
    if (expect_noticed(bench, whole, damage)) ++noticed;
  };
  for (const auto& [path, content] : whole.files) {
    const auto replaced = [&, at = path](std::string by, const std::string& what) {
      Damage damage{whole.files, {at}, at + " is " + what};
      damage.files[at] = std::move(by);
      return damage;
    };
    check(replaced("", "empty"));
    check(replaced("#!/bin/sh\necho 'no snapshot'\n", "a script"));
    check(replaced(noise(1000), "noise"));
    check(replaced(std::string(content.size(), '\0'), "full of zeros"));

    Damage missing{whole.files, {path}, path + " is missing", Loss::allowed};
    missing.files.erase(path);
    check(missing);

    for (const auto& [other, its_content] : whole.files) {
      if (other == path) continue;
      check(replaced(its_content, "a copy of " + other));
      Damage renamed{whole.files, {path, other}, path + " is what was " + other, Loss::allowed};
      renamed.files[path] = its_content;
      renamed.files.erase(other);
      check(renamed);
      Damage swapped{whole.files, {path, other}, path + " and " + other + " are swapped"};
      std::swap(swapped.files[path], swapped.files[other]);
      check(swapped);
    }
  }
  bench.count(std::to_string(noticed) + " noticed");
  RAFTKIT_EXPECT(noticed > 0);
}

/// Without it and with another one in its place.
void expect_mended(SnapshotStoreBench& bench, const Snapshot& damaged, const std::string& what) {
  SnapshotStore& store = bench.store();
  expect_ok(what + ", and it cannot be removed", store.remove(damaged.meta.last));
  const auto metas = value_of(what + ", is removed, and still in the way", store.list());
  require(std::count(metas.begin(), metas.end(), damaged.meta) == 0,
          what,
          ", is removed, and still listed");
  expect_ok(what + ", and none can take its place",
            save(store, damaged.meta, damaged.content, 100'000));
  expect_ok(what + ", and is so again", read_through(store, damaged, what));
}

void mended(SnapshotStoreBench& bench) {
  const Kept whole = kept(bench);
  std::mt19937_64 random(17);
  std::size_t mended = 0;
  for (std::size_t i = 0; i < bench.options().damages / 8; ++i) {
    const auto [path, at] = any_place(whole.files, random);
    const std::string what = "a bit flips at " + std::to_string(at) + " of " + path;
    Files files = whole.files;
    files.at(path)[at] = static_cast<char>(files.at(path)[at] ^ 1);
    bench.put_files(files);
    if (!bench.try_open()) continue;  // for an operator
    for (const Snapshot& each : whole.snapshots) {
      if (read_through(bench.store(), each, what)) continue;
      expect_mended(bench, each, what);
      ++mended;
    }
  }
  bench.count(std::to_string(mended) + " mended");
}

}  // namespace

CaseDefinitions<SnapshotStoreBench> snapshot_store_damage_cases() {
  return {
      {"a bit that flips is noticed before it is handed out", flipped_bits},
      {"a sector that holds zeros or another one's bytes is noticed", damaged_sectors},
      {"a file that is cut short or goes on behind its end is noticed", wrong_lengths},
      {"a file that is missing, another's, or none of a store is noticed", wrong_files},
      {"what is damaged can be removed and received again", mended},
  };
}

}  // namespace raftkit::testing
