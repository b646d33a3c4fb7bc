// The conformance suite for snapshot stores, and whether it bites.
#include "raftkit/testing/snapshot_store_conformance.hpp"

#include <atomic>

#include <catch2/catch.hpp>

#include "raftkit/storage.hpp"

#include "storage/encoding.hpp"
#include "storage/snapshot_format.hpp"
#include "wire/crc32c.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test
using raftkit::testing::check_snapshot_store;
using raftkit::testing::run_snapshot_store_case;
using raftkit::testing::snapshot_store_case_names;
using raftkit::testing::SnapshotStoreCase;
using raftkit::testing::SnapshotStoreSubject;
using raftkit::testing::SnapshotStoreSuiteOptions;
using storage::Disk;

namespace {

using StorePtr = std::unique_ptr<SnapshotStore>;

Result<StorePtr> open_memory(Disk&, const std::string&) {
  return storage::make_memory_snapshot_store();
}

void check_all(const SnapshotStoreSubject& subject, const SnapshotStoreSuiteOptions& options = {}) {
  for (const SnapshotStoreCase& each : check_snapshot_store(subject, options)) {
    CAPTURE(each.name, each.what);
    CHECK(each.passed);
    if (!each.what.empty()) UNSCOPED_INFO(each.name << ": " << each.what);
  }
}

enum class Mistake : std::uint8_t {
  none,
  no_sync,
  no_sync_of_directory,
  ignores_failed_sync,
  swallows_failed_write,
  commits_after_failed_write,
  takes_more_after_commit,
  removes_before_replacing,
  replaces_in_place,
  shares_files_of_one_entry,
  lists_unfinished,
  leaves_uncommitted,
  leaves_unfinished_after_crash,
  believes_names_after_crash,
  removes_without_sync,
  removes_only_what_is_there,
  source_dies_with_file,
  takes_failed_read_for_end,
  checks_nothing,
  checks_at_the_end,
};

/// term u64, index u64, length u32, membership, crc32c of this; content; crc32c of the content.
constexpr std::size_t kFixedBytes = 8 + 8 + 4;
constexpr std::size_t kCrcBytes = 4;

struct Place {
  Disk& disk;
  std::string directory;
  Mistake mistake;

  [[nodiscard]] bool does(Mistake what) const { return mistake == what; }
  [[nodiscard]] std::string path_of(EntryId last) const {
    return directory + "/" + storage::snapshot_file_name(last);
  }
};

class PlainSink final : public SnapshotSink {
 public:
  PlainSink(Place place,
            EntryId last,
            std::string beside,
            std::unique_ptr<storage::WritableFile> file)
      : place_(std::move(place)),
        path_(place_.path_of(last)),
        beside_(std::move(beside)),
        file_(std::move(file)) {}
  PlainSink(const PlainSink&) = delete;
  PlainSink& operator=(const PlainSink&) = delete;
  ~PlainSink() override {  // takes away what was not committed
    if (!is_committed_ && !place_.does(Mistake::leaves_uncommitted))
      (void)place_.disk.remove_file(beside_);
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    if (is_committed_ && !place_.does(Mistake::takes_more_after_commit)) return refused();
    crc_ = wire::crc32c(bytes, crc_);
    auto written = file_->append(bytes);
    if (written || place_.does(Mistake::swallows_failed_write)) return {};
    has_failed_ = !place_.does(Mistake::commits_after_failed_write);
    return written;
  }

  Result<void> commit() override {
    if (is_committed_ || has_failed_) return refused();
    has_failed_ = true;
    std::string end;
    storage::put<std::uint32_t>(end, crc_);
    if (auto written = file_->append(storage::bytes_of(end)); !written) return written;
    if (!place_.does(Mistake::no_sync)) {
      auto synced = file_->sync();
      if (!synced && !place_.does(Mistake::ignores_failed_sync)) return synced;
    }
    if (place_.does(Mistake::removes_before_replacing)) (void)place_.disk.remove_file(path_);
    if (beside_ != path_) {
      if (auto renamed = place_.disk.rename(beside_, path_); !renamed) return renamed;
    }
    is_committed_ = true;
    if (place_.does(Mistake::no_sync_of_directory)) return {};
    return place_.disk.sync_directory(place_.directory);
  }

 private:
  static Error refused() { return {Errc::invalid_argument, "it has failed or is committed"}; }

