// Asio as the server uses it.
#pragma once

#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>

namespace kvstore {

using boost::asio::ip::tcp;

}  // namespace kvstore
