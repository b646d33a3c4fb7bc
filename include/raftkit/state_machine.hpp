// What the embedder brings: the thing that is replicated.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "raftkit/bytes.hpp"
#include "raftkit/result.hpp"
#include "raftkit/snapshot.hpp"
#include "raftkit/types.hpp"

namespace raftkit {

/// One committed command.
struct Command {
  EntryId id;
  Bytes payload;
};

/// Where the state lives.
enum class StateMachineKind : std::uint8_t {
  /// In memory. Lost with the process: rebuilt from the newest snapshot and the log after it.
  in_memory,
  /// In a store of its own, which keeps the applied index atomically with the data.
  on_disk,
};

/// Deterministic: the same commands give the same state and the same results on every node. Only
/// `apply` has to be implemented.
///
/// Threads: kind() and applied_index() are called by whoever creates the node; every other method
/// on the node's apply worker, one at a time; never on the node's strand, so it may block without
/// disturbing elections. Throwing, or returning an error where one is possible, stops the node with
/// state_machine_failed; except for not_supported, and for capture() on disk and what it gave: that
/// ends the transfer only.
class StateMachine {
 public:
  virtual ~StateMachine() = default;

  /// Applies `commands` in order; `results[i]` becomes the answer to whoever proposed
  /// `commands[i]`. After this call everything up to `last` counts as applied (entries of raftkit's
  /// own are not shown, so `last` may lie beyond the last command; commands may be empty). An
  /// on-disk state machine stores `last.index` atomically with the effects.
  virtual void apply(std::span<const Command> commands, EntryId last, std::span<Bytes> results) = 0;

  [[nodiscard]] virtual StateMachineKind kind() const { return StateMachineKind::in_memory; }

  /// on_disk: the index this state includes; called once, before anything else. 0: empty.
  [[nodiscard]] virtual Result<Index> applied_index();

  /// on_disk: makes everything applied so far durable; completes, on any thread, with an index up
  /// to which it is. The default completes with not_supported.
  virtual void async_sync(std::function<void(Result<Index>)> done);

  /// The state as it is now, to be read by another thread while apply goes on. Must not take long:
  /// hold a version, copy a map, fork a store. `meta` tells what "now" is; the source returns it
  /// from meta(). The default answers not_supported: the log then is never compacted, and a node
  /// that has lost its place in the log cannot be helped.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta);

  /// Replaces the whole state by the content that follows, when the sink commits; on_disk: durably,
  /// and applied_index() is meta.last.index from then on. Until then the old state stays.
  [[nodiscard]] virtual Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& meta);
};

/// A snapshot whose whole content is at hand, for state machines that are small.
[[nodiscard]] std::unique_ptr<SnapshotSource> make_snapshot_source(SnapshotMeta meta,
                                                                   Bytes content);

/// Collects a small snapshot in memory and hands it to `replace` when it is complete; errors of
/// `replace` become those of commit().
[[nodiscard]] std::unique_ptr<SnapshotSink> make_snapshot_sink(
    std::function<Result<void>(std::string)> replace);

}  // namespace raftkit
