#include "server/server.hpp"

#include <atomic>
#include <csignal>
#include <systemd/sd-daemon.h>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>
#include <grpcpp/server_posix.h>

#include "raftkit/launch.hpp"
#include "raftkit/tcp_transport.hpp"

#include "rpc/cluster_service.hpp"
#include "rpc/kv_service.hpp"
#include "rpc/missing_methods.hpp"
#include "server/client_listener.hpp"
#include "server/http.hpp"

namespace kvstore {

namespace {

using raftkit::Error;
using raftkit::LogLevel;
using raftkit::Result;

constexpr std::size_t kMaxRequestBytes = 1'572'864;
constexpr std::size_t kReceiveSlack = 512 * 1024;  // what gRPC takes beyond it, as in etcd
constexpr std::chrono::seconds kHealthTimeout{1};
constexpr std::chrono::seconds kDrainTimeout{5};
const std::string kVersionJson =
    std::string(R"({"etcdserver":")") + kVersion + R"(","etcdcluster":"3.4.0"})";

/// One running server. Everything happens on the thread that called run(), and on gRPC's own.
class Server {
 public:
  Server(const ServerOptions& options, std::shared_ptr<raftkit::LogSink> log)
      : options_(options), log_(std::move(log)), signals_(io_, SIGTERM, SIGINT) {}

  int run(const ReplicaFactory& make_replica) {
    if (auto started = start(make_replica); !started) {
      log_->log(LogLevel::error, "start_failed", started.error().message());
      return 1;
    }
    io_.run();
    if (shutdown_.joinable()) shutdown_.join();
    instance_.reset();
    return signal_ != 0 && exit_status_ == 0 ? end_by_signal() : exit_status_;
  }

 private:
  Result<void> start(const ReplicaFactory& make_replica) {
    for (const raftkit::config::Url& url : options_.listen_client_urls) {
      auto listener = std::make_shared<ClientListener>(
          io_,
          ClientListener::Handlers{
              .grpc =
                  [this](int descriptor) {
                    grpc::AddInsecureChannelFromFd(grpc_.get(), descriptor);
                  },
              .http = [this](tcp::socket socket) { serve_http(std::move(socket), site_); }});
      if (auto listening = listener->listen(url); !listening) return listening;
      listeners_.push_back(std::move(listener));
    }
    auto instance = raftkit::launch(io_.get_executor(), launch_options());
    if (!instance) return std::move(instance).error();
    instance_ = *std::move(instance);
    replica_ = make_replica(instance_->node());
    if (auto started = start_grpc(); !started) return started;
    site_ = {kVersionJson,
             [this](std::function<void(bool)> done) { check_health(std::move(done)); }};
    subscription_ = instance_->node().subscribe(
        io_.get_executor(), [this](const raftkit::NodeStatus& status) { on_status(status); });
    signals_.async_wait([this](boost::system::error_code code, int signal) {
      if (!code) stop(signal);
    });
    return {};
  }

  raftkit::LaunchOptions launch_options() {
    raftkit::LaunchOptions launch;
    launch.member = options_.member;
    launch.attributes[std::string(raftkit::kClientUrlsAttribute)] =
        raftkit::config::to_string(options_.advertise_client_urls);
    launch.version_json = kVersionJson;
    launch.max_command_bytes = kMaxRequestBytes;
    launch.log_sink = log_;
    launch.disk = disk_.get();
    launch.state_machine = [this](const raftkit::StateMachineHome& home) {
      return open_state(home);
    };
    return launch;
  }

  Result<std::unique_ptr<raftkit::StateMachine>> open_state(const raftkit::StateMachineHome& home) {
    mvcc::StoreOptions options;
    options.directory = home.directory;
    options.disk = disk_.get();
    options.must_exist = !home.is_first_start;
    auto opened = KvStateMachine::open(options);
    if (!opened) return std::move(opened).error();
    state_machine_ = opened->get();
    return std::unique_ptr<raftkit::StateMachine>(*std::move(opened));
  }

  Result<void> start_grpc() {
    context_ = std::make_unique<ServiceContext>(
        ServiceContext{*replica_, *state_machine_, readers_, kVersion});
    kv_ = std::make_unique<KvService>(*context_);
    cluster_ = std::make_unique<ClusterService>(*context_);
    maintenance_ = std::make_unique<MaintenanceService>(*context_);
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.RegisterService(kv_.get());
    builder.RegisterService(cluster_.get());
    builder.RegisterService(maintenance_.get());
    builder.RegisterCallbackGenericService(&missing_methods_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxRequestBytes + kReceiveSlack));
    builder.SetMaxSendMessageSize(-1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5000);
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr) return Error(raftkit::Errc::io_error, "gRPC cannot be started");
    return {};
  }

