#include "config/unknown_name.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "config/nearest_name.hpp"

namespace raftkit::config {

namespace {

// The flags of etcd 3.4, with those it only tolerates; in the order of their bytes.
constexpr std::array<std::string_view, 101> kEtcdFlags = {
    "advertise-client-urls",
    "auth-token",
    "auth-token-ttl",
    "auto-compaction-mode",
    "auto-compaction-retention",
    "auto-tls",
    "backend-batch-interval",
    "backend-batch-limit",
    "bcrypt-cost",
    "cert-file",
    "cipher-suites",
    "client-cert-allowed-hostname",
    "client-cert-auth",
    "client-crl-file",
    "cluster-active-size",
    "cluster-remove-delay",
    "cluster-sync-interval",
    "config",
    "config-file",
    "cors",
    "data-dir",
    "debug",
    "discovery",
    "discovery-fallback",
    "discovery-proxy",
    "discovery-srv",
    "discovery-srv-name",
    "election-timeout",
    "enable-grpc-gateway",
    "enable-pprof",
    "enable-v2",
    "experimental-backend-bbolt-freelist-type",
    "experimental-compaction-batch-limit",
    "experimental-corrupt-check-time",
    "experimental-enable-lease-checkpoint",
    "experimental-enable-lease-checkpoint-persist",
    "experimental-enable-v2v3",
    "experimental-initial-corrupt-check",
    "experimental-peer-skip-client-san-verification",
    "experimental-warning-apply-duration",
    "experimental-watch-progress-notify-interval",
    "force",
    "force-new-cluster",
    "grpc-keepalive-interval",
    "grpc-keepalive-min-time",
    "grpc-keepalive-timeout",
    "heartbeat-interval",
    "host-whitelist",
    "initial-advertise-peer-urls",
    "initial-cluster",
    "initial-cluster-state",
    "initial-cluster-token",
    "initial-election-tick-advance",
    "key-file",
    "listen-client-urls",
    "listen-metrics-urls",
    "listen-peer-urls",
    "log-level",
    "log-output",
    "log-outputs",
    "log-package-levels",
    "logger",
    "max-concurrent-streams",
    "max-request-bytes",
    "max-result-buffer",
    "max-retry-attempts",
    "max-snapshots",
    "max-txn-ops",
    "max-wals",
    "metrics",
    "name",
    "peer-auto-tls",
    "peer-cert-allowed-cn",
    "peer-cert-allowed-hostname",
    "peer-cert-file",
    "peer-client-cert-auth",
    "peer-crl-file",
    "peer-election-timeout",
    "peer-heartbeat-interval",
    "peer-key-file",
    "peer-trusted-ca-file",
    "pre-vote",
    "proxy",
    "proxy-dial-timeout",
    "proxy-failure-wait",
    "proxy-read-timeout",
    "proxy-refresh-interval",
    "proxy-write-timeout",
    "quota-backend-bytes",
    "retry-interval",
    "snapshot",
    "snapshot-count",
    "strict-reconfig-check",
    "test.coverprofile",
    "test.outputdir",
    "trusted-ca-file",
    "unsafe-no-fsync",
    "v",
    "version",
    "vv",
    "wal-dir"};

}  // namespace

UnknownName look_up(const OptionTable& table, std::string_view name) {
  if (std::binary_search(kEtcdFlags.begin(), kEtcdFlags.end(), name)) return {.is_etcds = true};
  std::vector<std::string> names = {"help", "version"};
  for (const OptionRow& row : table.rows())
    names.push_back(row.option.name);
  return {.nearest = nearest_name(name, names)};
}

}  // namespace raftkit::config
