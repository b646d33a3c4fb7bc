// What must hold at a first start. The first time is the only one at which these mistakes can be
// corrected by editing flags, so every message says what to edit.
#include <algorithm>
#include <iterator>

#include "raftkit/config_member.hpp"

#include "config/text.hpp"

namespace raftkit::config {

namespace {

Error refused(std::string text) {
  return {Errc::invalid_option, std::move(text)};
}

Result<void> check_served(const MemberUrls& members) {
  for (const auto& [name, urls] : members) {
    for (const Url& url : urls) {
      if (url.scheme() != "http")
        return refused("--initial-cluster has " + name + "=" + url.text() +
                       ": this build serves http only: write http://" + url.host_port());
      if (!url.port_number())
        return refused("--initial-cluster has " + name + "=" + url.text() +
                       ": the port must be at most 65535");
    }
  }
  return {};
}

Error not_a_member(const MemberOptions& options, const MemberUrls& members) {
  const std::string name = "--name=" + quoted(options.name);
  const std::string cluster = "--initial-cluster=" + options.initial_cluster;
  if (options.name.find_first_of(",=") != std::string::npos)
    return refused(name + " can be no member of " + cluster +
                   ": choose a name without ',' and '='");
  std::string names;
  for (const auto& [member, urls] : members)
    names += (names.empty() ? "" : ", ") + quoted(member);
  return refused(name + " is not a member of " + cluster + ": add " + options.name +
                 "=URL there, or correct --name" +
                 (names.empty() ? "" : " (the members are " + names + ")"));
}

std::vector<std::string> without(const std::vector<std::string>& urls,
                                 const std::vector<std::string>& others) {
  std::vector<std::string> rest;
  for (const std::string& url : urls) {
    const bool is_new = std::find(rest.begin(), rest.end(), url) == rest.end();
    const bool is_missing = std::find(others.begin(), others.end(), url) == others.end();
    if (is_new && is_missing) rest.push_back(url);
  }
  return rest;
}

std::string entry(const std::string& name, const std::vector<std::string>& urls) {
  std::string text;
  for (const std::string& url : urls) {
    if (!text.empty()) text += ',';
    text.append(name).append("=").append(url);
  }
  return text;
}

// The member's own entry must be what it tells the others.
Result<void> check_advertised(const MemberOptions& options, const std::vector<Url>& own_urls) {
  std::vector<std::string> own = texts(own_urls);
  std::vector<std::string> advertised = texts(options.initial_advertise_peer_urls);
  std::sort(own.begin(), own.end());
  std::sort(advertised.begin(), advertised.end());
  if (own == advertised) return {};
  const bool is_default = options.initial_cluster == kDefaultInitialCluster;
  const std::string remedy = is_default
                                 ? ": set --initial-cluster, which still has its default"
                                 : ": both must list the same URLs for " + quoted(options.name);
  if (const auto missing = without(own, advertised); !missing.empty())
    return refused("--initial-cluster has " + entry(options.name, missing) +
                   " but missing from --initial-advertise-peer-urls=" + join(advertised) + remedy);
  if (const auto missing = without(advertised, own); !missing.empty())
    return refused("--initial-advertise-peer-urls has " + join(missing) +
                   " but missing from --initial-cluster=" + entry(options.name, own) + remedy);
  return refused("--initial-advertise-peer-urls=" + join(advertised) + " and --initial-cluster=" +
                 entry(options.name, own) + " repeat a URL differently: list each URL once");
}

Result<void> check_distinct(const MemberUrls& members) {
  std::map<std::string, std::string> owners;
  for (const auto& [name, urls] : members) {
    for (const Url& url : urls) {
      const auto [owner, is_new] = owners.emplace(url.text(), name);
      if (is_new) continue;
      const std::string where = owner->second == name ? "twice for member " + quoted(name)
                                                      : "for the members " + quoted(owner->second) +
                                                            " and " + quoted(name);
      return refused("--initial-cluster has the duplicate URL " + url.text() + " " + where +
                     ": give each member its own");
    }
  }
  return {};
}

}  // namespace

Result<InitialCluster> validate_bootstrap(const MemberOptions& options) {
  const auto members = parse_initial_cluster(options.initial_cluster);
  if (!members) return members.error();
  if (const auto checked = check_served(*members); !checked) return checked.error();
  const auto own = members->find(options.name);
  if (own == members->end()) return not_a_member(options, *members);
  // A member that joins was announced with its URLs by "member add"; the flag may say anything.
  if (options.initial_cluster_state == ClusterState::new_cluster) {
    const auto checked = check_advertised(options, own->second);
    if (!checked) return checked.error();
  }
  if (const auto checked = check_distinct(*members); !checked) return checked.error();
  return make_initial_cluster(*members, ClusterToken{options.initial_cluster_token});
}

}  // namespace raftkit::config
