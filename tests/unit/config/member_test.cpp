#include <string>
#include <variant>
#include <vector>

#include <catch2/catch.hpp>

#include "raftkit/config_member.hpp"

using raftkit::config::add_member_options;
using raftkit::config::bind;
using raftkit::config::check_advertise_urls;
using raftkit::config::check_listen_urls;
using raftkit::config::Environment;
using raftkit::config::MemberOptions;
using raftkit::config::Milliseconds;
using raftkit::config::OptionScope;
using raftkit::config::OptionTable;
using raftkit::config::parse;
using raftkit::config::parse_url_list;
using raftkit::config::Run;
using raftkit::config::Stop;

namespace {

struct Member {
  MemberOptions options;
  OptionTable table{{"server", "server Version: 1.0\n"}};

  Member() { add_member_options(table, options); }
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  Member(Member&&) = delete;
  Member& operator=(Member&&) = delete;
  ~Member() = default;

  [[nodiscard]] Run run(const std::vector<std::string>& arguments) const {
    auto outcome = parse(table, arguments, {});
    if (const auto* stop = std::get_if<Stop>(&outcome)) FAIL("stopped: " << stop->reason);
    return std::get<Run>(std::move(outcome));
  }
};

// What is said about these flags; they must be refused with status 1.
std::string refusal_of(const std::vector<std::string>& arguments) {
  const Member member;
  const auto outcome = parse(member.table, arguments, {});
  if (std::holds_alternative<Run>(outcome)) return "accepted";
  CHECK(std::get<Stop>(outcome).exit_status == 1);
  return std::get<Stop>(outcome).reason;
}

int status_of(const std::vector<std::string>& arguments, const Environment& environment) {
  const Member member;
  const auto outcome = parse(member.table, arguments, environment);
  return std::holds_alternative<Run>(outcome) ? -1 : std::get<Stop>(outcome).exit_status;
}

}  // namespace

TEST_CASE("A member's defaults are etcd's, but for pre-vote, which is on", "[config]") {
  Member member;

  (void)member.run({});

  CHECK(member.options.name == "default");
  CHECK(member.options.data_dir == "default.etcd");
  CHECK(member.options.snapshot_count == 100000);
  CHECK(member.options.heartbeat_interval.count() == 100);
  CHECK(member.options.election_timeout.count() == 1000);
  CHECK(member.options.election_timeout_ticks() == 10);
  CHECK(to_string(member.options.listen_peer_urls) == "http://localhost:2380");
  CHECK(to_string(member.options.initial_advertise_peer_urls) == "http://localhost:2380");
  CHECK(member.options.initial_cluster == "default=http://localhost:2380");
  CHECK(member.options.initial_cluster_token == "etcd-cluster");
  CHECK(member.options.pre_vote);
  CHECK(member.options.log_level == "info");
  CHECK(member.options.logger == "capnslog");
  CHECK(member.options.log_outputs == std::vector<std::string>{"default"});
}

TEST_CASE("The table has every option of a member, and marks those of the first start",
          "[config]") {
  const Member member;
  std::string names;
  for (const auto& row : member.table.rows()) {
    const bool is_first_start = row.option.scope == OptionScope::first_start;
    CHECK(is_first_start ==
          (row.option.name.starts_with("initial-") || row.option.name == "log-storage"));
    CHECK_FALSE(row.option.help.empty());
    names += row.option.name + " ";
  }
  CHECK(names ==
        "config-file name data-dir log-storage snapshot-count snapshot-catchup-entries "
        "snapshot-bytes-per-second max-snapshots max-wals heartbeat-interval election-timeout "
        "listen-peer-urls "
        "initial-advertise-peer-urls "
        "initial-cluster initial-cluster-state "
        "initial-cluster-token pre-vote logger log-outputs log-level ");
  CHECK(member.table.find("data-dir")->option.default_text == "${name}.etcd");
}

TEST_CASE("The flags of a three-node unit file are understood", "[config]") {
  Member member;

  const std::string cluster =
      "etcd0=http://172.31.43.166:2380,etcd1=http://172.31.43.114:2380,"
      "etcd2=http://172.31.34.237:2380";

  (void)member.run({"--name",
                    "etcd0",
                    "--data-dir=/var/lib/etcd",
                    "--initial-advertise-peer-urls",
                    "http://172.31.43.166:2380",
                    "--listen-peer-urls",
                    "http://172.31.43.166:2380",
                    "--initial-cluster-token",
                    "etcd-cluster-1",
                    "--initial-cluster",
                    cluster,
                    "--initial-cluster-state",
                    "new"});

  CHECK(member.options.name == "etcd0");
  CHECK(member.options.data_dir == "/var/lib/etcd");
  CHECK(validate_bootstrap(member.options)->members.size() == 3);
}

