// A replicated counter: the smallest honest embedder of raftkit.
//
//   counter                three members in this process
//   counter --name a --initial-cluster a=http://127.0.0.1:7001,b=http://127.0.0.1:7002 ...
//                          one member of several processes; see counter --help
//
// Each line on standard input is a number to add; the answer is the sum that all members agree on.
#include <iostream>
#include <string>
#include <thread>
#include <utility>  // Boost 1.74 needs it before Asio on g++ 12

#include <boost/asio.hpp>

#include "raftkit/launch.hpp"
#include "raftkit/logging.hpp"

using namespace raftkit;

// A command is a number, its result the sum so far. capture and restore let the log be compacted.
class Counter final : public StateMachine {
 public:
  void apply(std::span<const Command> commands, EntryId, std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      sum_ += std::stoll(std::string(commands[i].payload.view()));
      results[i] = Bytes::copy_of(std::to_string(sum_));
    }
  }
  Result<std::unique_ptr<SnapshotSource>> capture(const SnapshotMeta& meta) override {
    return make_snapshot_source(meta, Bytes::copy_of(std::to_string(sum_)));
  }
  Result<std::unique_ptr<SnapshotSink>> restore(const SnapshotMeta&) override {
    return make_snapshot_sink([this](const std::string& content) -> Result<void> {
      sum_ = std::stoll(content);
      return {};
    });
  }

 private:
  long long sum_ = 0;
};

// The options of all three members, for when they share a process.
std::vector<config::MemberOptions> three_members() {
  const std::string urls[] = {
      "http://127.0.0.1:7001", "http://127.0.0.1:7002", "http://127.0.0.1:7003"};
  std::vector<config::MemberOptions> members(3);
  for (std::size_t i = 0; i < members.size(); ++i) {
    members[i].name = "counter" + std::to_string(i);
    members[i].log_level = "warn";
    members[i].listen_peer_urls = config::parse_url_list(urls[i]).value();
    members[i].initial_advertise_peer_urls = members[i].listen_peer_urls;
    members[i].initial_cluster =
        "counter0=" + urls[0] + ",counter1=" + urls[1] + ",counter2=" + urls[2];
  }
  return members;
}

int main(int argc, char** argv) {
  config::MemberOptions parsed;
  config::OptionTable table({.name = "counter", .version_text = "counter 1\n"});
  config::add_member_options(table, parsed);
  const auto outcome =
      config::parse(table, config::arguments_of(argc, argv), config::process_environment());
  if (const auto* stop = std::get_if<config::Stop>(&outcome))
    return std::cout << stop->standard_output, std::cerr << stop->standard_error, stop->exit_status;
  const auto members = argc > 1 ? std::vector{parsed} : three_members();

  boost::asio::io_context io;
  std::vector<std::unique_ptr<Instance>> running;
  for (const config::MemberOptions& member : members) {
    LaunchOptions options;
    options.member = member;
    options.log_sink = logging::make_log_sink({member.log_level}).value();
    options.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
      return std::unique_ptr<StateMachine>(std::make_unique<Counter>());
    };
    auto instance = launch(io.get_executor(), options);
    if (!instance) return std::cerr << instance.error().message() << "\n", 1;
    running.push_back(*std::move(instance));
  }
  std::thread network([&] { io.run(); });
  std::size_t turn = 0;
  for (std::string line; std::getline(std::cin, line);) {
    Node& node = running[turn++ % running.size()]->node();  // any member will do
    try {
      const auto added = node.async_propose(Bytes::copy_of(std::to_string(std::stoll(line))),
                                            boost::asio::use_future)
                             .get();
      std::cout << added.result.view() << std::endl;
    } catch (const std::exception& failed) {
      std::cout << "failed: " << failed.what() << std::endl;
    }
  }
  for (auto& instance : running)
    instance->node().async_stop(boost::asio::use_future).get();
  io.stop();
  network.join();
}
