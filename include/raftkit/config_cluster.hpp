// Who a new cluster consists of, and the IDs that follow from it: computed as etcd computes them,
// so that the same flags give the same IDs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/config_url.hpp"
#include "raftkit/result.hpp"
#include "raftkit/types.hpp"

namespace raftkit::config {

struct ClusterMember {
  std::string name;
  std::vector<std::string> peer_urls;  ///< ascending, repetitions kept
  NodeId id;

  friend bool operator==(const ClusterMember&, const ClusterMember&) = default;
};

struct InitialCluster {
  std::vector<ClusterMember> members;  ///< ascending by id, no id twice
  ClusterId id;

  /// The member of that name, or nullptr.
  [[nodiscard]] const ClusterMember* find(std::string_view name) const;

  friend bool operator==(const InitialCluster&, const InitialCluster&) = default;
};

/// Peer URLs by member name; each list ascending, repetitions kept.
using MemberUrls = std::map<std::string, std::vector<Url>, std::less<>>;

/// Mixed into member IDs, so that clusters with equal addresses differ. Any text, also none.
struct ClusterToken {
  std::string_view text;
};

/// Reads "name=url,name=url": empty pieces are skipped, a repeated name adds URLs, a name is
/// everything before the first '='. Errors: invalid_option, quoting the piece.
[[nodiscard]] Result<MemberUrls> parse_initial_cluster(std::string_view text);

/// The cluster of --initial-cluster and --initial-cluster-token. No members make a cluster too,
/// with an ID; whether it may start is for validate_bootstrap(). Errors: invalid_option: as
/// parse_initial_cluster, or two members with one ID · not_supported: as member_id.
[[nodiscard]] Result<InitialCluster> make_initial_cluster(std::string_view text,
                                                          ClusterToken token);
[[nodiscard]] Result<InitialCluster> make_initial_cluster(const MemberUrls& members,
                                                          ClusterToken token);

/// The ID of a member of a new cluster; the order of the URLs and the member's name do not matter.
/// Errors: invalid_option: the ID would be 0, which means "none" · not_supported: OpenSSL here has
/// no SHA-1.
[[nodiscard]] Result<NodeId> member_id(std::vector<std::string> peer_urls, ClusterToken token);

/// The ID of a member added to a running cluster by a node whose clock shows `unix_seconds`.
/// Errors: as member_id.
[[nodiscard]] Result<NodeId> added_member_id(std::vector<std::string> peer_urls,
                                             std::int64_t unix_seconds);

}  // namespace raftkit::config