  void on_status(const raftkit::NodeStatus& status) {
    if (status.failure) {
      log_->log(LogLevel::error, "server_failed", status.failure->message());
      exit_status_ = 1;
      return stop(0);
    }
    if (!status.published || std::exchange(is_ready_, true)) return;
    for (const auto& listener : listeners_)
      listener->start();
    log_->log(LogLevel::info,
              "ready",
              "serving clients",
              {{"urls", raftkit::config::to_string(options_.listen_client_urls)}});
    sd_notify(0, "READY=1");
  }

  void check_health(std::function<void(bool)> done) {
    auto timer = std::make_shared<boost::asio::steady_timer>(io_, kHealthTimeout);
    auto once = std::make_shared<std::function<void(bool)>>(
        [answered = std::make_shared<std::atomic<bool>>(), done = std::move(done)](bool healthy) {
          if (!answered->exchange(true)) done(healthy);
        });
    timer->async_wait([once](boost::system::error_code) { (*once)(false); });
    replica_->read_index([this, timer, once](raftkit::error_code code) {
      const raftkit::NodeStatus now = replica_->status();
      const bool healthy = !code && now.leader.has_value() && !now.log_full;
      (*once)(healthy);
      boost::asio::post(timer->get_executor(), [timer] { timer->cancel(); });
    });
  }

  /// Leadership first, so that the others hardly notice; then whoever is being served; then
  /// everything.
  void stop(int signal) {
    if (std::exchange(is_stopping_, true)) return;
    signal_ = signal;
    if (signal != 0) {
      log_->log(
          LogLevel::info, "stopping", "received a signal", {{"signal", std::to_string(signal)}});
    }
    for (const auto& listener : listeners_)
      listener->stop();
    sd_notify(0, "STOPPING=1");
    instance_->node().async_stop([this](raftkit::error_code) {
      // Waits until the calls under way are answered, however long; what answers them runs here.
      state_machine_->stop_waiting();
      shutdown_ = std::thread([this] {
        grpc_->Shutdown(std::chrono::system_clock::now() + kDrainTimeout);
        boost::asio::post(io_, [this] { end(); });
      });
    });
  }

  void end() {
    subscription_ = {};
    log_->log(LogLevel::info,
              "stopped",
              "closed everything",
              {{"file_syncs", std::to_string(disk_counters_.file_syncs)},
               {"written_bytes", std::to_string(disk_counters_.written_bytes)}});
    io_.stop();
  }

  int end_by_signal() const {
    std::signal(signal_, SIG_DFL);
    std::raise(signal_);
    return 128 + signal_;
  }

  const ServerOptions& options_;
  std::shared_ptr<raftkit::LogSink> log_;
  // One thread: what it does is short, and handing work from thread to thread costs more than the
  // work.
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_{
      io_.get_executor()};
  boost::asio::signal_set signals_;
  std::vector<std::shared_ptr<ClientListener>> listeners_;
  HttpSite site_;

  raftkit::storage::DiskCounters disk_counters_;
  std::unique_ptr<raftkit::storage::Disk> disk_ =
      raftkit::storage::make_counting_disk(raftkit::storage::posix_disk(), disk_counters_);
  std::unique_ptr<raftkit::Instance> instance_;
  KvStateMachine* state_machine_ = nullptr;  // the instance's
  std::unique_ptr<Replica> replica_;
  boost::asio::thread_pool readers_{std::max(2U, std::thread::hardware_concurrency())};
  std::unique_ptr<ServiceContext> context_;
  std::unique_ptr<KvService> kv_;
  std::unique_ptr<ClusterService> cluster_;
  std::unique_ptr<MaintenanceService> maintenance_;
  MissingMethods missing_methods_;
  std::unique_ptr<grpc::Server> grpc_;
  std::thread shutdown_;
  raftkit::Subscription subscription_;

  bool is_ready_ = false;
  bool is_stopping_ = false;
  int signal_ = 0;
  int exit_status_ = 0;
};

}  // namespace

int run_server(const ServerOptions& options,
               std::shared_ptr<raftkit::LogSink> log,
               const ReplicaFactory& make_replica) {
  return Server(options, std::move(log)).run(make_replica);
}

}  // namespace kvstore
