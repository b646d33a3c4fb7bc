// A durable cluster of one, from options to an applied command.
#include <cstdio>

#include <boost/asio/io_context.hpp>

#include "raftkit/launch.hpp"

using namespace raftkit;

namespace {

class Length final : public StateMachine {
 public:
  void apply(std::span<const Command> commands, EntryId, std::span<Bytes> results) override {
    for (std::size_t i = 0; i < commands.size(); ++i) {
      results[i] = Bytes::copy_of(std::to_string(commands[i].payload.size()));
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;  // DIRECTORY PORT
  boost::asio::io_context io;
  LaunchOptions options;
  options.member.data_dir = argv[1];
  const std::string url = std::string("http://127.0.0.1:") + argv[2];
  options.member.listen_peer_urls = config::parse_url_list(url).value();
  options.member.initial_advertise_peer_urls = options.member.listen_peer_urls;
  options.member.initial_cluster = "default=" + url;
  options.state_machine = [](const StateMachineHome&) -> Result<std::unique_ptr<StateMachine>> {
    return std::unique_ptr<StateMachine>(std::make_unique<Length>());
  };
  auto instance = launch(io.get_executor(), options);
  if (!instance) {
    std::fprintf(stderr, "%s\n", instance.error().message().c_str());
    return 1;
  }
  int status = 1;
  (*instance)->node().async_propose(
      Bytes::copy_of("hello"), [&](error_code code, const ProposeResult& result) {
        if (!code && result.result.view() == "5") status = 0;
        (*instance)->node().async_stop([&](error_code) { io.stop(); });
      });
  io.run();
  return status;
}
