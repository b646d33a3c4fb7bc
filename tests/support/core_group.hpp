// Cores in one thread: several connected by a queue, or one whose peers and disk the test plays.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "raftkit/testing/invariants.hpp"

namespace raftkit::test {

/// One core and what stands in for its disk and state machine: writes are durable at once,
/// committed entries are recorded.
struct CoreMember {
  testing::CheckedNode node;
  std::vector<Entry> applied;
  std::vector<ReadReady> reads;
  std::vector<Event> events;
  std::map<Index, Entry> disk;           ///< the log, as FetchRequests find it
  std::vector<SnapshotMeta> restored;    ///< snapshots that replaced the state machine
  std::vector<FetchRequest> fetched;     ///< what was read back for slow followers
  std::uint32_t snapshots_received = 0;  ///< SnapshotRequests that were delivered here
  std::uint32_t appends_refused = 0;     ///< rejections that this member sent
};

/// Cores 1..n that are all voters. Deliver messages until quiet, or drop them.
class CoreGroup {
 public:
  struct Options {
    std::size_t voters = 3;
    std::function<void(RaftOptions&)> tune = [](RaftOptions&) {};
    /// Terms of the entries from index 2 on that a node starts with; none of them is committed.
    std::map<std::uint64_t, std::vector<std::uint64_t>> logs = {};
    std::uint64_t term = 1;  ///< that all start in
  };

  explicit CoreGroup(Options options);

  testing::CheckedNode& node(std::uint64_t id) { return member(id).node; }
  CoreMember& member(std::uint64_t id) { return members_.at(NodeId{id}); }

  /// Carries out Readys and delivers messages until nothing happens any more.
  void settle();
  /// Carries out the Readys of all nodes once, without delivering.
  void process();
  /// Lets ticks pass on one node, and settles after each.
  void tick(std::uint64_t id, std::uint32_t ticks = 1);

  void propose(std::uint64_t id, const std::string& command);
  /// Lets `id` win an election.
  void elect(std::uint64_t id);
  /// The snapshot at `index` becomes available on `id`, and the log before it goes.
  void compact(std::uint64_t id, std::uint64_t index);

  /// Messages between the two are lost until heal().
  void cut(std::uint64_t left, std::uint64_t right);
  void isolate(std::uint64_t id);
  void cut_if(const std::function<bool(const Envelope&)>& is_lost);
  void heal() {
    is_cut_ = [](const Envelope&) { return false; };
  }

  [[nodiscard]] std::deque<Envelope>& network() { return network_; }

 private:
  bool process(CoreMember& member);
  void fetch(CoreMember& member, const FetchRequest& request);
  void deliver(Envelope envelope);

  std::map<NodeId, CoreMember> members_;
  std::deque<Envelope> network_;
  std::function<bool(const Envelope&)> is_cut_ = [](const Envelope&) { return false; };
};

/// Core 1 of a group of voters on a bench: the test speaks for its peers, and says when its writes
/// are durable.
class CoreBench {
 public:
  struct Options {
    std::size_t voters = 3;
    std::uint64_t term = 1;
    std::optional<NodeId> voted_for = std::nullopt;
    std::vector<std::uint64_t> log = {};  ///< terms of the entries from index 2 on
    std::uint64_t commit = 1;
    std::function<void(RaftOptions&)> tune = [](RaftOptions&) {};
  };

  explicit CoreBench(Options options);
  CoreBench() : CoreBench(Options{}) {}
  CoreBench(const RaftOptions& options, const InitialState& initial);

  testing::CheckedNode& node() { return node_; }
  [[nodiscard]] RaftStatus status() const { return node_.status(); }
  /// What a leader knows of `id`.
  [[nodiscard]] ProgressStatus progress(std::uint64_t id) const;

  /// A message from a peer.
  Result<void> receive(std::uint64_t from, std::uint64_t term, Message message);
  /// From a peer in the node's own term, and everything that follows is carried out.
  void answer(std::uint64_t from, Message message);
  /// A follower's acknowledgement up to `index`.
  void acknowledge(std::uint64_t from, std::uint64_t index);
  Result<ProposeOutcome> propose(const std::string& command);
  void tick(std::uint32_t ticks);

  /// The next Ready; nothing of it is carried out.
  Ready take();
  /// Carries out all Readys. Writes are durable at once.
  void run();
  /// Activates what is in these committed entries, and reports them as applied.
  void apply(const std::vector<Entry>& entries);
  /// Makes `batch` durable: its messages leave, those to the node itself are stepped.
  void persist(PersistBatch batch);
  /// Wins an election in the next term and forgets the messages.
  void lead();
  /// As lead(), and all peers acknowledge the new leader's log.
  void lead_all();

  /// Of run() and persist(), since the last call.
  std::vector<Envelope> take_sent() { return std::exchange(sent_, {}); }
  /// The messages of this type in take_sent(), to `to` (0: to anybody).
  template <class Type>
  std::vector<Type> take_sent(std::uint64_t to = 0) {
    return only<Type>(take_sent(), to);
  }
  template <class Type>
  static std::vector<Type> only(const std::vector<Envelope>& envelopes, std::uint64_t to = 0) {
    std::vector<Type> found;
    for (const Envelope& envelope : envelopes) {
      const auto* message = std::get_if<Type>(&envelope.message);
      if (message != nullptr && (to == 0 || envelope.to == NodeId{to})) found.push_back(*message);
    }
    return found;
  }

  std::vector<Entry> applied;
  std::vector<ReadReady> reads;
  std::vector<FetchRequest> fetches;
  std::vector<SnapshotMeta> restored;
  std::vector<Event> events;
  bool applies = true;  ///< whether run() reports entries as applied

 private:
  testing::CheckedNode node_;
  std::vector<Envelope> sent_;
};

/// Fails the test.
void report(const testing::Invariants::Violation& violation);

/// A membership of voters 1..n.
MembershipPtr voters(std::size_t count);
/// What a node of a new group wakes up with: the bootstrap snapshot at index 1, term 1.
InitialState bootstrapped(MembershipPtr membership);
/// Entries from `first` on with these terms; the payload names term and index.
std::vector<Entry> entries_of(std::uint64_t first, const std::vector<std::uint64_t>& terms);
/// An append of entries with these terms behind `previous`.
AppendRequest append_of(EntryId previous,
                        const std::vector<std::uint64_t>& terms,
                        std::uint64_t commit = 0);
[[nodiscard]] inline EntryId at(std::uint64_t term, std::uint64_t index) {
  return {Term{term}, Index{index}};
}
/// The payloads of the normal, non-empty entries.
std::vector<std::string> commands(const std::vector<Entry>& entries);

}  // namespace raftkit::test
