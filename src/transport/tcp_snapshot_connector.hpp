// Connections for snapshots over TCP.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/snapshot_transfers.hpp"
#include "transport/tcp_context.hpp"

namespace raftkit::transport {

/// Owner: the executor.
class TcpSnapshotConnector final : public SnapshotConnector {
 public:
  /// `url_of`: where a peer is called.
  TcpSnapshotConnector(TcpContextPtr context, std::function<std::string(NodeId)> url_of)
      : context_(std::move(context)), url_of_(std::move(url_of)) {}

  void connect(NodeId peer, OnConnected on_connected) override;
  void cancel(NodeId peer) override;

 private:
  void finish(NodeId peer, Result<SnapshotConnection> connection);
  void on_answer(const Hello& hello, HttpExchange exchange);

  struct Attempt {
    std::shared_ptr<HttpCall> call;
    OnConnected on_connected;
  };

  TcpContextPtr context_;
  std::function<std::string(NodeId)> url_of_;
  std::map<NodeId, Attempt> attempts_;
};

/// Takes the descriptor out of Asio's hands. `received`: bytes that were read from it already.
/// Errors: peer_unreachable.
[[nodiscard]] Result<SnapshotConnection> detach(tcp::socket socket,
                                                std::vector<std::byte> received,
                                                wire::ConnectionSeed seed,
                                                StoreId store);

}  // namespace raftkit::transport
