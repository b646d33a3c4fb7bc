#include "testing/sim_marks.hpp"

#include <string>

#include "raftkit/testing/simulation.hpp"

#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

static_assert(std::is_sorted(kMarks.begin(), kMarks.end()), "marks are looked up");

}  // namespace

void SimMarks::hit(std::string_view kind, std::string_view detail) {
  const std::string name = std::string(kind) + ": " + std::string(detail);
  const std::size_t place = find(name);
  require(kMarks.at(place) == name, "marks: there is none called '", name, "'");
  ++counts_.at(place);
}

std::span<const std::string_view> simulation_marks() {
  return kMarks;
}

// --- the life of a node

void SimMarks::started(NodeId id, SimTime now, const driver::Recovered& recovered) {
  Node& node = nodes_[id] = Node();
  const InitialState& initial = recovered.initial;
  const HardState& hard = initial.hard_state;
  const Index last = initial.entries.empty() ? initial.base.index : initial.entries.back().id.index;
  node.is_up = true;
  node.started = now;
  node.began_as_voter = initial.membership->is_voter(id);
  node.term = node.first_term = hard.term;
  node.commit = std::max(hard.commit, initial.applied);
  node.last = last;
  node.members = node.seen_members = initial.membership;
  hit_if(hard.voted_for.has_value(), "start: voted in the newest term");
  hit_if(last > node.commit, "start: entries that nobody knows to be committed");
  hit_if(initial.applied < node.commit, "start: entries to apply again");
  hit_if(initial.membership->is_joint(), "start: in a joint phase");
  hit_if(last == recovered.snapshot.last.index && recovered.restore.has_value(),
         "start: nothing but a snapshot");
}

void SimMarks::crashed(SimTime now,
                       const driver::Driver& driver,
                       std::span<const PersistBatch> unfinished) {
  const RaftStatus status = driver.status();
  Node& node = nodes_.at(status.id);
  node.is_up = false;
  hit_if(now - node.started < seconds(1), "crash: again within a second");
  hit_if(status.role == Role::leader, "crash: leader");
  hit_if(status.role == Role::candidate, "crash: candidate");
  hit_if(status.transfer_target.has_value(), "crash: leader hands over");
  hit_if(driver.membership()->is_joint(), "crash: member in a joint phase");
  hit_if(driver.applied_index() < status.commit, "crash: committed entries not applied");
  for (const PersistBatch& batch : unfinished) {
    hit_if(batch.snapshot.has_value(), "crash: a snapshot being installed");
    hit_if(batch.truncate_from.has_value(), "crash: replacement of entries not yet durable");
    hit_if(batch.sync_hard_state && batch.hard_state->voted_for.has_value(),
           "crash: vote not yet durable");
    hit_if(!batch.append.empty() && status.role == Role::follower,
           "crash: acknowledgement not yet durable");
  }
  const auto is_down = [](const auto& each) { return !each.second.is_up; };
  hit_if(std::all_of(nodes_.begin(), nodes_.end(), is_down), "crash: nobody is left");
}

// --- what it says and hears

void SimMarks::sent(const Envelope& envelope, const driver::Driver& by) {
  if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
    hit_if(append->entries.empty(), "append carries nothing");
    hit_if(!append->entries.empty() &&
               append->entries.front().id.term != append->entries.back().id.term,
           "append carries entries of several terms");
  } else if (const auto* answer = std::get_if<AppendResponse>(&envelope.message)) {
    hit_if(answer->rejection && answer->index <= by.status().last,
           "append refused for another term at its place");
    hit_if(*answer == AppendResponse{}, "leader: of an old term is told");
  } else if (const auto* heartbeat = std::get_if<HeartbeatRequest>(&envelope.message)) {
    auto& newest = nodes_.at(envelope.from).read_round;
    newest = std::max(newest, heartbeat->read_round);
  }
}

void SimMarks::received(const Envelope& envelope, const driver::Driver& by) {
  received_from_leader(envelope, by);
  received_request(envelope, by);
  received_answer(envelope, by);
}

void SimMarks::received_from_leader(const Envelope& envelope, const driver::Driver& by) {
  const bool is_old = envelope.term < by.term();
  if (const auto* append = std::get_if<AppendRequest>(&envelope.message)) {
    if (is_old) return hit("append from an old term");
    const RaftStatus status = by.status();
    hit_if(append->previous.index > status.last, "append goes beyond the log's end");
    hit_if(!append->entries.empty() && append->entries.back().id.index <= status.commit,
           "append of entries that are there");
  } else if (std::holds_alternative<HeartbeatRequest>(envelope.message)) {
    hit_if(is_old, "heartbeat from an old term");
  } else if (const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message)) {
    hit_if(snapshot->snapshot.last.index <= by.status().commit,
           "snapshot: no newer than what is there");
  }
}

