// The transport that raftkit brings: TCP, with an HTTP/1.1 front like that of etcd's peer port.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>  // before Asio: Boost 1.74 forgets it
#include <vector>

#include <boost/asio/any_io_executor.hpp>

#include "raftkit/log_sink.hpp"
#include "raftkit/membership.hpp"
#include "raftkit/result.hpp"
#include "raftkit/transport.hpp"

namespace raftkit {

/// Where members keep the addresses for their clients, unless told otherwise.
inline constexpr std::string_view kClientUrlsAttribute = "client_urls";

/// How a TCP transport is tuned. Only `listen_urls` has no useful default.
struct TcpTransportOptions {
  /// http://host:port each; the host is an IP address of this machine or localhost. Port 0 takes
  /// any free one: see tcp_listen_urls().
  std::vector<std::string> listen_urls;

  /// What GET /version answers.
  std::string version_json = R"({"etcdserver":"3.4.0","etcdcluster":"3.4.0"})";
  /// Which attribute of a Member GET /members shows as clientURLs; several URLs with commas.
  std::string client_urls_attribute{kClientUrlsAttribute};

  /// One message, counted as its entries count for limits. Equal on all nodes: a node closes a
  /// connection over which a larger one comes. At most 1 GiB.
  std::size_t max_message_bytes = std::size_t{64} << 20;
  /// Entries and proposals that wait to be sent to one peer.
  std::size_t max_queue_bytes = std::size_t{64} << 20;
  /// Votes, heartbeats, acknowledgements that wait to be sent to one peer.
  std::size_t max_control_queue_bytes = std::size_t{1} << 20;
  /// Connections whose other end has not said yet what it wants. One more closes the oldest.
  std::size_t max_pending_connections = 64;

  /// Until a peer is connected; and again until it has answered the handshake.
  std::chrono::milliseconds dial_timeout{2000};
  /// Until a caller has sent its request.
  std::chrono::milliseconds request_timeout{10000};
  /// A connection over which nothing has come, or nothing has gone although something should, is
  /// closed. The other side sends something at least twice in this time.
  std::chrono::milliseconds idle_timeout{5000};
  /// Between attempts to reach a peer: doubles from the one to the other.
  std::chrono::milliseconds backoff_min{50};
  std::chrono::milliseconds backoff_max{1000};
  /// How long a peer that was removed may still be sent what is queued for it, and say something.
  std::chrono::milliseconds linger{2000};

  /// A snapshot transfer fails when nothing moves for so long.
  std::chrono::milliseconds snapshot_idle_timeout{10000};
  /// How long the receiver of a snapshot may take to make it durable.
  std::chrono::milliseconds snapshot_commit_timeout{120000};
  /// Limits each outgoing snapshot; 0: unlimited. It goes in chunks of 256 KiB, each of which must
  /// follow the one before within half of snapshot_idle_timeout.
  std::uint64_t snapshot_bytes_per_second = 0;

  /// When the connection of a snapshot breaks, its sender calls again for so long, and its receiver
  /// keeps what it has for so long, so that it goes on where it was; 0: it begins anew. It takes
  /// the sender 16 MiB of memory.
  std::chrono::milliseconds snapshot_resume_timeout{30000};

  /// Of jitter and connection nonces; empty: from the operating system.
  std::optional<std::uint64_t> seed;

  /// Errors: invalid_option, naming the field and the value.
  [[nodiscard]] Result<void> validate() const;
};

/// A Transport over TCP. Its connections live on `executor`, which runs one function at a time: the
/// node's strand. Nothing happens before start(), which reports bad options.
///
/// Each node sends Raft's messages over the connection it opened and receives over those it
/// accepted; a snapshot travels on a connection of its own, read and written by a thread of its
/// own. Destroying it without stop() closes everything, and waits for those threads.
///
/// The peer port also answers GET /version and GET /members to anybody, as etcd's does.
[[nodiscard]] std::unique_ptr<Transport> make_tcp_transport(boost::asio::any_io_executor executor,
                                                            TcpTransportOptions options,
                                                            std::shared_ptr<LogSink> log);

/// The listen URLs of a started TCP transport, in the order of the options, with the ports that
/// were chosen for 0. Empty for other transports. Threads: as Transport's.
[[nodiscard]] std::vector<std::string> tcp_listen_urls(const Transport& transport);

/// What another node says about its cluster.
struct RemoteCluster {
  ClusterId cluster;
  /// Voters and learners with their descriptions; a joint phase is not visible. A member that has
  /// published itself has a name, its client URLs as an attribute, and, if it runs raftkit, a
  /// store.
  Membership membership;

  friend bool operator==(const RemoteCluster&, const RemoteCluster&) = default;
};

/// Asks the peer ports at `peer_urls` in this order for GET /members until one answers; how a node
/// that joins learns IDs, and one that was wiped learns that it had been there. Blocks for at most
/// `timeout` per URL. Errors: peer_unreachable, with what became of each URL.
[[nodiscard]] Result<RemoteCluster> fetch_members(
    std::span<const std::string> peer_urls,
    std::chrono::milliseconds timeout,
    std::string_view client_urls_attribute = kClientUrlsAttribute);

}  // namespace raftkit
