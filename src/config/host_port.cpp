#include <algorithm>

#include "raftkit/config_url.hpp"

#include "config/text.hpp"

namespace raftkit::config {

namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::size_t kGroupsOfIpv6 = 8;

Error not_host_port(std::string_view text) {
  return {Errc::invalid_argument,
          quoted(text) + " does not have the form host:port ([host]:port for IPv6)"};
}

bool has_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == kNone;
}

bool is_byte(std::string_view text) {
  const bool has_leading_zero = text.size() > 1 && text.front() == '0';
  if (text.empty() || text.size() > 3 || has_leading_zero || !has_only(text, "0123456789"))
    return false;
  return text.size() < 3 || text <= "255";
}

bool is_ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), is_byte);
}

enum class Ipv4Tail { allowed, forbidden };

// How many groups of 16 bits stand between the colons; more than an address has if one is wrong.
std::size_t count_groups(std::string_view text, Ipv4Tail tail) {
  constexpr std::size_t wrong = kGroupsOfIpv6 + 1;
  if (text.empty()) return 0;
  auto parts = split(text, ':');
  std::size_t count = 0;
  if (tail == Ipv4Tail::allowed && is_ipv4(parts.back())) {
    parts.pop_back();
    count = 2;
  }
  for (const std::string_view part : parts) {
    if (part.empty() || part.size() > 4 || !has_only(part, "0123456789abcdefABCDEF")) return wrong;
    ++count;
  }
  return count;
}

bool is_ipv6(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == kNone) return count_groups(text, Ipv4Tail::allowed) == kGroupsOfIpv6;
  return count_groups(text.substr(0, gap), Ipv4Tail::forbidden) +
             count_groups(text.substr(gap + 2), Ipv4Tail::allowed) <
         kGroupsOfIpv6;
}

}  // namespace

Result<HostPort> split_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == kNone) return not_host_port(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return not_host_port(text);
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != kNone) {
    return not_host_port(text);
  }
  const bool has_brackets_left = host.find_first_of("[]") != kNone;
  if (has_brackets_left || port.find_first_of("[]") != kNone) return not_host_port(text);
  return HostPort{std::string(host), std::string(port)};
}

std::string join_host_port(const HostPort& address) {
  const bool needs_brackets = address.host.find(':') != std::string::npos;
  return (needs_brackets ? "[" + address.host + "]" : address.host) + ":" + address.port;
}

bool is_ip_literal(std::string_view host) {
  return is_ipv4(host) || is_ipv6(host);
}

}  // namespace raftkit::config
