// Addresses as etcd writes them: scheme, host and port, never a path.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/result.hpp"

namespace raftkit::config {

/// What "host:port" is made of. The host stands without the brackets of an IPv6 address; the port
/// is text, because "" and "02380" mean something too. Either may be empty.
struct HostPort {
  std::string host;
  std::string port;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// Splits at the colon before the port; an IPv6 host needs its brackets. Errors: invalid_argument.
[[nodiscard]] Result<HostPort> split_host_port(std::string_view text);
/// Puts brackets around a host with colons.
[[nodiscard]] std::string join_host_port(const HostPort& address);

/// True for "10.0.0.1" and "::1"; false for names, for zones and for leading zeros.
[[nodiscard]] bool is_ip_literal(std::string_view host);

/// A URL that etcd's rules accept: scheme http, https, unix or unixs, then host:port, no path.
/// Query, fragment and user are kept in the text, as in etcd, and mean nothing. Equality and order
/// are those of the text: "localhost" and "127.0.0.1" differ. Immutable.
class Url {
 public:
  /// White space around it is ignored. Errors: invalid_argument; the detail quotes the text and
  /// says what to write instead.
  [[nodiscard]] static Result<Url> parse(std::string_view text);

  [[nodiscard]] const std::string& scheme() const { return scheme_; }  ///< lower case
  [[nodiscard]] const std::string& host() const { return address_.host; }
  [[nodiscard]] const std::string& port() const { return address_.port; }
  /// Errors: invalid_argument: over 65535. An empty port is 0: any free one.
  [[nodiscard]] Result<std::uint16_t> port_number() const;
  /// "host:port", to connect to.
  [[nodiscard]] std::string host_port() const { return join_host_port(address_); }
  /// The text that enters member IDs: lower-case scheme, everything else as it was written.
  [[nodiscard]] const std::string& text() const { return text_; }

  friend bool operator==(const Url& left, const Url& right) { return left.text_ == right.text_; }
  friend auto operator<=>(const Url& left, const Url& right) { return left.text_ <=> right.text_; }

 private:
  Url(std::string scheme, HostPort address, std::string text)
      : scheme_(std::move(scheme)), address_(std::move(address)), text_(std::move(text)) {}

  std::string scheme_;
  HostPort address_;
  std::string text_;
};

/// URLs between commas; sorted by text, repetitions kept. Errors: as Url::parse; an empty piece is
/// one.
[[nodiscard]] Result<std::vector<Url>> parse_url_list(std::string_view text);

[[nodiscard]] std::vector<std::string> texts(std::span<const Url> urls);

/// The texts with commas between them.
[[nodiscard]] std::string to_string(std::span<const Url> urls);

}  // namespace raftkit::config
