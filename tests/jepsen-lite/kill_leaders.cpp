// Kills the leader again and again under write load, and then looks for every acknowledged write,
// with its revision, on every member.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "jepsen-lite/cluster.hpp"

namespace raftkit::jepsen {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr const char* kUsage = R"(usage: kill-leaders --server PROGRAM [OPTION VALUE]...
  --server PROGRAM      the server to test
  --directory DIR       for data and logs; removed first; not in memory (default: ./kill-leaders.data)
  --port N              first of six ports on 127.0.0.1 (default: 24890)
  --kills N             how many leaders to kill (default: 50)
  --writes N            acknowledged writes before each kill (default: 1000)
  --clients N           writers (default: 8)
  --value-bytes N       (default: 128)
)";

struct Options {
  ClusterOptions cluster{.server = {}, .directory = "kill-leaders.data", .first_port = 24890};
  int kills = 50;
  std::uint64_t writes = 1000;
  std::size_t clients = 8;
  std::size_t value_bytes = 128;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(flag);
    const std::string value = argv[i + 1];
    if (flag == "--server") {
      options.cluster.server = value;
    } else if (flag == "--directory") {
      options.cluster.directory = value;
    } else if (flag == "--port") {
      options.cluster.first_port = static_cast<std::uint16_t>(std::stoul(value));
    } else if (flag == "--kills") {
      options.kills = std::stoi(value);
    } else if (flag == "--writes") {
      options.writes = std::stoull(value);
    } else if (flag == "--clients") {
      options.clients = std::stoul(value);
    } else if (flag == "--value-bytes") {
      options.value_bytes = std::stoul(value);
    } else {
      throw std::invalid_argument(flag + " " + value);
    }
  }
  if (options.cluster.server.empty()) throw std::invalid_argument("--server is missing");
  return options;
}

struct Write {
  std::string value;
  std::int64_t revision = 0;
};
using Writes = std::unordered_map<std::string, Write>;

/// Writers of keys that nobody writes twice.
class Writers {
 public:
  Writers(const Options& options, const Cluster& cluster) : options_(options) {
    for (std::size_t i = 0; i < cluster.size(); ++i) {
      stubs_.push_back(etcdserverpb::KV::NewStub(
          grpc::CreateChannel(cluster.endpoint(i), grpc::InsecureChannelCredentials())));
    }
    for (std::size_t i = 0; i < options.clients; ++i) {
      threads_.emplace_back([this, i] { run(i); });
    }
  }
  ~Writers() { stop(); }

  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  /// What was acknowledged. The writers end.
  Writes stop() {
    is_stopping_ = true;
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
    return std::move(writes_);
  }

 private:
  void run(std::size_t client) {
    for (std::uint64_t sequence = 0; !is_stopping_; ++sequence) {
      etcdserverpb::PutRequest request;
      request.set_key("w" + std::to_string(client) + "-" + std::to_string(sequence));
      request.set_value(request.key() + std::string(options_.value_bytes, '.'));
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + seconds(3));
      etcdserverpb::PutResponse response;
      if (!stubs_[(client + sequence) % stubs_.size()]->Put(&context, request, &response).ok()) {
        ++failed_;
        std::this_thread::sleep_for(milliseconds(5));  // a member that is down refuses at once
        continue;
      }
      ++acknowledged_;
      const std::lock_guard lock(mutex_);
      writes_[request.key()] = {request.value(), response.header().revision()};
    }
  }

  const Options& options_;
  std::vector<std::unique_ptr<etcdserverpb::KV::Stub>> stubs_;
  std::atomic<bool> is_stopping_ = false;
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::mutex mutex_;  // guards writes_
  Writes writes_;
  std::vector<std::thread> threads_;
};

