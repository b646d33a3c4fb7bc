#include "jepsen-lite/cluster.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <linux/magic.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <grpcpp/grpcpp.h>

namespace raftkit::jepsen {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds kStatusTimeout{300};
constexpr milliseconds kPoll{20};
constexpr milliseconds kReconnect{100};

void refuse_file_system_in_memory(const std::string& directory) {
  struct statfs info {};
  if (statfs(directory.c_str(), &info) != 0)
    throw std::runtime_error("cannot examine " + directory);
  const auto magic = static_cast<unsigned long>(info.f_type);
  if (magic == TMPFS_MAGIC || magic == RAMFS_MAGIC) {
    throw std::runtime_error(directory +
                             " is on a file system in memory: what survives a kill there proves "
                             "nothing about a disk. Name a directory on a disk with --directory");
  }
}

}  // namespace

Cluster::Cluster(ClusterOptions options)
    : options_(std::move(options)), processes_(options_.members) {
  if (options_.data_directory.empty()) options_.data_directory = options_.directory;
  std::filesystem::remove_all(options_.directory);
  std::filesystem::create_directories(options_.directory);
  refuse_file_system_in_memory(options_.directory);
  // gRPC 1.51 drives a connection that is being made only while a call waits for it, and else every
  // five seconds: a restarted member would long be left alone.
  setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50", 1);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, static_cast<int>(kReconnect.count()));
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, static_cast<int>(kReconnect.count()));
  for (std::size_t member = 0; member < options_.members; ++member) {
    auto channel =
        grpc::CreateCustomChannel(endpoint(member), grpc::InsecureChannelCredentials(), arguments);
    maintenance_.push_back(etcdserverpb::Maintenance::NewStub(channel));
  }
}

Cluster::~Cluster() {
  for (std::size_t member = 0; member < size(); ++member) {
    if (is_running(member)) kill(member);
  }
}

std::string Cluster::endpoint(std::size_t member) const {
  return "127.0.0.1:" + std::to_string(options_.first_port + 2 * member);
}

std::string Cluster::peer_url(std::size_t member) const {
  return "http://127.0.0.1:" + std::to_string(options_.first_port + 2 * member + 1);
}

std::string Cluster::log_file(std::size_t member) const {
  return options_.directory + "/n" + std::to_string(member) + ".log";
}

std::vector<std::string> Cluster::arguments(std::size_t member) const {
  const std::string name = "n" + std::to_string(member);
  std::string initial;
  for (std::size_t i = 0; i < size(); ++i) {
    initial += (i > 0 ? ",n" : "n") + std::to_string(i) + "=" + peer_url(i);
  }
  std::vector<std::string> all = {options_.server,
                                  "--name=" + name,
                                  "--data-dir=" + options_.data_directory + "/" + name,
                                  "--listen-peer-urls=" + peer_url(member),
                                  "--initial-advertise-peer-urls=" + peer_url(member),
                                  "--listen-client-urls=http://" + endpoint(member),
                                  "--advertise-client-urls=http://" + endpoint(member),
                                  "--initial-cluster=" + initial,
                                  "--initial-cluster-token=jepsen-lite",
                                  "--initial-cluster-state=new"};
  all.insert(all.end(), options_.extra_arguments.begin(), options_.extra_arguments.end());
  return all;
}

void Cluster::start(std::size_t member) {
  std::vector<std::string> words = arguments(member);
  std::vector<char*> raw;
  for (std::string& word : words)
    raw.push_back(word.data());
  raw.push_back(nullptr);
  const std::string log = log_file(member);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("cannot fork");
  if (child == 0) {
    const int output = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // however the test ends
    execv(raw[0], raw.data());
    _exit(127);
  }
  processes_[member] = child;
}

void Cluster::check_running() {
  for (std::size_t member = 0; member < size(); ++member) {
    int status = 0;
    if (!is_running(member) || waitpid(*processes_[member], &status, WNOHANG) <= 0) continue;
    processes_[member].reset();
    throw MemberEnded("n" + std::to_string(member) + " ended by itself, see " + log_file(member));
  }
}

void Cluster::kill(std::size_t member) {
  ::kill(*processes_[member], SIGKILL);
  waitpid(*processes_[member], nullptr, 0);
  processes_[member].reset();
}

void Cluster::pause(std::size_t member) {
  ::kill(*processes_[member], SIGSTOP);
}

void Cluster::resume(std::size_t member) {
  ::kill(*processes_[member], SIGCONT);
}

std::optional<etcdserverpb::StatusResponse> Cluster::status(std::size_t member) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kStatusTimeout);
  etcdserverpb::StatusResponse response;
  if (!maintenance_[member]->Status(&context, {}, &response).ok()) return std::nullopt;
  return response;
}

std::optional<std::size_t> Cluster::leader() {
  for (std::size_t member = 0; member < size(); ++member) {
    if (!is_running(member)) continue;
    const auto seen = status(member);
    if (seen && seen->leader() == seen->header().member_id()) return member;
  }
  return std::nullopt;
}

void Cluster::wait_until_serving(std::size_t member, std::chrono::seconds limit) {
  const auto deadline = steady_clock::now() + limit;
  while (steady_clock::now() < deadline) {
    check_running();
    const auto seen = status(member);
    if (seen && seen->leader() != 0) return;
    std::this_thread::sleep_for(kPoll);
  }
  throw std::runtime_error("n" + std::to_string(member) + " does not serve, see " +
                           log_file(member));
}

}  // namespace raftkit::jepsen
