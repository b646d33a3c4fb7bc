#include "transport/handshake.hpp"

#include <algorithm>
#include <optional>

#include "transport/parse_number.hpp"
#include "transport/remote_error.hpp"

namespace raftkit::transport {

namespace {

constexpr std::string_view kProtocol = "raftkit/1";
constexpr std::string_view kStreamTarget = "/raftkit/stream";
constexpr std::string_view kSnapshotTarget = "/raftkit/snapshot";

constexpr const char* kCluster = "X-Etcd-Cluster-ID";
constexpr const char* kFrom = "X-Server-From";
constexpr const char* kTo = "X-Raft-To";
constexpr const char* kStore = "X-Raftkit-Store";
constexpr const char* kVersion = "X-Raftkit-Version";
constexpr const char* kNonce = "X-Raftkit-Nonce";
constexpr const char* kKnowsUpTo = "X-Raftkit-Knows-Up-To";
constexpr const char* kPeerUrls = "X-PeerURLs";
/// This node would try them all.
constexpr std::size_t kMaxUrls = 16;
constexpr std::size_t kMaxUrlBytes = 300;
constexpr const char* kError = "X-Raftkit-Error";

/// Reads several headers and remembers the first that is missing or no number.
class HeaderReader {
 public:
  explicit HeaderReader(const HttpHeaders& headers) : headers_(headers) {}

  std::uint64_t id(const char* name) {
    return value(name, parse_number<std::uint64_t>(headers_.find(name), 16));
  }
  /// "1" or "1-3".
  VersionRange versions(const char* name) {
    const std::string_view text = headers_.find(name);
    const auto dash = text.find('-');
    const auto min = parse_number<std::uint32_t>(text.substr(0, dash));
    const auto max =
        dash == std::string_view::npos ? min : parse_number<std::uint32_t>(text.substr(dash + 1));
    const bool valid = min && max && *min >= 1 && *min <= *max;
    value(name, valid ? min : std::nullopt);
    return valid ? VersionRange{*min, *max} : VersionRange{};
  }
  [[nodiscard]] Result<void> result() const {
    if (bad_.empty()) return {};
    return Error(Errc::malformed,
                 "header " + bad_ + " is missing or not a number: \"" +
                     sanitized(headers_.find(bad_)) + "\"");
  }

 private:
  template <class Number>
  Number value(const char* name, std::optional<Number> number) {
    if (!number && bad_.empty()) bad_ = name;
    return number.value_or(0);
  }

