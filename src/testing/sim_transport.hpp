// A node's connections in the simulation: production links, frames and handshakes over simulated
// streams.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "raftkit/snapshot.hpp"
#include "raftkit/transport.hpp"

#include "testing/sim_marks.hpp"
#include "testing/sim_network.hpp"
#include "transport/handshake.hpp"
#include "transport/message_source.hpp"
#include "transport/peer_link.hpp"
#include "wire/codec.hpp"
#include "wire/frame_parser.hpp"

namespace raftkit::testing {

class SimTransport;

/// Who can be called. Owner: the simulation.
using SimDirectory = std::map<NodeId, SimTransport*>;

/// What the TCP transport does, on one process of the simulation. Owner: that process.
class SimTransport {
 public:
  struct Surroundings {
    SimNetwork& network;
    SimDirectory& directory;
    core::Random& random;
    SimMarks& marks;
    std::size_t max_queued_bytes;  ///< for a peer
    bool is_listening = true;
  };

  /// Listens from now on, if it does at all.
  SimTransport(const Surroundings& around,
               SimProcess& process,
               TransportHandler& handler,
               LocalIdentity identity);
  ~SimTransport();
  SimTransport(const SimTransport&) = delete;
  SimTransport& operator=(const SimTransport&) = delete;

  // As in Transport.
  void set_peers(const std::vector<PeerAddress>& peers);
  void send(std::span<Envelope> envelopes);
  void send_snapshot(Envelope envelope,
                     std::unique_ptr<SnapshotSource> source,
                     std::function<void(Result<void>)> done);
  /// Sends a frame, as valid as any, whose message is over the limit. False: not connected.
  bool announce_too_much(NodeId to, std::uint32_t choice);
  [[nodiscard]] bool sends_snapshot() const { return !transfers_.empty(); }

  /// How the others learn that this end is gone, when this is destroyed.
  void set_farewell(SimNetwork::Farewell farewell) { farewell_ = farewell; }

  /// Where nodes are reached: "sim:<id>".
  [[nodiscard]] static std::string url_of(NodeId node) { return "sim:" + to_string(node); }

 private:
  static constexpr std::size_t kMaxMessageBytes = std::size_t{8} << 20;
  static constexpr std::size_t kWindowBytes = std::size_t{1} << 20;  // as a socket's buffers
  static constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
  static constexpr SimTime kIdleTimeout = seconds(5);
  static constexpr SimTime kTransferTimeout = seconds(10);

  /// Somebody we send to.
  struct Peer final : transport::MessageSource {
    explicit Peer(transport::PeerLink own) : link(std::move(own)) {}
    [[nodiscard]] std::optional<Envelope> next(MessageClass message_class) override {
      return link.next(message_class);
    }
    void on_refused(Error error) override { link.refused_message(std::move(error)); }

    transport::PeerLink link;
    std::uint64_t attempt = 0;  // the present one; 0: none
    std::uint64_t nonce = 0;    // of the present attempt
    SimStreamPtr stream;        // null: not connected
    wire::ConnectionSeed seed;
    std::optional<wire::FrameWriter> writer;
    SimTime last_progress{0};
    std::optional<SimTime> armed;
  };
  /// Somebody who sends to us.
  struct Caller {
    SimStreamPtr stream;
    StoreId store;
    wire::FrameParser parser;
    SimTime last_received{0};
    std::optional<SimTime> leaves_at = {};  // it is no peer any more
  };
  struct Welcomed {
    transport::Welcome welcome;
    SimStreamPtr stream;
  };
  struct Transfer;
  using TransferPtr = std::shared_ptr<Transfer>;

  // calling
  void call(NodeId to);
  void answered(NodeId to, std::uint64_t attempt, Result<Welcomed> answer);
  void drive(NodeId to);
  void send(Peer& peer, Envelope envelope);
  void pump(NodeId to);
  void settle(Peer& peer);
  void fail(NodeId to, PeerState why, const Error& error, PeerReport::By by = PeerReport::By::us);
  void hang_up(Peer& peer);

  // being called
  Result<Welcomed> welcome(const transport::Hello& hello);
  void arrived(NodeId from, std::vector<std::byte> bytes, SimOrigin origin);
  Result<void> receive(NodeId from, std::vector<std::byte> bytes);
  void let_go(NodeId from);
  void drop_caller(NodeId from);

  // snapshots
  void begin_transfer(const TransferPtr& transfer);
  void announce_transfer(const TransferPtr& transfer);
  void send_chunk(const TransferPtr& transfer);
  void end_transfer(const TransferPtr& transfer, const Result<void>& outcome);
  void abandon_transfers();
  /// Runs `at_receiver` in the process of the other end after the time on the way, and what it
  /// returns comes back. If nothing can come back, the transfer fails after a while.
  void ask_receiver(const TransferPtr& transfer,
                    SimTime on_the_way,
                    std::function<Result<void>(SimTransport&)> at_receiver,
                    std::function<void()> then);

  void tick();
  void keep_alive(Peer& peer);
  [[nodiscard]] transport::TimePoint now() const;

  SimNetwork& network_;
  SimDirectory& directory_;
  core::Random& random_;
  SimMarks& marks_;
  transport::PeerLinkOptions link_options_;
  SimProcess& process_;
  TransportHandler& handler_;
  LocalIdentity identity_;
  bool is_listening_;
  SimNetwork::Farewell farewell_ = SimNetwork::Farewell::close;
  std::map<NodeId, std::unique_ptr<Peer>> peers_;
  std::uint64_t attempts_ = 0;  // also of peers that were forgotten meanwhile
  std::map<NodeId, Caller> callers_;
  std::map<NodeId, TransferPtr> transfers_;  // by receiver
  wire::Decoder decoder_;
  SimTime next_tick_{0};
};

}  // namespace raftkit::testing
