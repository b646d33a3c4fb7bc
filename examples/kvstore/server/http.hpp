// What the client port answers to HTTP/1.1.
#pragma once

#include <functional>
#include <string>

#include "server/asio.hpp"

namespace kvstore {

/// Answers on one connection until it closes or says nothing for a while. `is_healthy` reports, on
/// any thread, whether this member can serve a linearizable read.
struct HttpSite {
  std::string version_json;
  std::function<void(std::function<void(bool)>)> check_health;
};

/// GET /version, GET /health; everything else is 404, as in etcd. `site` must outlive the
/// connection.
void serve_http(tcp::socket socket, const HttpSite& site);

}  // namespace kvstore
