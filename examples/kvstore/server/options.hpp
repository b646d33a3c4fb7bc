// The server's own options, beside those of every member.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "raftkit/config.hpp"

namespace kvstore {

inline constexpr const char* kVersion = "3.4.23";  ///< of the API; etcd's clients compare it

struct ServerOptions {
  raftkit::config::MemberOptions member;
  std::vector<raftkit::config::Url> listen_client_urls;
  std::vector<raftkit::config::Url> advertise_client_urls;
};

/// The table that parses into `options`, which must outlive it and stay in place.
[[nodiscard]] std::unique_ptr<raftkit::config::OptionTable> make_option_table(
    ServerOptions& options);

}  // namespace kvstore
