// A few cores in one thread, connected by a queue: the smallest world in which the protocol runs.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "raftkit/raw_node.hpp"

namespace raftkit::test {

/// One core and what stands in for its disk and state machine: writes are durable at once,
/// committed entries are recorded.
struct CoreMember {
  RawNode node;
  std::vector<Entry> applied;
  std::vector<ReadReady> reads;
  std::vector<Event> events;
};

/// Cores 1..n that are all voters. Deliver messages until quiet, or drop them.
class CoreGroup {
 public:
  struct Options {
    std::size_t voters = 3;
    std::function<void(RaftOptions&)> tune = [](RaftOptions&) {};
  };

  explicit CoreGroup(Options options);

  RawNode& node(std::uint64_t id) { return member(id).node; }
  CoreMember& member(std::uint64_t id) { return members_.at(NodeId{id}); }

  /// Carries out Readys and delivers messages until nothing happens any more.
  void settle();
  /// Carries out the Readys of all nodes once, without delivering.
  void process();

  void propose(std::uint64_t id, const std::string& command);
  /// Lets `id` win an election.
  void elect(std::uint64_t id);

  /// Messages between the two are lost until heal().
  void cut(std::uint64_t left, std::uint64_t right);
  void isolate(std::uint64_t id);
  void heal() {
    is_cut_ = [](const Envelope&) { return false; };
  }

  [[nodiscard]] std::deque<Envelope>& network() { return network_; }

 private:
  bool process(CoreMember& member);

  std::map<NodeId, CoreMember> members_;
  std::deque<Envelope> network_;
  std::function<bool(const Envelope&)> is_cut_ = [](const Envelope&) { return false; };
};

/// A membership of voters 1..n.
MembershipPtr voters(std::size_t count);
/// What a node of a new group wakes up with: the bootstrap snapshot at index 1, term 1.
InitialState bootstrapped(MembershipPtr membership);
/// The payloads of the normal, non-empty entries.
std::vector<std::string> commands(const std::vector<Entry>& entries);

}  // namespace raftkit::test
