#include "raftkit/launch.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include "raftkit/storage.hpp"
#include "raftkit/tcp_transport.hpp"

#include "assembly/identity.hpp"
#include "assembly/listen_probe.hpp"
#include "driver/recovery.hpp"
#include "runtime/no_throw.hpp"

namespace raftkit {

namespace {

using assembly::Identity;

constexpr std::chrono::milliseconds kProbeTimeout{1000};
constexpr std::size_t kMessageOverhead = std::size_t{1} << 20;

const std::string kReplace =
    "This member cannot continue with what is left: remove it from the cluster, and add it again "
    "as a new "
    "member with an empty --data-dir";

/// The same error, saying where it happened.
Error in_context(const std::string& where, const Error& error) {
  return {error.code(), where + ": " + error.message()};
}

MembershipPtr initial_membership(const config::InitialCluster& cluster) {
  Membership membership;
  for (const config::ClusterMember& member : cluster.members) {
    membership.voters.push_back(member.id);
    membership.members.push_back({member.id, "", member.peer_urls, {}, {}});
  }
  return std::make_shared<const Membership>(std::move(membership));
}

}  // namespace

/// One launch; its steps in the order of the functions.
class Launcher {
 public:
  Launcher(boost::asio::any_io_executor executor, LaunchOptions options)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        disk_(options_.disk != nullptr ? *options_.disk : storage::posix_disk()),
        instance_(std::make_unique<Instance>()) {}

  Result<std::unique_ptr<Instance>> run() {
    using Step = Result<void> (Launcher::*)();
    for (const Step step : {&Launcher::check_options,
                            &Launcher::check_addresses,
                            &Launcher::take_directory,
                            &Launcher::find_log,
                            &Launcher::find_identity,
                            &Launcher::open_stores,
                            &Launcher::initialise,
                            &Launcher::start_node}) {
      if (auto done = (this->*step)(); !done) return std::move(done).error();
    }
    return std::move(instance_);
  }

 private:
  [[nodiscard]] std::string path(const char* name) const {
    return instance_->data_directory_ + "/member/" + name;
  }
  void log(LogLevel level, std::string_view event, const std::string& text) {
    options_.log_sink->log(level, event, text);
  }

  // Those of a command line have been through this; the ones that an embedder filled in have not.
  Result<void> check_options() {
    if (!options_.state_machine)
      return Error(Errc::invalid_argument, "LaunchOptions::state_machine is not set");
    config::log_notices(*options_.log_sink, config::complete(options_.member));
    return config::validate(options_.member);
  }

  // Before anything is written: a first start that fails here can be repeated with other options.
  Result<void> check_addresses() {
    auto free = assembly::probe_listen_urls(config::texts(options_.member.listen_peer_urls));
    if (!free) return in_context("--listen-peer-urls", free.error());
    return {};
  }

  Result<void> take_directory() {
    instance_->data_directory_ = options_.member.data_dir;
    const std::string where = "--data-dir " + instance_->data_directory_;
    if (auto made = disk_.create_directories(instance_->data_directory_ + "/member"); !made) {
      return in_context(where, made.error());
    }
    auto lock = disk_.lock(path("lock"));
    if (!lock && lock.error() == Errc::already_locked) {
      return Error(
          Errc::already_locked,
          where + " is in use by another process; stop that one, or choose another directory");
    }
    if (!lock) return in_context(where, lock.error());
    instance_->lock_ = *std::move(lock);
    return {};
  }

  [[nodiscard]] std::string path_of(config::LogStorageKind kind) const {
    return path(kind == config::LogStorageKind::wal ? "wal" : "log");
  }

  // What there is decides, also if an earlier start came no further than that.
  Result<void> find_log() {
    using config::LogStorageKind;
    log_kind_ = options_.member.log_storage;
    const auto other =
        log_kind_ == LogStorageKind::wal ? LogStorageKind::leveldb : LogStorageKind::wal;
    if (!disk_.exists(path_of(other))) return {};
    const bool was_in_use = disk_.exists(path("identity"));
    if (disk_.exists(path_of(log_kind_))) {
      return Error(Errc::corrupt_data,
                   "there are " + path_of(log_kind_) + " and " + path_of(other) +
                       ", and a member has one log" +
                       (was_in_use ? ": move the one away that this member never used"
                                   : ", but no " + path("identity") + ". " + kReplace));
    }
    log_kind_ = other;
    options_.log_sink->log(was_in_use ? LogLevel::info : LogLevel::warn,
                           "log_storage_kept",
                           was_in_use ? "this member has its log already, --log-storage is ignored"
                                      : "an earlier start has made the log, --log-storage is "
                                        "ignored; remove what it made to choose again",
                           {{"log", path_of(other)}});
    return {};
  }

