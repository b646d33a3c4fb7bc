// A socket for a thread that may wait, but not for ever.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <span>
#include <vector>

#include "raftkit/result.hpp"

namespace raftkit::transport {

/// Reads and writes with a limit on how long nothing may move. Owner: one thread at a time;
/// cancel() is thread-safe.
class BlockingSocket {
 public:
  /// Takes over a connected, non-blocking descriptor, and bytes that were already read from it.
  BlockingSocket(int descriptor, std::vector<std::byte> received);
  ~BlockingSocket();  // closes it
  BlockingSocket(const BlockingSocket&) = delete;
  BlockingSocket& operator=(const BlockingSocket&) = delete;

  /// Errors of all: timed_out: nothing moved for so long · stopped: after cancel() ·
  /// peer_unreachable: the connection ended.
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes,
                                   std::chrono::milliseconds idle);
  /// At least one byte.
  [[nodiscard]] Result<std::size_t> read_some(std::span<std::byte> buffer,
                                              std::chrono::milliseconds idle);
  /// All of `buffer`.
  [[nodiscard]] Result<void> read(std::span<std::byte> buffer, std::chrono::milliseconds idle);
  /// Whether there is something to read now.
  [[nodiscard]] bool is_readable();
  /// Lets time pass, unless the connection ends.
  void pause(std::chrono::milliseconds duration);
  /// Nothing more will be written; waits until the other side has closed, for at most `limit`.
  void finish(std::chrono::milliseconds limit);

  void cancel();

 private:
  Result<void> wait(short events, std::chrono::milliseconds limit);

  int descriptor_;
  std::atomic<bool> cancelled_{false};
  std::vector<std::byte> received_;
  std::size_t received_offset_ = 0;
};

}  // namespace raftkit::transport
