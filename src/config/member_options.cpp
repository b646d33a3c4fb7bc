#include "raftkit/config_member.hpp"

namespace raftkit::config {

namespace {

void add_member_group(OptionTable& table, MemberOptions& options) {
  table.add({.name = std::string(kConfigFileOption),
             .group = "Member",
             .help = "Path to a YAML file with options. It replaces all other flags and the "
                     "environment."},
            bind(options.config_file));
  table.add({.name = "name", .group = "Member", .help = "Human-readable name of this member."},
            bind(options.name));
  table.add({.name = "data-dir",
             .group = "Member",
             .help = "Path to the data directory.",
             .default_text = "${name}.etcd"},
            bind(options.data_dir));
  table.add({.name = "log-storage",
             .group = "Member",
             .help = "How the log lies on the disk: as a write-ahead log, or in LevelDB. A member "
                     "stays with what it began with.",
             .scope = OptionScope::first_start},
            bind_choice(options.log_storage,
                        {{"wal", LogStorageKind::wal}, {"leveldb", LogStorageKind::leveldb}}));
  table.add({.name = "snapshot-count",
             .group = "Member",
             .help = "Number of applied entries that trigger a snapshot. 0 means the default."},
            bind(options.snapshot_count));
  table.add({.name = "snapshot-catchup-entries",
             .group = "Member",
             .help = "Number of entries kept behind a snapshot, from which slow followers catch up "
                     "without it; those of the last 64 MiB are kept, too. 0 means the default."},
            bind(options.snapshot_catchup_entries));
  table.add({.name = "snapshot-bytes-per-second",
             .group = "Member",
             .help = "Most bytes of a snapshot that go to another member in a second, at least " +
                     std::to_string(kMinSnapshotBytesPerSecond) + "; 0 for no limit."},
            bind(options.snapshot_bytes_per_second));
  table.add({.name = "max-snapshots",
             .group = "Member",
             .help = "Most snapshot files to retain, 0 for any number. One is all that is needed, "
                     "and all that is kept."},
            bind(options.max_snapshots));
  table.add({.name = "max-wals",
             .group = "Member",
             .help = "Most files of the write-ahead log to retain that are not needed any more, 0 "
                     "for any number. They are used again, which is faster than new ones."},
            bind(options.max_wals));
  table.add({.name = "heartbeat-interval",
             .group = "Member",
             .help = "Time between heartbeats of the leader.",
             .unit = "ms"},
            bind(options.heartbeat_interval, {.minimum = Milliseconds{1}, .maximum = {}}));
  table.add(
      {.name = "election-timeout",
       .group = "Member",
       .help = "Time without a leader after which a follower campaigns, at least 5 heartbeat "
               "intervals; fractions of a heartbeat interval do not count.",
       .unit = "ms"},
      bind(options.election_timeout, {.minimum = Milliseconds{1}, .maximum = Milliseconds{50000}}));
  table.add({.name = "listen-peer-urls",
             .group = "Member",
             .help = "List of URLs to listen on for other members; IP addresses or localhost."},
            bind(options.listen_peer_urls));
}

void add_clustering_group(OptionTable& table, MemberOptions& options) {
  table.add(
      {.name = "initial-advertise-peer-urls",
       .group = "Clustering",
       .help = "List of this member's peer URLs, as the others reach it. Must equal its entry "
               "in --initial-cluster.",
       .scope = OptionScope::first_start},
      bind(options.initial_advertise_peer_urls));
  table.add({.name = "initial-cluster",
             .group = "Clustering",
             .help = "All members as name=URL, with commas between them; a name may stand several "
                     "times. If only --name is changed: its advertised peer URLs.",
             .scope = OptionScope::first_start},
            bind(options.initial_cluster));
  table.add(
      {.name = "initial-cluster-state",
       .group = "Clustering",
       .help = "Whether all members start together, or this one was added to a running "
               "cluster.",
       .scope = OptionScope::first_start},
      bind_choice(options.initial_cluster_state,
                  {{"new", ClusterState::new_cluster}, {"existing", ClusterState::existing}}));
  table.add({.name = "initial-cluster-token",
             .group = "Clustering",
             .help = "Keeps clusters apart: equal members with another token have other IDs.",
             .scope = OptionScope::first_start},
            bind(options.initial_cluster_token));
  table.add({.name = "pre-vote",
             .group = "Clustering",
             .help = "Ask whether an election could be won before starting it."},
            bind(options.pre_vote));
}

void add_logging_group(OptionTable& table, MemberOptions& options) {
  table.add({.name = "logger",
             .group = "Logging",
             .help = "Format of the log: capnslog (text) or zap (JSON)."},
            bind(options.logger));
  table.add({.name = "log-outputs",
             .group = "Logging",
             .help = "List of default (standard error), stderr, stdout and, with zap, file paths."},
            bind(options.log_outputs));
  table.add({.name = "log-level",
             .group = "Logging",
             .help = "Least important lines to be logged: debug, info, warn, error, panic or "
                     "fatal."},
            bind(options.log_level));
}

std::string cluster_of_one(const MemberOptions& options) {
  const std::string name = options.name.empty() ? std::string(kDefaultName) : options.name;
  std::string cluster;
  for (const Url& url : options.initial_advertise_peer_urls)
    cluster += (cluster.empty() ? "" : ",") + name + "=" + url.text();
  return cluster;
}

void default_if_zero(std::uint64_t& value,
                     std::uint64_t default_value,
                     const std::string& name,
                     std::vector<Notice>& notices) {
  if (value != 0) return;
  value = default_value;
  notices.push_back({LogLevel::info,
                     "zero_means_default",
                     "--" + name + "=0 means the default",
                     {{name, std::to_string(value)}}});
}

}  // namespace

void add_member_options(OptionTable& table, MemberOptions& options) {
  add_member_group(table, options);
  add_clustering_group(table, options);
  add_logging_group(table, options);
  table.add_check([&options](Run& run) {
    for (Notice& notice : complete(options))
      run.notices.push_back(std::move(notice));
    return validate(options);
  });
}

std::vector<Notice> complete(MemberOptions& options) {
  std::vector<Notice> notices;
  if (options.data_dir.empty()) {
    options.data_dir = options.name + ".etcd";
    notices.push_back({LogLevel::warn,
                       "data_dir_default",
                       "no --data-dir is given, using one in the working directory",
                       {{"data-dir", options.data_dir}}});
  }
  default_if_zero(options.snapshot_count, kDefaultSnapshotCount, "snapshot-count", notices);
  default_if_zero(options.snapshot_catchup_entries,
                  kDefaultSnapshotCatchupEntries,
                  "snapshot-catchup-entries",
                  notices);
  // By value and not by whether it was set, as in etcd: the default of --initial-cluster holds for
  // the default name only.
  if (options.name != kDefaultName && options.initial_cluster == kDefaultInitialCluster)
    options.initial_cluster = cluster_of_one(options);
  return notices;
}

}  // namespace raftkit::config
