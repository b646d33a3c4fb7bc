// How two nodes find out whether they want to talk: an HTTP request that asks to go on in frames,
// and its answer. Does no I/O.
//
//   GET /raftkit/stream HTTP/1.1            (/raftkit/snapshot: a snapshot follows, and nothing
//   else) Connection: Upgrade Upgrade: raftkit/1 X-Etcd-Cluster-ID: cdf818194e3a8c32     of the
//   caller; all IDs in hex without leading zeros X-Server-From: 8e9e05c52164694d         who calls
//   X-Raft-To: 91bc3c398fb3c146             who is meant
//   X-Raftkit-Store: 1f2e                   the caller's data directory
//   X-Raftkit-Version: 1-1                  the versions of the protocol that the caller speaks
//   X-Raftkit-Nonce: 5eed                   drawn for this connection
//   X-Raftkit-Knows-Up-To: 2a               how far the caller's knowledge of the members goes
//   X-PeerURLs: http://10.0.0.1:2380        where the caller is reached, separated by commas
//
// The answer is 101 with the same headers of the other side (but for the last two, and
// X-Raftkit-Version: the one chosen),
// after which the caller sends frames; or a 4xx with X-Raftkit-Error, the name of an error code,
// and a sentence that names both values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "raftkit/transport.hpp"

#include "transport/http.hpp"
#include "wire/framing.hpp"

namespace raftkit::transport {

/// What the connection is for.
enum class StreamKind : std::uint8_t { messages, snapshot };

/// Versions of the protocol: of the handshake's meaning, of frames and of messages.
struct VersionRange {
  std::uint32_t min = 1;
  std::uint32_t max = 1;

  friend bool operator==(const VersionRange&, const VersionRange&) = default;
};
inline constexpr VersionRange kSupportedVersions{1, 1};

/// What the caller says.
struct Hello {
  StreamKind kind = StreamKind::messages;
  ClusterId cluster;
  NodeId from;
  NodeId to;
  StoreId store;
  VersionRange versions = kSupportedVersions;
  std::uint64_t nonce = 0;
  Index knows_up_to = {};
  std::vector<std::string> peer_urls = {};

  [[nodiscard]] Introduction introduction() const { return {from, store, knows_up_to, peer_urls}; }

  friend bool operator==(const Hello&, const Hello&) = default;
};

/// What the other side answers if it agrees.
struct Welcome {
  ClusterId cluster;
  NodeId from;
  StoreId store;
  std::uint32_t version = kSupportedVersions.max;
  std::uint64_t nonce = 0;

  [[nodiscard]] Introduction introduction() const { return {from, store, {}, {}}; }

  friend bool operator==(const Welcome&, const Welcome&) = default;
};

/// Whether this is a request to go on in frames, well-formed or not.
[[nodiscard]] bool is_upgrade(const HttpRequest& request);

[[nodiscard]] HttpRequest to_request(const Hello& hello, const std::string& host);
/// Errors: malformed, naming the header · protocol_mismatch: another Upgrade than ours.
[[nodiscard]] Result<Hello> read_hello(const HttpRequest& request);

/// Of a call to `to`. `knows_up_to` is the handler's.
[[nodiscard]] Hello make_hello(
    const LocalIdentity& self, NodeId to, StreamKind kind, Index knows_up_to, std::uint64_t nonce);

/// The called side's checks, before it asks TransportHandler::admit. The version to go on with.
/// Errors: cluster_mismatch · member_mismatch · protocol_mismatch, naming both values.
[[nodiscard]] Result<std::uint32_t> check(const Hello& hello, const LocalIdentity& self);

[[nodiscard]] HttpResponse to_response(const Welcome& welcome);
/// The answer of a node that refuses.
[[nodiscard]] HttpResponse refusal(const Error& why, const LocalIdentity& self);

/// The caller's checks. Errors: what the other side refused with, in its words · cluster_mismatch ·
/// member_mismatch · protocol_mismatch, also if this is not raftkit at all.
[[nodiscard]] Result<Welcome> read_welcome(const HttpResponse& response, const Hello& hello);
/// Who refuses, when a handshake came to nothing after this answer: the peer only if it says so
/// itself, and not whoever else answers at its address.
[[nodiscard]] PeerReport::By refused_by(const HttpResponse& response, const Hello& hello);

[[nodiscard]] inline wire::ConnectionSeed seed_of(const Hello& hello, const Welcome& welcome) {
  return wire::ConnectionSeed::from_nonces(hello.nonce, welcome.nonce);
}

}  // namespace raftkit::transport
