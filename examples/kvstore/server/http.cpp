#include "server/http.hpp"

#include <memory>
#include <optional>

#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace kvstore {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;

constexpr std::chrono::seconds kIdle{60};
constexpr std::size_t kMaxHeader = 16 * 1024;
constexpr std::size_t kMaxBody = 64 * 1024;

/// One connection; keeps itself alive while something is under way.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, const HttpSite& site) : stream_(std::move(socket)), site_(site) {}

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    stream_.expires_after(kIdle);
    http::async_read(
        stream_, buffer_, *parser_, [self = shared_from_this()](error_code code, std::size_t) {
          if (!code) self->answer();
        });
  }

 private:
  void answer() {
    const auto& request = parser_->get();
    const std::string path(request.target().substr(0, request.target().find('?')));
    if (path != "/version" && path != "/health") {
      return respond(http::status::not_found, "text/plain; charset=utf-8", "404 page not found\n");
    }
    if (request.method() != http::verb::get) {
      return respond(
          http::status::method_not_allowed, "text/plain; charset=utf-8", "Method Not Allowed\n");
    }
    if (path == "/version")
      return respond(http::status::ok, "application/json", site_.version_json);
    site_.check_health([self = shared_from_this()](bool healthy) {
      boost::asio::post(self->stream_.get_executor(), [self, healthy] {
        self->respond(healthy ? http::status::ok : http::status::service_unavailable,
                      "text/plain; charset=utf-8",
                      healthy ? R"({"health":"true"})" : R"({"health":"false"})");
      });
    });
  }

  void respond(http::status status, const char* type, std::string body) {
    const auto& request = parser_->get();
    response_.emplace(status, request.version());
    response_->set(http::field::content_type, type);
    response_->set(http::field::access_control_allow_origin, "*");
    if (status == http::status::method_not_allowed) response_->set(http::field::allow, "GET");
    response_->keep_alive(request.keep_alive());
    if (request.method() != http::verb::head) response_->body() = std::move(body);
    response_->prepare_payload();
    stream_.expires_after(kIdle);
    http::async_write(
        stream_, *response_, [self = shared_from_this()](error_code code, std::size_t) {
          if (code) return;
          if (self->response_->keep_alive()) return self->read();
          self->stream_.socket().shutdown(tcp::socket::shutdown_send, code);
        });
  }

  beast::tcp_stream stream_;
  const HttpSite& site_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
};

}  // namespace

void serve_http(tcp::socket socket, const HttpSite& site) {
  std::make_shared<Connection>(std::move(socket), site)->read();
}

}  // namespace kvstore