  Result<void> find_identity() {
    auto identity = assembly::read_identity(disk_, path("identity"));
    if (identity) {
      identity_ = *identity;
      return check_parts();
    }
    if (!(identity.error() == Errc::not_found)) {
      return Error(identity.error().code(), identity.error().message() + ". " + kReplace);
    }
    return plan_first_start();
  }

  // The directories of a member that has taken part hold its promises.
  Result<void> check_parts() {
    std::vector<std::string> parts = {path_of(log_kind_), path("snapshots")};
    if (identity_->kind == StateMachineKind::on_disk) parts.push_back(path("state"));
    for (const std::string& part : parts) {
      if (!disk_.exists(part)) {
        return Error(Errc::corrupt_data,
                     part + " is missing, but " + path("identity") +
                         " says that this member was in use. " + kReplace);
      }
    }
    log(LogLevel::info,
        "member_restart",
        "restarting a member; the --initial options are ignored, the data directory decides");
    return warn_of_other_cluster();
  }

  Result<void> warn_of_other_cluster() {
    const auto given =
        config::make_initial_cluster(options_.member.initial_cluster,
                                     config::ClusterToken{options_.member.initial_cluster_token});
    if (!given || given->id == identity_->cluster) return {};
    options_.log_sink->log(
        LogLevel::warn,
        "other_cluster",
        "--initial-cluster and --initial-cluster-token describe another cluster than the "
        "one this data directory belongs to; they are ignored",
        {{"described", to_string(given->id)}, {"data_directory", to_string(identity_->cluster)}});
    return {};
  }

  Result<void> plan_first_start() {
    const config::MemberOptions& member = options_.member;
    if (member.initial_cluster_state == config::ClusterState::existing) {
      return Error(
          Errc::not_supported,
          "--initial-cluster-state existing: joining a running cluster is not supported yet; a new "
          "member must be part of --initial-cluster when the cluster starts with state new");
    }
    auto cluster = config::validate_bootstrap(member);
    if (!cluster) return std::move(cluster).error();
    const config::ClusterMember* self = cluster->find(member.name);
    first_start_ = FirstStart{{cluster->id, self->id, assembly::draw_store_id(), {}},
                              initial_membership(*cluster)};
    return ask_the_others(*cluster, self->id);
  }

  // A member that was wiped would vote again for terms in which it has voted already.
  Result<void> ask_the_others(const config::InitialCluster& cluster, NodeId self) {
    for (const config::ClusterMember& other : cluster.members) {
      if (other.id == self) continue;
      const auto known = fetch_members(other.peer_urls, kProbeTimeout);
      if (!known) continue;
      const Member* me = known->membership.find(self);
      if (known->cluster == cluster.id && me != nullptr && !me->name.empty()) {
        return Error(
            Errc::store_mismatch,
            "member " + to_string(self) + " (--name " + options_.member.name +
                ") has already been bootstrapped, as member " + to_string(other.id) +
                " knows, but there is no " + path("identity") +
                ". Give it back its data directory; if that is lost, remove the member from the "
                "cluster and add it again");
      }
      return {};
    }
    return {};
  }

  Result<void> open_stores() {
    auto log_store = open_log();
    if (!log_store) return with_remedy(log_store.error());
    log_store_ = *std::move(log_store);
    auto snapshots = storage::open_file_snapshot_store(disk_, path("snapshots"));
    if (!snapshots) return with_remedy(snapshots.error());
    snapshots_ = *std::move(snapshots);
    auto state_machine = runtime::no_throw(Errc::state_machine_failed, [&] {
      return options_.state_machine({path("state"), first_start_.has_value()});
    });
    if (!state_machine) return with_remedy(state_machine.error());
    if (!*state_machine)
      return Error(Errc::state_machine_failed, "LaunchOptions::state_machine gave a null pointer");
    instance_->state_machine_ = *std::move(state_machine);
    return check_kind();
  }

  Result<std::unique_ptr<LogStorage>> open_log() {
    const std::string directory = path_of(log_kind_);
    if (log_kind_ == config::LogStorageKind::leveldb)
      return storage::open_leveldb_log_storage(disk_, {.directory = directory});
    storage::WalLogOptions options;
    options.directory = directory;
    options.log_sink = options_.log_sink;
    const std::uint64_t max_wals = options_.member.max_wals;
    options.max_spare_segments = max_wals == 0 ? std::numeric_limits<std::size_t>::max() : max_wals;
    return storage::open_wal_log_storage(disk_, options);
  }

  // Damage to what this member has promised cannot be mended here.
  [[nodiscard]] static Error with_remedy(const Error& error) {
    if (!(error == Errc::corrupt_data)) return error;
    return {Errc::corrupt_data, error.message() + ". " + kReplace};
  }

