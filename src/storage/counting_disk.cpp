#include "raftkit/disk.hpp"

#include "storage/disk_wrapper.hpp"

namespace raftkit::storage {

namespace {

class CountingFile final : public WritableFileWrapper {
 public:
  CountingFile(std::unique_ptr<WritableFile> inner, DiskCounters& counters)
      : WritableFileWrapper(std::move(inner)), counters_(counters) {}

  Result<void> append(std::span<const std::byte> bytes) override {
    counters_.written_bytes += bytes.size();
    return WritableFileWrapper::append(bytes);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    counters_.written_bytes += bytes.size();
    return WritableFileWrapper::write_at(offset, bytes);
  }
  Result<void> sync() override {
    ++counters_.file_syncs;
    return WritableFileWrapper::sync();
  }

 private:
  DiskCounters& counters_;
};

class CountingDisk final : public DiskWrapper {
 public:
  CountingDisk(Disk& inner, DiskCounters& counters) : DiskWrapper(inner), counters_(counters) {}

  Result<std::unique_ptr<WritableFile>> open_writable(const std::string& path, Open mode) override {
    auto file = DiskWrapper::open_writable(path, mode);
    if (!file) return file;
    return std::make_unique<CountingFile>(*std::move(file), counters_);
  }
  Result<void> sync_directory(const std::string& path) override {
    ++counters_.directory_syncs;
    return DiskWrapper::sync_directory(path);
  }

 private:
  DiskCounters& counters_;
};

}  // namespace

std::unique_ptr<Disk> make_counting_disk(Disk& disk, DiskCounters& counters) {
  return std::make_unique<CountingDisk>(disk, counters);
}

}  // namespace raftkit::storage
