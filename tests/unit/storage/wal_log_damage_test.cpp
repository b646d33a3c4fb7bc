// A write-ahead log whose stored bytes are not what they were.
#include <algorithm>
#include <map>
#include <random>

#include "storage/wal/format.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

namespace {

using Entries = std::vector<Entry>;
using Files = std::map<std::string, std::string>;

/// A log of entries 11 to 70 in several segments, none of them compacted away yet.
void fill(WalLog& log) {
  REQUIRE(log.try_open());
  REQUIRE(write(*log, Batch().vote(3, 2, 1)));
  const auto append = [&](std::uint64_t index) {
    REQUIRE(write(*log, Batch().append(3, index, std::string(3000, static_cast<char>(index)))));
  };
  for (std::uint64_t index = 1; index < 70; ++index)
    append(index);
  REQUIRE(log->compact({}, snapshot(3, 30), Index{11}));
  append(70);
}

Files files_of(WalLog& log) {
  log.close();
  Files files;
  for (const std::string& path : log.memory().files()) {
    if (path.ends_with(".wal")) files[path] = log.memory().content(path);
  }
  return files;
}

void put(const Files& files, WalLog& log) {
  REQUIRE(log.memory().create_directories("/member/log"));
  for (const auto& [path, content] : files) {
    REQUIRE(log.memory().open_writable(path, storage::Disk::Open::create_new));
    log.memory().set_content(path, content);
  }
}

/// Everything there is, or the first error met on the way.
Result<Entries> everything(const Files& files) {
  WalLog log;
  put(files, log);
  if (auto opened = log.try_open(); !opened) return std::move(opened).error();
  const auto loaded = log->load({});
  if (!loaded) return loaded.error();
  if (!*loaded) return Entries{};
  const LoadedLog& held = **loaded;
  if (held.hard_state != HardState{Term{3}, NodeId{2}, Index{1}} ||
      held.snapshot != snapshot(3, 30))
    return Error(Errc::invariant_violated, "a wrong state was believed");
  if (held.last == held.base.index) return Entries{};
  return read(*log, held.base.index.value + 1, held.last.value);
}

/// The segments that hold something of their own.
std::vector<std::string> used(const Files& files) {
  std::vector<std::string> paths;
  for (const auto& [path, content] : files) {
    const auto header = storage::wal::decode_header(content);
    REQUIRE(header);
    const auto frame = storage::wal::decode_frame_header(std::string_view(content).substr(512));
    if (frame && frame->before == storage::wal::first_before(header->segment))
      paths.push_back(path);
  }
  return paths;
}

void check_damage(const Result<Entries>& found) {
  REQUIRE_FALSE(found);
  CHECK(found.error() == Errc::corrupt_data);
  CHECK_THAT(found.error().message(), Catch::Contains("/member/log"));
}

}  // namespace

TEST_CASE("A bit that flips anywhere in a write-ahead log is noticed", "[storage][wal][damage]") {
  WalLog log;
  fill(log);
  // After a kill nobody can vouch for the last write: it may look as if it had never been.
  const bool is_killed = GENERATE(false, true);
  if (is_killed) log.lose_power(1, Survivors::all);
  const Files files = files_of(log);
  const Entries whole = *everything(files);
  REQUIRE(whole.size() == 60);
  const Entries without_last(whole.begin(), whole.end() - 1);
  const auto segments = used(files);
  REQUIRE(segments.size() == 4);

  std::mt19937_64 random(7);
  for (int round = 0; round < 600; ++round) {
    Files damaged = files;
    const std::string& path = segments[random() % segments.size()];
    std::string& content = damaged[path];
    const std::size_t at = random() % (content.find_last_not_of('\0') + 1);
    content[at] = static_cast<char>(content[at] ^ (1 << (random() % 8)));
    const auto found = everything(damaged);
    CAPTURE(round, path, at);
    if (found) {
      // Of the header's sector only the front is used, and the end holds nothing but marks.
      const bool is_unused = (at >= 48 && at < 512) || (path == segments.back() &&
                                                        at + 3600 > content.find_last_not_of('\0'));
      CHECK(is_unused);
      CHECK((*found == whole || (is_killed && *found == without_last)));
    } else {
      check_damage(found);
    }
  }
}

