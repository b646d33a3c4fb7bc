// How long a cluster takes no writes when its leader goes: sends a signal to the leader's process
// under load.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "proto/rpc.grpc.pb.h"

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kUsage =
    "usage: kv-pause HOST:PORT=PID HOST:PORT=PID... kill|term\n"
    "signals the leader's process and prints the longest time without an acknowledged write, in "
    "ms\n";
constexpr milliseconds kBefore{1000};
constexpr milliseconds kAfter{8000};
// Short, so that a request that died with the leader does not count as a pause of the cluster.
constexpr milliseconds kDeadline{150};

struct Server {
  std::string endpoint;
  int pid = 0;
};

void set_deadline(grpc::ClientContext& context, milliseconds limit) {
  context.set_deadline(std::chrono::system_clock::now() + limit);
}

const Server& find_leader(const std::vector<Server>& servers) {
  for (const Server& server : servers) {
    const auto stub = etcdserverpb::Maintenance::NewStub(
        grpc::CreateChannel(server.endpoint, grpc::InsecureChannelCredentials()));
    grpc::ClientContext context;
    set_deadline(context, milliseconds(2000));
    etcdserverpb::StatusResponse status;
    if (!stub->Status(&context, {}, &status).ok()) continue;
    if (status.leader() == status.header().member_id()) return server;
  }
  throw std::runtime_error("no leader");
}

/// Writes to one server, one request after the other, and notes when one is acknowledged.
class Writer {
 public:
  explicit Writer(const std::string& endpoint)
      : stub_(etcdserverpb::KV::NewStub(
            grpc::CreateChannel(endpoint, grpc::InsecureChannelCredentials()))),
        thread_([this] { run(); }) {}
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer() { stop(); }

  std::vector<steady_clock::time_point> stop() {
    is_stopping_ = true;
    if (thread_.joinable()) thread_.join();
    return std::move(acknowledged_);
  }

 private:
  void run() {
    etcdserverpb::PutRequest request;
    request.set_key("pause");
    while (!is_stopping_) {
      grpc::ClientContext context;
      set_deadline(context, kDeadline);
      etcdserverpb::PutResponse response;
      if (stub_->Put(&context, request, &response).ok()) {
        acknowledged_.push_back(steady_clock::now());
      } else {
        std::this_thread::sleep_for(milliseconds(1));
      }
    }
  }

  std::unique_ptr<etcdserverpb::KV::Stub> stub_;
  std::atomic<bool> is_stopping_ = false;
  std::vector<steady_clock::time_point> acknowledged_;
  std::thread thread_;
};

int run(const std::vector<Server>& servers, int signal) {
  const Server leader = find_leader(servers);
  std::vector<std::unique_ptr<Writer>> writers;
  for (const Server& server : servers) {
    if (server.pid != leader.pid) writers.push_back(std::make_unique<Writer>(server.endpoint));
  }
  std::this_thread::sleep_for(kBefore);
  const auto begin = steady_clock::now();
  if (kill(leader.pid, signal) != 0) throw std::runtime_error("cannot signal the leader");
  std::this_thread::sleep_for(kAfter);
  std::vector<steady_clock::time_point> times = {begin};
  for (const auto& writer : writers) {
    for (const auto& time : writer->stop()) {
      if (time > begin) times.push_back(time);
    }
  }
  std::sort(times.begin(), times.end());
  auto longest = steady_clock::duration::zero();
  for (std::size_t i = 1; i < times.size(); ++i)
    longest = std::max(longest, times[i] - times[i - 1]);
  if (times.size() < 2) throw std::runtime_error("no write was acknowledged any more");
  std::printf("%.0f\n", std::chrono::duration<double, std::milli>(longest).count());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 3 ? argv[argc - 1] : "";
  if (how != "kill" && how != "term") {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::vector<Server> servers;
  for (int i = 1; i + 1 < argc; ++i) {
    const std::string word = argv[i];
    const auto equals = word.find('=');
    servers.push_back({word.substr(0, equals), std::atoi(word.substr(equals + 1).c_str())});
  }
  try {
    return run(servers, how == "kill" ? SIGKILL : SIGTERM);
  } catch (const std::exception& failed) {
    std::fprintf(stderr, "kv-pause: %s\n", failed.what());
    return 1;
  }
}
