// What the parts of one transport share.
#pragma once

#include <memory>

#include "raftkit/log_sink.hpp"
#include "raftkit/transport.hpp"

#include "transport/asio.hpp"

namespace raftkit::transport {

/// The other side of a connection, as it introduced itself.
struct Sender {
  NodeId node;
  StoreId store;
};

/// Owner: the executor; `executor` and `log` never change.
struct TransportContext {
  TransportContext(asio::any_io_executor the_executor, std::shared_ptr<LogSink> the_log)
      : executor(std::move(the_executor)), log(std::move(the_log)) {}

  asio::any_io_executor executor;
  std::shared_ptr<LogSink> log;
  LocalIdentity identity;               ///< from start() on
  TransportHandler* handler = nullptr;  ///< from start() to stop()
};

using ContextPtr = std::shared_ptr<TransportContext>;

/// Tells the handler, but not from inside the call that leads here.
void report(const ContextPtr& context, PeerReport report);

}  // namespace raftkit::transport
