#include "raftkit/disk.hpp"

#include "storage/path.hpp"

namespace raftkit::storage {

namespace {

Result<void> write_and_sync(Disk& disk,
                            const std::string& path,
                            std::span<const std::byte> content) {
  auto file = disk.open_writable(path, Disk::Open::truncate);
  if (!file) return std::move(file).error();
  if (auto written = (*file)->append(content); !written) return written;
  return (*file)->sync();
}

}  // namespace

Result<void> write_file_atomically(Disk& disk,
                                   const std::string& path,
                                   std::span<const std::byte> content) {
  const std::string beside = path + ".tmp";
  auto done = write_and_sync(disk, beside, content);
  if (done) done = disk.rename(beside, path);
  if (!done) {
    (void)disk.remove_file(beside);  // a leftover is overwritten next time
    return done;
  }
  return disk.sync_directory(parent_directory(path));
}

Result<std::string> read_file(Disk& disk, const std::string& path, std::size_t max_bytes) {
  const auto file = disk.open_readable(path);
  if (!file) return file.error();
  const std::uint64_t size = (*file)->size();
  if (size > max_bytes) {
    return Error(Errc::corrupt_data,
                 path + " has " + std::to_string(size) + " bytes, more than the " +
                     std::to_string(max_bytes) + " it may have");
  }
  std::string content(static_cast<std::size_t>(size), '\0');
  const auto count = (*file)->read_at(0, std::as_writable_bytes(std::span(content)));
  if (!count) return count.error();
  content.resize(*count);
  return content;
}

}  // namespace raftkit::storage
