#include "testing/sim_files.hpp"

#include <utility>

#include "raftkit/storage.hpp"

#include "storage/leveldb_log.hpp"
#include "storage/wal/log.hpp"
#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

constexpr std::uint64_t kCapacity = std::uint64_t{1} << 40;
constexpr std::uint64_t kReserve = std::uint64_t{8} << 20;
// The least that the logs take for what they write at a time: much happens then.
constexpr std::size_t kLeast = std::size_t{64} << 10;
constexpr const char* kLog = "member/log";
constexpr const char* kSnapshots = "member/snapshots";

Survivors draw_survivors(core::Random& random) {
  return static_cast<Survivors>(random.below(static_cast<std::uint32_t>(Survivors::all) + 1));
}

}  // namespace

void SimFiles::work() {
  while (!background_.empty()) {
    const auto next = std::move(background_.front());
    background_.pop_front();
    next();
  }
}

std::size_t SimFiles::lose_power(core::Random& random) {
  close();
  // One after the other: compilers differ in which argument they look at first.
  const std::uint64_t seed = random.next();
  disk_.lose_power(seed, draw_survivors(random));
  disk_.set_capacity(kCapacity);
  constexpr std::uint32_t kMostChanges = 40;  // that recovery needs
  std::size_t interrupted = 0;
  core::Random own(seed ^ 0x9ec07e9);
  while (own.below(4) == 0) {
    disk_.fail_after(own.below(kMostChanges));
    if (!try_open()) ++interrupted;
    close();
    const std::uint64_t again = own.next();
    disk_.lose_power(again, draw_survivors(own));
  }
  image_ = disk_.image();
  if (disk_.is_damaged()) {
    static_cast<void>(try_open());
  } else {
    open();
  }
  return interrupted;
}

void SimFiles::restore(const DiskImage& image) {
  close();
  static_cast<void>(disk_.create_directories(kLog));
  static_cast<void>(disk_.create_directories(kSnapshots));
  disk_.restore(image);
}

Result<SimFiles::Content> SimFiles::read_all() {
  Content content;
  auto loaded = log_->load({});
  if (!loaded) return std::move(loaded).error();
  content.log = *std::move(loaded);
  if (content.log) {
    auto entries = read_entries(*content.log);
    if (!entries) return std::move(entries).error();
    content.entries = *std::move(entries);
  }
  auto snapshots = read_snapshots();
  if (!snapshots) return std::move(snapshots).error();
  content.snapshots = *std::move(snapshots);
  return content;
}

Result<std::vector<Entry>> SimFiles::read_entries(const LoadedLog& held) {
  if (held.last == held.base.index) return std::vector<Entry>();
  constexpr std::size_t kAll = std::size_t{1} << 40;
  return log_->read({{}, held.base.index + 1, held.last, kAll});
}

Result<SimFiles::Snapshots> SimFiles::read_snapshots() {
  Snapshots found;
  const auto stored = snapshots_->list();
  if (!stored) return stored.error();
  for (const SnapshotMeta& meta : *stored) {
    auto source = snapshots_->open(meta.last);
    if (!source) return std::move(source).error();
    std::vector<std::byte> buffer(std::size_t{64} << 10);
    std::string& content = found[meta.last];
    while (true) {
      const auto count = (*source)->read(buffer);
      if (!count) return count.error();
      if (*count == 0) break;
      content.append(reinterpret_cast<const char*>(buffer.data()), *count);
    }
  }
  return found;
}

void SimFiles::fill() {
  // At times entries would leave less than the reserve, at times a write-ahead log's next segment.
  const bool is_for_segments = kind_ == SimLogKind::wal && numbers_.below(2) == 0;
  const std::uint64_t room = is_for_segments ? kReserve + kLeast - 1 : kReserve - 1;
  disk_.set_capacity(kCapacity - *disk_.free_bytes("") + room);
}

void SimFiles::make_room() {
  disk_.set_capacity(kCapacity);
}

void SimFiles::open() {
  const auto opened = try_open();
  require(opened.has_value(),
          "storage: the stores cannot be opened: ",
          opened ? std::string() : opened.error().message());
}

Result<std::unique_ptr<LogStorage>> SimFiles::open_log() {
  const storage::Background background = [this](std::function<void()> work) {
    background_.push_back(std::move(work));
  };
  switch (kind_) {
    case SimLogKind::leveldb:
      return storage::open_leveldb_log(
          disk_,
          {.directory = kLog, .write_buffer_bytes = kLeast, .reserve_bytes = kReserve},
          background);
    case SimLogKind::wal:
      return storage::open_wal_log(
          disk_,
          {.directory = kLog,
           .segment_bytes = kLeast,
           .reserve_bytes = kReserve,
           .window_bytes = kLeast / 4},
          {.background = background, .draw = [this] { return numbers_.next(); }});
  }
  return Errc::invalid_argument;
}

Result<void> SimFiles::try_open() {
  auto log = open_log();
  if (!log) {
    background_.clear();  // it was the log's
    return std::move(log).error();
  }
  log_ = *std::move(log);
  auto snapshots = storage::open_file_snapshot_store(disk_, kSnapshots);
  if (!snapshots) {
    close();
    return std::move(snapshots).error();
  }
  snapshots_ = *std::move(snapshots);
  work();
  return {};
}

void SimFiles::close() {
  work();
  snapshots_.reset();
  log_.reset();
}

}  // namespace raftkit::testing
