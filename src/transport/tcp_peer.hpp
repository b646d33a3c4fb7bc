// One peer that messages go to over TCP.
#pragma once

#include <memory>

#include "transport/handshake.hpp"
#include "transport/http_call.hpp"
#include "transport/outbound_stream.hpp"
#include "transport/peer_driver.hpp"
#include "transport/tcp_context.hpp"

namespace raftkit::transport {

/// Owner: the executor.
class TcpPeer final : public PeerDriver, public OutboundStream::Owner {
 public:
  TcpPeer(TcpContextPtr context, PeerAddress address);

 private:
  void call(const std::string& url) override;
  void hang_up() override;
  void push() override;

  [[nodiscard]] std::optional<Envelope> next(MessageClass message_class) override;
  void on_refused(Error error) override;
  void on_drained() override;
  void on_broken(Error error) override;

  void on_answer(const Hello& hello, HttpExchange exchange);

  TcpContextPtr tcp_;
  std::shared_ptr<HttpCall> call_;
  std::shared_ptr<OutboundStream> stream_;
};

}  // namespace raftkit::transport
