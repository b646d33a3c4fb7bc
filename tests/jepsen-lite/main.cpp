// Kills and pauses server processes under load, or cuts the power of their disk, and checks that
// what the clients saw is linearizable.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "jepsen-lite/cluster.hpp"
#include "jepsen-lite/power_disk.hpp"
#include "jepsen-lite/workload.hpp"

namespace raftkit::jepsen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr const char* kUsage = R"(usage: jepsen-lite --server PROGRAM [OPTION VALUE]...
  --server PROGRAM      the server to test
  --directory DIR       for data and logs; removed first; not in memory (default: ./jepsen-lite.data)
  --port N              first of six ports on 127.0.0.1 (default: 24790)
  --seconds N           how long to run (default: 20)
  --clients N           how many at a time (default: 8)
  --seed N              of the nemesis and the clients (default: from the clock)
  --power-cuts N        instead of kills, pauses and --seconds: so often the power fails, for all servers at
                        once. Their data are in a file system of its own, so it needs root
  --expect VERDICT      linearizable (default) or violation: what makes the run a success
)";

struct Options {
  ClusterOptions cluster{.server = {}, .directory = "jepsen-lite.data", .first_port = 24790};
  seconds duration{20};
  int power_cuts = 0;
  std::size_t clients = 8;
  std::uint64_t seed = static_cast<std::uint64_t>(steady_clock::now().time_since_epoch().count());
  bool expect_violation = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--help" || i + 1 == argc)
      throw std::invalid_argument(flag == "--help" ? "" : flag);
    const std::string value = argv[i + 1];
    if (flag == "--server")
      options.cluster.server = value;
    else if (flag == "--directory")
      options.cluster.directory = value;
    else if (flag == "--port")
      options.cluster.first_port = static_cast<std::uint16_t>(std::stoul(value));
    else if (flag == "--seconds")
      options.duration = seconds(std::stoul(value));
    else if (flag == "--power-cuts")
      options.power_cuts = std::stoi(value);
    else if (flag == "--clients")
      options.clients = std::stoul(value);
    else if (flag == "--seed")
      options.seed = std::stoull(value);
    else if (flag == "--expect" && (value == "linearizable" || value == "violation")) {
      options.expect_violation = value == "violation";
    } else {
      throw std::invalid_argument(flag + " " + value);
    }
  }
  if (options.cluster.server.empty()) throw std::invalid_argument("--server is missing");
  return options;
}

/// Disturbs a member or two, lets the others go on for a moment, and puts them right again.
class Nemesis {
 public:
  Nemesis(Cluster& cluster, std::uint64_t seed) : cluster_(cluster), random_(seed) {}

  void strike() {
    sleep_up_to(milliseconds(800));
    const auto leader = cluster_.leader();
    const std::size_t some = random_() % cluster_.size();
    // A run without a leader's death proves nothing.
    switch (leader_kills_ == 0 ? 0 : random_() % 6) {
      case 0:
      case 1:
      case 2:
        return kill({leader.value_or(some)});
      case 3:
        return kill({some});
      case 4: {
        // Most of them, so that what was acknowledged is only on disks.
        const std::size_t other = (some + 1) % cluster_.size();
        return kill({some, other});
      }
      default:
        return pause(leader.value_or(some));
    }
  }

  /// Of all at once, amid what they write.
  void cut_power(PowerDisk& disk) {
    std::this_thread::sleep_for(milliseconds(300));
    sleep_up_to(milliseconds(1200));
    cluster_.check_running();
    disk.cut();
    for (std::size_t member = 0; member < cluster_.size(); ++member)
      cluster_.kill(member);
    disk.restore();
    for (std::size_t member = 0; member < cluster_.size(); ++member)
      cluster_.start(member);
    for (std::size_t member = 0; member < cluster_.size(); ++member)
      cluster_.wait_until_serving(member, seconds(30));
    ++power_cuts_;
  }

  [[nodiscard]] int power_cuts() const { return power_cuts_; }
  [[nodiscard]] int kills() const { return kills_; }
  [[nodiscard]] int leader_kills() const { return leader_kills_; }
  [[nodiscard]] int pauses() const { return pauses_; }

