// From options to a running member: everything between a command line and a Node, with the parts
// that raftkit brings.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio/any_io_executor.hpp>

#include "raftkit/config.hpp"
#include "raftkit/disk.hpp"
#include "raftkit/log_sink.hpp"
#include "raftkit/metrics_sink.hpp"
#include "raftkit/node.hpp"
#include "raftkit/result.hpp"
#include "raftkit/state_machine.hpp"

namespace raftkit {

/// Where a state machine may keep its data.
struct StateMachineHome {
  /// For a state machine on disk; to be created if it does not exist.
  std::string directory;
  /// This is the member's first start. Otherwise missing data are damage, and must be refused.
  bool is_first_start = false;
};

/// Makes or opens the state machine. Called once, by launch(), after the data directory is locked
/// and the log opened. An exception counts as state_machine_failed.
using StateMachineFactory =
    std::function<Result<std::unique_ptr<StateMachine>>(const StateMachineHome& home)>;

struct LaunchOptions {
  config::MemberOptions member;       ///< completed and validated by launch()
  StateMachineFactory state_machine;  ///< must be set

  /// What all members shall know about this one, e.g. where clients reach it.
  std::map<std::string, std::string> attributes;
  /// What GET /version on the peer port answers; empty: as TcpTransportOptions.
  std::string version_json;
  std::size_t max_command_bytes = NodeOptions{}.max_command_bytes;
  /// The last word on everything else, e.g. `[](NodeOptions& node) { node.retained_bytes = 0; }`.
  std::function<void(NodeOptions&)> tune;

  std::shared_ptr<LogSink> log_sink = null_log_sink();
  std::shared_ptr<MetricsSink> metrics;
  storage::Disk* disk = nullptr;  ///< null: the operating system's
};

/// A running member and what it stands on. Destroying it ends the node abruptly; stop it first with
/// node().async_stop(). The lock on the data directory lasts as long as this.
class Instance {
 public:
  [[nodiscard]] Node& node() { return *node_; }
  [[nodiscard]] const Node& node() const { return *node_; }
  [[nodiscard]] StateMachine& state_machine() { return *state_machine_; }
  [[nodiscard]] const std::string& data_directory() const { return data_directory_; }

 private:
  friend class Launcher;
  std::string data_directory_;
  std::unique_ptr<storage::FileLock> lock_;
  std::unique_ptr<StateMachine> state_machine_;
  std::unique_ptr<Node> node_;  // last: uses what stands before it
};

/// Starts a member as etcd starts one. The first time, the --initial options decide who belongs to
/// the cluster and which IDs the members have; later the data directory does. Blocks while it reads
/// the log and, the first time, asks the other members whether they know this one already.
///
/// Layout: DATA-DIR/member/{identity, lock, snapshots/, state/} and the log, which is wal/ or, in
/// LevelDB, log/.
///
/// Errors, each with a sentence that names the option or the file and the remedy: invalid_option ·
/// address_unavailable · already_locked · io_error · out_of_space · corrupt_data (damaged or
/// missing parts) · store_mismatch (this member had another data directory before) · not_supported
/// · invalid_argument (no state machine) · whatever making the state machine gave.
[[nodiscard]] Result<std::unique_ptr<Instance>> launch(boost::asio::any_io_executor executor,
                                                       LaunchOptions options);

}  // namespace raftkit
