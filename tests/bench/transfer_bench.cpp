// What commits wait for while their leader sends a snapshot.
//
// usage: transfer-bench [--directory DIRECTORY] [--port PORT] [--mib N] [--rate R] [--limit L]
//                       [--seconds S] [--rounds R]
//   --directory  where to measure, on a real disk (default: the directory for temporary files)
//   --port       the first of three on 127.0.0.1 (default: 24500)
//   --mib        of the snapshot (default: 256)
//   --rate       proposals of 256 bytes in a second (default: 1000)
//   --limit      --snapshot-bytes-per-second of the limited leader, in MiB (default: 16)
//   --seconds    without a transfer, in each round (default: 5)
//   --rounds     how often all of it is done, in turn (default: 5)
//
// Three members in this process, over TCP, each with a write-ahead log and with a thread of its own
// for its network. One of them sends snapshots as fast as it can, another one with a limit. In each
// round both lead in turn: for some time nothing is sent, then a follower comes back that has
// missed what the log keeps, and the time counts from the first byte of its snapshot until it has
// applied what the leader had then. Proposals keep to their schedule whatever happens, and each
// one's latency counts from when it was due.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>  // before Asio: Boost 1.74 forgets it
#include <vector>

#include <boost/asio.hpp>

#include "raftkit/launch.hpp"

#include "support/snapshots.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace raftkit;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "transfer-bench: " << what << "\n";
  std::exit(1);
}

