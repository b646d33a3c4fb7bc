#include "transport/tcp_context.hpp"

namespace raftkit::transport {

Hello hello_to(TcpContext& context, NodeId peer, StreamKind kind) {
  const Index known = context.handler == nullptr ? Index{} : context.handler->knows_up_to();
  return make_hello(context.identity, peer, kind, known, context.random.next());
}

Result<Welcome> welcomed(const TcpContext& context,
                         const Hello& hello,
                         const HttpExchange& exchange) {
  auto welcome = read_welcome(exchange.response, hello);
  if (!welcome) return welcome;
  if (!exchange.rest.empty()) return Error(Errc::malformed, "bytes came where none are expected");
  if (context.handler == nullptr) return Errc::stopped;
  if (auto admitted = context.handler->admit(welcome->introduction()); !admitted)
    return std::move(admitted).error();
  return welcome;
}

}  // namespace raftkit::transport
