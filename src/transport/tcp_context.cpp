#include "transport/tcp_context.hpp"

namespace raftkit::transport {

Hello hello_to(TcpContext& context, NodeId peer, StreamKind kind) {
  return {kind,
          context.identity.cluster,
          context.identity.node,
          peer,
          context.identity.store,
          kSupportedVersions,
          context.random.next()};
}

Result<Welcome> welcomed(const TcpContext& context,
                         const Hello& hello,
                         const HttpExchange& exchange) {
  auto welcome = read_welcome(exchange.response, hello);
  if (!welcome) return welcome;
  if (!exchange.rest.empty()) return Error(Errc::malformed, "bytes came where none are expected");
  if (context.handler == nullptr) return Errc::stopped;
  if (auto admitted = context.handler->admit(hello.to, welcome->store); !admitted)
    return std::move(admitted).error();
  return welcome;
}

}  // namespace raftkit::transport
