#include "transport/context.hpp"

namespace raftkit::transport {

void report(const ContextPtr& context, PeerReport report) {
  asio::post(context->executor, [context, report = std::move(report)]() mutable {
    if (context->handler != nullptr) context->handler->on_peer(std::move(report));
  });
}

}  // namespace raftkit::transport
