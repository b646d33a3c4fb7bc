// What a leader knows of one member's log.
#pragma once

#include <cstddef>
#include <optional>

#include "raftkit/status.hpp"
#include "raftkit/types.hpp"

#include "core/inflights.hpp"

namespace raftkit::core {

/// The states and their pace:
///   probe      one append at a time, until an answer shows where the logs agree
///   replicate  appends are sent ahead of their answers, as far as the in-flight window allows
///   snapshot   nothing is appended until the snapshot has arrived
/// Always 0 <= match < next.
class Progress {
 public:
  /// Index after the last entry of the leader: where to try first.
  struct Start {
    NodeId node;
    Index next;
    bool learner = false;
    Inflights::Limits limits;
  };
  explicit Progress(const Start& start);

  void become_probe();
  void become_replicate();
  void become_snapshot(Index snapshot);

  /// The member's log agrees up to `index`. Returns whether that is news.
  bool maybe_update(Index index);

  struct Rejection {
    Index rejected;  ///< where the refused append wanted to continue
    Index hint;      ///< where the logs may agree
  };
  /// An append was refused. Returns whether that is news: `next` moved back and another try is due.
  bool maybe_decrease(Rejection rejection);

  /// An append with `count` entries (none: an empty one) up to `last` has been sent.
  void sent(Index last, std::size_t count, std::size_t bytes);
  void sent_commit(Index commit) { sent_commit_ = commit; }
  /// Whether telling the commit index again would tell the member something it can use.
  [[nodiscard]] bool can_bump_commit(Index commit) const {
    return commit > sent_commit_ && sent_commit_ + 1 < next_;
  }

  /// The answer to an append up to `index` arrived; its place in the window is free again.
  void free_inflight(Index index) { inflights_.free_to(index); }
  void pause() { paused_ = true; }
  void resume() { paused_ = false; }

  /// A snapshot transfer was given up.
  void snapshot_failed() { pending_snapshot_ = Index{0}; }

  void set_recently_active(bool active) { recently_active_ = active; }
  void set_learner(bool learner) { learner_ = learner; }

  /// Entries are being read from disk for this member; until they come nothing is appended.
  void fetch_started(FetchId id) { fetch_ = id; }
  void fetch_ended() { fetch_.reset(); }
  [[nodiscard]] std::optional<FetchId> fetch() const { return fetch_; }

  [[nodiscard]] NodeId node() const { return node_; }
  [[nodiscard]] Index match() const { return match_; }
  [[nodiscard]] Index next() const { return next_; }
  [[nodiscard]] ProgressState state() const { return state_; }
  [[nodiscard]] Index pending_snapshot() const { return pending_snapshot_; }
  [[nodiscard]] bool is_learner() const { return learner_; }
  [[nodiscard]] bool recently_active() const { return recently_active_; }
  [[nodiscard]] bool is_paused() const { return state_ == ProgressState::snapshot || paused_; }
  [[nodiscard]] bool window_full() const { return inflights_.full(); }
  [[nodiscard]] ProgressStatus status() const;

  /// The newest read round that this member confirmed.
  std::uint64_t acked_read_round = 0;

 private:
  void enter(ProgressState state);

  NodeId node_;
  Index match_;
  Index next_;
  Index sent_commit_;  // the highest commit index it was told
  Index pending_snapshot_;
  ProgressState state_ = ProgressState::probe;
  bool paused_ = false;
  bool recently_active_ = false;
  bool learner_ = false;
  std::optional<FetchId> fetch_;
  Inflights inflights_;
};

}  // namespace raftkit::core