/// Waits for a leader of a later term than `term`; returns it and its term.
struct Leader {
  std::size_t member = 0;
  std::uint64_t term = 0;
};
Leader wait_for_leader(Cluster& cluster, std::uint64_t term) {
  const auto deadline = steady_clock::now() + seconds(30);
  while (steady_clock::now() < deadline) {
    if (const auto leader = cluster.leader()) {
      const auto status = cluster.status(*leader);
      if (status && status->raftterm() > term) return {*leader, status->raftterm()};
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  throw std::runtime_error("no new leader within 30 s");
}

void wait_for_writes(const Writers& writers, std::uint64_t goal) {
  const auto deadline = steady_clock::now() + seconds(120);
  while (writers.acknowledged() < goal) {
    if (steady_clock::now() > deadline) throw std::runtime_error("writes do not resume");
    std::this_thread::sleep_for(milliseconds(10));
  }
}

/// How many of the acknowledged writes `member` does not have as they were acknowledged.
std::size_t count_lost(const Cluster& cluster, std::size_t member, const Writes& writes) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  const auto stub = etcdserverpb::KV::NewStub(grpc::CreateCustomChannel(
      cluster.endpoint(member), grpc::InsecureChannelCredentials(), arguments));
  std::size_t found = 0;
  std::string from = "w";
  for (bool more = true; more;) {
    etcdserverpb::RangeRequest request;
    request.set_key(from);
    request.set_range_end("x");
    request.set_limit(2000);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + seconds(60));
    etcdserverpb::RangeResponse response;
    const auto status = stub->Range(&context, request, &response);
    if (!status.ok()) throw std::runtime_error("cannot read back: " + status.error_message());
    for (const auto& kv : response.kvs()) {
      const auto write = writes.find(kv.key());
      if (write == writes.end()) continue;  // not acknowledged, and done all the same
      if (write->second.value == kv.value() && write->second.revision == kv.mod_revision()) ++found;
    }
    more = response.more();
    if (more) from = response.kvs(response.kvs_size() - 1).key() + '\0';
  }
  return writes.size() - found;
}

int run(const Options& options) {
  Cluster cluster(options.cluster);
  for (std::size_t i = 0; i < cluster.size(); ++i)
    cluster.start(i);
  for (std::size_t i = 0; i < cluster.size(); ++i)
    cluster.wait_until_serving(i, seconds(30));

  Writers writers(options, cluster);
  std::vector<double> pauses;
  for (int kill = 1; kill <= options.kills; ++kill) {
    wait_for_writes(writers, writers.acknowledged() + options.writes);
    const Leader old = wait_for_leader(cluster, 0);
    cluster.kill(old.member);
    const auto killed = steady_clock::now();
    const std::uint64_t before = writers.acknowledged();
    const Leader next = wait_for_leader(cluster, old.term);
    wait_for_writes(writers,
                    before + options.clients + 1);  // those under way may still be answered
    pauses.push_back(std::chrono::duration<double>(steady_clock::now() - killed).count());
    cluster.start(old.member);
    cluster.wait_until_serving(old.member, seconds(60));
    std::printf(
        "kill %d: term %llu to %llu, %.0f ms until writes go on, %llu writes acknowledged\n",
        kill,
        static_cast<unsigned long long>(old.term),
        static_cast<unsigned long long>(next.term),
        1000 * pauses.back(),
        static_cast<unsigned long long>(writers.acknowledged()));
    std::fflush(stdout);
  }
  wait_for_writes(writers, writers.acknowledged() + options.writes);
  const std::uint64_t failed = writers.failed();
  const Writes writes = writers.stop();
  std::size_t lost = 0;
  for (std::size_t member = 0; member < cluster.size(); ++member) {
    lost += count_lost(cluster, member, writes);
  }
  std::sort(pauses.begin(), pauses.end());
  std::printf(
      "%d kills, each with a new term; %zu writes acknowledged, %llu not; median pause %.0f ms, "
      "longest %.0f ms; %zu acknowledged writes missing on some member\n",
      options.kills,
      writes.size(),
      static_cast<unsigned long long>(failed),
      1000 * pauses[pauses.size() / 2],
      1000 * pauses.back(),
      lost);
  return lost == 0 ? 0 : 1;
}

}  // namespace
}  // namespace raftkit::jepsen

int main(int argc, char** argv) {
  try {
    return raftkit::jepsen::run(raftkit::jepsen::parse(argc, argv));
  } catch (const std::invalid_argument& wrong) {
    std::fprintf(stderr, "kill-leaders: cannot read %s\n%s", wrong.what(), raftkit::jepsen::kUsage);
    return 2;
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "kill-leaders: %s\n", failed.what());
    return 1;
  }
}
