// Rare situations, by name: a run that never gets into one has not tested what it is for.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "raftkit/event.hpp"
#include "raftkit/message.hpp"

#include "driver/driver.hpp"
#include "testing/sim_clock.hpp"

namespace raftkit::testing {

/// Sorted, so that they can be looked up.
inline constexpr auto kMarks = std::to_array<std::string_view>({
    "acknowledgement to a node that leads no more",
    "append carries entries of several terms",
    "append carries nothing",
    "append from an old term",
    "append goes beyond the log's end",
    "append of entries that are there",
    "append read from the disk",
    "append refused for another term at its place",
    "campaign: election timeout",
    "candidate: a majority would vote for this node",
    "candidate: election timeout",
    "candidate: leadership is handed over",
    "commit of older terms by an entry of the own term",
    "commit unknown to the client",
    "compaction: crash between its steps",
    "compaction: entries gone that a follower wanted",
    "compaction: log compacted",
    "compaction: log replaced by a snapshot",
    "compaction: snapshot over entries that nobody committed",
    "connection: as much is on its way as may be",
    "connection: caller that is no peer hung up on",
    "connection: corrupted bytes noticed",
    "connection: frame of an earlier one refused",
    "connection: handshake refused",
    "connection: lost",
    "connection: message over the limit refused",
    "connection: messages dropped",
    "connection: nobody listens",
    "connection: nothing is taken any more",
    "connection: repeated frame refused",
    "connection: silent caller given up",
    "connection: stranger let in",
    "crash: a snapshot being installed",
    "crash: a snapshot being restored",
    "crash: a snapshot being saved",
    "crash: acknowledgement not yet durable",
    "crash: again while the stores recover",
    "crash: again within a second",
    "crash: candidate",
    "crash: committed entries not applied",
    "crash: leader",
    "crash: leader hands over",
    "crash: member in a joint phase",
    "crash: nobody is left",
    "crash: replacement of entries not yet durable",
    "crash: snapshot on its way to a follower",
    "crash: some of the unfinished writes survive",
    "crash: unfinished writes are lost",
    "crash: vote not yet durable",
    "damage: found at the start",
    "damage: found by a running node",
    "damage: member replaced",
    "damage: of nothing that the start needs",
    "damage: of the newest writes, and nobody can tell",
    "disk: commit index without a sync",
    "disk: full leader hands over",
    "disk: full, and has room again",
    "disk: full, and still when it is tried again",
    "disk: several writes in one sync",
    "disk: write finished in a later term",
    "disk: writes fail, and the node stops",
    "follower: a member of higher priority campaigns",
    "follower: another node leads this term",
    "follower: heard of a leader",
    "follower: higher term seen",
    "follower: leader forgotten",
    "follower: lost contact with a quorum",
    "follower: lost the election",
    "follower: not a voter any more",
    "forwarded proposal at a node that leads no more",
    "heartbeat from an old term",
    "heartbeat round confirmed late",
    "identity: another data directory refused",
    "identity: member replaced whose disk was lost",
    "leader: elected during a joint phase",
    "leader: elected with committed entries not applied",
    "leader: elected with entries that nobody committed",
    "leader: of an old term is told",
    "leader: two at once",
    "leader: was no voter when it started",
    "leader: won the election",
    "leadership handed over",
    "log: suffix replaced",
    "log: suffix replaced, which held a membership change",
    "membership: change refused: the joint phase has to be left first",
    "membership: change refused: the membership change before it may not be applied yet",
    "membership: change refused: there is no joint phase to leave",
    "membership: joint phase begun",
    "membership: joint phase ended by another leader",
    "membership: joint phase ended by the leader that began it",
    "membership: leader removed",
    "membership: leader removed during a joint phase",
    "membership: learner promoted",
    "membership: taken from a snapshot",
    "membership: taken from a snapshot, in a joint phase",
    "membership: voter demoted",
    "pre-vote given: log is up to date",
    "pre-vote refused: a leader is alive",
    "pre-vote refused: already voted or following a leader",
    "pre-vote refused: its log is older",
    "pre-vote refused: its priority is lower",
    "progress: caught up by a snapshot",
    "progress: probing",
    "progress: several snapshots for one follower",
    "progress: waits for a probe",
    "progress: waits for a snapshot",
    "progress: window full",
    "proposal forwarded and answered",
    "proposal refused",
    "proposal refused for want of a leader",
    "read answered across a change of leaders",
    "read answered by a follower",
    "read answered by a leader",
    "read asked of a node that leads no more",
    "read refused",
    "read refused for want of a leader",
    "snapshot: accepted",
    "snapshot: accepted in the first term after a start",
    "snapshot: damaged on its way, and refused",
    "snapshot: followed by a newer one before it was restored",
    "snapshot: needed",
    "snapshot: no newer than what is there",
    "snapshot: transfer failed",
    "snapshot: transfer finished after leadership was lost",
    "start: entries that nobody knows to be committed",
    "start: entries to apply again",
    "start: in a joint phase",
    "start: nothing but a snapshot",
    "start: voted in the newest term",
    "take over at once",
    "take over at once, from an old term",
    "transfer aborted: another target was named",
    "transfer aborted: leadership lost",
    "transfer aborted: the target did not take over in time",
    "transfer aborted: the target is no voter any more",
    "transfer begun",
    "vote answers an election that is over",
    "vote given: log is up to date",
    "vote refused: a leader is alive",
    "vote refused: already voted or following a leader",
    "vote refused: its log is older",
    "vote refused: its priority is lower",
});

/// Counts. Owner: the simulation.
class SimMarks {
 public:
  /// One of kMarks, checked by the compiler.
  class Mark {
   public:
    // NOLINTNEXTLINE(google-explicit-constructor): a name is meant to be enough
    consteval Mark(const char* name) : place_(find(name)) {
      if (kMarks[place_] != std::string_view(name)) throw "no such mark";
    }