void SimMarks::received_request(const Envelope& envelope, const driver::Driver& by) {
  const bool leads = by.soft_state().role == Role::leader;
  if (std::holds_alternative<TimeoutNow>(envelope.message)) {
    if (envelope.term < by.term()) return hit("take over at once, from an old term");
    hit("take over at once");
  } else if (std::holds_alternative<ProposeRequest>(envelope.message)) {
    hit_if(!leads, "forwarded proposal at a node that leads no more");
  } else if (std::holds_alternative<ReadIndexRequest>(envelope.message)) {
    hit_if(!leads, "read asked of a node that leads no more");
  }
}

void SimMarks::received_answer(const Envelope& envelope, const driver::Driver& by) {
  const Role role = by.soft_state().role;
  if (std::holds_alternative<AppendResponse>(envelope.message)) {
    hit_if(role != Role::leader, "acknowledgement to a node that leads no more");
  } else if (std::holds_alternative<VoteResponse>(envelope.message)) {
    hit_if(role == Role::leader || role == Role::follower, "vote answers an election that is over");
  } else if (const auto* heartbeat = std::get_if<HeartbeatResponse>(&envelope.message)) {
    hit_if(role == Role::leader && heartbeat->read_round != 0 &&
               heartbeat->read_round < nodes_.at(envelope.to).read_round,
           "heartbeat round confirmed late");
  }
}

void SimMarks::reported(const PeerReport& report) {
  switch (report.state) {
    case PeerState::connecting:
    case PeerState::connected:
      return;
    case PeerState::disconnected:
      return hit("connection: lost");
    case PeerState::refused:
      return hit("connection: nobody listens");
    case PeerState::rejected:
      return hit("connection: handshake refused");
    case PeerState::dropping:
      return hit("connection: messages dropped");
  }
}

void SimMarks::refused(bool is_read, error_code code) {
  const bool has_no_leader = code == make_error_code(Errc::no_leader);
  if (is_read) {
    hit("read refused");
    hit_if(has_no_leader, "read refused for want of a leader");
  } else {
    hit("proposal refused");
    hit_if(has_no_leader, "proposal refused for want of a leader");
  }
}

// --- what happens inside

void SimMarks::happened(NodeId id, const Event& event) {
  Node& node = nodes_.at(id);
  if (const auto* vote = std::get_if<event::VoteCast>(&event)) {
    const std::string kind = vote->pre_vote ? "pre-vote " : "vote ";
    hit(kind + (vote->granted ? "given" : "refused"), vote->reason);
  } else if (const auto* role = std::get_if<event::RoleChanged>(&event)) {
    changed_role(node, *role);
  } else if (std::holds_alternative<event::SuffixReplaced>(event)) {
    hit("log: suffix replaced");
  } else if (std::holds_alternative<event::SnapshotNeeded>(event)) {
    hit("snapshot: needed");
  } else if (std::holds_alternative<event::SnapshotAccepted>(event)) {
    hit("snapshot: accepted");
    hit_if(node.term == node.first_term, "snapshot: accepted in the first term after a start");
  } else if (std::holds_alternative<event::TransferStarted>(event)) {
    hit("transfer begun");
  } else if (const auto* aborted = std::get_if<event::TransferAborted>(&event)) {
    hit("transfer aborted", aborted->reason);
  } else if (const auto* refused = std::get_if<event::MembershipChangeRefused>(&event)) {
    hit("membership: change refused", refused->reason);
  }
}

void SimMarks::changed_role(Node& node, const event::RoleChanged& change) {
  switch (change.role) {
    case Role::follower:
      hit("follower", change.reason);
      break;
    case Role::pre_candidate:
      hit("campaign", change.reason);
      break;
    case Role::candidate:
      hit("candidate", change.reason);
      node.is_by_order = change.reason == "leadership is handed over";
      break;
    case Role::leader:
      hit("leader", change.reason);
      hit_if(node.is_by_order, "leadership handed over");
      hit_if(!node.began_as_voter, "leader: was no voter when it started");
      hit_if(node.members->is_joint(), "leader: elected during a joint phase");
      node.own_first = Index{0};
      node.has_committed_own = false;
      node.progress.clear();
      break;
  }
  if (node.role == Role::leader && change.reason == "not a voter any more") {
    hit("membership: leader removed");
    hit_if(node.seen_members->is_joint(), "membership: leader removed during a joint phase");
  }
  node.role = change.role;
  node.term = change.term;
}

