// What sending a snapshot costs beside copying a file.
//
// usage: snapshot-bench [--directory DIRECTORY] [--mib N] [--rounds R]
//   --directory  where to measure, on a real disk (default: the directory for temporary files)
//   --mib        of the snapshot (default: 512)
//   --rounds     how often each is done, in turn; the median counts (default: 5)
//
// "copy" reads a file, writes it to a TCP connection on loopback, reads it there and writes it to
// another file, 256 KiB at a time, and one fdatasync. "snapshot" is the same content from one file
// snapshot store to another one over two TCP transports, from send_snapshot() until its sender
// knows that it is durable: with checksums of the file, of the records on the way, and of the new
// file.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <future>
#include <iostream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "raftkit/storage.hpp"
#include "raftkit/tcp_transport.hpp"

#include "support/snapshots.hpp"
#include "support/temporary_directory.hpp"
#include "unit/transport/event_loop.hpp"

namespace {

using namespace raftkit;

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

[[noreturn]] void fail(const std::string& what) {
  std::cerr << "snapshot-bench: " << what << "\n";
  std::exit(1);
}

template <class T>
T check(Result<T> result) {
  if (!result) fail(result.error().message());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// --- a plain copy

/// Both ends of a TCP connection on loopback.
std::array<int, 2> connection() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const int caller = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, any, size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, any, &size) != 0 || ::connect(caller, any, size) != 0)
    fail("no connection on loopback");
  const int called = ::accept(listener, nullptr, nullptr);
  ::close(listener);
  return {caller, called};
}

void write_all(int file, const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto count = ::write(file, bytes, size);
    if (count <= 0) fail("a copy cannot be written");
    bytes += count;
    size -= static_cast<std::size_t>(count);
  }
}

/// Until the end of `from`.
void pump(int from, int to) {
  std::vector<char> buffer(kPieceBytes);
  while (true) {
    const auto count = ::read(from, buffer.data(), buffer.size());
    if (count < 0) fail("a copy cannot be read");
    if (count == 0) return;
    write_all(to, buffer.data(), static_cast<std::size_t>(count));
  }
}

double copy(const std::string& from, const std::string& to) {
  const auto ends = connection();
  const int source = ::open(from.c_str(), O_RDONLY | O_CLOEXEC);
  const int target = ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const double begin = now();
  std::thread sender([&] {
    pump(source, ends[0]);
    ::shutdown(ends[0], SHUT_WR);
  });
  pump(ends[1], target);
  sender.join();
  if (::fdatasync(target) != 0) fail("a copy cannot be synced");
  const double took = now() - begin;
  for (const int file : {source, target, ends[0], ends[1]})
    ::close(file);
  ::unlink(to.c_str());
  return took;
}

// --- a snapshot

/// A node that only sends or takes snapshots.
class Node final : public TransportHandler {
 public:
  Node(std::uint64_t id, SnapshotStore& store) : store_(store) {
    TcpTransportOptions options;
    options.listen_urls = {"http://127.0.0.1:0"};
    transport_ = make_tcp_transport(loop_.executor(), options, null_log_sink());
    const LocalIdentity identity{ClusterId{1}, NodeId{id}, StoreId{id}, "bench", {}};
    check(transport_->start(*this, identity));
    url_ = tcp_listen_urls(*transport_).front();
  }
  ~Node() override {
    std::promise<void> stopped;
    loop_.run([&] { transport_->stop([&] { stopped.set_value(); }); });
    stopped.get_future().wait();
    loop_.run([this] { transport_.reset(); });
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  void knows(NodeId other, const Node& node) {
    loop_.run([&] { transport_->set_peers({{other, {node.url_}}}); });
  }
  double send(NodeId to, EntryId last) {
    const double begin = now();
    std::promise<Result<void>> ended;
    auto source = check(store_.open(last));
    Envelope envelope(GroupId{}, NodeId{1}, to, Term{1}, SnapshotRequest{source->meta()});
    loop_.run([&] {
      transport_->send_snapshot(std::move(envelope), std::move(source), [&](Result<void> result) {
        ended.set_value(std::move(result));
      });
    });
    check(ended.get_future().get());
    return now() - begin;
  }

  void on_message(Envelope, StoreId) override {}
  void on_peer(PeerReport) override {}
  Result<void> admit(const Introduction&) override { return {}; }
  [[nodiscard]] Index knows_up_to() const override { return {}; }
  [[nodiscard]] MembershipPtr membership() const override { return nullptr; }
  Result<std::unique_ptr<SnapshotSink>> accept_snapshot(const Envelope& envelope) override {
    return store_.create(std::get<SnapshotRequest>(envelope.message).snapshot);
  }

 private:
  SnapshotStore& store_;
  test::EventLoop loop_;
  std::unique_ptr<Transport> transport_;
  std::string url_;
};

struct Settings {
  std::string directory;
  std::size_t mib = 512;
  std::size_t rounds = 5;
};

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i < argc; i += 2) {
    const std::string flag = argv[i];
    if (i + 1 == argc) fail(flag + ": a value is missing");
    if (flag == "--directory") {
      settings.directory = argv[i + 1];
    } else if (flag == "--mib") {
      settings.mib = std::stoul(argv[i + 1]);
    } else if (flag == "--rounds") {
      settings.rounds = std::stoul(argv[i + 1]);
    } else {
      fail("unknown option " + flag + "; there are --directory, --mib and --rounds");
    }
  }
  return settings;
}

void run(const Settings& settings, const std::string& directory) {
  const auto membership = std::make_shared<Membership>();
  membership->voters = {NodeId{1}, NodeId{2}};
  const SnapshotMeta meta{{Term{1}, Index{100}}, membership};
  auto from = check(storage::open_file_snapshot_store(storage::posix_disk(), directory + "/from"));
  auto to = check(storage::open_file_snapshot_store(storage::posix_disk(), directory + "/to"));
  auto sink = check(from->create(meta));
  const std::string piece = test::noise(std::size_t{1} << 20);
  for (std::size_t i = 0; i < settings.mib; ++i)
    check(sink->write(std::as_bytes(std::span(piece))));
  check(sink->commit());
  const auto names = check(storage::posix_disk().list(directory + "/from"));
  const std::string file = directory + "/from/" + names.front();

  Node sender(1, *from);
  Node receiver(2, *to);
  sender.knows(NodeId{2}, receiver);
  receiver.knows(NodeId{1}, sender);
  std::vector<double> copies;
  std::vector<double> snapshots;
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    copies.push_back(copy(file, directory + "/copy"));
    snapshots.push_back(sender.send(NodeId{2}, meta.last));
    check(to->remove(meta.last));
  }
  const auto speed = [&](const std::vector<double>& seconds) {
    return static_cast<double>(settings.mib) / median(seconds);
  };
  std::printf("copy %.0f MiB/s, snapshot %.0f MiB/s: %.2f of it\n",
              speed(copies),
              speed(snapshots),
              speed(snapshots) / speed(copies));
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = parse(argc, argv);
  if (!settings.directory.empty()) ::setenv("TMPDIR", settings.directory.c_str(), 1);
  const test::TemporaryDirectory directory;
  run(settings, directory.path());
  return 0;
}
