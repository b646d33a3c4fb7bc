// Several nodes in one process, connected without sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <utility>  // before Asio: Boost 1.74 forgets it

#include <boost/asio/any_io_executor.hpp>

#include "raftkit/log_sink.hpp"
#include "raftkit/transport.hpp"

namespace raftkit {

struct LoopbackOptions {
  std::size_t max_queue_bytes = std::size_t{64} << 20;         ///< as TcpTransportOptions
  std::size_t max_control_queue_bytes = std::size_t{1} << 20;  ///< as TcpTransportOptions
  /// Between attempts to reach a node: doubles from the one to the other.
  std::chrono::milliseconds backoff_min{1};
  std::chrono::milliseconds backoff_max{20};
};

/// Joins transports in this process: for tests, and for several replicas in one program. Messages
/// are handed from executor to executor without being encoded; everything else, handshake, queues
/// and their limits, reports, snapshots, behaves as over TCP, except that an interrupted snapshot
/// begins anew. Peers are found by their NodeId; their URLs mean nothing.
///
/// The switches cut connections as pulled cables would: what is on its way is lost, and nothing new
/// gets through until they are mended. They take effect before they return.
///
/// Thread-safe. Transports may outlive it.
class LoopbackNetwork {
 public:
  LoopbackNetwork();
  ~LoopbackNetwork();
  LoopbackNetwork(const LoopbackNetwork&) = delete;
  LoopbackNetwork& operator=(const LoopbackNetwork&) = delete;

  /// A transport on this network. A node that starts while another of the same NodeId runs takes
  /// its place.
  [[nodiscard]] std::unique_ptr<Transport> make_transport(
      boost::asio::any_io_executor executor,
      const LoopbackOptions& options = {},
      std::shared_ptr<LogSink> log = null_log_sink());

  /// What `from` sends to `to` is lost.
  void cut(NodeId from, NodeId to);
  void mend(NodeId from, NodeId to);
  /// Both ways, to and from everybody.
  void isolate(NodeId node);
  /// Undoes isolate(); single cuts stay.
  void rejoin(NodeId node);
  /// Undoes all cuts and isolations.
  void mend_all();

 private:
  std::shared_ptr<class LoopbackHub> hub_;
};

}  // namespace raftkit
