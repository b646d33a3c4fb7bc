// What a driver needs from the world. Under Asio these are threads and sockets, in a simulation
// events.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "raftkit/event.hpp"
#include "raftkit/log_storage.hpp"
#include "raftkit/ready.hpp"
#include "raftkit/state_machine.hpp"
#include "raftkit/transport.hpp"

namespace raftkit::driver {

/// Committed commands on their way to the state machine, and back with their results.
struct ApplyBatch {
  std::vector<Command> commands;
  std::vector<EntryId> own;  ///< entries of raftkit's own that lie among them
  EntryId last;  ///< of the entries this batch stands for; may lie beyond the last command
  std::vector<Bytes> results;  ///< filled by the port: one per command
};

/// Every call starts something and returns at once; how it ends is reported to the driver by the
/// method named. Calls of one kind are carried out in order. Never calls the driver from inside.
class Ports {
 public:
  virtual ~Ports() = default;

  /// Messages to peers. May lose them.
  virtual void send(std::span<Envelope> envelopes) = 0;
  /// These are the members now, and these the nodes to be connected with: the other members, and
  /// those that say they are in a state that this node has not reached yet.
  virtual void membership_changed(const MembershipPtr& membership,
                                  std::vector<PeerAddress> peers) = 0;

  /// LogStorage::write. Ends in Driver::persisted, in order. What finds no room is held, with all
  /// that comes after it, and Driver::log_is_full called: for every attempt.
  virtual void write(PersistBatch batch) = 0;
  /// LogStorage::read. Ends in Driver::fetched.
  virtual void fetch(const FetchRequest& request) = 0;
  /// LogStorage::compact. Ends in Driver::compacted. Passes writes that are held, and may be held
  /// like them.
  virtual void compact(const SnapshotMeta& snapshot, Index keep_from) = 0;
  /// Another attempt at what is held. When all is done, Driver::log_has_room is called.
  virtual void try_held() = 0;

  // The following three are carried out by the state machine's worker, in the order of the calls.

  /// StateMachine::apply. Ends in Driver::applied.
  virtual void apply(ApplyBatch batch) = 0;
  /// Replaces the state by the stored snapshot. Ends in Driver::restored.
  virtual void restore(const SnapshotMeta& snapshot) = 0;
  /// Makes the state as of `snapshot` durable: as a file, or in the state machine's own store. Ends
  /// in Driver::snapshot_saved.
  virtual void save_snapshot(const SnapshotMeta& snapshot) = 0;

  /// Sends a snapshot: the stored one that the message names or, if the state machine keeps its own
  /// store, the state as of `current`. Ends in Driver::snapshot_sent.
  virtual void send_snapshot(Envelope request, const SnapshotMeta& current) = 0;
  /// A stored snapshot is not needed any more.
  virtual void drop_snapshot(EntryId last) = 0;

  /// Nanoseconds of a clock that never goes back and goes on while the machine sleeps. Asked only
  /// if there are leases.
  [[nodiscard]] virtual std::uint64_t now() const = 0;
  /// Calls Driver::alarm after this time; a new request replaces an old one.
  virtual void set_alarm(std::uint32_t milliseconds) = 0;

  virtual void observe(const Event& event) = 0;
  /// Leader, role, term or membership are not what they were; look at Driver::status.
  virtual void status_changed() = 0;
  /// The node cannot go on. The driver sends and writes nothing from now on.
  virtual void failed(const Error& error) = 0;
};

}  // namespace raftkit::driver
