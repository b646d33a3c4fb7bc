// RawNode in a loop of one's own, without Asio: three nodes in one thread, whose network is a
// queue. One of them is killed while it leads, and comes back with what its disk holds.
#include "replica.hpp"

using namespace example;

namespace {

Messages network;
std::map<NodeId, Disk> disks;
std::map<NodeId, Replica> running;

// The loop: messages while there are any, then a tick. Time is only the number of ticks.
template <class Condition>
void run_until(Condition&& is_reached) {
  for (int tick = 0; !is_reached(); ++tick) {
    if (tick == 1000) throw std::runtime_error("nothing happens any more");
    for (auto& [id, replica] : running)
      replica.tick();
    for (; !network.empty(); network.pop_front()) {
      const auto receiver = running.find(network.front().to);
      if (receiver != running.end()) receiver->second.receive(std::move(network.front()));
    }
  }
}

void start(NodeId id) {
  running.try_emplace(id, id, disks[id], network);
}

void kill(NodeId id) {
  running.erase(id);
  std::erase_if(network, [&](const Envelope& lost) { return lost.from == id || lost.to == id; });
  for (auto& [peer, replica] : running)
    replica.disconnected(id);
}

NodeId elect() {
  NodeId leader;
  run_until([&] {
    for (const auto& [id, replica] : running)
      if (replica.leads()) leader = id;
    return leader != NodeId{};
  });
  std::cout << "node " << to_string(leader) << " leads\n";
  return leader;
}

void agree_on(const std::string& state) {
  run_until([&] {
    return std::all_of(running.begin(), running.end(), [&](const auto& each) {
      return each.second.state() == state;
    });
  });
  for (const auto& [id, replica] : running)
    std::cout << "node " << to_string(id) << " holds" << replica.state() << "\n";
}

void play() {
  for (std::uint64_t id = 1; id <= 3; ++id)
    start(NodeId{id});
  const NodeId first = elect();
  running.at(first).propose("one");
  running.at(first).propose("two");
  agree_on(" one two");

  running.at(first).propose("never");  // reaches its own disk and nobody else
  kill(first);
  std::cout << "node " << to_string(first) << " is killed\n";
  const NodeId second = elect();
  running.at(second).propose("three");
  running.at(second).propose("four");
  agree_on(" one two three four");

  start(first);
  std::cout << "node " << to_string(first) << " is back\n";
  agree_on(" one two three four");
  running.at(first).read(ReadId{1});
  run_until([] { return network.empty(); });
}

}  // namespace

int main() {
  try {
    play();
  } catch (const std::exception& failed) {
    std::cerr << failed.what() << "\n";
    return 1;
  }
}
