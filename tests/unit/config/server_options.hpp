// A small program's options: one of every kind.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "raftkit/config_table.hpp"

namespace raftkit::config::test {

enum class State { new_cluster, existing };

/// Stays in place: the table refers to the variables beside it.
struct ServerOptions {
  std::string config_file;
  std::string name = "default";
  bool pre_vote = true;
  Milliseconds election_timeout{1000};
  std::vector<Url> urls = parse_url_list("http://localhost:2380").value();
  State state = State::new_cluster;
  std::chrono::nanoseconds keep_alive = std::chrono::seconds(5);
  std::vector<std::string> log_outputs = {"default"};
  std::string cert_file;

  OptionTable table{Program{"server", "server Version: 1.0\n"}};

  ServerOptions() {
    table.add({"config-file", "Member", "A file."}, bind(config_file));
    table.add({"name", "Member", "Its name."}, bind(name));
    table.add({"pre-vote", "Clustering", "Ask first."}, bind(pre_vote));
    table.add({"election-timeout", "Member", "Patience.", "ms"},
              bind(election_timeout, {Milliseconds{1}, Milliseconds{50000}}));
    table.add({"listen-peer-urls", "Member", "Where to listen."}, bind(urls));
    table.add({.name = "initial-cluster-state",
               .group = "Clustering",
               .help = "New | old.",
               .scope = OptionScope::first_start},
              bind_choice(state, {{"new", State::new_cluster}, {"existing", State::existing}}));
    table.add({"keep-alive", "Clustering", "How often."}, bind(keep_alive));
    table.add({"log-outputs", "Logging", "Where to."}, bind(log_outputs));
    table.add({.name = "cert-file",
               .group = "Security",
               .help = "Certificate.",
               .file_key = "client-transport-security.cert-file"},
              bind(cert_file));
  }
  ServerOptions(const ServerOptions&) = delete;
  ServerOptions& operator=(const ServerOptions&) = delete;
  ServerOptions(ServerOptions&&) = delete;
  ServerOptions& operator=(ServerOptions&&) = delete;
  ~ServerOptions() = default;
};

}  // namespace raftkit::config::test
