// The assembled server.
#pragma once

#include <functional>
#include <memory>

#include "raftkit/log_sink.hpp"

#include "rpc/replica.hpp"
#include "server/options.hpp"

namespace kvstore {

/// Puts something between the services and consensus; tests use it to build servers that are wrong.
using ReplicaFactory = std::function<std::unique_ptr<Replica>(raftkit::Node&)>;

/// Runs a member until SIGTERM or SIGINT, or until it cannot go on. Returns the exit status; after
/// a signal the process ends by that signal instead, as etcd does.
[[nodiscard]] int run_server(const ServerOptions& options,
                             std::shared_ptr<raftkit::LogSink> log,
                             const ReplicaFactory& make_replica);

/// The whole program: parses, prints, runs.
[[nodiscard]] int server_main(int argc, char** argv, const ReplicaFactory& make_replica);

}  // namespace kvstore
