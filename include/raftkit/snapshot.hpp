// Snapshots as streams: no interface takes or returns one as a buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "raftkit/message.hpp"
#include "raftkit/result.hpp"

namespace raftkit {

/// Content to be read once, front to back. Owner: one thread at a time.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  /// The state this is: exact, even if a different one was asked for.
  [[nodiscard]] virtual const SnapshotMeta& meta() const = 0;

  /// Fills the front of `buffer`; 0 means the end. May block on the disk.
  [[nodiscard]] virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
};

/// Content to be written once, front to back; destroyed before commit() it leaves nothing behind.
/// Owner: one thread at a time.
class SnapshotSink {
 public:
  virtual ~SnapshotSink() = default;

  /// Appends. May block on the disk. After an error nothing but destroying it makes sense: commit()
  /// fails, too.
  [[nodiscard]] virtual Result<void> write(std::span<const std::byte> bytes) = 0;

  /// Makes what was written valid and durable, atomically. Nothing may follow. After an error it is
  /// unknown whether it has happened, and another commit() fails, too.
  [[nodiscard]] virtual Result<void> commit() = 0;
};

/// Keeps received snapshots, and those of state machines that live in memory. Thread-safe.
class SnapshotStore {
 public:
  virtual ~SnapshotStore() = default;

  /// All complete ones, ascending by `last`. Errors: io_error · corrupt_data, naming the one whose
  /// header or end is damaged: remove it, or an operator must look.
  [[nodiscard]] virtual Result<std::vector<SnapshotMeta>> list() = 0;

  /// A new one; replaces one of the same `last` when committed. Errors: io_error · out_of_space ·
  /// invalid_argument (no membership, or one that cannot be kept); later from the sink: the same.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSink>> create(const SnapshotMeta& meta) = 0;

  /// The content of the snapshot at `last`, checked against its checksums as it is read; it stays
  /// readable when it is removed or replaced meanwhile.
  /// Errors: not_found · io_error · corrupt_data, also later from the source: before the first
  /// damaged byte is handed out.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSource>> open(EntryId last) = 0;

  /// Removes it, if it is there; durable on return. Errors: io_error.
  [[nodiscard]] virtual Result<void> remove(EntryId last) = 0;
};

}  // namespace raftkit
