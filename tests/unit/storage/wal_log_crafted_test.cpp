// A write-ahead log that no writer has written: all checksums are right, and what they cover is
// not.
#include <limits>
#include <map>
#include <random>

#include "storage/disk_wrapper.hpp"
#include "storage/log_shape.hpp"
#include "storage/wal/recovery.hpp"
#include "support/crafted_segment.hpp"
#include "wal_log_fixture.hpp"

namespace raftkit::test {

namespace {

namespace wal = storage::wal;

constexpr const char* kDirectory = "/member/log";
constexpr std::uint64_t kRoom = 16 << 10;

std::map<std::string, std::string> files_of(const MemoryDisk& disk) {
  std::map<std::string, std::string> files;
  for (const std::string& path : disk.files()) {
    if (path.ends_with(".wal")) files[path] = disk.content(path);
  }
  return files;
}

/// Whoever looks without opening it must come to the same, and nothing may change.
void check_refused(WalLog& log, const std::string& path, std::uint64_t offset) {
  const auto before = files_of(log.memory());
  const auto opened = log.try_open();
  CHECK(opened.error() == Errc::corrupt_data);
  CHECK_THAT(opened.error().message(),
             Catch::StartsWith(path + " is damaged at offset " + std::to_string(offset) + ": "));
  const auto found = wal::recover(log.memory(), kDirectory, 4096);
  CHECK(found.error().message() == opened.error().message());
  CHECK(files_of(log.memory()) == before);
}

/// It opens, goes on over the end of the segment, and is the same when it is opened again.
void check_goes_on(WalLog& log, std::uint64_t last) {
  REQUIRE(log.try_open());
  const std::uint64_t end = last + 40;
  for (std::uint64_t index = last + 1; index <= end; ++index)
    REQUIRE(write(*log, Batch().append(1, index, std::string(3000, 'x'))));
  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last == Index{end});
  const auto entries = read(*log, 1, end);
  REQUIRE(entries);
  CHECK(entries->size() == end);
}

std::string checkpoint_of(const std::vector<wal::Checkpoint>& groups) {
  std::string records;
  for (const wal::Checkpoint& group : groups)
    wal::encode_checkpoint(group, records);
  return records;
}

LoadedLog with_term(std::uint64_t term) {
  LoadedLog log = storage::empty_log();
  log.hard_state.term = Term{term};
  return log;
}

/// Counts what is read.
class ReadCounter final : public storage::DiskWrapper {
 public:
  using DiskWrapper::DiskWrapper;

  Result<std::unique_ptr<storage::ReadableFile>> open_readable(const std::string& path) override {
    auto file = DiskWrapper::open_readable(path);
    if (!file) return file;
    return std::make_unique<File>(*std::move(file), bytes);
  }

  std::uint64_t bytes = 0;

 private:
  class File final : public storage::ReadableFile {
   public:
    File(std::unique_ptr<storage::ReadableFile> inner, std::uint64_t& bytes)
        : inner_(std::move(inner)), bytes_(bytes) {}
    [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset,
                                              std::span<std::byte> buffer) const override {
      bytes_ += buffer.size();
      return inner_->read_at(offset, buffer);
    }
    [[nodiscard]] std::uint64_t size() const override { return inner_->size(); }

   private:
    std::unique_ptr<storage::ReadableFile> inner_;
    std::uint64_t& bytes_;
  };
};

enum class Behind : std::uint8_t { nothing, torn, vouches };

/// What a client may have written, who knows the format: headers in place, each of a frame that
/// goes on up to `end`. None of them verifies.
std::string look_alikes(std::uint64_t begin, std::uint64_t end) {
  std::string bytes;
  while (begin + bytes.size() + wal::kFrameBytes <= end) {
    const std::uint64_t offset = begin + bytes.size();
    std::string frame(wal::kFrameBytes, '\0');
    wal::finish_frame(std::span(frame), {}, {.offset = offset, .durable = offset});
    const auto length = static_cast<std::uint32_t>(end - offset - wal::kFrameBytes);
    constexpr std::size_t kLength = 8;
    for (std::size_t at = 0; at < sizeof length; ++at)
      frame[kLength + at] = static_cast<char>(length >> (8 * at));
    bytes += frame;
  }
  bytes.resize(end - begin, '\0');
  return bytes;
}

}  // namespace

