#include "transport/blocking_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <poll.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace raftkit::transport {

namespace {

Error broken(int error) {
  return {Errc::peer_unreachable, std::system_category().message(error)};
}

bool try_again(int error) {
  return error == EAGAIN || error == EINTR;
}

}  // namespace

BlockingSocket::BlockingSocket(int descriptor, std::vector<std::byte> received)
    : descriptor_(descriptor), received_(std::move(received)) {}

BlockingSocket::~BlockingSocket() {
  ::close(descriptor_);
}

void BlockingSocket::cancel() {
  cancelled_ = true;
  ::shutdown(descriptor_, SHUT_RDWR);  // wakes up whoever waits in poll
}

Result<void> BlockingSocket::wait(short events, std::chrono::milliseconds limit) {
  pollfd entry{descriptor_, events, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (cancelled_) return Errc::stopped;
    if (ready > 0) return {};
    if (ready == 0)
      return Error(Errc::timed_out, "nothing moved for " + std::to_string(limit.count()) + " ms");
    if (errno != EINTR) return broken(errno);
  }
}

Result<void> BlockingSocket::write(std::span<const std::byte> bytes,
                                   std::chrono::milliseconds idle) {
  while (!bytes.empty()) {
    const auto count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (!try_again(errno)) {
      return cancelled_ ? Error(Errc::stopped) : broken(errno);
    } else if (auto waited = wait(POLLOUT, idle); !waited) {
      return waited;
    }
  }
  return {};
}

Result<std::size_t> BlockingSocket::read_some(std::span<std::byte> buffer,
                                              std::chrono::milliseconds idle) {
  if (received_offset_ != received_.size()) {
    const auto left = std::span(received_).subspan(received_offset_);
    const auto part = left.first(std::min(left.size(), buffer.size()));
    std::copy(part.begin(), part.end(), buffer.begin());
    received_offset_ += part.size();
    return part.size();
  }
  while (true) {
    const auto count = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    if (cancelled_) return Errc::stopped;
    if (count == 0) return Error(Errc::peer_unreachable, "the other side closed the connection");
    if (!try_again(errno)) return broken(errno);
    if (auto waited = wait(POLLIN, idle); !waited) return std::move(waited).error();
  }
}

Result<void> BlockingSocket::read(std::span<std::byte> buffer, std::chrono::milliseconds idle) {
  while (!buffer.empty()) {
    const auto count = read_some(buffer, idle);
    if (!count) return count.error();
    buffer = buffer.subspan(*count);
  }
  return {};
}

bool BlockingSocket::is_readable() {
  return received_offset_ != received_.size() ||
         wait(POLLIN, std::chrono::milliseconds{0}).has_value();
}

void BlockingSocket::pause(std::chrono::milliseconds duration) {
  (void)wait(0, duration);
}

void BlockingSocket::finish(std::chrono::milliseconds limit) {
  ::shutdown(descriptor_, SHUT_WR);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::array<std::byte, 4096> discarded{};
  while (std::chrono::steady_clock::now() < deadline) {
    if (!read_some(discarded, limit)) return;
  }
}

}  // namespace raftkit::transport
