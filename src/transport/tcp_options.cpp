#include <array>

#include "raftkit/tcp_transport.hpp"

#include "transport/snapshot_stream.hpp"
#include "transport/url.hpp"

namespace raftkit {

namespace {

Error refused(const std::string& field, const std::string& value, const std::string& why) {
  return {Errc::invalid_option, "TcpTransportOptions::" + field + " is " + value + ": " + why};
}

}  // namespace

Result<void> TcpTransportOptions::validate() const {
  if (listen_urls.empty()) return refused("listen_urls", "empty", "no peer could call");
  for (const auto& url : listen_urls) {
    if (auto parsed = transport::parse_url(url); !parsed) return std::move(parsed).error();
  }

  struct Size {
    const char* name;
    std::size_t value;
    std::size_t min;
    std::size_t max;
  };
  constexpr std::size_t kMax = std::size_t{1} << 40;
  const std::array sizes = {
      Size{"max_message_bytes", max_message_bytes, 65536, std::size_t{1} << 30},
      Size{"max_queue_bytes", max_queue_bytes, 1, kMax},
      Size{"max_control_queue_bytes", max_control_queue_bytes, 1, kMax},
      Size{"max_pending_connections", max_pending_connections, 1, 65536},
  };
  for (const Size& size : sizes) {
    if (size.value < size.min || size.value > size.max) {
      return refused(
          size.name,
          std::to_string(size.value),
          "must be from " + std::to_string(size.min) + " to " + std::to_string(size.max));
    }
  }

  struct Time {
    const char* name;
    std::chrono::milliseconds value;
  };
  const std::array times = {
      Time{"dial_timeout", dial_timeout},
      Time{"request_timeout", request_timeout},
      Time{"idle_timeout", idle_timeout},
      Time{"backoff_min", backoff_min},
      Time{"backoff_max", backoff_max},
      Time{"linger", linger},
      Time{"snapshot_idle_timeout", snapshot_idle_timeout},
      Time{"snapshot_commit_timeout", snapshot_commit_timeout},
  };
  constexpr std::chrono::hours kLongest{24};
  for (const Time& time : times) {
    if (time.value < std::chrono::milliseconds{1} || time.value > kLongest)
      return refused(time.name, std::to_string(time.value.count()) + " ms", "must be 1 ms to 24 h");
  }
  if (snapshot_resume_timeout < std::chrono::milliseconds{0} || snapshot_resume_timeout > kLongest)
    return refused("snapshot_resume_timeout",
                   std::to_string(snapshot_resume_timeout.count()) + " ms",
                   "must be 0 ms to 24 h");
  const auto idle = static_cast<std::uint64_t>(snapshot_idle_timeout.count());
  const std::uint64_t slowest = 2000 * transport::OutgoingSnapshot::kChunkBytes / idle + 1;
  if (snapshot_bytes_per_second != 0 && snapshot_bytes_per_second < slowest)
    return refused("snapshot_bytes_per_second",
                   std::to_string(snapshot_bytes_per_second),
                   "must be 0 or at least " + std::to_string(slowest));
  if (backoff_min > backoff_max)
    return refused("backoff_min", std::to_string(backoff_min.count()) + " ms", "over backoff_max");
  return {};
}

}  // namespace raftkit
