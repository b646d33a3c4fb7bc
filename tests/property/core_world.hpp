// A group of cores on a bad day: messages are lost, doubled and late, disks are slow, nodes crash.
#pragma once

#include <deque>
#include <iosfwd>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "raftkit/testing/invariants.hpp"

#include "core/random.hpp"
#include "testing/cluster_oracle.hpp"

namespace raftkit::test {

enum class Fault : std::uint8_t {
  pass_time,
  propose,
  read,
  campaign,
  crash,  ///< and start again later
  split,
  mute,  ///< one direction of one link
  heal,
  compact,
  transfer,
  weather,
  slow_disk,
  forget_leader,
  unreachable,
  change_members,
  count,
};

/// What goes wrong, two numbers that say how, and for how long the world goes on before the next
/// step.
struct FaultStep {
  Fault fault = Fault::pass_time;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t rounds = 1;
};
std::ostream& operator<<(std::ostream& out, const FaultStep& step);

/// A whole run: everything that happens follows from it.
struct FaultPlan {
  std::size_t nodes = 3;
  StorageMode mode = StorageMode::asynchronous;
  std::uint64_t seed = 0;    ///< of what is not worth shrinking: which message comes when
  std::uint32_t tuning = 0;  ///< picks the options; 0: the defaults
  std::vector<FaultStep> steps;
};
std::ostream& operator<<(std::ostream& out, const FaultPlan& plan);

/// Plays a plan and shows every event to the oracle.
///
/// Does what a driver would do around each core: withholds messages whose term is not durable yet,
/// completes writes in order, applies, fetches, restores. What is durable survives a crash, and of
/// what was being written any prefix.
class CoreWorld {
 public:
  explicit CoreWorld(const FaultPlan& plan);

  void take(const FaultStep& step);
  /// Ends all faults; then somebody must lead, a proposal must be applied everywhere, and reads
  /// must be answered, each within a number of ticks.
  void recover();

 private:
  struct Write {
    PersistBatch batch;
    std::optional<SnapshotMeta> restore;
    testing::HistoryHash installed = 0;
  };
  /// The state machine: what it has applied, and the hash of that.
  struct Applied {
    Index index;
    testing::HistoryHash state = 0;
  };
  struct Node {
    NodeId id;
    testing::LogImage durable;  // what a crash leaves
    testing::LogImage written;  // with all writes that were handed out: the core's log
    Applied synced{};           // the state machine after a crash

    std::optional<testing::CheckedNode> core{};  // absent while crashed
    std::uint64_t life = 0;
    Applied applied{};
    std::deque<Write> writes{};
    std::deque<Entry> to_apply{};
    std::vector<Envelope> withheld{};
    std::vector<FetchRequest> fetches{};
    Index handed_out{};  // for application
    Index commit{};      // the core's, when last looked at
    Term term{};
    MembershipPtr members{};        // the core's, when last looked at
    std::uint32_t rounds_down = 0;  // left, while crashed
    bool is_slow = false;
    bool is_draining = false;
    bool is_snapshot_wanted = false;
  };
  struct Weather {
    std::uint32_t lost = 2;  // of 100 messages
    std::uint32_t doubled = 2;
    std::uint32_t late = 25;
  };

  [[nodiscard]] bool chance(std::uint32_t percent) { return random_.below(100) < percent; }
  [[nodiscard]] Node& node(std::uint32_t number) { return nodes_[number % nodes_.size()]; }
  [[nodiscard]] RaftOptions options_of(NodeId id) const;
  [[nodiscard]] bool is_cut(const Envelope& envelope) const {
    return cut_.contains({envelope.from, envelope.to});
  }

  void crash(Node& node, std::uint32_t survivors);
  void start(Node& node);
  void split(std::uint32_t mask, std::uint32_t rounds);
  void compact(Node& node, std::uint32_t snapshot, std::uint32_t kept);
  void propose(Node& node);
  void change_members(Node& node, std::uint32_t choice);
  void read(Node& node);

  void round();
  void calm_tick();
  void carry_messages();
  void deliver(Envelope envelope);
  void lose(const Envelope& envelope);
  void work(Node& node);
  bool complete_write(Node& node);
  bool apply(Node& node);
  bool answer_fetch(Node& node);
  bool answer_wish(Node& node);

  void check(const Node& node, const Result<void>& result) const;
  void maybe_drain(Node& node);
  void drain(Node& node);
  void carry_out(Node& node, Ready& ready);
  void hand_on(Node& node, Envelope envelope);
  void post(Node& node, Envelope envelope);
  void observe(Node& node);
  /// Who belongs to the group now, as far as anybody knows.
  [[nodiscard]] bool is_member(const Node& node) const {
    return oracle_.newest_members()->contains(node.id);
  }
  [[nodiscard]] Node* settled_leader();
  [[nodiscard]] std::string describe() const;

  FaultPlan plan_;
  core::Random random_;
  SnapshotMeta bootstrap_;
  testing::ClusterOracle oracle_;
  std::vector<Node> nodes_;
  std::deque<Envelope> network_;
  std::map<std::pair<NodeId, NodeId>, std::uint32_t> cut_;  // for so many rounds
  Weather weather_;
  bool is_calm_ = false;
  std::uint64_t proposals_ = 0;
  std::uint64_t next_read_ = 1;
  std::set<ReadId> answered_;
};

}  // namespace raftkit::test
