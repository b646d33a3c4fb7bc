// The transports of raftkit as the conformance suite wants them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftkit/loopback_transport.hpp"
#include "raftkit/tcp_transport.hpp"
#include "raftkit/testing/transport_conformance.hpp"

#include "unit/transport/event_loop.hpp"

namespace raftkit::test {

/// A transport with an event loop of its own.
class LoopNode final : public testing::TransportNode {
 public:
  using Make = std::function<std::unique_ptr<Transport>(boost::asio::any_io_executor)>;
  using Urls = std::function<std::vector<std::string>(const Transport&)>;

  LoopNode(const Make& make, Urls urls)
      : transport_(make(loop_.executor())), urls_(std::move(urls)) {}
  ~LoopNode() override {
    loop_.run([this] { transport_.reset(); });
  }
  LoopNode(const LoopNode&) = delete;
  LoopNode& operator=(const LoopNode&) = delete;

  Transport& transport() override { return *transport_; }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  std::vector<std::string> peer_urls() override { return urls_(*transport_); }

 private:
  EventLoop loop_;
  std::unique_ptr<Transport> transport_;
  Urls urls_;
};

class LoopbackTestNetwork final : public testing::TransportNetwork {
 public:
  explicit LoopbackTestNetwork(const LoopbackOptions& options = {}) : options_(options) {}

  std::unique_ptr<testing::TransportNode> make_node(NodeId) override {
    return std::make_unique<LoopNode>(
        [&](auto executor) { return network.make_transport(std::move(executor), options_); },
        [](const Transport&) { return std::vector<std::string>(); });
  }

  LoopbackNetwork network;

 private:
  LoopbackOptions options_;
};

/// Listening on any free port of this machine, with times that suit a test.
inline TcpTransportOptions tcp_options() {
  TcpTransportOptions options;
  options.listen_urls = {"http://127.0.0.1:0"};
  options.backoff_min = std::chrono::milliseconds{5};
  options.backoff_max = std::chrono::milliseconds{50};
  options.snapshot_resume_timeout = std::chrono::milliseconds{300};
  options.seed = 1;
  return options;
}

/// A node that is made again listens where it listened before.
class TcpTestNetwork final : public testing::TransportNetwork {
 public:
  explicit TcpTestNetwork(TcpTransportOptions the_options = tcp_options())
      : options(std::move(the_options)) {}

  std::unique_ptr<testing::TransportNode> make_node(NodeId node) override {
    auto& urls = urls_[node];
    TcpTransportOptions node_options = options;
    if (!urls.empty()) node_options.listen_urls = urls;
    return std::make_unique<LoopNode>(
        [&](auto executor) {
          return make_tcp_transport(std::move(executor), node_options, null_log_sink());
        },
        [&urls](const Transport& transport) { return urls = tcp_listen_urls(transport); });
  }

  TcpTransportOptions options;  ///< of the nodes made from now on

 private:
  std::map<NodeId, std::vector<std::string>> urls_;
};

}  // namespace raftkit::test
