// The options of one member of a cluster: those of etcd that raftkit itself understands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/config_cluster.hpp"
#include "raftkit/config_parse.hpp"
#include "raftkit/config_table.hpp"

namespace raftkit::config {

inline constexpr std::string_view kDefaultName = "default";
inline constexpr std::string_view kDefaultPeerUrl = "http://localhost:2380";
inline constexpr std::string_view kDefaultInitialCluster = "default=http://localhost:2380";
inline constexpr std::uint64_t kDefaultSnapshotCount = 100'000;
inline constexpr std::uint64_t kDefaultSnapshotCatchupEntries = 5'000;
inline constexpr std::uint64_t kMinSnapshotBytesPerSecond = 65'536;

enum class ClusterState {
  new_cluster,  ///< "new": all members start together
  existing      ///< this member was added to a running cluster
};

enum class LogStorageKind {
  wal,     ///< the write-ahead log
  leveldb  ///< LevelDB
};

/// What the options hold without flags, environment and file. Those that begin with "initial", and
/// log_storage, count only while there is no log.
struct MemberOptions {
  std::string config_file;
  std::string name{kDefaultName};
  std::string data_dir;  ///< empty: "<name>.etcd"
  LogStorageKind log_storage = LogStorageKind::wal;
  std::uint64_t snapshot_count = kDefaultSnapshotCount;
  std::uint64_t snapshot_catchup_entries = kDefaultSnapshotCatchupEntries;
  std::uint64_t snapshot_bytes_per_second = 0;  ///< 0: no limit
  std::uint64_t max_snapshots = 5;              ///< 0: any number
  std::uint64_t max_wals = 5;                   ///< 0: any number
  Milliseconds heartbeat_interval{100};
  Milliseconds election_timeout{1000};
  std::vector<Url> listen_peer_urls = parse_url_list(kDefaultPeerUrl).value();
  std::vector<Url> initial_advertise_peer_urls = parse_url_list(kDefaultPeerUrl).value();
  std::string initial_cluster{kDefaultInitialCluster};
  ClusterState initial_cluster_state = ClusterState::new_cluster;
  std::string initial_cluster_token = "etcd-cluster";
  bool pre_vote = true;
  std::string log_level = "info";
  std::vector<std::string> log_outputs = {"default"};
  std::string logger = "capnslog";

  /// Whole heartbeat intervals in an election timeout, at least 5 if validate() agrees.
  [[nodiscard]] std::uint64_t election_timeout_ticks() const {
    return election_timeout / heartbeat_interval;
  }
};

/// Adds the rows of all members of `options`, and a check that runs complete() and validate(). A
/// parse() that gives a Run therefore leaves options that may be used. `options` must outlive the
/// table and stay in place.
void add_member_options(OptionTable& table, MemberOptions& options);

/// Fills in what follows from other options, as etcd does, and says so: the data directory and the
/// initial cluster from the name, the counts around snapshots if they are 0.
[[nodiscard]] std::vector<Notice> complete(MemberOptions& options);

/// The rules for every start. Errors: invalid_option, naming option, value and remedy.
[[nodiscard]] Result<void> validate(const MemberOptions& options);

/// The rules for a first start, to be checked only while there is no log: afterwards these options
/// may hold anything. Gives the members that --initial-cluster names. With ClusterState::existing
/// their IDs mean nothing, because the running cluster has given others. Compares URLs as texts, as
/// etcd does first; Deviation: names that differ are not resolved to addresses and compared again.
/// Errors: invalid_option, naming option, value and remedy · not_supported: as member_id.
[[nodiscard]] Result<InitialCluster> validate_bootstrap(const MemberOptions& options);

// For options of an embedder that hold URLs; `option` is the name without dashes.

/// Addresses to bind to: http, an IP address or "localhost", a port up to 65535.
/// Errors: invalid_option.
[[nodiscard]] Result<void> check_listen_urls(std::string_view option, std::span<const Url> urls);
/// Addresses for others to connect to: any host, but some host. Errors: invalid_option.
[[nodiscard]] Result<void> check_advertise_urls(std::string_view option, std::span<const Url> urls);

}  // namespace raftkit::config
