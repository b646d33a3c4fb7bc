#include <set>

#include "raftkit/config_member.hpp"

#include "config/limits.hpp"
#include "config/text.hpp"

namespace raftkit::config {

namespace {

Error refused(std::string_view option, std::string_view value, const std::string& why) {
  return {Errc::invalid_option, "--" + std::string(option) + "=" + std::string(value) + ": " + why};
}

Result<void> check_transport(std::string_view option, const Url& url) {
  if (url.scheme() != "http")
    return refused(
        option,
        url.text(),
        "this build serves http only, not " + url.scheme() + ": write http://" + url.host_port());
  if (!url.port_number()) return refused(option, url.text(), "the port must be at most 65535");
  return {};
}

// Two listeners on one address: the second could only fail, with a worse message.
Result<void> check_distinct(std::string_view option, std::span<const Url> urls) {
  std::set<Url> seen;
  for (const Url& url : urls) {
    const bool is_fixed = *url.port_number() != 0;
    if (!seen.insert(url).second && is_fixed)
      return refused(option, to_string(urls), url.text() + " is listed twice");
  }
  return {};
}

Result<void> check_timing(const MemberOptions& options) {
  // Divided, not multiplied: an absurd interval must not overflow into an acceptable one.
  if (options.heartbeat_interval <= options.election_timeout / 5) return {};
  return Error(Errc::invalid_option,
               "--election-timeout=" + std::to_string(options.election_timeout.count()) +
                   " ms must be at least 5 times --heartbeat-interval=" +
                   std::to_string(options.heartbeat_interval.count()) + " ms");
}

// Not much slower, and the other side would take the pauses for a broken connection.
Result<void> check_snapshot_rate(const MemberOptions& options) {
  const std::uint64_t rate = options.snapshot_bytes_per_second;
  if (rate == 0 || rate >= kMinSnapshotBytesPerSecond) return {};
  return refused(
      "snapshot-bytes-per-second",
      std::to_string(rate),
      "must be 0, for no limit, or at least " + std::to_string(kMinSnapshotBytesPerSecond));
}

Result<void> check_single_limits(const MemberOptions& options) {
  MemberOptions copy = options;
  OptionTable table({});
  add_member_options(table, copy);
  return check_limits(table, {});
}

}  // namespace

Result<void> check_listen_urls(std::string_view option, std::span<const Url> urls) {
  for (const Url& url : urls) {
    if (auto checked = check_transport(option, url); !checked) return checked;
    if (url.host() != "localhost" && !is_ip_literal(url.host()))
      return refused(option,
                     url.text(),
                     "only an IP address or localhost can be listened on, not " +
                         quoted(url.host()) + ": names may only be advertised");
  }
  return {};
}

Result<void> check_advertise_urls(std::string_view option, std::span<const Url> urls) {
  for (const Url& url : urls) {
    if (url.host().empty())
      return refused(
          option, url.text(), "has no host: write the host at which others reach this member");
  }
  return {};
}

Result<void> validate(const MemberOptions& options) {
  const auto& listen = options.listen_peer_urls;
  if (auto checked = check_single_limits(options); !checked) return checked;
  if (auto checked = check_listen_urls("listen-peer-urls", listen); !checked) return checked;
  if (auto checked = check_distinct("listen-peer-urls", listen); !checked) return checked;
  if (auto checked =
          check_advertise_urls("initial-advertise-peer-urls", options.initial_advertise_peer_urls);
      !checked)
    return checked;
  if (auto checked = check_snapshot_rate(options); !checked) return checked;
  return check_timing(options);
}

}  // namespace raftkit::config
