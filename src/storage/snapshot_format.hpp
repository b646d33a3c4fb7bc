// How a snapshot lies in its file.
//
//   header  "rkitsnap" · version u32 · term u64 · index u64 · length u32 · an encoded Membership ·
//           crc32c u32 over all of this
//   chunk   length u32, not 0 · crc32c u32 over the chunk's offset in the content (u64) and its
//   bytes ·
//           bytes
//   end     0 u32 · crc32c u32 over the total · total length of the content u64
//
// The checksums of chunks and end continue the header's: those of another snapshot do not verify.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "raftkit/disk.hpp"
#include "raftkit/snapshot.hpp"

namespace raftkit::storage {

/// What one chunk holds, and so the memory that writing and reading take.
inline constexpr std::size_t kSnapshotChunkBytes = std::size_t{256} << 10;

/// "0000000000000002-00000000000186a1.snap": names sort as EntryIds do.
[[nodiscard]] std::string snapshot_file_name(const EntryId& last);
/// Whether it looks like one, from whatever release.
[[nodiscard]] bool is_snapshot_file_name(std::string_view name);

/// Whether it could be read back. Errors: invalid_argument (no membership, one that is none, or one
/// that is larger than 1 MiB when encoded).
[[nodiscard]] Result<void> check_meta(const SnapshotMeta& meta);

/// Writes a snapshot file from its header to its end. Owner: one thread at a time.
class SnapshotFileWriter {
 public:
  /// Of a `meta` that check_meta() has passed.
  SnapshotFileWriter(std::unique_ptr<WritableFile> file, const SnapshotMeta& meta);

  /// Errors of all: as WritableFile.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  /// The end; durable on return.
  [[nodiscard]] Result<void> finish();

 private:
  /// One sync at the end would keep others' syncs on the same device waiting for all of it.
  static constexpr std::uint64_t kSyncEvery = std::uint64_t{4} << 20;

  [[nodiscard]] Result<void> write_chunk();

  std::unique_ptr<WritableFile> file_;
  std::uint64_t synced_ = 0;  // of total_
  std::uint32_t header_crc_ = 0;
  std::uint64_t total_ = 0;  // of chunks written
  std::string pending_;      // the header, until the first write
  std::string chunk_;        // with room for length and checksum in front
};

/// Reads one, and believes nothing that does not verify. Owner: one thread at a time.
class SnapshotFileReader {
 public:
  /// Checks name, header and end; not the content.
  /// Errors: not_found · io_error · corrupt_data, naming the file.
  [[nodiscard]] static Result<SnapshotFileReader> open(Disk& disk, const std::string& path);

  [[nodiscard]] const SnapshotMeta& meta() const { return meta_; }

  /// As SnapshotSource::read. Errors: io_error · corrupt_data, naming file and offset.
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer);

 private:
  SnapshotFileReader(std::unique_ptr<ReadableFile> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}

  [[nodiscard]] Result<void> read_header();
  [[nodiscard]] Result<void> check_end();
  [[nodiscard]] Result<void> next_chunk();
  [[nodiscard]] Result<std::string> bytes_at(std::uint64_t offset, std::size_t count) const;
  [[nodiscard]] Error damaged(std::uint64_t offset, const std::string& what) const;

  std::unique_ptr<ReadableFile> file_;
  std::string path_;
  SnapshotMeta meta_;
  std::uint32_t header_crc_ = 0;
  std::uint64_t offset_ = 0;  // in the file, of the next chunk
  std::uint64_t total_ = 0;   // of the content in chunks read
  std::string chunk_;
  std::size_t taken_ = 0;  // of chunk_
  bool at_end_ = false;
};

}  // namespace raftkit::storage