  const HttpHeaders& headers_;
  std::string bad_;
};

std::string text_of(VersionRange versions) {
  return std::to_string(versions.min) + "-" + std::to_string(versions.max);
}

std::string joined(const std::vector<std::string>& urls) {
  std::string text;
  for (const std::string& url : urls)
    text += (text.empty() ? "" : ",") + url;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> urls;
  while (!text.empty()) {
    const auto comma = text.find(',');
    if (comma != 0) urls.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return urls;
}

unsigned status_of(const Error& why) {
  if (why == Errc::peer_not_found) return 404;
  if (why == Errc::already_exists || why == Errc::store_mismatch) return 409;
  if (why == Errc::malformed) return 400;
  if (why == Errc::overloaded || why == Errc::stopped) return 503;
  return 412;
}

/// The same sentence on both sides, with what an operator should compare.
Error cluster_mismatch(NodeId left, ClusterId lefts, NodeId right, ClusterId rights) {
  return {Errc::cluster_mismatch,
          "cluster ID mismatch: member " + to_string(left) + " belongs to cluster " +
              to_string(lefts) + ", member " + to_string(right) + " to cluster " +
              to_string(rights) +
              "; compare --initial-cluster and --initial-cluster-token of both"};
}

}  // namespace

Hello make_hello(
    const LocalIdentity& self, NodeId to, StreamKind kind, Index knows_up_to, std::uint64_t nonce) {
  return {kind,
          self.cluster,
          self.node,
          to,
          self.store,
          kSupportedVersions,
          nonce,
          knows_up_to,
          self.peer_urls};
}

bool is_upgrade(const HttpRequest& request) {
  return request.target == kStreamTarget || request.target == kSnapshotTarget;
}

HttpRequest to_request(const Hello& hello, const std::string& host) {
  const bool is_snapshot = hello.kind == StreamKind::snapshot;
  return {"GET",
          std::string(is_snapshot ? kSnapshotTarget : kStreamTarget),
          {{"Host", host},
           {"Connection", "Upgrade"},
           {"Upgrade", std::string(kProtocol)},
           {kCluster, to_string(hello.cluster)},
           {kFrom, to_string(hello.from)},
           {kTo, to_string(hello.to)},
           {kStore, to_hex(hello.store.value)},
           {kVersion, text_of(hello.versions)},
           {kNonce, to_hex(hello.nonce)},
           {kKnowsUpTo, to_hex(hello.knows_up_to.value)},
           {kPeerUrls, joined(hello.peer_urls)}}};
}

Result<Hello> read_hello(const HttpRequest& request) {
  if (request.method != "GET") return Error(Errc::malformed, "an upgrade is asked for with GET");
  if (request.headers.find("Upgrade") != kProtocol) {
    return Error(Errc::protocol_mismatch,
                 "this node upgrades to " + std::string(kProtocol) + ", asked for was \"" +
                     sanitized(request.headers.find("Upgrade")) + "\"");
  }
  HeaderReader reader(request.headers);
  Hello hello;
  hello.kind = request.target == kSnapshotTarget ? StreamKind::snapshot : StreamKind::messages;
  hello.cluster = ClusterId{reader.id(kCluster)};
  hello.from = NodeId{reader.id(kFrom)};
  hello.to = NodeId{reader.id(kTo)};
  hello.store = StoreId{reader.id(kStore)};
  hello.versions = reader.versions(kVersion);
  hello.nonce = reader.id(kNonce);
  hello.knows_up_to = Index{reader.id(kKnowsUpTo)};
  hello.peer_urls = split(request.headers.find(kPeerUrls));
  if (auto read = reader.result(); !read) return std::move(read).error();
  const auto is_long = [](const std::string& url) { return url.size() > kMaxUrlBytes; };
  if (hello.peer_urls.size() > kMaxUrls ||
      std::any_of(hello.peer_urls.begin(), hello.peer_urls.end(), is_long)) {
    return Error(Errc::malformed,
                 std::string(kPeerUrls) + ": more than " + std::to_string(kMaxUrls) +
                     " URLs, or one of more than " + std::to_string(kMaxUrlBytes) + " bytes");
  }
  return hello;
}

Result<std::uint32_t> check(const Hello& hello, const LocalIdentity& self) {
  if (hello.cluster != self.cluster) {
    return cluster_mismatch(hello.from, hello.cluster, self.node, self.cluster);
  }
  if (hello.to != self.node) {
    return Error(Errc::member_mismatch,
                 "member " + to_string(hello.from) + " calls member " + to_string(hello.to) +
                     ", but this is member " + to_string(self.node));
  }
  if (hello.from == self.node) {
    return Error(Errc::member_mismatch,
                 "somebody calls under the ID " + to_string(self.node) +
                     ", which is this member's own: two nodes were started as the same member");
  }
  if (hello.from == NodeId{}) return Error(Errc::member_mismatch, "a caller without member ID");
  const std::uint32_t version = std::min(hello.versions.max, kSupportedVersions.max);
  if (version < hello.versions.min || version < kSupportedVersions.min) {
    return Error(Errc::protocol_mismatch,
                 "member " + to_string(hello.from) + " speaks protocol versions " +
                     text_of(hello.versions) + ", member " + to_string(self.node) + " speaks " +
                     text_of(kSupportedVersions));
  }
  return version;
}

HttpResponse to_response(const Welcome& welcome) {
  return {101,
          {{"Connection", "Upgrade"},
           {"Upgrade", std::string(kProtocol)},
           {kCluster, to_string(welcome.cluster)},
           {kFrom, to_string(welcome.from)},
           {kStore, to_hex(welcome.store.value)},
           {kVersion, std::to_string(welcome.version)},
           {kNonce, to_hex(welcome.nonce)}},
          ""};
}

HttpResponse refusal(const Error& why, const LocalIdentity& self) {
  return {status_of(why),
          {{"Content-Type", "text/plain; charset=utf-8"},
           {kCluster, to_string(self.cluster)},
           {kFrom, to_string(self.node)},
           {kVersion, text_of(kSupportedVersions)},
           {kError, std::string(name_of(why))}},
          why.message() + "\n"};
}

Result<Welcome> read_welcome(const HttpResponse& response, const Hello& hello) {
  const std::string_view error = response.headers.find(kError);
  if (!error.empty())
    return Error(errc_named(error, Errc::protocol_mismatch), sanitized(response.body));
  if (response.status != 101 || response.headers.find("Upgrade") != kProtocol) {
    return Error(Errc::protocol_mismatch,
                 "this is no raftkit peer port: it answers " + std::to_string(response.status) +
                     " to " + std::string(kProtocol));
  }
  HeaderReader reader(response.headers);
  Welcome welcome;
  welcome.cluster = ClusterId{reader.id(kCluster)};
  welcome.from = NodeId{reader.id(kFrom)};
  welcome.store = StoreId{reader.id(kStore)};
  welcome.version = reader.versions(kVersion).max;
  welcome.nonce = reader.id(kNonce);
  if (auto read = reader.result(); !read) return std::move(read).error();

  if (welcome.cluster != hello.cluster) {
    return cluster_mismatch(welcome.from, welcome.cluster, hello.from, hello.cluster);
  }
  if (welcome.from != hello.to) {
    return Error(Errc::member_mismatch,
                 "member " + to_string(hello.to) + " was called, member " +
                     to_string(welcome.from) + " answers");
  }
  if (welcome.version < hello.versions.min || welcome.version > hello.versions.max) {
    return Error(Errc::protocol_mismatch,
                 "member " + to_string(welcome.from) + " chose protocol version " +
                     std::to_string(welcome.version) + ", offered was " + text_of(hello.versions));
  }
  return welcome;
}

PeerReport::By refused_by(const HttpResponse& response, const Hello& hello) {
  if (response.headers.find(kError).empty()) return PeerReport::By::us;
  HeaderReader reader(response.headers);
  const NodeId from{reader.id(kFrom)};
  return reader.result() && from == hello.to ? PeerReport::By::peer : PeerReport::By::us;
}

}  // namespace raftkit::transport