TEST_CASE("A segment that has no room for a checkpoint is refused", "[storage][wal][crafted]") {
  WalLog log;
  SECTION("the first one, with nothing but its header") {
    check_refused(log, CraftedSegment().put(log.memory(), kDirectory), 512);
  }
  SECTION("the one behind a seal") {
    CraftedSegment()
        .checkpoint()
        .batch(Batch().append_range(1, 1, 3))
        .frame(wal::FrameKind::seal)
        .put(log.memory(), kDirectory, kRoom);
    check_refused(log, CraftedSegment(2).put(log.memory(), kDirectory, 100), 512);
  }
}

TEST_CASE("A next segment that is too small is replaced", "[storage][wal][crafted]") {
  WalLog log;
  CraftedSegment()
      .checkpoint()
      .batch(Batch().append_range(1, 1, 3))
      .put(log.memory(), kDirectory, kRoom);
  CraftedSegment(2).put(log.memory(), kDirectory);
  check_goes_on(log, 3);
}

TEST_CASE("A segment that is full must have a seal", "[storage][wal][crafted]") {
  WalLog log;
  CraftedSegment segment;
  segment.checkpoint().batch(Batch().append_range(1, 1, 3));
  SECTION("without room for one") {
    const std::uint64_t free = GENERATE(0U, 35U);
    const std::string path = segment.put(log.memory(), kDirectory, free);
    if (GENERATE(false, true)) CraftedSegment(2).put(log.memory(), kDirectory, kRoom);
    check_refused(log, path, segment.size());
  }
  SECTION("with just as much room") {
    segment.put(log.memory(), kDirectory, 36);
    check_goes_on(log, 3);
  }
}

