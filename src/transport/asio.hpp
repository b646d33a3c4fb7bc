// The parts of Asio that the TCP transport is made of, and what all its connections have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <utility>  // before Asio: Boost 1.74 forgets it

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "raftkit/error.hpp"

namespace raftkit::transport {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

/// Sets what every connection to or from a peer needs: no delay for small messages, an early end
/// when the other side has vanished (`unanswered`: bytes that nobody acknowledges for so long), and
/// a short queue in the kernel, because what is in there cannot be overtaken any more. Best effort.
void tune(tcp::socket& socket, std::chrono::milliseconds unanswered);

/// "10.0.0.1:2380", or "?" if the connection is gone already.
[[nodiscard]] std::string remote_name(const tcp::socket& socket);

}  // namespace raftkit::transport
