// Does a transport keep what raftkit/transport.hpp promises? For whoever brings a transport: say
// how its nodes are made, run the cases from any test framework.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/testing/conformance.hpp"
#include "raftkit/transport.hpp"

namespace raftkit::testing {

/// A transport under test and the executor that it lives on. Destroying it without Transport::stop
/// is how a process ends that is killed: nothing is said to the others, and nothing of it is left.
class TransportNode {
 public:
  virtual ~TransportNode() = default;

  [[nodiscard]] virtual Transport& transport() = 0;

  /// Runs `task` on the executor. Thread-safe.
  virtual void post(std::function<void()> task) = 0;

  /// Where the others reach this node; called on the executor, after Transport::start. The same for
  /// all nodes made for one NodeId.
  [[nodiscard]] virtual std::vector<std::string> peer_urls() = 0;
};

/// Nodes that can reach each other.
class TransportNetwork {
 public:
  virtual ~TransportNetwork() = default;

  /// A transport that has not been started. At most one per NodeId exists at a time.
  [[nodiscard]] virtual std::unique_ptr<TransportNode> make_node(NodeId node) = 0;
};

struct TransportSuiteOptions {
  /// How long something that must happen may take.
  std::chrono::milliseconds patience{15000};
  /// How long nothing must happen before it counts as never.
  std::chrono::milliseconds quiet{150};
  /// A message that must get through.
  std::size_t large_message_bytes = std::size_t{3} << 20;
  /// What may be queued for one peer, as the transports under test were told, with all slack.
  std::size_t max_queue_bytes = std::size_t{96} << 20;
};

using TransportCase = ConformanceCase;

/// Makes a new network; each case has its own.
using TransportNetworkFactory = std::function<std::unique_ptr<TransportNetwork>()>;

[[nodiscard]] std::vector<std::string> transport_case_names();

/// Runs one case. An unknown name fails.
[[nodiscard]] TransportCase run_transport_case(std::string_view name,
                                               const TransportNetworkFactory& factory,
                                               const TransportSuiteOptions& options = {});

/// Runs all of them.
[[nodiscard]] std::vector<TransportCase> check_transport(const TransportNetworkFactory& factory,
                                                         const TransportSuiteOptions& options = {});

}  // namespace raftkit::testing