template <class T>
T check(Result<T> result) {
  if (!result) fail(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

template <class Condition>
void wait_until(const char* what, Condition&& condition) {
  const auto deadline = Clock::now() + std::chrono::seconds{60};
  while (!condition()) {
    if (Clock::now() > deadline) fail(std::string("waited in vain until ") + what);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

struct Settings {
  std::string directory;
  std::uint64_t port = 24500;
  std::uint64_t mib = 256;
  std::uint64_t rate = 1000;
  std::uint64_t limit = 16;
  std::uint64_t seconds = 5;
  std::uint64_t rounds = 5;
};

// --- the members

/// As large as the file, whatever is applied. It outlives its member, as a disk does.
struct State {
  std::string file;
  std::atomic<std::uint64_t> applied = 0;
};

class Source final : public SnapshotSource {
 public:
  Source(SnapshotMeta meta, const std::string& file)
      : meta_(std::move(meta)), file_(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~Source() override { ::close(file_); }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  [[nodiscard]] const SnapshotMeta& meta() const override { return meta_; }
  [[nodiscard]] Result<std::size_t> read(std::span<std::byte> buffer) override {
    const auto count = ::read(file_, buffer.data(), buffer.size());
    if (count < 0) return Errc::io_error;
    return static_cast<std::size_t>(count);
  }

 private:
  SnapshotMeta meta_;
  int file_;
};

class Sink final : public SnapshotSink {
 public:
  Sink(State& state, Index last) : state_(state), last_(last) {}
  Result<void> write(std::span<const std::byte>) override { return {}; }
  Result<void> commit() override {
    state_.applied = last_.value;
    return {};
  }

 private:
  State& state_;
  Index last_;
};

class Machine final : public StateMachine {
 public:
  explicit Machine(State& state) : state_(state) {}
  void apply(std::span<const Command>, EntryId last, std::span<Bytes>) override {
    state_.applied = last.index.value;
  }
  [[nodiscard]] StateMachineKind kind() const override { return StateMachineKind::on_disk; }
  Result<Index> applied_index() override { return Index{state_.applied}; }
  void async_sync(std::function<void(Result<Index>)> done) override { done(Index{state_.applied}); }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    return std::unique_ptr<SnapshotSource>(std::make_unique<Source>(meta, state_.file));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta& meta) override {
    return std::unique_ptr<SnapshotSink>(std::make_unique<Sink>(state_, meta.last.index));
  }

 private:
  State& state_;
};

/// Counts the snapshots that are sent.
class Lines final : public LogSink {
 public:
  [[nodiscard]] bool enabled(LogLevel) const override { return true; }
  void write(const LogRecord& record) override {
    if (record.event == "snapshot_send") ++begun;
    if (record.event == "snapshot_sent") ++ended;
  }

  std::atomic<std::uint64_t> begun = 0;
  std::atomic<std::uint64_t> ended = 0;
};

class Server {
 public:
  Server(config::MemberOptions options, const std::string& state_file)
      : options_(std::move(options)) {
    state_.file = state_file;
  }
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void start() {
    LaunchOptions options;
    options.member = options_;
    options.state_machine = [this](const StateMachineHome& home) {
      check(storage::posix_disk().create_directories(home.directory));
      return Result<std::unique_ptr<StateMachine>>(std::make_unique<Machine>(state_));
    };
    options.tune = [](NodeOptions& node) { node.retained_bytes = 0; };
    options.log_sink = lines;
    options.disk = disk_.get();
    io_ = std::make_unique<boost::asio::io_context>(1);
    instance_ = check(launch(io_->get_executor(), options));
    thread_ = std::thread([this] {
      const auto guard = boost::asio::make_work_guard(*io_);
      io_->run();
    });
  }
  void stop() {
    if (instance_ == nullptr) return;
    node().async_stop(boost::asio::use_future).get();
    io_->stop();
    thread_.join();
    instance_.reset();
  }

  [[nodiscard]] Node& node() { return instance_->node(); }
  [[nodiscard]] NodeStatus status() { return node().status(); }
  [[nodiscard]] std::uint64_t syncs() const { return counters_.file_syncs; }

  const std::shared_ptr<Lines> lines = std::make_shared<Lines>();

 private:
  config::MemberOptions options_;
  State state_;
  storage::DiskCounters counters_;
  std::unique_ptr<storage::Disk> disk_ =
      storage::make_counting_disk(storage::posix_disk(), counters_);
  std::unique_ptr<boost::asio::io_context> io_;
  std::unique_ptr<Instance> instance_;
  std::thread thread_;
};

config::MemberOptions member_options(const Settings& settings,
                                     const std::string& directory,
                                     std::uint64_t number) {
  const auto url = [&](std::uint64_t of) {
    return "http://127.0.0.1:" + std::to_string(settings.port + of);
  };
  config::MemberOptions options;
  options.name = "m" + std::to_string(number);
  options.data_dir = directory + "/" + options.name;
  options.listen_peer_urls = check(config::parse_url_list(url(number)));
  options.initial_advertise_peer_urls = options.listen_peer_urls;
  options.initial_cluster = "m0=" + url(0) + ",m1=" + url(1) + ",m2=" + url(2);
  options.snapshot_count = std::max<std::uint64_t>(settings.rate, 100);
  options.snapshot_catchup_entries = 100;
  return options;
}

// --- the load

/// Latencies in milliseconds.
class Series {
 public:
  void add(double latency) {
    const std::lock_guard lock(mutex_);
    latencies_.push_back(latency);
  }
  [[nodiscard]] std::size_t size() const { return latencies_.size(); }
  [[nodiscard]] double quantile(double share) {
    if (latencies_.empty()) fail("nothing was committed");
    std::sort(latencies_.begin(), latencies_.end());
    const auto rank = static_cast<std::size_t>(share * static_cast<double>(latencies_.size()));
    return latencies_[std::min(rank, latencies_.size() - 1)];
  }
  void append(const Series& other) {
    latencies_.insert(latencies_.end(), other.latencies_.begin(), other.latencies_.end());
  }

 private:
  std::mutex mutex_;
  std::vector<double> latencies_;
};

/// Proposes to one node, one proposal after the other at equal distances.
class Load {
 public:
  Load(Node& node, std::uint64_t rate)
      : node_(node),
        apart_(std::chrono::nanoseconds{1'000'000'000 / rate}),
        thread_([this] { run(); }) {}
  ~Load() {
    is_stopping_ = true;
    thread_.join();
    wait_until("the last answers", [this] { return waiting_ == 0; });
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  /// What is proposed from now on belongs there; it must outlive this. Null: nowhere.
  void count_in(Series* series) { series_ = series; }

 private:
  void run() {
    const Bytes command = Bytes::copy_of(std::string(256, 'x'));
    for (auto due = Clock::now(); !is_stopping_; due += apart_) {
      std::this_thread::sleep_until(due);
      ++waiting_;
      node_.async_propose(
          command, [this, due, series = series_.load()](error_code ec, ProposeResult) {
            if (ec) fail("a proposal failed: " + ec.message());
            const std::chrono::duration<double, std::milli> took = Clock::now() - due;
            if (series != nullptr) series->add(took.count());
            --waiting_;
          });
    }
  }

  Node& node_;
  std::chrono::nanoseconds apart_;
  std::atomic<Series*> series_ = nullptr;
  std::atomic<std::uint64_t> waiting_ = 0;
  std::atomic<bool> is_stopping_ = false;
  std::thread thread_;
};

// --- the measurement

/// With one leader, over all rounds.
struct Figures {
  const char* name;
  Series quiet = {};
  Series busy = {};
  std::vector<double> ratios = {};  // of the 99th percentiles, in each round
  double seconds = 0;               // of transfers
  std::uint64_t transfers = 0;
};

class Bench {
 public:
  Bench(const Settings& settings, const std::string& directory) : settings_(settings) {
    const std::string file = directory + "/state";
    std::ofstream state(file, std::ios::binary);
    const std::string piece = test::noise(std::size_t{1} << 20);
    for (std::uint64_t i = 0; i < settings.mib; ++i)
      state << piece;
    if (!state.flush()) fail("the state cannot be written");
    for (std::uint64_t i = 0; i < 3; ++i) {
      auto options = member_options(settings, directory, i);
      if (i == kLimited) options.snapshot_bytes_per_second = settings.limit << 20;
      servers_.push_back(std::make_unique<Server>(std::move(options), file));
    }
    for (const auto& server : servers_)
      server->start();
  }

  void round(std::size_t leader, Figures& figures) {
    make_leader(leader);
    Server& server = *servers_[leader];
    Server& follower = *servers_[kFollower];
    Series quiet;
    Series busy;
    {
      Load load(server.node(), settings_.rate);
      std::this_thread::sleep_for(std::chrono::seconds{1});
      load.count_in(&quiet);
      std::this_thread::sleep_for(std::chrono::seconds{settings_.seconds});
      load.count_in(nullptr);
      miss_what_is_kept(server, follower);
      const std::uint64_t before = server.lines->begun;
      follower.start();
      wait_until("a snapshot is sent", [&] { return server.lines->begun > before; });
      const auto begin = Clock::now();
      load.count_in(&busy);
      wait_until("it has arrived", [&] { return server.lines->ended == server.lines->begun; });
      const Index goal = server.status().commit;
      wait_until("it has caught up", [&] { return follower.status().applied >= goal; });
      load.count_in(nullptr);
      figures.seconds += std::chrono::duration<double>(Clock::now() - begin).count();
      figures.transfers += server.lines->begun - before;
    }
    figures.ratios.push_back(busy.quantile(0.99) / quiet.quantile(0.99));
    figures.quiet.append(quiet);
    figures.busy.append(busy);
  }

  [[nodiscard]] std::uint64_t syncs() const {
    std::uint64_t most = 0;
    for (const auto& server : servers_)
      most = std::max(most, server->syncs());
    return most;
  }

  static constexpr std::size_t kUnlimited = 0;
  static constexpr std::size_t kLimited = 1;

 private:
  static constexpr std::size_t kFollower = 2;

  void make_leader(std::size_t wanted) {
    wait_until("it leads", [&] {
      for (const auto& server : servers_) {
        if (server->status().role != Role::leader) continue;
        if (server == servers_[wanted]) return true;
        const NodeId target = servers_[wanted]->status().id;
        server->node().async_transfer_leadership(target, [](error_code) {});
        std::this_thread::sleep_for(std::chrono::milliseconds{200});
      }
      return false;
    });
  }

  static void miss_what_is_kept(Server& leader, Server& follower) {
    follower.stop();
    const Index last = leader.status().last;
    wait_until("the log is cut", [&] { return leader.status().first > last + 1; });
  }

  Settings settings_;
  std::vector<std::unique_ptr<Server>> servers_;
};

void print(Figures& figures, const Settings& settings) {
  const auto line = [](const std::string& what, Series& series) {
    std::printf("  %-22s p50 %7.2f ms  p99 %7.2f ms  (%zu commits)\n",
                what.c_str(),
                series.quantile(0.5),
                series.quantile(0.99),
                series.size());
  };
  std::printf("%s: %zu rounds, %llu transfers, %.1f MiB/s\n",
              figures.name,
              figures.ratios.size(),
              static_cast<unsigned long long>(figures.transfers),
              static_cast<double>(settings.mib * figures.ratios.size()) / figures.seconds);
  line("without a transfer", figures.quiet);
  line("with one", figures.busy);
  std::sort(figures.ratios.begin(), figures.ratios.end());
  std::printf("  ratio of the p99: of all commits %.2f; of the rounds, median %.2f; each:",
              figures.busy.quantile(0.99) / figures.quiet.quantile(0.99),
              figures.ratios[figures.ratios.size() / 2]);
  for (const double ratio : figures.ratios)
    std::printf(" %.2f", ratio);
  std::printf("\n");
}

Settings parse(int argc, char** argv) {
  Settings settings;
  const std::vector<std::pair<std::string, std::uint64_t*>> numbers = {
      {"--port", &settings.port},
      {"--mib", &settings.mib},
      {"--rate", &settings.rate},
      {"--limit", &settings.limit},
      {"--seconds", &settings.seconds},
      {"--rounds", &settings.rounds}};
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) fail(flag + ": a value is missing");
    const auto at = std::find_if(
        numbers.begin(), numbers.end(), [&](const auto& each) { return each.first == flag; });
    if (flag == "--directory") {
      settings.directory = argv[i + 1];
    } else if (at != numbers.end()) {
      *at->second = std::stoull(argv[i + 1]);
    } else {
      fail("unknown option " + flag);
    }
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse(argc, argv);
  if (!settings.directory.empty()) std::filesystem::create_directories(settings.directory);
  if (!settings.directory.empty()) ::setenv("TMPDIR", settings.directory.c_str(), 1);
  const test::TemporaryDirectory directory;
  Bench bench(settings, directory.path());
  Figures unlimited{"without a limit"};
  Figures limited{"with the limit"};
  for (std::uint64_t i = 0; i < settings.rounds; ++i) {
    bench.round(Bench::kUnlimited, unlimited);
    bench.round(Bench::kLimited, limited);
  }
  print(unlimited, settings);
  print(limited, settings);
  std::printf("fdatasync calls, of the member with the most: %llu\n",
              static_cast<unsigned long long>(bench.syncs()));
  return 0;
}
