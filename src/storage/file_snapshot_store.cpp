#include <atomic>

#include "raftkit/storage.hpp"

#include "storage/snapshot_format.hpp"

namespace raftkit::storage {

namespace {

constexpr std::string_view kUnfinished = ".tmp";

class FileSource final : public SnapshotSource {
 public:
  explicit FileSource(SnapshotFileReader reader) : reader_(std::move(reader)) {}

  [[nodiscard]] const SnapshotMeta& meta() const override { return reader_.meta(); }
  Result<std::size_t> read(std::span<std::byte> buffer) override { return reader_.read(buffer); }

 private:
  SnapshotFileReader reader_;
};

class FileSink final : public SnapshotSink {
 public:
  FileSink(Disk& disk, std::string directory, EntryId last, std::string beside)
      : disk_(disk),
        directory_(std::move(directory)),
        final_(directory_ + "/" + snapshot_file_name(last)),
        beside_(std::move(beside)) {}
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;
  ~FileSink() override {  // takes away what was not committed
    if (writer_) (void)disk_.remove_file(beside_);
  }

  Result<void> start(const SnapshotMeta& meta) {
    auto file = disk_.open_writable(beside_, Disk::Open::create_new);
    if (!file) return std::move(file).error();
    writer_.emplace(*std::move(file), meta);
    return {};
  }

  Result<void> write(std::span<const std::byte> bytes) override {
    return step([&] { return writer_->write(bytes); });
  }

  Result<void> commit() override {
    auto done = step([&]() -> Result<void> {
      if (auto finished = writer_->finish(); !finished) return finished;
      return disk_.rename(beside_, final_);
    });
    if (!done) return done;
    writer_.reset();
    return disk_.sync_directory(directory_);
  }

 private:
  /// After a failure nothing is known about what was written: it must never be committed.
  template <class Step>
  Result<void> step(const Step& step) {
    if (failure_) return *failure_;
    if (!writer_) return Error(Errc::invalid_argument, final_ + " is committed already");
    auto done = step();
    if (!done) failure_ = done.error();
    return done;
  }

  Disk& disk_;
  std::string directory_;
  std::string final_;
  std::string beside_;
  std::optional<SnapshotFileWriter> writer_;  // until committed
  std::optional<Error> failure_;
};

/// The directory is the only state, so that no lock is needed.
class FileSnapshotStore final : public SnapshotStore {
 public:
  FileSnapshotStore(Disk& disk, std::string directory)
      : disk_(disk), directory_(std::move(directory)) {}

  Result<void> remove_unfinished() {
    const auto names = disk_.list(directory_);
    if (!names) return names.error();
    for (const std::string& name : *names) {
      if (!name.ends_with(kUnfinished)) continue;
      if (auto removed = disk_.remove_file(path_of(name)); !removed) return removed;
    }
    return {};
  }

  Result<std::vector<SnapshotMeta>> list() override {
    const auto names = disk_.list(directory_);
    if (!names) return names.error();
    std::vector<SnapshotMeta> found;
    for (const std::string& name : *names) {
      if (!is_snapshot_file_name(name)) continue;
      const auto file = SnapshotFileReader::open(disk_, path_of(name));
      if (!file && file.error() == Errc::not_found) continue;  // removed just now
      if (!file) return file.error();
      found.push_back(file->meta());
    }
    return found;
  }

  Result<std::unique_ptr<SnapshotSink>> create(const SnapshotMeta& meta) override {
    if (auto fits = check_meta(meta); !fits) return std::move(fits).error();
    const std::string beside = path_of(snapshot_file_name(meta.last)) + "." +
                               std::to_string(++created_) + std::string(kUnfinished);
    auto sink = std::make_unique<FileSink>(disk_, directory_, meta.last, beside);
    if (auto started = sink->start(meta); !started) return std::move(started).error();
    return sink;
  }

  Result<std::unique_ptr<SnapshotSource>> open(EntryId last) override {
    auto reader = SnapshotFileReader::open(disk_, path_of(snapshot_file_name(last)));
    if (!reader) return std::move(reader).error();
    return std::make_unique<FileSource>(*std::move(reader));
  }

  Result<void> remove(EntryId last) override {
    auto removed = disk_.remove_file(path_of(snapshot_file_name(last)));
    if (!removed && removed.error() != Errc::not_found) return removed;
    return disk_.sync_directory(directory_);
  }

 private:
  [[nodiscard]] std::string path_of(const std::string& name) const {
    return directory_ + "/" + name;
  }

  Disk& disk_;
  const std::string directory_;
  std::atomic<std::uint64_t> created_ = 0;  // two of the same entry must not share a file
};

}  // namespace

Result<std::unique_ptr<SnapshotStore>> open_file_snapshot_store(Disk& disk,
                                                                const std::string& directory) {
  if (auto made = disk.create_directories(directory); !made) return std::move(made).error();
  auto store = std::make_unique<FileSnapshotStore>(disk, directory);
  if (auto removed = store->remove_unfinished(); !removed) return std::move(removed).error();
  // A kill between rename and sync leaves a name that everybody sees and a power loss takes back.
  if (auto synced = disk.sync_directory(directory); !synced) return std::move(synced).error();
  return store;
}

}  // namespace raftkit::storage
