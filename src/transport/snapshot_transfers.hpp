// All snapshots that are on their way, to and from all peers.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "transport/asio.hpp"
#include "transport/context.hpp"
#include "transport/snapshot_stream.hpp"
#include "transport/worker_threads.hpp"

namespace raftkit::transport {

/// A connection to send or receive a snapshot on, when the handshake is over.
struct SnapshotConnection {
  std::shared_ptr<BlockingSocket> socket;
  wire::ConnectionSeed seed;
  StoreId store;               ///< the other side's
  std::shared_ptr<void> keep;  ///< whatever must live as long as the transfer
};

/// How a kind of transport connects for a snapshot. Owner: the executor.
class SnapshotConnector {
 public:
  using OnConnected = std::function<void(Result<SnapshotConnection>)>;

  virtual ~SnapshotConnector() = default;
  /// `on_connected` is called on the executor, not from inside this call, unless cancel() comes
  /// first. One attempt per peer at a time.
  virtual void connect(NodeId peer, OnConnected on_connected) = 0;
  virtual void cancel(NodeId peer) = 0;
};

/// At most one each way per peer; each has a connection and, once that stands, a thread of its own.
/// A peer that begins a new one has given up the one before, even if we have not noticed yet: that
/// one is ended, and only then the new one begins. When a connection breaks amid the content, the
/// sender calls again for a while, and the receiver keeps what it has: the transfer goes on there.
/// Owner: the executor.
class SnapshotTransfers {
 public:
  using Done = std::function<void(Result<void>)>;

  SnapshotTransfers(ContextPtr context,
                    const SnapshotLimits& limits,
                    std::unique_ptr<SnapshotConnector> connector);
  ~SnapshotTransfers();  // gives up what runs, and waits for its threads
  SnapshotTransfers(const SnapshotTransfers&) = delete;
  SnapshotTransfers& operator=(const SnapshotTransfers&) = delete;

  /// As Transport::send_snapshot, to a node that is a peer.
  void send(Envelope envelope, std::unique_ptr<SnapshotSource> source, Done done);

  /// From a peer that has passed the handshake.
  void receive(NodeId peer, SnapshotConnection connection);

  void stop(std::function<void()> idle);

 private:
  using Clock = asio::steady_timer::clock_type;

  struct Outgoing {
    OutgoingSnapshot snapshot;
    Done done;
    bool is_connected = false;
    /// Since a connection broke and no other one has brought it further.
    struct Interruption {
      std::uint64_t position = 0;
      Clock::time_point since;
      unsigned attempts = 0;
    };
    std::optional<Interruption> interruption = {};
    asio::steady_timer again;
  };
  using OutgoingPtr = std::shared_ptr<Outgoing>;
  using Half = std::shared_ptr<std::optional<IncomingSnapshot>>;  // a worker's or the executor's

  struct Incoming {
    std::shared_ptr<BlockingSocket> socket;
    StoreId store;
    std::optional<SnapshotConnection> next;  ///< waits for this one to end
    Half half;
  };
  /// What waits for its sender to call again.
  struct Waiting {
    Half half;
    asio::steady_timer until;
  };

  void connect(NodeId peer);
  void on_connected(NodeId peer, Result<SnapshotConnection> connection);
  /// The connection has ended, or there was none.
  void ended(NodeId peer, const SendOutcome& outcome);
  [[nodiscard]] bool is_worth_another(Outgoing& outgoing) const;
  void connect_later(NodeId peer, const OutgoingPtr& outgoing);
  void finish(NodeId peer, Result<void> result);
  void on_received(NodeId peer, const Result<Envelope>& result);
  void wait_for_more(NodeId peer, Half half);
  /// Removing a large file takes long.
  void drop(Half half);

  ContextPtr context_;
  SnapshotLimits limits_;
  std::unique_ptr<SnapshotConnector> connector_;
  std::map<NodeId, OutgoingPtr> outgoing_;
  std::map<NodeId, Incoming> incoming_;
  std::map<NodeId, std::shared_ptr<Waiting>> waiting_;
  std::uint64_t next_number_;
  bool is_stopping_ = false;
  std::shared_ptr<WorkerThreads> workers_;
};

}  // namespace raftkit::transport
