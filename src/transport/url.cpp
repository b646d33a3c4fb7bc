#include "transport/url.hpp"

#include "transport/parse_number.hpp"

namespace raftkit::transport {

namespace {

Error refused(std::string_view text, std::string_view why) {
  return {Errc::invalid_option, "URL \"" + std::string(text) + "\" " + std::string(why)};
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.starts_with("https://")) return refused(text, "needs TLS, which this transport has not");
  if (!text.starts_with(kScheme)) return refused(text, "does not begin with http://");
  std::string_view rest = text.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@") != std::string_view::npos)
    return refused(text, "must be http://host:port and nothing else");

  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || rest.ends_with(']')) return refused(text, "names no port");
  Url url;
  const auto port = parse_number<std::uint16_t>(rest.substr(colon + 1));
  if (!port) return refused(text, "has a port that is no number from 0 to 65535");
  url.port = *port;
  std::string_view host = rest.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    return refused(text, "has an IPv6 address without brackets");
  }
  if (host.empty()) return refused(text, "names no host");
  if (host.find_first_of("[]") != std::string_view::npos)
    return refused(text, "has brackets where none belong");
  url.host = host;
  return url;
}

std::string host_and_port(const Url& url) {
  const bool is_ipv6 = url.host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

std::string to_string(const Url& url) {
  return "http://" + host_and_port(url);
}

}  // namespace raftkit::transport