  Place place_;
  std::string path_;
  std::string beside_;
  std::unique_ptr<storage::WritableFile> file_;
  std::uint32_t crc_ = 0;
  bool has_failed_ = false;
  bool is_committed_ = false;
};

/// A file whose header has been read.
class PlainSource final : public SnapshotSource {
 public:
  static Result<std::unique_ptr<PlainSource>> open(const Place& place, const std::string& path) {
    auto file = place.disk.open_readable(path);
    if (!file) return std::move(file).error();
    std::unique_ptr<PlainSource> source(new PlainSource(place, path, *std::move(file)));
    if (auto header = source->read_header(); !header) return std::move(header).error();
    return source;
  }

  /// Of all that follows the header.
  Result<void> check_content() {
    std::vector<std::byte> buffer(std::size_t{64} << 10);
    for (;;) {
      const auto count = read(buffer);
      if (!count) return count.error();
      if (*count > 0) continue;
      offset_ = start_;
      crc_ = 0;
      return {};
    }
  }

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }

  Result<std::size_t> read(std::span<std::byte> buffer) override {
    if (place_.does(Mistake::source_dies_with_file)) {
      auto again = place_.disk.open_readable(path_);
      if (!again) return std::move(again).error();
      file_ = *std::move(again);
    }
    const std::uint64_t rest = file_->size() - kCrcBytes - offset_;
    auto count = file_->read_at(offset_, buffer.first(std::min<std::size_t>(rest, buffer.size())));
    if (!count && place_.does(Mistake::takes_failed_read_for_end)) return 0;
    if (!count) return count;
    crc_ = wire::crc32c(buffer.first(*count), crc_);
    offset_ += *count;
    if (*count == 0 && !place_.does(Mistake::checks_nothing)) {
      const auto end = bytes_at(offset_, kCrcBytes);
      if (!end) return end.error();
      if (storage::RecordReader(*end).take<std::uint32_t>() != crc_) return damaged();
    }
    return count;
  }

 private:
  PlainSource(Place place, std::string path, std::unique_ptr<storage::ReadableFile> file)
      : place_(std::move(place)), path_(std::move(path)), file_(std::move(file)) {}

  Result<void> read_header() {
    const auto fixed = bytes_at(0, kFixedBytes);
    if (!fixed) return fixed.error();
    storage::RecordReader reader(*fixed);
    const Term term{reader.take<std::uint64_t>()};
    meta_.last = {term, Index{reader.take<std::uint64_t>()}};
    const auto length = reader.take<std::uint32_t>();
    if (file_->size() < kFixedBytes + length + 2 * kCrcBytes) return damaged();
    const auto rest = bytes_at(kFixedBytes, length + kCrcBytes);
    if (!rest) return rest.error();
    const std::string membership = rest->substr(0, length);
    const bool is_whole = storage::RecordReader(rest->substr(length)).take<std::uint32_t>() ==
                              wire::crc32c(storage::bytes_of(*fixed + membership)) &&
                          path_.starts_with(place_.path_of(meta_.last));
    auto decoded = decode_membership(Bytes::copy_of(membership));
    if (!decoded || (!is_whole && !place_.does(Mistake::checks_nothing))) return damaged();
    meta_.membership = std::make_shared<const Membership>(*std::move(decoded));
    start_ = offset_ = kFixedBytes + length + kCrcBytes;
    return {};
  }
  [[nodiscard]] Result<std::string> bytes_at(std::uint64_t offset, std::size_t count) const {
    std::string bytes(count, '\0');
    const auto found = file_->read_at(offset, std::as_writable_bytes(std::span(bytes)));
    if (!found) return found.error();
    if (*found < count) return damaged();
    return bytes;
  }
  [[nodiscard]] Error damaged() const { return {Errc::corrupt_data, path_ + " is damaged"}; }

  Place place_;
  std::string path_;
  std::unique_ptr<storage::ReadableFile> file_;
  SnapshotMeta meta_;
  std::uint64_t start_ = 0;  // of the content
  std::uint64_t offset_ = 0;
  std::uint32_t crc_ = 0;
};

/// A store that is right, as short as it can be, but for one mistake.
class PlainStore final : public SnapshotStore {
 public:
  explicit PlainStore(Place place) : place_(std::move(place)) {}