TEST_CASE("A segment is as long as it was made, or damaged", "[storage][wal][damage]") {
  WalLog log;
  REQUIRE(log.try_open());
  const std::string large(100'000, 'p');
  REQUIRE(write(*log, Batch().vote(1, 1).append(1, 1, large)));
  REQUIRE(write(*log, Batch().append(1, 2, large)));
  Files files = files_of(log);
  const std::string path = used(files).back();
  REQUIRE(files.at(path).size() > large.size());
  const auto open = [&] {
    WalLog copy;
    put(files, copy);
    return copy.try_open();
  };
  CHECK(open());

  const std::size_t size = GENERATE(100'000U, 200'000U);
  files[path].resize(size);

  CHECK(open().error() == Errc::corrupt_data);
  CHECK_THAT(open().error().message(), Catch::Contains(path));
}

TEST_CASE("What rots while a write-ahead log is open is noticed when it is read",
          "[storage][wal][damage]") {
  WalLog log;
  REQUIRE(log.try_open());
  for (std::uint64_t index = 1; index <= 5; ++index)
    REQUIRE(write(*log, Batch().append(1, index, std::string(3000, static_cast<char>(index)))));
  const std::string path = "/member/log/0000000000000001.wal";
  std::string content = log.memory().content(path);
  content[content.find(std::string(100, '\x04'))] = 'x';
  log.memory().set_content(path, content);

  CHECK(read(*log, 1, 3)->size() == 3);
  const auto damaged = read(*log, 1, 5);
  CHECK(damaged.error() == Errc::corrupt_data);
  CHECK_THAT(damaged.error().message(), Catch::Contains(path + " is damaged at offset"));
}

TEST_CASE("A segment that is missing, short or another one's is noticed",
          "[storage][wal][damage]") {
  WalLog log;
  fill(log);
  const Files files = files_of(log);
  const auto segments = used(files);
  REQUIRE(segments.size() == 4);
  const std::size_t which = GENERATE(0U, 1U, 2U, 3U);
  const std::string& path = segments[which];
  Files damaged = files;

  SECTION("missing") {
    damaged.erase(path);
  }
  SECTION("empty") {
    damaged[path].clear();
  }
  SECTION("without its end") {
    damaged[path].resize(damaged[path].find_last_not_of('\0') - 5000);
  }
  SECTION("zeros") {
    damaged[path].assign(damaged[path].size(), '\0');
  }
  SECTION("in another one's place") {
    damaged[path] = files.at(segments[(which + 1) % 4]);
  }
  SECTION("of another log") {
    WalLog other;
    fill(other);
    damaged[path] = files_of(other).at(path);
  }
  SECTION("of another log, behind a gap") {
    WalLog other;
    fill(other);
    std::string& foreign = damaged["/member/log/0000000000000009.wal"];
    foreign = files_of(other).at(path);
    auto header = storage::wal::decode_header(foreign);
    REQUIRE(header);
    header->segment.sequence = 9;
    foreign.replace(0, storage::wal::kHeaderBytes, storage::wal::encode_header(*header));
  }
  SECTION("no segment at all") {
    damaged[path] = std::string(70'000, 'x');
  }

  check_damage(everything(damaged));
}

TEST_CASE("A sector that holds what another one should is noticed", "[storage][wal][damage]") {
  WalLog log;
  fill(log);
  const Files files = files_of(log);
  const Entries whole = *everything(files);
  const auto segments = used(files);
  std::mt19937_64 random(11);
  const auto any = [&](const Files& all) {
    const std::string& path = segments[random() % segments.size()];
    return std::pair(path, random() % (all.at(path).find_last_not_of('\0') / 512 + 1) * 512);
  };
  for (int round = 0; round < 400; ++round) {
    Files damaged = files;
    const auto [to, at] = any(files);
    const auto [from, source] = any(files);
    damaged[to].replace(at, 512, files.at(from).substr(source, 512));
    if (damaged == files) continue;
    CAPTURE(round, to, at, from, source);
    const auto found = everything(damaged);
    // The last of the two marks at the end may be alone in its sector.
    const bool is_last = to == segments.back() && at + 512 > files.at(to).find_last_not_of('\0');
    if (is_last && found) {
      CHECK(*found == whole);
    } else {
      check_damage(found);
    }
  }
}

TEST_CASE("A write that was synced and never reached the disk is noticed",
          "[storage][wal][damage]") {
  WalLog log;
  fill(log);
  // More than the segment that was made for it has room for.
  REQUIRE(write(*log, Batch().append(3, 71, std::string(100'000, 'l'))));
  REQUIRE(write(*log, Batch().append(3, 72)));
  const testing::DiskImage image = log.memory().image();
  const Files files = files_of(log);
  const auto segments = used(files);
  const Entries whole = *everything(files);

  std::size_t lost = 0;
  for (const std::string& path : segments) {
    const testing::DiskImage::File& file = image.files.at(path);
    for (const auto& [sector, former] : file.former) {
      if (path == segments.back() && file.newest.contains(sector)) continue;
      Files damaged = files;
      damaged[path].replace(sector * 512, 512, former + std::string(512 - former.size(), '\0'));
      if (damaged == files) continue;
      CAPTURE(path, sector);
      ++lost;
      const auto found = everything(damaged);
      CHECK((found ? *found == whole : found.error() == Errc::corrupt_data));
    }
  }
  CHECK(lost > 500);
}

TEST_CASE("What a torn end is cut from does not come back behind what is written later",
          "[storage][wal][damage]") {
  WalLog log;
  REQUIRE(log.try_open());
  REQUIRE(write(*log, Batch().append(1, 1, "first")));
  // Neither is synced; the power loss keeps the second without the first.
  REQUIRE(write(*log, Batch().commit(1, 1)));
  REQUIRE(write(*log, Batch().commit(7, 1)));
  log.lose_power(1, Survivors::all);
  Files files = files_of(log);
  std::string& content = files[used(files).front()];
  const auto second = content.rfind("krwl");
  content.replace(content.rfind("krwl", second - 1), 4, "torn");

  WalLog torn;
  put(files, torn);
  REQUIRE(torn.try_open());
  CHECK(torn->load({}).value()->hard_state.commit == Index{0});
  REQUIRE(write(*torn, Batch().commit(1, 1)));
  REQUIRE(torn.try_open());

  CHECK(torn->load({}).value()->hard_state == HardState{Term{1}, std::nullopt, Index{1}});
}

TEST_CASE("What a torn end is cut from is not completed by the beginning of what is written later",
          "[storage][wal][damage]") {
  constexpr std::size_t kSector = storage::wal::kSectorBytes;
  // So much of the last frame lies in another sector than the rest, and is lost.
  for (std::size_t front = 1; front <= storage::wal::kFrameBytes; ++front) {
    CAPTURE(front);
    const auto write_frame_after = [](WalLog& log, std::size_t payload) {
      REQUIRE(log.try_open());
      REQUIRE(write(*log, Batch().append(1, 1, std::string(payload, 'e'))));
      REQUIRE(write(*log, Batch().commit(1, 1)));
      log.lose_power(1, Survivors::all);
      return log.memory().content(log.memory().files().front()).rfind("krwl");
    };
    WalLog measured;
    const std::size_t place = write_frame_after(measured, kSector);
    WalLog log;
    const std::size_t begin = write_frame_after(log, 3 * kSector - front - place % kSector);
    REQUIRE((begin + front) % kSector == 0);
    Files files = files_of(log);
    files[used(files).front()].replace(begin, front, front, '\0');

    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      WalLog torn;
      put(files, torn);
      REQUIRE(torn.try_open());
      REQUIRE(torn->load({}).value()->hard_state.commit == Index{0});
      torn.lose_power(seed, Survivors::any);
      REQUIRE(torn.try_open());
      CHECK(torn->load({}).value()->hard_state.commit == Index{0});
    }
  }
}

TEST_CASE("Segments that nobody needs are removed, in the end also after a crash",
          "[storage][wal]") {
  WalLog log;
  fill(log);
  const auto segments = [&] { return used(files_of(log)).size(); };
  REQUIRE(segments() == 4);
  REQUIRE(log.try_open());
  const bool is_killed = GENERATE(false, true);

  REQUIRE(log->compact({}, snapshot(3, 70), Index{71}));
  // Nothing of a directory that was not synced.
  if (is_killed) log.lose_power(1, Survivors::none);
  CHECK(segments() == (is_killed ? 4 : 1));
  REQUIRE(log.try_open());
  REQUIRE(write(*log, Batch().append(3, 71)));
  REQUIRE(log->compact({}, snapshot(3, 71), Index{72}));
  log.close();

  CHECK(segments() == 1);
}

TEST_CASE("A segment whose file is used again is as good as a new one", "[storage][wal][damage]") {
  WalLog log;
  fill(log);
  REQUIRE(log.try_open());
  REQUIRE(log->compact({}, snapshot(3, 70), Index{71}));
  const auto append = [&](std::uint64_t index) {
    REQUIRE(write(*log, Batch().append(3, index, std::string(3000, static_cast<char>(index)))));
  };
  for (std::uint64_t index = 71; index <= 106; ++index)
    append(index);
  const bool is_killed = GENERATE(false, true);
  if (is_killed) log.lose_power(1, Survivors::all);
  const Files files = files_of(log);
  const std::string present = used(files).back();
  const std::string& content = files.at(present);
  // What the file held before lies behind what it holds now.
  const auto behind = content.rfind("krwl");
  const auto header = storage::wal::decode_frame_header(std::string_view(content).substr(behind));
  REQUIRE(header);
  REQUIRE(header->offset == behind);
  const auto own = content.find(std::string(100, static_cast<char>(106)));
  REQUIRE(own < behind);

  const auto reopened = [](const Files& all) {
    WalLog copy;
    put(all, copy);
    auto opened = copy.try_open();
    auto loaded = opened ? copy->load({}) : std::move(opened).error();
    if (!loaded) return Result<Index>(std::move(loaded).error());
    CHECK(copy.lines().size() == 0);
    return Result<Index>((*loaded)->last);
  };
  CHECK(reopened(files).value() == Index{106});

  Files damaged = files;
  const auto earlier = content.find(std::string(100, static_cast<char>(105)));
  damaged[present][earlier] = 'x';
  CHECK(reopened(damaged).error() == Errc::corrupt_data);
}

TEST_CASE("An installed snapshot frees the segments before it, as opening does", "[storage][wal]") {
  WalLog log;
  fill(log);
  const bool is_interrupted = GENERATE(false, true);

  REQUIRE(write(*log, Batch().install(3, 100)));
  if (is_interrupted) log.lose_power(1, Survivors::none);
  if (is_interrupted) {
    CHECK(used(files_of(log)).size() == 4);
    REQUIRE(log.try_open());
    log.close();
  }

  CHECK(used(files_of(log)).size() == 1);
}

TEST_CASE("Groups that share a write-ahead log all outlive the segments that they were written in",
          "[storage][wal]") {
  constexpr std::uint64_t kGroups = 200;
  WalLog log;
  REQUIRE(log.try_open());
  for (std::uint64_t group = 1; group <= kGroups; ++group)
    REQUIRE(write(*log, Batch(GroupId{group}).vote(group, 1)));
  for (std::uint64_t index = 1; index <= 60; ++index)
    REQUIRE(write(*log, Batch(GroupId{7}).append(7, index, std::string(3000, 'p'))));
  REQUIRE(log->compact(GroupId{7}, snapshot(7, 60), Index{61}));
  CHECK(used(files_of(log)).size() == 1);

  REQUIRE(log.try_open());
  for (std::uint64_t group = 1; group <= kGroups; ++group)
    CHECK(log->load(GroupId{group}).value()->hard_state.term == Term{group});
}

}  // namespace raftkit::test