   private:
    friend class SimMarks;
    std::size_t place_;
  };

  void hit(Mark mark) { ++counts_[mark.place_]; }
  void hit_if(bool condition, Mark mark) {
    if (condition) hit(mark);
  }
  /// "kind: detail" must be one of them: fails otherwise.
  void hit(std::string_view kind, std::string_view detail);

  // What nodes do.

  void started(NodeId node, SimTime now, const driver::Recovered& recovered);
  /// Before its driver gets it.
  void received(const Envelope& envelope, const driver::Driver& by);
  void sent(const Envelope& envelope, const driver::Driver& by);
  void happened(NodeId node, const Event& event);
  void reported(const PeerReport& report);
  void members_changed(NodeId node, const driver::Driver& driver, const MembershipPtr& members);
  /// To the log.
  void wrote(NodeId node, const PersistBatch& batch, const driver::Driver& driver);
  void finished(std::span<const PersistBatch> batches, Term term);
  /// After whatever the driver did.
  void looked(NodeId node, const driver::Driver& driver);
  void crashed(SimTime now, const driver::Driver& driver, std::span<const PersistBatch> unfinished);

  // What clients are told.

  void refused(bool is_read, error_code code);

  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }

 private:
  struct Node {
    bool is_up = false;
    SimTime started{0};
    bool began_as_voter = false;
    Role role = Role::follower;
    Term term;
    Term first_term;  // since the start
    Index commit;
    Index last;       // of what was written
    Index own_first;  // of the entries of its own term, once it leads
    bool has_committed_own = false;
    bool is_by_order = false;
    std::uint64_t read_round = 0;
    std::optional<Term> joint_since;  // the term in which it began a joint phase, as the leader
    MembershipPtr members;
    MembershipPtr seen_members;            // when it was last looked at
    std::set<Index> changes;               // of the membership, not committed yet
    std::vector<ProgressStatus> progress;  // as a leader, when last looked
    std::uint64_t looks = 0;
  };

  static constexpr std::size_t find(std::string_view name) {
    const auto* place = std::lower_bound(kMarks.begin(), kMarks.end(), name);
    return place == kMarks.end() ? 0 : static_cast<std::size_t>(place - kMarks.begin());
  }
  void changed_role(Node& node, const event::RoleChanged& change);
  void received_from_leader(const Envelope& envelope, const driver::Driver& by);
  void received_request(const Envelope& envelope, const driver::Driver& by);
  void received_answer(const Envelope& envelope, const driver::Driver& by);
  void committed(Node& node, Index commit);
  void follow_progress(Node& node, std::vector<ProgressStatus> progress);

  std::array<std::uint64_t, kMarks.size()> counts_{};
  std::map<NodeId, Node> nodes_;
};

}  // namespace raftkit::testing