TEST_CASE("What a frame says to have been durable ends with a frame", "[storage][wal][crafted]") {
  WalLog log;
  CraftedSegment segment;
  segment.checkpoint().batch(Batch().append_range(1, 1, 3));
  const std::uint64_t end = segment.size();

  SECTION("not within one") {
    const std::uint64_t durable = GENERATE(0U, 511U, 513U, 547U, 549U);
    segment.batch(Batch().append(1, 4), durable);
    check_refused(log, segment.put(log.memory(), kDirectory, kRoom), durable);
  }
  SECTION("nor within one long before") {
    std::vector<std::uint64_t> ends;
    for (std::uint64_t index = 4; index <= 100; ++index)
      ends.push_back(segment.batch(Batch().append(1, index, std::string(3000, 'x')), end).size());
    const bool is_within = GENERATE(false, true);
    const std::uint64_t durable = ends[60] + (is_within ? 1 : 0);
    segment.batch(Batch().append(1, 101), durable);
    const std::string path = segment.put(log.memory(), kDirectory, kRoom);
    if (is_within) {
      check_refused(log, path, durable);
    } else {
      check_goes_on(log, 101);
    }
  }
  SECTION("not behind its own beginning") {
    const std::uint64_t durable = end + GENERATE(1U, 36U, 100'000U);
    segment.batch(Batch().append(1, 4), durable);
    check_refused(log, segment.put(log.memory(), kDirectory, kRoom), end);
  }
  SECTION("nor there, further on") {
    segment.rest(std::string(100, 'x')).batch(Batch().append(1, 4), 1U << 20U);
    check_refused(log, segment.put(log.memory(), kDirectory, kRoom), end);
  }
}

TEST_CASE("A log whose segments have numbers that none can have is refused",
          "[storage][wal][crafted]") {
  WalLog log;
  const std::uint64_t sequence =
      GENERATE(std::uint64_t{0}, wal::kLastSequence + 1, std::numeric_limits<std::uint64_t>::max());
  CraftedSegment segment(sequence);
  segment.checkpoint().batch(Batch().append_range(1, 1, 3));
  check_refused(log, segment.put(log.memory(), kDirectory, kRoom), 0);
}

TEST_CASE("Behind the segment with the last number there is no room", "[storage][wal][crafted]") {
  WalLog log;
  CraftedSegment(wal::kLastSequence)
      .checkpoint()
      .batch(Batch().append_range(1, 1, 3))
      .put(log.memory(), kDirectory, kRoom);
  REQUIRE(log.try_open());
  CHECK(write(*log, Batch().append(1, 4, std::string(20'000, 'x'))).error() == Errc::out_of_space);
  CHECK(write(*log, Batch().vote(2, 1)));
  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last == Index{3});
  CHECK(log->load({}).value()->hard_state.term == Term{2});
}

TEST_CASE("A checkpoint names each group once", "[storage][wal][crafted]") {
  WalLog log;
  CraftedSegment first;
  const wal::Checkpoint one{GroupId{1}, with_term(1)};
  const wal::Checkpoint two{GroupId{2}, with_term(2)};
  first.checkpoint(checkpoint_of({one, two})).frame(wal::FrameKind::seal);
  first.put(log.memory(), kDirectory, kRoom);
  CraftedSegment next(2);

  SECTION("and so it opens") {
    next.checkpoint(checkpoint_of({one, two})).put(log.memory(), kDirectory, kRoom);
    CHECK(log.try_open());
  }
  SECTION("not one in another one's place") {
    next.checkpoint(checkpoint_of({one, one}));
    check_refused(log, next.put(log.memory(), kDirectory, kRoom), 512);
  }
}

TEST_CASE("A log may end in a snapshot at the last possible index", "[storage][wal][crafted]") {
  constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();
  WalLog log;
  REQUIRE(log.try_open());
  PersistBatch batch = Batch().install(1, 1);
  batch.snapshot->last.index = Index{kLast};
  REQUIRE(write(*log, batch));
  REQUIRE(log.try_open());
  CHECK(log->load({}).value()->last == Index{kLast});
}

TEST_CASE("What looks like frames behind the end costs no more than it is long",
          "[storage][wal][crafted]") {
  MemoryDisk disk;
  CraftedSegment segment;
  segment.checkpoint().batch(Batch().append_range(1, 1, 3));
  const std::uint64_t end = segment.size();
  constexpr std::uint64_t kSize = 4 << 20;
  const Behind behind = GENERATE(Behind::nothing, Behind::torn, Behind::vouches);
  segment.rest(look_alikes(end, kSize));
  if (behind != Behind::nothing)
    segment.batch(Batch().append(1, 4), behind == Behind::torn ? end : end + 1);
  const std::uint64_t whole = segment.size();
  segment.rest(look_alikes(whole, whole + (1 << 20)));
  const std::string path = segment.put(disk, kDirectory);

  ReadCounter counter(disk);
  const auto found = wal::recover(counter, kDirectory, 4096);
  CHECK(counter.bytes < 40 * segment.size());
  if (behind == Behind::vouches) {
    CHECK_THAT(found.error().message(),
               Catch::StartsWith(path + " is damaged at offset " + std::to_string(end)));
  } else {
    REQUIRE(found);
    CHECK(found->offset == end);
    CHECK(found->torn_end == (behind == Behind::torn ? whole : end));
    CHECK(found->groups.at({}).log.last == Index{3});
  }
}

TEST_CASE("Compactions that are settled together come to what each on its own does",
          "[storage][wal]") {
  std::mt19937_64 random(3);
  const auto below = [&](std::uint64_t limit) { return random() % limit; };
  for (int round = 0; round < 300; ++round) {
    LoadedLog at_once = storage::empty_log();
    LoadedLog late = at_once;
    for (int step = 0; step < 40; ++step) {
      const std::uint64_t last = at_once.last.value;
      const std::uint64_t base = at_once.base.index.value;
      const Index compacted{base + below(last - base + 1)};
      const std::uint64_t term = storage::term_at(at_once, compacted)->value;
      if (below(3) == 0) {
        const Index keep_from{base + below(compacted.value - base + 2)};
        const auto meta = snapshot(term, compacted.value);
        const auto changed = storage::compact(at_once, meta, keep_from);
        REQUIRE(changed);
        REQUIRE(storage::compact_lazily(late, meta, keep_from).value() == *changed);
      } else {
        Batch batch;
        const std::uint64_t end = below(2) == 0 ? base + below(last - base + 1) : last;
        if (end < last) batch.truncate(end + 1);
        const std::uint64_t end_term = storage::term_at(at_once, Index{end})->value;
        batch.append(end_term + below(2), end + 1).append(end_term + 1, end + 2);
        REQUIRE(storage::apply(at_once, batch));
        REQUIRE(storage::apply(late, batch));
      }
      LoadedLog settled = late;
      storage::settle(settled);
      REQUIRE(storage::is_consistent(at_once));
      REQUIRE(storage::is_same(at_once, settled));
      if (below(10) == 0) storage::settle(late);
    }
  }
}

}  // namespace raftkit::test