void SimMarks::members_changed(NodeId id,
                               const driver::Driver& driver,
                               const MembershipPtr& members) {
  Node& node = nodes_.at(id);
  const MembershipPtr before = std::exchange(node.members, members);
  const bool leads = driver.soft_state().role == Role::leader;
  if (!before->is_joint() && members->is_joint()) {
    hit("membership: joint phase begun");
    node.joint_since = leads ? std::optional(driver.term()) : std::nullopt;
  } else if (leads && before->is_joint() && !members->is_joint()) {
    if (node.joint_since == driver.term()) {
      hit("membership: joint phase ended by the leader that began it");
    } else {
      hit("membership: joint phase ended by another leader");
    }
  }
  for (const NodeId member : members->all()) {
    hit_if(before->is_learner(member) && members->is_voter(member), "membership: learner promoted");
    hit_if(before->is_voter(member) && members->is_learner(member) && !members->is_voter(member),
           "membership: voter demoted");
  }
}

// --- its log

void SimMarks::wrote(NodeId id, const PersistBatch& batch, const driver::Driver& driver) {
  Node& node = nodes_.at(id);
  hit_if(batch.hard_state && !batch.needs_sync(), "disk: commit index without a sync");
  if (batch.snapshot) {
    hit("compaction: log replaced by a snapshot");
    hit_if(node.last > batch.snapshot->last.index,
           "compaction: snapshot over entries that nobody committed");
    hit_if(batch.snapshot->membership->is_joint(),
           "membership: taken from a snapshot, in a joint phase");
    hit_if(*batch.snapshot->membership != *node.seen_members, "membership: taken from a snapshot");
    node.last = batch.snapshot->last.index;
    node.changes.clear();
  }
  if (batch.truncate_from) {
    const auto first = node.changes.lower_bound(*batch.truncate_from);
    hit_if(first != node.changes.end(), "log: suffix replaced, which held a membership change");
    node.changes.erase(first, node.changes.end());
  }
  for (const Entry& entry : batch.append) {
    node.last = entry.id.index;
    if (entry.type == EntryType::membership) node.changes.insert(entry.id.index);
    const bool is_own = node.role == Role::leader && entry.id.term == node.term;
    if (!is_own || node.own_first != Index{0}) continue;
    node.own_first = entry.id.index;
    hit_if(node.own_first - 1 > node.commit, "leader: elected with entries that nobody committed");
    hit_if(driver.applied_index() < node.commit,
           "leader: elected with committed entries not applied");
  }
  if (batch.hard_state) committed(node, batch.hard_state->commit);
}

void SimMarks::committed(Node& node, Index commit) {
  node.changes.erase(node.changes.begin(), node.changes.upper_bound(commit));
  if (node.role == Role::leader && node.own_first != Index{0} && commit >= node.own_first &&
      !std::exchange(node.has_committed_own, true)) {
    hit_if(node.commit + 1 < node.own_first, "commit of older terms by an entry of the own term");
  }
  node.commit = commit;
}

void SimMarks::finished(std::span<const PersistBatch> batches, Term term) {
  hit_if(batches.size() > 1, "disk: several writes in one sync");
  for (const PersistBatch& batch : batches)
    hit_if(batch.stamp && batch.stamp->term < term, "disk: write finished in a later term");
}

// --- what it looks like afterwards

void SimMarks::looked(NodeId id, const driver::Driver& driver) {
  constexpr std::uint64_t kEvery = 4;  // for the rest of the time it is what it was
  Node& node = nodes_.at(id);
  node.seen_members = node.members;
  if (node.role != Role::leader || ++node.looks % kEvery != 0) return;
  const auto also_leads = [&](const auto& other) {
    return other.first != id && other.second.is_up && other.second.role == Role::leader;
  };
  hit_if(std::any_of(nodes_.begin(), nodes_.end(), also_leads), "leader: two at once");
  follow_progress(node, driver.status().progress);
}

void SimMarks::follow_progress(Node& node, std::vector<ProgressStatus> progress) {
  for (const ProgressStatus& now : progress) {
    hit_if(now.state == ProgressState::probe, "progress: probing");
    hit_if(now.state == ProgressState::probe && now.paused, "progress: waits for a probe");
    hit_if(now.state == ProgressState::snapshot, "progress: waits for a snapshot");
    hit_if(now.inflight_full, "progress: window full");
    const auto before = std::find_if(node.progress.begin(),
                                     node.progress.end(),
                                     [&](const auto& each) { return each.node == now.node; });
    if (before == node.progress.end() || before->state != ProgressState::snapshot) continue;
    hit_if(now.state == ProgressState::replicate, "progress: caught up by a snapshot");
    hit_if(now.state == ProgressState::snapshot && now.pending_snapshot != before->pending_snapshot,
           "progress: several snapshots for one follower");
  }
  node.progress = std::move(progress);
}

}  // namespace raftkit::testing
