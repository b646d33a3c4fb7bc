// Everybody who calls us.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/handshake.hpp"
#include "transport/inbound_request.hpp"
#include "transport/inbound_stream.hpp"
#include "transport/listener.hpp"
#include "transport/snapshot_transfers.hpp"
#include "transport/tcp_context.hpp"

namespace raftkit::transport {

/// Listens, answers what is asked over HTTP, decides who may send, and holds the connections of
/// those who may: one per peer, the newest. Owner: the executor.
class Inbound {
 public:
  /// `on_called`: this peer has just opened a connection.
  Inbound(TcpContextPtr context,
          SnapshotTransfers& transfers,
          std::function<void(NodeId)> on_called);
  ~Inbound() { close(); }
  Inbound(const Inbound&) = delete;
  Inbound& operator=(const Inbound&) = delete;

  [[nodiscard]] Result<void> start();
  void close();
  [[nodiscard]] std::vector<std::string> listen_urls() const;

  /// This node is, or is not any more, a peer.
  void set_peer(NodeId node, bool is_peer);

 private:
  using Pending = std::list<std::shared_ptr<InboundRequest>>;

  void on_accept(tcp::socket socket);
  void on_no_request(const std::string& remote, const Error& error);
  InboundRequest::Reply decide(const HttpRequest& request);
  InboundRequest::Reply upgrade(const HttpRequest& request);
  [[nodiscard]] Result<Welcome> admit(const Hello& hello);
  void refused(const Hello& hello, const Error& why);
  void open_stream(tcp::socket socket,
                   std::span<const std::byte> received,
                   const Sender& peer,
                   wire::ConnectionSeed seed);

  TcpContextPtr context_;
  SnapshotTransfers& transfers_;
  std::function<void(NodeId)> on_called_;
  std::shared_ptr<Listener> listener_;
  Pending pending_;  ///< oldest first
  std::map<NodeId, std::shared_ptr<InboundStream>> streams_;

  // What was said last, so that it is not said over and over.
  std::map<NodeId, error_code> refused_;
  Clock::time_point next_complaint_;
  std::size_t complaints_withheld_ = 0;
};

}  // namespace raftkit::transport
