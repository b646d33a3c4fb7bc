// Peer URLs: http://host:port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "raftkit/result.hpp"

namespace raftkit::transport {

struct Url {
  std::string host;  ///< a name or an address, IPv6 without its brackets
  std::uint16_t port = 0;

  friend bool operator==(const Url&, const Url&) = default;
};

/// Errors: invalid_option, quoting `text`: not http, no port, a path, or not a URL at all.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// "host:port", IPv6 in brackets: as it stands in a URL and in the Host header.
[[nodiscard]] std::string host_and_port(const Url& url);

[[nodiscard]] std::string to_string(const Url& url);

}  // namespace raftkit::transport