TEST_CASE("The data directory and a cluster of one follow from the name", "[config]") {
  Member member;

  const Run run = member.run({"--name=a", "--initial-advertise-peer-urls=http://h:2,http://h:1"});

  CHECK(member.options.data_dir == "a.etcd");
  CHECK(member.options.initial_cluster == "a=http://h:1,a=http://h:2");
  REQUIRE(run.notices.size() == 1);
  CHECK(run.notices.front().event == "data_dir_default");
}

TEST_CASE("Files to retain are five by default, as in etcd, and any number with 0", "[config]") {
  Member member;
  CHECK(member.options.max_snapshots == 5);
  CHECK(member.options.max_wals == 5);

  (void)member.run({"--max-snapshots=3", "--max-wals=0", "--data-dir=d"});

  CHECK(member.options.max_snapshots == 3);
  CHECK(member.options.max_wals == 0);
}

TEST_CASE("Counts around snapshots that are 0 mean the default, with a line about it", "[config]") {
  Member member;

  const Run run =
      member.run({"--snapshot-count=0", "--snapshot-catchup-entries=0", "--data-dir=d"});

  CHECK(member.options.snapshot_count == 100000);
  CHECK(member.options.snapshot_catchup_entries == 5000);
  REQUIRE(run.notices.size() == 2);
  CHECK(run.notices.front().level == raftkit::LogLevel::info);
  CHECK(run.notices.front().text == "--snapshot-count=0 means the default");
  CHECK(run.notices.back().text == "--snapshot-catchup-entries=0 means the default");
}

TEST_CASE("The rate of snapshots has no limit by default, and none that ends a transfer",
          "[config]") {
  CHECK(Member().options.snapshot_bytes_per_second == 0);
  CHECK(refusal_of({"--snapshot-bytes-per-second=0"}) == "accepted");
  CHECK(refusal_of({"--snapshot-bytes-per-second=65536"}) == "accepted");
  CHECK(refusal_of({"--snapshot-bytes-per-second=65535"}) ==
        "--snapshot-bytes-per-second=65535: must be 0, for no limit, or at least 65536");
  CHECK(status_of({"--snapshot-bytes-per-second=65535"}, {}) == 1);
  CHECK(status_of({"--snapshot-bytes-per-second=10MiB"}, {}) == 2);
}

TEST_CASE("Timings have etcd's bounds", "[config]") {
  CHECK(refusal_of({"--heartbeat-interval=0"}) == "--heartbeat-interval=0: must be at least 1 ms");
  CHECK(refusal_of({"--election-timeout=0"}) == "--election-timeout=0: must be from 1 to 50000 ms");
  CHECK(refusal_of({"--election-timeout=50001"}) ==
        "--election-timeout=50001: must be from 1 to 50000 ms");
  CHECK(refusal_of({"--election-timeout=50000"}) == "accepted");
  CHECK(refusal_of({"--heartbeat-interval=200"}) == "accepted");
  CHECK(refusal_of({"--heartbeat-interval=201"}) ==
        "--election-timeout=1000 ms must be at least 5 times --heartbeat-interval=201 ms");
  CHECK(
      refusal_of({"--heartbeat-interval=0xcccccccccccccccd"}).ends_with("3689348814741910325 ms") ==
      false);
}

TEST_CASE("An interval whose fivefold overflows is refused like any other", "[config]") {
  CHECK(refusal_of({"--heartbeat-interval=0xcccccccccccccccd"}) ==
        "--election-timeout=1000 ms must be at least 5 times "
        "--heartbeat-interval=14757395258967641293 ms");
}

TEST_CASE("An election timeout counts whole heartbeat intervals", "[config]") {
  Member member;
  (void)member.run({"--heartbeat-interval=300", "--election-timeout=1700"});
  CHECK(member.options.election_timeout_ticks() == 5);
}

TEST_CASE("Statuses follow etcd: 2 for what cannot be read, 1 for what makes no sense",
          "[config]") {
  CHECK(status_of({"--initial-cluster-state=old"}, {}) == 2);
  CHECK(status_of({"--initial-cluster-state="}, {}) == 2);
  CHECK(status_of({}, {{"ETCD_INITIAL_CLUSTER_STATE", "old"}}) == 1);
  CHECK(status_of({"--election-timeout=-1"}, {}) == 2);
  CHECK(status_of({"--election-timeout=1"}, {}) == 1);
  CHECK(status_of({"--initial-cluster-state=existing"}, {}) == -1);
}

