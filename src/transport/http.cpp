#include "transport/http.hpp"

#include <algorithm>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace raftkit::transport {

namespace http = boost::beast::http;

namespace {

constexpr std::string_view kHeaderEnd = "\r\n\r\n";

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error translated(const boost::system::error_code& ec) {
  const bool too_large = ec == http::error::header_limit || ec == http::error::body_limit ||
                         ec == http::error::buffer_overflow;
  return {too_large ? Errc::message_too_large : Errc::malformed, "HTTP: " + ec.message()};
}

template <class Fields>
HttpHeaders headers_of(const Fields& fields) {
  HttpHeaders headers;
  for (const auto& field : fields)
    headers.add(std::string(field.name_string()), std::string(field.value()));
  return headers;
}

/// Whether this can become HTTP at all. Says no to TLS, to random bytes and to frames at once,
/// instead of waiting for a header that never ends.
bool looks_like_http(std::string_view text) {
  const auto token = text.substr(0, std::min<std::size_t>(text.size(), 3));
  return std::all_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void append_headers(std::string& text, const HttpHeaders& headers) {
  for (const auto& [name, value] : headers.fields())
    text += name + ": " + value + "\r\n";
}

}  // namespace

std::string_view HttpHeaders::find(std::string_view name) const {
  const auto at = std::find_if(fields_.begin(), fields_.end(), [&](const auto& field) {
    return boost::beast::iequals({field.first.data(), field.first.size()},
                                 {name.data(), name.size()});
  });
  return at == fields_.end() ? std::string_view() : at->second;
}

Result<std::optional<HttpRequest>> HttpRequestReader::feed(std::span<const std::byte> bytes) {
  const std::size_t searched = buffer_.size() - std::min(buffer_.size(), kHeaderEnd.size() - 1);
  buffer_.append(as_text(bytes));
  if (!looks_like_http(buffer_)) return Error(Errc::malformed, "not an HTTP request");
  const std::size_t end = buffer_.find(kHeaderEnd, searched);
  if (std::min(end, buffer_.size()) > kMaxHttpHeaderBytes)
    return Error(Errc::message_too_large, "an HTTP request with a header over 8 KiB");
  if (end == std::string::npos) return std::optional<HttpRequest>();

  header_bytes_ = end + kHeaderEnd.size();
  http::request_parser<http::empty_body> parser;
  parser.body_limit(0);
  boost::system::error_code ec;
  parser.put(boost::asio::buffer(buffer_.data(), header_bytes_), ec);
  if (ec) return translated(ec);
  if (!parser.is_done()) return Error(Errc::malformed, "an HTTP request with a body");
  const auto& message = parser.get();
  return std::optional(HttpRequest{
      std::string(message.method_string()), std::string(message.target()), headers_of(message)});
}

std::span<const std::byte> HttpRequestReader::rest() const {
  return std::as_bytes(std::span(buffer_)).subspan(header_bytes_);
}

struct HttpResponseReader::Parser {
  http::response_parser<http::string_body> parser;
};

HttpResponseReader::HttpResponseReader() : parser_(std::make_unique<Parser>()) {
  parser_->parser.header_limit(static_cast<std::uint32_t>(kMaxHttpHeaderBytes));
  parser_->parser.body_limit(kMaxHttpBodyBytes);
  parser_->parser.eager(true);
}
HttpResponseReader::HttpResponseReader(HttpResponseReader&&) noexcept = default;
HttpResponseReader& HttpResponseReader::operator=(HttpResponseReader&&) noexcept = default;
HttpResponseReader::~HttpResponseReader() = default;

Result<std::optional<HttpResponse>> HttpResponseReader::feed(std::span<const std::byte> bytes) {
  buffer_.append(as_text(bytes));
  auto& parser = parser_->parser;
  while (!parser.is_done() && !buffer_.empty()) {
    boost::system::error_code ec;
    const std::size_t taken = parser.put(boost::asio::buffer(buffer_), ec);
    buffer_.erase(0, taken);
    if (ec == http::error::need_more || (!ec && taken == 0)) break;
    if (ec) return translated(ec);
  }
  if (!parser.is_done()) return std::optional<HttpResponse>();
  auto response = finish();
  if (!response) return std::move(response).error();
  return std::optional(*std::move(response));
}

Result<HttpResponse> HttpResponseReader::finish() {
  auto& parser = parser_->parser;
  if (!parser.is_done()) {
    boost::system::error_code ec;
    if (!parser.got_some()) return Error(Errc::malformed, "closed without an answer");
    parser.put_eof(ec);
    if (ec) return translated(ec);
  }
  auto& message = parser.get();
  return HttpResponse{message.result_int(), headers_of(message), std::move(message.body())};
}

std::span<const std::byte> HttpResponseReader::rest() const {
  return std::as_bytes(std::span(buffer_));
}

std::string to_text(const HttpRequest& request) {
  std::string text = request.method + " " + request.target + " HTTP/1.1\r\n";
  append_headers(text, request.headers);
  return text + "\r\n";
}

std::string to_text(const HttpResponse& response) {
  const bool upgrades = response.status == 101;
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  std::string text =
      "HTTP/1.1 " + std::to_string(response.status) + " " + std::string(reason) + "\r\n";
  append_headers(text, response.headers);
  if (!upgrades) {
    text += "Content-Length: " + std::to_string(response.body.size()) + "\r\nConnection: close\r\n";
  }
  return text + "\r\n" + response.body;
}

}  // namespace raftkit::transport
