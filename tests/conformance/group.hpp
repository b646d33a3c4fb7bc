// The cores, disks and messages of one interaction file.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "raftkit/testing/invariants.hpp"

#include "conformance/render.hpp"
#include "conformance/script.hpp"

namespace raftkit::conformance {

/// Where a node keeps its log.
class Store {
 public:
  [[nodiscard]] std::string show() const;
  void append(const std::vector<Entry>& entries);
  void set_hard_state(const HardState& hard) { hard_ = hard; }
  void install(const SnapshotMeta& snapshot);
  void compact(Index index);
  /// What a node wakes up with whose state machine is at `applied`.
  [[nodiscard]] InitialState load(const SnapshotMeta& applied) const;
  /// The newest snapshot that came from a leader, or the first one; index 0: none.
  [[nodiscard]] const SnapshotMeta& snapshot() const { return snapshot_; }

 private:
  [[nodiscard]] Index first() const { return base_.index + 1; }
  [[nodiscard]] Index last() const { return base_.index + entries_.size(); }

  HardState hard_;
  EntryId base_;
  SnapshotMeta snapshot_;
  std::vector<Entry> entries_;
};

/// The write of a batch is done.
struct AppendDone {
  PersistId batch;
};
/// Entries were applied up to here.
struct ApplyDone {
  Index last;
};

/// Something on its way, with its text.
struct Parcel {
  NodeId from;
  NodeId to;
  MessageText text;
  std::variant<Envelope, AppendDone, ApplyDone> content;

  /// Within one node: it cannot be lost.
  [[nodiscard]] bool is_local() const;
};

struct AppendWork {
  MessageText text;
  PersistBatch batch;
  std::vector<Parcel> responses;
};

struct ApplyWork {
  MessageText text;
  std::vector<Entry> entries;
  std::vector<Parcel> responses;
};

struct Member {
  RaftOptions options;
  testing::CheckedNode core;
  Store store;
  std::deque<AppendWork> append_work;
  std::deque<ApplyWork> apply_work;
  std::vector<SnapshotMeta> history;  ///< the newest last; at least one, maybe with index 0

  struct Batch {
    PersistId id;
    bool is_done = false;
  };
  std::deque<Batch> batches;  ///< that the core waits for

  [[nodiscard]] bool is_async() const { return options.storage_mode == StorageMode::asynchronous; }
};

struct NewMembers {
  std::size_t count = 0;
  RaftOptions options;
  std::optional<SnapshotMeta> snapshot;
};

/// Everything that writes output appends to `out`. Errors that end a command are thrown.
struct CommandError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Group {
 public:
  void add(const NewMembers& what);
  [[nodiscard]] Member& member(NodeId node);
  [[nodiscard]] std::vector<NodeId> nodes() const;
  [[nodiscard]] MembershipNames& names() { return names_; }

  /// What was not on disk is gone, and so is what the node had sent to itself.
  void restart(NodeId node);

  void process_ready(Member& member, std::string& out);
  void process_append(Member& member, std::string& out);
  void process_apply(Member& member, std::string& out);

  struct Recipient {
    NodeId node;
    bool drop = false;
  };
  /// Returns how many parcels were taken off the network.
  std::size_t deliver(const std::vector<Recipient>& recipients,
                      const std::string& type,
                      std::string& out);
  [[nodiscard]] bool has_parcel_for(NodeId node) const;
  /// Puts a snapshot message on the network without the core; returns its text.
  std::string send_snapshot(NodeId from, NodeId to);

  /// The error's words, if a command of the core failed.
  static void require(const Result<void>& result);
  [[nodiscard]] static std::string show(const Error& error);

 private:
  void apply(Member& member, const std::vector<Entry>& entries);
  void persist(Member& member, const PersistBatch& batch);
  void finish(Member& member, PersistId batch);
  void hand_to_threads(Member& member, Ready& ready, std::string& messages);
  void advance(Member& member, Ready& ready);
  void answer(std::vector<Parcel> responses, std::string& out);
  void receive(Member& member, Parcel parcel, std::string& out);
  void post(Envelope envelope);

  std::vector<std::unique_ptr<Member>> members_;
  std::vector<Parcel> network_;
  MembershipNames names_;
};

}  // namespace raftkit::conformance
