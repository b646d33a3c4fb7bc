// What the parts of one TCP transport share.
#pragma once

#include <memory>

#include "raftkit/tcp_transport.hpp"

#include "transport/context.hpp"
#include "transport/handshake.hpp"
#include "transport/http_call.hpp"
#include "transport/split_mix.hpp"

namespace raftkit::transport {

/// Owner: the executor; `options` never change.
struct TcpContext : TransportContext {
  TcpContext(asio::any_io_executor the_executor,
             TcpTransportOptions the_options,
             std::shared_ptr<LogSink> the_log,
             std::uint64_t seed)
      : TransportContext(std::move(the_executor), std::move(the_log)),
        options(std::move(the_options)),
        random(seed) {}

  TcpTransportOptions options;
  SplitMix random;
};

using TcpContextPtr = std::shared_ptr<TcpContext>;

/// Who we are, for a call to `peer`.
[[nodiscard]] Hello hello_to(TcpContext& context, NodeId peer, StreamKind kind);

/// What an answer means, and whether the handler wants to talk to whoever gave it.
[[nodiscard]] Result<Welcome> welcomed(const TcpContext& context,
                                       const Hello& hello,
                                       const HttpExchange& exchange);

}  // namespace raftkit::transport
