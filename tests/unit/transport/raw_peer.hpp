// Somebody on the other end of a TCP connection who does as he likes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include "transport/handshake.hpp"
#include "transport/url.hpp"
#include "wire/frame_writer.hpp"

namespace raftkit::test {

/// A blocking client with a deadline on everything. Owner: the thread of the test.
class RawPeer {
 public:
  explicit RawPeer(const std::string& url) : socket_(context_) {
    const auto parsed = transport::parse_url(url);
    socket_.connect({boost::asio::ip::make_address(parsed->host), parsed->port});
    socket_.non_blocking(true);
  }

  void write(std::string_view text) {
    boost::system::error_code ignored;
    socket_.non_blocking(false);
    boost::asio::write(socket_, boost::asio::buffer(text.data(), text.size()), ignored);
    socket_.non_blocking(true);
  }
  void write(wire::WriteBatch& batch) {
    for (const auto buffer : batch.buffers())
      write({reinterpret_cast<const char*>(buffer.data()), buffer.size()});
  }

  /// Reads until the other side closes, or until `enough` has come; empty: neither in time.
  std::optional<std::string> read(std::string_view enough = {},
                                  std::chrono::milliseconds patience = std::chrono::seconds{5}) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::array<char, 4096> buffer{};
    std::string text;
    while (std::chrono::steady_clock::now() < deadline) {
      boost::system::error_code ec;
      const std::size_t count = socket_.read_some(boost::asio::buffer(buffer), ec);
      text.append(buffer.data(), count);
      if (!enough.empty() && text.find(enough) != std::string::npos) return text;
      if (ec == boost::asio::error::would_block) {
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
      } else if (ec) {
        return text;
      }
    }
    return std::nullopt;
  }
  bool is_closed_by_peer() { return read().has_value(); }

  /// Shakes hands as a well-behaved node would; what the other side answers.
  Result<transport::Welcome> greet(const transport::Hello& hello) {
    write(to_text(transport::to_request(hello, "test")));
    const auto answer = read("\r\n\r\n");
    if (!answer) return Errc::timed_out;
    transport::HttpResponseReader reader;
    auto response = reader.feed(std::as_bytes(std::span(*answer)));
    if (!response) return std::move(response).error();
    if (!*response) return Errc::malformed;
    return transport::read_welcome(**response, hello);
  }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_;
};

}  // namespace raftkit::test