  [[nodiscard]] Result<void> check_kind() const {
    if (!identity_ || identity_->kind == instance_->state_machine_->kind()) return {};
    const bool was_on_disk = identity_->kind == StateMachineKind::on_disk;
    return Error(
        Errc::invalid_option,
        "--data-dir " + instance_->data_directory_ +
            " belongs to a program whose state machine is " +
            (was_on_disk ? "on disk; this one is in memory" : "in memory; this one is on disk"));
  }

  // The identity comes last: it says that everything else was made.
  Result<void> initialise() {
    auto loaded = log_store_->load({});
    if (!loaded) return with_remedy(loaded.error());
    if (!first_start_) {
      if (*loaded) return {};
      return Error(Errc::corrupt_data,
                   path_of(log_kind_) + " holds nothing, but " + path("identity") +
                       " says that this member was in use. " + kReplace);
    }
    const bool is_untouched =
        !*loaded || ((*loaded)->last == Index{1} && !(*loaded)->hard_state.voted_for &&
                     (*loaded)->hard_state.term == Term{1});
    if (!is_untouched) {
      return Error(
          Errc::corrupt_data,
          path("identity") + " is missing, but " + path_of(log_kind_) + " was in use. " + kReplace);
    }
    if (auto written = driver::bootstrap(*log_store_, {}, first_start_->membership); !written) {
      return written;
    }
    identity_ = first_start_->identity;
    identity_->kind = instance_->state_machine_->kind();
    if (auto written = assembly::write_identity(disk_, path("identity"), *identity_); !written) {
      return in_context("--data-dir " + instance_->data_directory_, written.error());
    }
    options_.log_sink->log(LogLevel::info,
                           "member_bootstrap",
                           "initialised a member of a new cluster",
                           {{"cluster", to_string(identity_->cluster)},
                            {"member", to_string(identity_->member)},
                            {"name", options_.member.name}});
    return {};
  }

  [[nodiscard]] NodeOptions node_options() const {
    const config::MemberOptions& member = options_.member;
    NodeOptions node;
    node.cluster = identity_->cluster;
    node.self = {identity_->member,
                 member.name,
                 config::texts(member.initial_advertise_peer_urls),
                 identity_->store,
                 options_.attributes};
    node.heartbeat_interval = std::chrono::milliseconds(member.heartbeat_interval);
    node.election_timeout = std::chrono::milliseconds(member.election_timeout);
    node.pre_vote = member.pre_vote;
    node.snapshot_count = member.snapshot_count;
    node.retained_entries = member.snapshot_catchup_entries;
    node.max_command_bytes = options_.max_command_bytes;
    node.promote_learners = false;  // in etcd that is for the operator to ask for
    if (options_.tune) options_.tune(node);
    return node;
  }

  Result<void> start_node() {
    const NodeOptions node_options = this->node_options();
    if (auto valid = node_options.validate(); !valid) return valid;
    TcpTransportOptions transport;
    // What the node sends must get through: the largest entry, or as many as go into one message.
    transport.max_message_bytes = std::max(
        transport.max_message_bytes,
        std::max(node_options.max_command_bytes, node_options.max_append_bytes) + kMessageOverhead);
    transport.listen_urls = config::texts(options_.member.listen_peer_urls);
    if (!options_.version_json.empty()) transport.version_json = options_.version_json;
    transport.dial_timeout = std::chrono::milliseconds(1000) +
                             std::chrono::milliseconds(options_.member.election_timeout);
    transport.snapshot_bytes_per_second = options_.member.snapshot_bytes_per_second;
    auto node = Node::create(executor_,
                             node_options,
                             {.log = std::move(log_store_),
                              .snapshots = std::move(snapshots_),
                              .transport =
                                  [&](boost::asio::any_io_executor strand) {
                                    return make_tcp_transport(
                                        std::move(strand), transport, options_.log_sink);
                                  },
                              .state_machine = *instance_->state_machine_,
                              .log_sink = options_.log_sink,
                              .metrics = options_.metrics});
    if (!node) return std::move(node).error();
    instance_->node_ = *std::move(node);
    return {};
  }

  struct FirstStart {
    Identity identity;
    MembershipPtr membership;
  };

  boost::asio::any_io_executor executor_;
  LaunchOptions options_;
  storage::Disk& disk_;
  std::unique_ptr<Instance> instance_;
  config::LogStorageKind log_kind_{};
  std::optional<Identity> identity_;
  std::optional<FirstStart> first_start_;
  std::unique_ptr<LogStorage> log_store_;
  std::unique_ptr<SnapshotStore> snapshots_;
};

Result<std::unique_ptr<Instance>> launch(boost::asio::any_io_executor executor,
                                         LaunchOptions options) {
  return Launcher(std::move(executor), std::move(options)).run();
}

}  // namespace raftkit
