// HTTP/1.1 as far as the peer port speaks it: a request without a body, one response, and the bytes
// behind it. Does no I/O. Keeps Beast out of everybody else's headers.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "raftkit/result.hpp"

namespace raftkit::transport {

inline constexpr std::size_t kMaxHttpHeaderBytes = 8192;
inline constexpr std::size_t kMaxHttpBodyBytes = std::size_t{1} << 20;

class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields)
      : fields_(fields) {}

  void add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
  }
  /// The first value of that name, whatever its case; empty if there is none.
  [[nodiscard]] std::string_view find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& fields() const {
    return fields_;
  }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;
  std::string target;
  HttpHeaders headers;
};

struct HttpResponse {
  unsigned status = 0;
  HttpHeaders headers;
  std::string body;
};

/// Collects one request. Owner: one connection.
class HttpRequestReader {
 public:
  /// Takes in more bytes; the request, once its header is complete. Errors: malformed ·
  /// message_too_large.
  [[nodiscard]] Result<std::optional<HttpRequest>> feed(std::span<const std::byte> bytes);
  /// What has come behind the request.
  [[nodiscard]] std::span<const std::byte> rest() const;

 private:
  std::string buffer_;
  std::size_t header_bytes_ = 0;
};

/// Collects one response. Owner: one connection.
class HttpResponseReader {
 public:
  HttpResponseReader();
  HttpResponseReader(HttpResponseReader&&) noexcept;
  HttpResponseReader& operator=(HttpResponseReader&&) noexcept;
  ~HttpResponseReader();

  /// Takes in more bytes; the response, once it is complete. Errors: malformed · message_too_large.
  [[nodiscard]] Result<std::optional<HttpResponse>> feed(std::span<const std::byte> bytes);
  /// The other side closed: the response, if that is how its end was to be told. Errors: malformed.
  [[nodiscard]] Result<HttpResponse> finish();
  /// What has come behind the response.
  [[nodiscard]] std::span<const std::byte> rest() const;

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
  std::string buffer_;  ///< not yet taken by the parser
};

[[nodiscard]] std::string to_text(const HttpRequest& request);
/// Adds Content-Length and, unless it is an upgrade, Connection: close.
[[nodiscard]] std::string to_text(const HttpResponse& response);

}  // namespace raftkit::transport
