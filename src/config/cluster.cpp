#include <algorithm>

#include "raftkit/config_cluster.hpp"

#include "config/digest.hpp"
#include "config/text.hpp"

namespace raftkit::config {

namespace {

Result<ClusterId> cluster_id(const std::vector<ClusterMember>& members) {
  std::string ids;
  for (const ClusterMember& member : members)
    ids += big_endian(member.id.value);
  const auto prefix = digest_prefix(ids);
  if (!prefix) return prefix.error();
  return ClusterId{*prefix};
}

Error same_id(const ClusterMember& left, const ClusterMember& right) {
  return {Errc::invalid_option,
          "--initial-cluster: members " + quoted(left.name) + " and " + quoted(right.name) +
              " have the same ID " + to_string(left.id) + ", because their URLs are the same (" +
              join(left.peer_urls) + "): give each member its own"};
}

}  // namespace

const ClusterMember* InitialCluster::find(std::string_view name) const {
  const auto found = std::find_if(
      members.begin(), members.end(), [&](const auto& member) { return member.name == name; });
  return found == members.end() ? nullptr : &*found;
}

Result<MemberUrls> parse_initial_cluster(std::string_view text) {
  MemberUrls members;
  for (const std::string_view piece : split(text, ',')) {
    if (piece.empty()) continue;
    const std::string where = "--initial-cluster: " + quoted(piece) + ": ";
    if (piece.find('=') == std::string_view::npos)
      return Error(Errc::invalid_option, where + "write name=http://host:port");
    const auto [name, value] = cut(piece, '=');
    auto url = Url::parse(value);
    if (!url) return Error(Errc::invalid_option, where + url.error().message());
    members[std::string(name)].push_back(*std::move(url));
  }
  for (auto& [name, urls] : members)
    std::sort(urls.begin(), urls.end());
  return members;
}

Result<InitialCluster> make_initial_cluster(std::string_view text, ClusterToken token) {
  const auto members = parse_initial_cluster(text);
  if (!members) return members.error();
  return make_initial_cluster(*members, token);
}

Result<InitialCluster> make_initial_cluster(const MemberUrls& members, ClusterToken token) {
  InitialCluster cluster;
  for (const auto& [name, urls] : members) {
    const auto id = member_id(texts(urls), token);
    if (!id) return id.error();
    cluster.members.push_back({name, texts(urls), *id});
  }
  std::stable_sort(cluster.members.begin(),
                   cluster.members.end(),
                   [](const auto& left, const auto& right) { return left.id < right.id; });
  const auto twins = std::adjacent_find(
      cluster.members.begin(), cluster.members.end(), [](const auto& left, const auto& right) {
        return left.id == right.id;
      });
  if (twins != cluster.members.end()) return same_id(*twins, *std::next(twins));
  const auto id = cluster_id(cluster.members);
  if (!id) return id.error();
  cluster.id = *id;
  return cluster;
}

Result<NodeId> member_id(std::vector<std::string> peer_urls, ClusterToken token) {
  std::sort(peer_urls.begin(), peer_urls.end());
  // Without anything in between: port "238" with token "0x" is port "2380" with token "x". etcd's
  // choice, and changing it would change every ID.
  std::string bytes;
  for (const std::string& url : peer_urls)
    bytes += url;
  bytes += token.text;
  const auto prefix = digest_prefix(bytes);
  if (!prefix) return prefix.error();
  if (*prefix == 0)
    return Error(Errc::invalid_option,
                 "the member ID of " + join(peer_urls) +
                     " would be 0, which means none: choose another --initial-cluster-token");
  return NodeId{*prefix};
}

Result<NodeId> added_member_id(std::vector<std::string> peer_urls, std::int64_t unix_seconds) {
  // The time stands where the token stands at bootstrap, so that a member that is removed and added
  // again gets another ID.
  const std::string seconds = std::to_string(unix_seconds);
  return member_id(std::move(peer_urls), ClusterToken{seconds});
}

}  // namespace raftkit::config