 private:
  void kill(const std::vector<std::size_t>& victims) {
    for (const std::size_t victim : victims) {
      const auto seen = cluster_.status(victim);
      leader_kills_ += seen && seen->leader() == seen->header().member_id() ? 1 : 0;
      ++kills_;
      cluster_.kill(victim);
    }
    sleep_up_to(milliseconds(1500));
    for (const std::size_t victim : victims)
      cluster_.start(victim);
    for (const std::size_t victim : victims)
      cluster_.wait_until_serving(victim, seconds(30));
  }

  // Long enough for the others to elect another leader, which this one does not know of when it
  // wakes up with clients' reads waiting.
  void pause(std::size_t victim) {
    ++pauses_;
    cluster_.pause(victim);
    std::this_thread::sleep_for(milliseconds(1500));
    sleep_up_to(milliseconds(1000));
    cluster_.resume(victim);
    cluster_.wait_until_serving(victim, seconds(30));
  }

  void sleep_up_to(milliseconds longest) {
    std::this_thread::sleep_for(
        milliseconds(random_() % static_cast<std::uint64_t>(longest.count())));
  }

  Cluster& cluster_;
  std::mt19937_64 random_;
  int kills_ = 0;
  int leader_kills_ = 0;
  int pauses_ = 0;
  int power_cuts_ = 0;
};

const char* show(Action action) {
  switch (action) {
    case Action::get:
      return "get";
    case Action::put:
      return "put";
    case Action::compare_and_set:
      return "compare-and-set";
  }
  return "";
}

void print(std::FILE* file, const char* mark, const Op& op, std::uint64_t begin) {
  std::fprintf(file,
               "%s %9.3f ms to %9.3f ms  client %llu %s expected=%lld value=%lld -> value=%lld "
               "succeeded=%d\n",
               mark,
               static_cast<double>(op.call - begin) / 1e6,
               op.returned ? static_cast<double>(*op.returned - begin) / 1e6 : -1.0,
               static_cast<unsigned long long>(op.client),
               show(op.input.action),
               static_cast<long long>(op.input.expected),
               static_cast<long long>(op.input.value),
               static_cast<long long>(op.output.value),
               op.output.succeeded ? 1 : 0);
}

/// The operations around the one that does not fit; all of them go to a file.
void explain(const std::string& key,
             const std::vector<Op>& history,
             const testing::LinearizabilityResult& result,
             const std::string& directory) {
  const Op& stuck = history[*result.stuck];
  const std::string path = directory + "/violation.txt";
  std::printf(
      "%s: after %zu of %zu operations in some order, this one does not fit (all are in %s); near "
      "it in time:\n",
      key.c_str(),
      result.longest.size(),
      history.size(),
      path.c_str());
  std::FILE* file = std::fopen(path.c_str(), "w");
  auto begin = history.front().call;
  for (const Op& op : history)
    begin = std::min(begin, op.call);
  for (std::size_t i = 0; i < history.size(); ++i) {
    const Op& op = history[i];
    const char* mark = i == *result.stuck ? "=>" : "  ";
    if (file != nullptr) print(file, mark, op, begin);
    const auto returned = op.returned.value_or(UINT64_MAX);
    if (returned + 5'000'000 < stuck.call || op.call > stuck.returned.value_or(UINT64_MAX))
      continue;
    print(stdout, mark, op, begin);
  }
  if (file != nullptr) (void)std::fclose(file);
}

/// How many keys of each verdict. Where a violation is expected, one is enough.
struct Verdicts {
  std::size_t linearizable = 0;
  std::size_t violated = 0;
  std::size_t undecided = 0;
};

Verdicts check(const Histories& histories, const Options& options) {
  Verdicts verdicts;
  for (const auto& [key, history] : histories) {
    if (options.expect_violation && verdicts.violated > 0) break;
    const auto result = testing::check_linearizable<KeyModel>(history);
    switch (result.verdict) {
      case testing::Verdict::linearizable:
        ++verdicts.linearizable;
        break;
      case testing::Verdict::gave_up:
        ++verdicts.undecided;
        break;
      case testing::Verdict::not_linearizable:
        if (verdicts.violated++ == 0) explain(key, history, result, options.cluster.directory);
        break;
    }
  }
  return verdicts;
}