  Result<void> recover() {
    if (auto made = place_.disk.create_directories(place_.directory); !made) return made;
    const auto names = place_.disk.list(place_.directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (!name.ends_with(".tmp") || place_.does(Mistake::leaves_unfinished_after_crash)) continue;
      auto removed = place_.disk.remove_file(place_.directory + "/" + name);
      if (!removed) return removed;
    }
    if (place_.does(Mistake::believes_names_after_crash)) return {};
    return place_.disk.sync_directory(place_.directory);
  }

  Result<std::vector<SnapshotMeta>> list() override {
    const auto names = place_.disk.list(place_.directory);
    if (!names) return names.error();
    std::vector<SnapshotMeta> metas;
    for (const std::string& name : *names) {
      if (name.ends_with(".tmp") && !place_.does(Mistake::lists_unfinished)) continue;
      const auto source = PlainSource::open(place_, place_.directory + "/" + name);
      if (!source && source.error() == Errc::not_found) continue;  // removed just now
      if (!source) return source.error();
      metas.push_back((*source)->meta());
    }
    return metas;
  }

  Result<std::unique_ptr<SnapshotSink>> create(const SnapshotMeta& meta) override {
    if (meta.membership == nullptr) return Error(Errc::invalid_argument, "no membership");
    const Bytes membership = encode(*meta.membership);
    std::string header;
    storage::put<std::uint64_t>(header, meta.last.term.value);
    storage::put<std::uint64_t>(header, meta.last.index.value);
    storage::put<std::uint32_t>(header, static_cast<std::uint32_t>(membership.size()));
    header += membership.view();
    storage::put<std::uint32_t>(header, wire::crc32c(storage::bytes_of(header)));

    const std::string path = place_.path_of(meta.last);
    std::string beside = path + "." + std::to_string(++created_) + ".tmp";
    if (place_.does(Mistake::shares_files_of_one_entry)) beside = path + ".tmp";
    if (place_.does(Mistake::replaces_in_place)) beside = path;
    auto file = place_.disk.open_writable(beside, Disk::Open::truncate);
    if (!file) return std::move(file).error();
    if (auto written = (*file)->append(storage::bytes_of(header)); !written) {
      (void)place_.disk.remove_file(beside);
      return std::move(written).error();
    }
    return std::make_unique<PlainSink>(place_, meta.last, beside, *std::move(file));
  }

  Result<std::unique_ptr<SnapshotSource>> open(EntryId last) override {
    auto source = PlainSource::open(place_, place_.path_of(last));
    if (!source) return std::move(source).error();
    if (!place_.does(Mistake::checks_at_the_end) && !place_.does(Mistake::checks_nothing)) {
      if (auto checked = (*source)->check_content(); !checked) return std::move(checked).error();
    }
    return *std::move(source);
  }

  Result<void> remove(EntryId last) override {
    auto removed = place_.disk.remove_file(place_.path_of(last));
    const bool is_fine = removed || (removed.error() == Errc::not_found &&
                                     !place_.does(Mistake::removes_only_what_is_there));
    if (!is_fine || place_.does(Mistake::removes_without_sync)) return removed;
    return place_.disk.sync_directory(place_.directory);
  }

 private:
  Place place_;
  std::atomic<std::uint64_t> created_ = 0;
};

SnapshotStoreSubject plain(Mistake mistake) {
  return {.open = [mistake](Disk& disk, const std::string& directory) -> Result<StorePtr> {
    auto store = std::make_unique<PlainStore>(Place{disk, directory, mistake});
    if (auto recovered = store->recover(); !recovered) return std::move(recovered).error();
    return store;
  }};
}

/// Where the suite is tried rather than the store.
constexpr SnapshotStoreSuiteOptions kFew = {.survivors = 4, .scripts = 1, .damages = 100};

/// A mistake, the case that is there for it, and what that says.
struct Conviction {
  Mistake mistake;
  const char* name;
  const char* what;
};

constexpr const char* kPowerLoss =
    "a power loss at any change takes nothing that was committed, and leaves nothing else";
