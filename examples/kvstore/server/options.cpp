#include "server/options.hpp"

namespace kvstore {

using raftkit::Errc;
using raftkit::Error;
using raftkit::Result;
namespace config = raftkit::config;

namespace {

constexpr const char* kDefaultClientUrl = "http://localhost:2379";

Result<void> check_client_urls(const ServerOptions& options, const config::Run& run) {
  if (auto good = config::check_listen_urls("listen-client-urls", options.listen_client_urls);
      !good) {
    return good;
  }
  // Clients are told the advertised addresses: the default one would send them to their own host.
  if (run.is_set("listen-client-urls") && !run.is_set("advertise-client-urls")) {
    return Error(
        Errc::invalid_option,
        "--advertise-client-urls is required when --listen-client-urls is set explicitly: it is "
        "what clients of the other members are told to connect to");
  }
  return config::check_advertise_urls("advertise-client-urls", options.advertise_client_urls);
}

}  // namespace

std::unique_ptr<config::OptionTable> make_option_table(ServerOptions& options) {
  options.listen_client_urls = config::parse_url_list(kDefaultClientUrl).value();
  options.advertise_client_urls = options.listen_client_urls;
  auto table = std::make_unique<config::OptionTable>(config::Program{
      .name = "kvstore",
      .version_text = std::string("kvstore Version: ") + RAFTKIT_VERSION +
                      "\netcd API Version: " + kVersion + "\n",
  });
  config::add_member_options(*table, options.member);
  table->add({.name = "listen-client-urls",
              .group = "Member",
              .help = "Addresses to serve clients on: gRPC and HTTP/1.1 on each."},
             config::bind(options.listen_client_urls));
  table->add(
      {.name = "advertise-client-urls",
       .group = "Clustering",
       .help = "Addresses of this member that clients are told; published to all members at each "
               "start."},
      config::bind(options.advertise_client_urls));
  table->add_check([&options](config::Run& run) { return check_client_urls(options, run); });
  return table;
}

}  // namespace kvstore
