// What the peer port tells anybody who asks: GET /version and GET /members, as etcd's does. No I/O.
#pragma once

#include <string>

#include "raftkit/membership.hpp"
#include "raftkit/tcp_transport.hpp"

#include "transport/http.hpp"

namespace raftkit::transport {

struct PageContent {
  std::string version_json;
  ClusterId cluster;
  MembershipPtr membership;           ///< null: not known yet
  std::string client_urls_attribute;  ///< of a member, shown as clientURLs; several with commas
};

/// The page, or the error page, for a request that is no upgrade.
[[nodiscard]] HttpResponse answer(const HttpRequest& request, const PageContent& content);

[[nodiscard]] HttpRequest members_request(const std::string& host);

/// The inverse of GET /members. Errors: malformed · protocol_mismatch: any answer but 200.
[[nodiscard]] Result<RemoteCluster> read_members(const HttpResponse& response,
                                                 std::string_view client_urls_attribute);

}  // namespace raftkit::transport