TEST_CASE("Only IP addresses and localhost can be listened on", "[config]") {
  CHECK(refusal_of({"--listen-peer-urls=http://infra0.example:2380"}) ==
        "--listen-peer-urls=http://infra0.example:2380: only an IP address or localhost can be "
        "listened on, not \"infra0.example\": names may only be advertised");
  CHECK(refusal_of({"--listen-peer-urls=http://:2380"}).find("not \"\"") != std::string::npos);
  CHECK(refusal_of({"--listen-peer-urls=http://LOCALHOST:2380"}) != "accepted");
  CHECK(refusal_of({"--listen-peer-urls=http://0.0.0.0:2380,http://[::1]:0,http://localhost:"}) ==
        "accepted");
}

TEST_CASE("An address cannot be listened on twice, but any free port can", "[config]") {
  CHECK(refusal_of({"--listen-peer-urls=http://127.0.0.1:1,http://127.0.0.1:1"}) ==
        "--listen-peer-urls=http://127.0.0.1:1,http://127.0.0.1:1: http://127.0.0.1:1 is listed "
        "twice");
  CHECK(refusal_of({"--listen-peer-urls=http://127.0.0.1:0,http://127.0.0.1:0"}) == "accepted");
}

TEST_CASE("A port above 65535 and a transport that is not served are refused", "[config]") {
  CHECK(refusal_of({"--listen-peer-urls=http://127.0.0.1:65536"}) ==
        "--listen-peer-urls=http://127.0.0.1:65536: the port must be at most 65535");
  CHECK(refusal_of({"--listen-peer-urls=https://127.0.0.1:2380"}) ==
        "--listen-peer-urls=https://127.0.0.1:2380: this build serves http only, not https: write "
        "http://127.0.0.1:2380");
  CHECK(refusal_of({"--listen-peer-urls=unix://localhost:2380"}) != "accepted");
}

TEST_CASE("An advertised URL needs a host, at every start", "[config]") {
  CHECK(refusal_of({"--initial-advertise-peer-urls=http://:2380"}) ==
        "--initial-advertise-peer-urls=http://:2380: has no host: write the host at which others "
        "reach this member");
  CHECK(refusal_of({"--initial-advertise-peer-urls=http://infra0.example:2380"}) == "accepted");
}

TEST_CASE("What counts only at the first start is not looked at otherwise", "[config]") {
  CHECK(refusal_of({"--initial-cluster=garbage,=,", "--name=unknown"}) == "accepted");
}

TEST_CASE("An embedder's URLs obey the same rules under their own names", "[config]") {
  const auto urls = parse_url_list("http://kv.example:2379").value();

  CHECK(check_listen_urls("listen-client-urls", urls)
            .error()
            .message()
            .starts_with("--listen-client-urls=http://kv.example:2379: "));
  CHECK(check_advertise_urls("advertise-client-urls", urls));
}

TEST_CASE("Options that no table has read are validated as strictly", "[config]") {
  MemberOptions options;
  CHECK(validate(options));

  options.heartbeat_interval = Milliseconds{0};
  CHECK(validate(options).error().message() == "--heartbeat-interval=0: must be at least 1 ms");
}

TEST_CASE("An embedder appends rows and checks of its own", "[config]") {
  Member member;
  auto listen = parse_url_list("http://localhost:2379").value();
  auto advertise = listen;
  member.table.add({"listen-client-urls", "Member", "For clients."}, bind(listen));
  member.table.add({"advertise-client-urls", "Clustering", "For clients."}, bind(advertise));
  member.table.add_check([](const Run& run) -> raftkit::Result<void> {
    if (run.is_set("listen-client-urls") && !run.is_set("advertise-client-urls"))
      return raftkit::Error(raftkit::Errc::invalid_option, "advertise them");
    return {};
  });

  const auto refused = parse(
      member.table, std::vector<std::string>{"--listen-client-urls=http://10.0.0.1:2379"}, {});
  CHECK(std::get<Stop>(refused).reason == "advertise them");
  (void)member.run({"--listen-client-urls=http://10.0.0.1:2379",
                    "--advertise-client-urls=http://10.0.0.1:2379"});
  CHECK(to_string(listen) == "http://10.0.0.1:2379");
}
