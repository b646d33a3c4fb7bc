#include "transport/asio.hpp"

#include <sys/socket.h>

namespace raftkit::transport {

namespace {

/// How many unsent bytes the kernel takes before a socket stops being writable.
constexpr int kKernelQueueBytes = 128 * 1024;

// When nothing is unacknowledged only probes can tell that the other side is gone.
constexpr int kKeepAliveIdleSeconds = 5;
constexpr int kKeepAliveIntervalSeconds = 2;
constexpr int kKeepAliveProbes = 3;

void set(tcp::socket& socket, int level, int name, int value) {
  (void)::setsockopt(socket.native_handle(), level, name, &value, sizeof value);
}

}  // namespace

void tune(tcp::socket& socket, std::chrono::milliseconds unanswered) {
  set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
  set(socket, SOL_SOCKET, SO_KEEPALIVE, 1);
#ifdef __linux__
  set(socket, IPPROTO_TCP, TCP_KEEPIDLE, kKeepAliveIdleSeconds);
  set(socket, IPPROTO_TCP, TCP_KEEPINTVL, kKeepAliveIntervalSeconds);
  set(socket, IPPROTO_TCP, TCP_KEEPCNT, kKeepAliveProbes);
  set(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unanswered.count()));
  set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, kKernelQueueBytes);
#else
  (void)unanswered;
#endif
}

std::string remote_name(const tcp::socket& socket) {
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "?";
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" +
         std::to_string(endpoint.port());
}

}  // namespace raftkit::transport
