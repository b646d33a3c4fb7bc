// Three real server processes on loopback, to be killed and restarted.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/types.h>
#include <vector>

#include "proto/rpc.grpc.pb.h"

namespace raftkit::jepsen {

struct ClusterOptions {
  std::string server;               ///< path of the program
  std::string directory;            ///< for data and logs; must not be on a file system in memory
  std::string data_directory = {};  ///< for the data; empty: `directory`
  std::uint16_t first_port = 0;
  std::size_t members = 3;
  std::vector<std::string> extra_arguments = {};
};

/// A member ended without having been asked to.
struct MemberEnded : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Owner: one thread; endpoint() and stub factories may be used from any.
class Cluster {
 public:
  /// Throws std::runtime_error where a kill would prove nothing: data in memory survive one.
  explicit Cluster(ClusterOptions options);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  ~Cluster();  // ends the processes

  [[nodiscard]] std::size_t size() const { return processes_.size(); }
  [[nodiscard]] std::string endpoint(std::size_t member) const;
  [[nodiscard]] std::string log_file(std::size_t member) const;

  void start(std::size_t member);
  /// Throws MemberEnded if one that should run does not.
  void check_running();
  /// SIGKILL, and waits until the process is gone.
  void kill(std::size_t member);
  /// SIGSTOP: it stands still, but keeps its memory and its connections. It can be killed, too.
  void pause(std::size_t member);
  /// SIGCONT: it goes on where it was, with everything it believed then.
  void resume(std::size_t member);
  [[nodiscard]] bool is_running(std::size_t member) const { return processes_[member].has_value(); }

  /// Asks the members that run; empty if none leads or the answer takes too long.
  [[nodiscard]] std::optional<std::size_t> leader();
  /// Throws if the member does not serve within `limit`.
  void wait_until_serving(std::size_t member, std::chrono::seconds limit);
  [[nodiscard]] std::optional<etcdserverpb::StatusResponse> status(std::size_t member);

 private:
  [[nodiscard]] std::string peer_url(std::size_t member) const;
  [[nodiscard]] std::vector<std::string> arguments(std::size_t member) const;

  ClusterOptions options_;
  std::vector<std::optional<pid_t>> processes_;
  std::vector<std::unique_ptr<etcdserverpb::Maintenance::Stub>> maintenance_;
};

}  // namespace raftkit::jepsen
