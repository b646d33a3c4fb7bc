// From options to a running member, over TCP and on a disk.
#include "raftkit/launch.hpp"

#include <filesystem>
#include <stdexcept>

#include <boost/asio/ip/tcp.hpp>

#include "support/temporary_directory.hpp"
#include "unit/runtime/cluster.hpp"

using namespace raftkit;        // NOLINT(google-build-using-namespace): domain words of the test
using namespace raftkit::test;  // NOLINT(google-build-using-namespace): as above

namespace {

/// A member that is a cluster by itself, on a port that was free a moment ago.
class Alone {
 public:
  Alone() {
    boost::asio::io_context context;
    const boost::asio::ip::tcp::acceptor acceptor(context,
                                                  {boost::asio::ip::make_address("127.0.0.1"), 0});
    url_ = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
  }

  [[nodiscard]] LaunchOptions options() const {
    LaunchOptions options;
    options.member.data_dir = directory_ / "data";
    options.member.listen_peer_urls = config::parse_url_list(url_).value();
    options.member.initial_advertise_peer_urls = config::parse_url_list(url_).value();
    options.member.initial_cluster = "default=" + url_;
    options.member.heartbeat_interval = config::Milliseconds(10);
    options.member.election_timeout = config::Milliseconds(100);
    options.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
      return std::make_unique<Machine>();
    };
    return options;
  }

 private:
  TemporaryDirectory directory_;
  std::string url_;
};

}  // namespace

TEST_CASE("A member can be launched again at once, in the same process", "[runtime]") {
  const Alone alone;
  boost::asio::io_context context;
  for (int i = 1; i <= 4; ++i) {
    auto instance = launch(context.get_executor(), alone.options());
    REQUIRE(instance);
    std::promise<error_code> proposed;
    (*instance)->node().async_propose(
        Bytes::copy_of("a"),
        [&](error_code code, const ProposeResult&) { proposed.set_value(code); });
    std::thread thread([&] { context.run(); });
    CHECK_FALSE(get(proposed.get_future()));
    const bool is_stopped_first = i % 2 == 0;
    if (is_stopped_first) {
      std::promise<void> stopped;
      (*instance)->node().async_stop([&](error_code) { stopped.set_value(); });
      get(stopped.get_future());
    } else {
      context.stop();
    }
    thread.join();
    CHECK(dynamic_cast<Machine&>((*instance)->state_machine()).applied() ==
          std::vector<std::string>(static_cast<std::size_t>(i), "a"));
    instance->reset();
    context.restart();
  }
}

TEST_CASE("A limit on commands that no message could carry is refused at launch", "[runtime]") {
  const Alone alone;
  boost::asio::io_context context;
  LaunchOptions options = alone.options();
  options.max_command_bytes = std::size_t{600} << 20;

  const auto instance = launch(context.get_executor(), std::move(options));

  REQUIRE_FALSE(instance);
  CHECK(instance.error() == Errc::invalid_option);
  CHECK(instance.error().message().find("max_command_bytes") != std::string::npos);
}

TEST_CASE("A member whose log was emptied is refused, and told what that means", "[runtime]") {
  const Alone alone;
  boost::asio::io_context context;
  REQUIRE(launch(context.get_executor(), alone.options()));
  const std::string log = alone.options().member.data_dir + "/member/wal";
  std::filesystem::remove_all(log);
  std::filesystem::create_directory(log);

  const auto instance = launch(context.get_executor(), alone.options());

  REQUIRE_FALSE(instance);
  CHECK(instance.error() == Errc::corrupt_data);
  CHECK_THAT(instance.error().message(),
             Catch::Contains(log) && Catch::Contains("add it again as a new member"));
}

TEST_CASE("A member stays with the log that it began with", "[runtime]") {
  using config::LogStorageKind;
  const auto [began, asked] = GENERATE(std::pair(LogStorageKind::wal, LogStorageKind::leveldb),
                                       std::pair(LogStorageKind::leveldb, LogStorageKind::wal));
  const Alone alone;
  boost::asio::io_context context;
  LaunchOptions options = alone.options();
  options.member.log_storage = began;
  REQUIRE(launch(context.get_executor(), options));
  const std::string member = options.member.data_dir + "/member/";
  const auto exists = [&](const char* name) { return std::filesystem::exists(member + name); };
  CHECK(exists("wal") == (began == LogStorageKind::wal));
  CHECK(exists("log") == (began == LogStorageKind::leveldb));

  const auto lines = std::make_shared<Lines>();
  options.member.log_storage = asked;
  options.log_sink = lines;
  REQUIRE(launch(context.get_executor(), options));
  CHECK(exists("wal") != exists("log"));
  CHECK(lines->contain(
      "log_storage_kept: this member has its log already, --log-storage is ignored"));

  std::filesystem::create_directory(member + (asked == LogStorageKind::wal ? "wal" : "log"));
  const auto instance = launch(context.get_executor(), options);
  REQUIRE_FALSE(instance);
  CHECK(instance.error() == Errc::corrupt_data);
  CHECK_THAT(instance.error().message(),
             Catch::Contains(member + "wal") && Catch::Contains(member + "log"));
}

TEST_CASE("A data directory of a program of another kind is refused", "[runtime]") {
  class OnDisk final : public Machine {
    [[nodiscard]] StateMachineKind kind() const override { return StateMachineKind::on_disk; }
  };
  const Alone alone;
  boost::asio::io_context context;
  REQUIRE(launch(context.get_executor(), alone.options()));
  std::filesystem::create_directory(alone.options().member.data_dir + "/member/state");
  LaunchOptions other = alone.options();
  other.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
    return std::make_unique<OnDisk>();
  };

  const auto instance = launch(context.get_executor(), std::move(other));

  REQUIRE_FALSE(instance);
  CHECK(instance.error() == Errc::invalid_option);
  CHECK_THAT(instance.error().message(), Catch::Contains("in memory; this one is on disk"));
}

TEST_CASE("Options that were filled in by hand are checked as those of a command line",
          "[runtime]") {
  const Alone alone;
  boost::asio::io_context context;
  LaunchOptions options = alone.options();
  options.member.snapshot_count = 0;  // the default
  REQUIRE(launch(context.get_executor(), options));

  options.member.data_dir += "-of-another";
  options.member.election_timeout = config::Milliseconds(40);
  const auto instance = launch(context.get_executor(), options);

  REQUIRE_FALSE(instance);
  CHECK(instance.error() == Errc::invalid_option);
  CHECK_THAT(instance.error().message(), Catch::Contains("election-timeout"));
  CHECK_FALSE(std::filesystem::exists(options.member.data_dir));
}

TEST_CASE("A state machine that cannot be made is an error of launch", "[runtime]") {
  const Alone alone;
  boost::asio::io_context context;
  LaunchOptions options = alone.options();
  Errc expected = Errc::state_machine_failed;
  std::string words;
  SECTION("nobody makes it") {
    options.state_machine = nullptr;
    expected = Errc::invalid_argument;
    words = "LaunchOptions::state_machine";
  }
  SECTION("making it throws") {
    options.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
      throw std::runtime_error("no such table");
    };
    words = "no such table";
  }
  SECTION("nothing was made") {
    options.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
      return std::unique_ptr<StateMachine>();
    };
    words = "null";
  }

  const auto instance = launch(context.get_executor(), options);

  REQUIRE_FALSE(instance);
  CHECK(instance.error() == expected);
  CHECK_THAT(instance.error().message(), Catch::Contains(words));
  CHECK(launch(context.get_executor(), alone.options()));
}