constexpr Conviction kConvictions[] = {
    {Mistake::no_sync, kPowerLoss, "the power is lost: it cannot be read"},
    {Mistake::no_sync_of_directory, kPowerLoss, "the power is lost: it holds nothing"},
    {Mistake::removes_before_replacing, kPowerLoss, "the power is lost: it holds"},
    {Mistake::removes_without_sync, kPowerLoss, "after the next loss"},
    {Mistake::leaves_unfinished_after_crash, kPowerLoss, "files are left behind"},
    {Mistake::believes_names_after_crash,
     "what is found after a kill at any change is durable",
     "was not durable"},
    {Mistake::ignores_failed_sync, "a snapshot whose sync fails is not committed", "damaged"},
    {Mistake::swallows_failed_write,
     "whatever fails, nothing that was committed is lost",
     "damaged"},
    {Mistake::commits_after_failed_write,
     "whatever finds no space leaves nothing behind, and goes on with space",
     "a sink that has failed is committed all the same"},
    {Mistake::takes_failed_read_for_end, "a read that fails is no end", "the end comes too early"},
    {Mistake::takes_more_after_commit, "nothing follows a commit", "after the commit is taken"},
    {Mistake::replaces_in_place,
     "a snapshot replaces one of the same entry, but not before it is committed",
     ""},
    {Mistake::shares_files_of_one_entry,
     "sinks do not disturb each other, though they be of the same entry",
     ""},
    {Mistake::lists_unfinished,
     "a snapshot is not there before it is committed",
     "it cannot be listed"},
    {Mistake::leaves_uncommitted, "what is not committed leaves nothing behind", "files remain"},
    {Mistake::removes_only_what_is_there,
     "a snapshot that was removed is gone, and only that one",
     "removing nothing"},
    {Mistake::source_dies_with_file,
     "whoever reads a snapshot may finish, though it be removed or replaced",
     "it cannot be read any more"},
    {Mistake::checks_nothing,
     "a bit that flips is noticed before it is handed out",
     "a bit flips at"},
    {Mistake::checks_at_the_end,
     "a bit that flips is noticed before it is handed out",
     "wrong bytes are handed out"},
};

}  // namespace

TEST_CASE("The store in memory keeps what a snapshot store promises", "[storage][snapshot]") {
  check_all({.open = open_memory, .is_durable = false, .uses_disk = false});
}

TEST_CASE("The store in files keeps what a snapshot store promises", "[storage][snapshot]") {
  check_all({.open = storage::open_file_snapshot_store});
}

TEST_CASE("Snapshots on the system's disk keep what a store promises", "[storage][snapshot]") {
  check_all({.open = storage::open_file_snapshot_store, .uses_disk = false});
}

TEST_CASE("A store that checks a snapshot when it is opened is as good", "[storage][snapshot]") {
  check_all(plain(Mistake::none), kFew);
}

TEST_CASE("Every mistake of a snapshot store is noticed by the case that is there for it",
          "[storage][snapshot]") {
  for (const Conviction& each : kConvictions) {
    const auto found = run_snapshot_store_case(each.name, plain(each.mistake), kFew);
    CAPTURE(static_cast<int>(each.mistake), found.name, found.what);
    CHECK_FALSE(found.passed);
    CHECK_THAT(found.what, Catch::Contains(each.what));
  }
}

TEST_CASE("A store without checksums is asked for everything else", "[storage][snapshot]") {
  SnapshotStoreSubject subject = plain(Mistake::checks_nothing);
  subject.notices_damage = false;
  check_all(subject, kFew);
}

TEST_CASE("What a snapshot store cannot do is not asked of it", "[storage][snapshot]") {
  SnapshotStoreSubject subject = plain(Mistake::none);
  const auto everything = snapshot_store_case_names(subject);
  subject.notices_damage = false;
  const auto undamaged = snapshot_store_case_names(subject);
  subject.uses_disk = false;
  const auto contract = snapshot_store_case_names(subject);

  CHECK(everything.size() > undamaged.size());
  CHECK(undamaged.size() > contract.size());
  CHECK_FALSE(run_snapshot_store_case(everything.back(), subject).passed);
}

TEST_CASE("A snapshot store that is not what it is said to be is told so", "[storage][snapshot]") {
  CHECK_FALSE(run_snapshot_store_case("a store that is opened again holds the same",
                                      {.open = open_memory, .uses_disk = false})
                  .passed);
  const auto found = run_snapshot_store_case("a bit that flips is noticed before it is handed out",
                                             {.open = open_memory});
  CHECK_FALSE(found.passed);
  CHECK_THAT(found.what, Catch::Contains("uses_disk"));
}