/// Disturbs the cluster as long as was asked for.
void disturb(Nemesis& nemesis, const Workload& workload, const Options& options, PowerDisk* disk) {
  const auto end = steady_clock::now() + options.duration;
  while (disk != nullptr ? nemesis.power_cuts() < options.power_cuts : steady_clock::now() < end) {
    if (disk != nullptr) {
      nemesis.cut_power(*disk);
      std::printf("%d power cuts, ", nemesis.power_cuts());
    } else {
      nemesis.strike();
      std::printf("%d kills, %d pauses, ", nemesis.kills(), nemesis.pauses());
    }
    std::printf("%llu writes acknowledged, %llu unknown\n",
                static_cast<unsigned long long>(workload.acknowledged_writes()),
                static_cast<unsigned long long>(workload.unknown_writes()));
    std::fflush(stdout);
  }
}

int judge(const Histories& histories,
          const Workload& workload,
          const Nemesis& nemesis,
          const Options& options) {
  const double overlap = overlapping_share(histories);
  const Verdicts verdicts = check(histories, options);
  std::printf(
      "%zu keys: %zu linearizable, %zu not, %zu undecided; %.0f %% of the operations overlap; "
      "%d kills, %d of a leader; %d pauses; %d power cuts; %llu acknowledged writes, %llu unknown "
      "outcomes\n",
      histories.size(),
      verdicts.linearizable,
      verdicts.violated,
      verdicts.undecided,
      100 * overlap,
      nemesis.kills(),
      nemesis.leader_kills(),
      nemesis.pauses(),
      nemesis.power_cuts(),
      static_cast<unsigned long long>(workload.acknowledged_writes()),
      static_cast<unsigned long long>(workload.unknown_writes()));
  if (options.expect_violation) return verdicts.violated > 0 ? 0 : 1;
  const bool is_meaningful = overlap >= 0.5 && workload.unknown_writes() > 0 &&
                             nemesis.leader_kills() + nemesis.power_cuts() > 0;
  if (!is_meaningful)
    std::printf(
        "the run proves too little: overlap, unknown outcomes, leader kills or power cuts are "
        "missing\n");
  return verdicts.violated == 0 && verdicts.undecided == 0 && is_meaningful ? 0 : 1;
}

int run(const Options& options) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  ClusterOptions cluster_options = options.cluster;
  if (options.power_cuts > 0) {
    cluster_options.data_directory = options.cluster.directory + "/disk";
    PowerDisk::unmount_leftover(cluster_options.data_directory);
  }
  std::optional<PowerDisk> disk;  // outlives the servers
  Cluster cluster(cluster_options);
  if (options.power_cuts > 0)
    disk.emplace(options.cluster.directory + "/disk.ext4", cluster_options.data_directory);
  WorkloadOptions work{.endpoints = {}, .clients = options.clients, .seed = options.seed};
  for (std::size_t i = 0; i < cluster.size(); ++i) {
    cluster.start(i);
    work.endpoints.push_back(cluster.endpoint(i));
  }
  for (std::size_t i = 0; i < cluster.size(); ++i)
    cluster.wait_until_serving(i, seconds(30));

  Workload workload(work);
  Nemesis nemesis(cluster, options.seed);
  workload.start();
  try {
    disturb(nemesis, workload, options, disk ? &*disk : nullptr);
  } catch (const MemberEnded& ended) {
    // It has noticed by itself that something is lost.
    if (!options.expect_violation) throw;
    std::printf("%s\n", ended.what());
    return 0;
  }
  const Histories histories = workload.stop();
  return judge(histories, workload, nemesis, options);
}

}  // namespace
}  // namespace raftkit::jepsen

int main(int argc, char** argv) {
  try {
    return raftkit::jepsen::run(raftkit::jepsen::parse(argc, argv));
  } catch (const std::invalid_argument& wrong) {
    if (*wrong.what() != '\0') std::fprintf(stderr, "jepsen-lite: cannot read %s\n", wrong.what());
    std::fputs(raftkit::jepsen::kUsage, *wrong.what() == '\0' ? stdout : stderr);
    return *wrong.what() == '\0' ? 0 : 2;
  } catch (const raftkit::jepsen::Unavailable& missing) {
    std::printf("SKIPPED: %s\n", missing.what());
    return 77;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "jepsen-lite: %s\n", failed.what());
    return 1;
  }
}
