// What a Ready may hold.
#include <algorithm>

#include "testing/invariants_require.hpp"

namespace raftkit::testing {

namespace {

bool is_promise(const Message& message) {
  return std::holds_alternative<VoteResponse>(message) ||
         std::holds_alternative<AppendResponse>(message);
}

bool is_passed_on(const Message& message) {
  return std::holds_alternative<ProposeRequest>(message) ||
         std::holds_alternative<ReadIndexRequest>(message);
}

bool is_pre_vote(const Message& message) {
  if (const auto* request = std::get_if<VoteRequest>(&message))
    return request->kind == VoteKind::pre_vote;
  const auto* response = std::get_if<VoteResponse>(&message);
  return response != nullptr && response->kind == VoteKind::pre_vote;
}

std::string show(const Envelope& envelope) {
  return std::string(message_name(envelope.message)) + " of term " + to_string(envelope.term) +
         " from " + to_string(envelope.from) + " to " + to_string(envelope.to);
}

}  // namespace

void Invariants::take(const Ready& ready, const RaftStatus& now, bool has_ready) {
  if (ready.soft_state) soft_ = *ready.soft_state;
  if (ready.persist) {
    require(ready.persist->id > last_batch_, "INV-BATCHES-NUMBERED", [&] {
      return "batch " + std::to_string(ready.persist->id.value) + " after " +
             std::to_string(last_batch_.value);
    });
    last_batch_ = ready.persist->id;
    take_snapshot(ready, now);
    take_entries(*ready.persist, now);
    take_hard_state(*ready.persist, now);
    take_stamp(*ready.persist, now);
    for (const Envelope& envelope : ready.persist->send_after) {
      take_message(envelope, now);
      take_promise(envelope, now);
    }
  }
  for (const Envelope& envelope : ready.send_now) {
    require(
        !is_promise(envelope.message), "INV-PROMISE-AFTER-WRITE", [&] { return show(envelope); });
    take_message(envelope, now);
  }
  take_applied(ready, now);
  take_reads(ready, now);
  require(ready.membership == nullptr || ready.membership == now.membership,
          "INV-MEMBERSHIP-HANDED-OUT",
          [] { return "another membership than the node's"; });
  if (now.role == Role::leader) written_as_leader_ = now.term;
  require(!has_ready, "INV-READY-IS-COMPLETE", [] { return "a Ready leaves something behind"; });
  check_nothing_withheld(now);
}

void Invariants::take_hard_state(const PersistBatch& batch, const RaftStatus& now) {
  if (!batch.hard_state) return;
  const HardState& next = *batch.hard_state;
  const auto shown = [&] {
    return "term " + to_string(hard_.term) + " -> " + to_string(next.term) + ", vote " +
           to_string(hard_.voted_for.value_or(NodeId{0})) + " -> " +
           to_string(next.voted_for.value_or(NodeId{0})) + ", commit " + to_string(hard_.commit) +
           " -> " + to_string(next.commit);
  };
  require(next.term >= hard_.term, "INV-TERM-FORWARD", shown);
  require(next.term != hard_.term || !hard_.voted_for || next.voted_for == hard_.voted_for,
          "INV-ONE-VOTE",
          shown);
  require(next.commit >= hard_.commit && next.commit <= now.last, "INV-COMMIT-FORWARD", shown);
  require(batch.sync_hard_state == (next.term != hard_.term || next.voted_for != hard_.voted_for),
          "INV-VOTE-IS-SYNCED",
          shown);
  hard_ = next;
}

void Invariants::take_snapshot(const Ready& ready, const RaftStatus& now) {
  const auto& snapshot = ready.persist->snapshot;
  require(ready.restore == snapshot, "INV-RESTORE-WITH-SNAPSHOT", [] {
    return "the state machine and the log get different snapshots";
  });
  if (!snapshot) return;
  const auto shown = [&] { return to_string(snapshot->last) + " over " + to_string(hard_.commit); };
  require(snapshot->last.index > hard_.commit, "INV-SNAPSHOT-FORWARD", shown);
  require(snapshot->last.term <= now.term, "INV-LOG-NOT-ABOVE-TERM", shown);
  require(snapshot->membership != nullptr && *snapshot->membership == *now.membership,
          "INV-SNAPSHOT-HAS-MEMBERSHIP",
          shown);
  if (last() > std::max(base_.index, snapshot->last.index) &&
      place(last()).handed_out_in == now.term)
    is_contradicted_ = true;
  base_ = snapshot->last;
  log_.clear();
  changes_.clear();
  applying_ = base_.index;
  is_installing_ = true;
  installing_ = ready.persist->id;
}

void Invariants::take_entries(const PersistBatch& batch, const RaftStatus& now) {
  if (const auto from = batch.truncate_from) {
    const auto shown = [&] {
      return "from " + to_string(*from) + ", committed " + to_string(hard_.commit) +
             ", log up to " + to_string(last());
    };
    require(*from > hard_.commit, "INV-COMMITTED-NEVER-REPLACED", shown);
    require(!has_led(now), "INV-LEADER-APPENDS-ONLY", shown);
    require(*from > base_.index && *from <= last() && !batch.append.empty(),
            "INV-LOG-CONTIGUOUS",
            shown);
    if (*from > base_.index && *from <= last()) {
      if (place(last()).handed_out_in == now.term) is_contradicted_ = true;
      log_.resize(*from - base_.index - 1);
      std::erase_if(changes_, [&](Index change) { return change >= *from; });
    }
  }
  for (const Entry& entry : batch.append) {
    const auto shown = [&] {
      return to_string(entry.id) + " after " + to_string(EntryId{*term_at(last()), last()}) +
             " in term " + to_string(now.term);
    };
    require(entry.id.index == last() + 1, "INV-LOG-CONTIGUOUS", shown);
    require(entry.id.term >= *term_at(last()), "INV-LOG-TERMS-ASCEND", shown);
    require(entry.id.term <= now.term, "INV-LOG-NOT-ABOVE-TERM", shown);
    if (entry.type == EntryType::membership) take_change(entry, now);
    log_.push_back({entry.id.term, entry.type, batch.id, now.term});
  }
}

/// A change starts from the one before it, so that one must be known to all who hold this one to be
/// committed, and to its proposer to be in effect. [thesis §4.1]
void Invariants::take_change(const Entry& entry, const RaftStatus& now) {
  const Index previous = changes_.empty() ? Index{0} : changes_.back();
  changes_.push_back(entry.id.index);
  if (!options_.check_membership_changes) return;
  const auto shown = [&] {
    return to_string(entry.id) + " after the change at " + to_string(previous) + ", committed " +
           to_string(now.commit) + ", applied " + to_string(now.applied);
  };
  const bool is_own = now.role == Role::leader && entry.id.term == led_;
  require(!is_own || now.applied >= std::max(previous, led_from_ - 1),
          "INV-ONE-CHANGE-AT-A-TIME",
          shown);
  require(peers_ == Peers::any || now.commit >= previous, "INV-CHANGE-PROVES-COMMIT", shown);
}

void Invariants::take_stamp(const PersistBatch& batch, const RaftStatus& now) {
  const auto shown = [&] {
    return batch.stamp ? "term " + to_string(batch.stamp->term) + ", log up to " +
                             to_string(batch.stamp->last)
                       : std::string("none");
  };
  require(batch.stamp || (batch.append.empty() && !batch.snapshot), "INV-WRITE-IS-STAMPED", shown);
  require(!batch.stamp || *batch.stamp == PersistStamp{now.term, {*term_at(last()), last()}},
          "INV-STAMP-NAMES-THE-LOG",
          shown);
}

void Invariants::take_applied(const Ready& ready, const RaftStatus& now) {
  for (const Entry& entry : ready.apply) {
    const auto shown = [&] {
      return to_string(entry.id) + " after " + to_string(applying_) + ", committed " +
             to_string(now.commit) + ", stable " + to_string(now.stable);
    };
    require(entry.id.index == applying_ + 1, "INV-APPLY-CONTIGUOUS", shown);
    require(entry.id.index <= now.commit, "INV-APPLIED-IS-COMMITTED", shown);
    require(options_.storage_mode == StorageMode::synchronous || entry.id.index <= now.stable,
            "INV-APPLIED-IS-STABLE",
            shown);
    require(!is_installing_, "INV-APPLY-AFTER-RESTORE", shown);
    require(entry.id.index <= base_.index || term_at(entry.id.index) == entry.id.term,
            "INV-APPLY-FROM-LOG",
            shown);
    applying_ = entry.id.index;
  }
}

void Invariants::take_reads(const Ready& ready, const RaftStatus& now) {
  for (const ReadReady& read : ready.reads) {
    const auto asked = reads_.find(read.read);
    // One that was not asked in this life is answered to an earlier one.
    if (asked == reads_.end()) continue;
    const bool is_own = now.role == Role::leader && asked->second.led == now.term;
    if (!is_own && (peers_ == Peers::any || options_.lease_reads != LeaseReads::off)) continue;
    require(read.index >= asked->second.commit, "INV-READ-SEES-COMMITTED", [&] {
      return "read " + std::to_string(read.read.value) + " is answered with " +
             to_string(read.index) + ", asked at " + to_string(asked->second.commit);
    });
  }
}

void Invariants::take_message(const Envelope& envelope, const RaftStatus& now) {
  const Message& message = envelope.message;
  if (is_passed_on(message)) return;
  const auto shown = [&] { return show(envelope) + " in term " + to_string(now.term); };
  require(envelope.from == now.id, "INV-SPEAKS-FOR-ITSELF", shown);
  if (!is_pre_vote(message))
    require(envelope.term <= now.term, "INV-MESSAGE-NOT-ABOVE-TERM", shown);
  if (std::holds_alternative<VoteRequest>(message) && is_pre_vote(message))
    require(envelope.term.value <= now.term.value + 1, "INV-MESSAGE-NOT-ABOVE-TERM", shown);
  if (envelope.term == now.term) take_from_leader(envelope, now);
}

/// "I hold this", "I vote for you": true once the batch is durable.
void Invariants::take_promise(const Envelope& envelope, const RaftStatus& now) {
  const auto shown = [&] { return show(envelope) + ", log up to " + to_string(last()); };
  const auto* append = std::get_if<AppendResponse>(&envelope.message);
  // In a later term others may have replaced what was acknowledged to the leader of an older one.
  if (append != nullptr && !append->rejection && envelope.term == now.term)
    require(append->index <= last(), "INV-ACKNOWLEDGED-IS-WRITTEN", shown);
  const auto* vote = std::get_if<VoteResponse>(&envelope.message);
  if (vote == nullptr || !vote->granted || vote->kind == VoteKind::pre_vote) return;
  const auto given = votes_given_.emplace(envelope.term, envelope.to).first;
  require(given->second == envelope.to, "INV-ONE-VOTE", shown);
  require(
      envelope.term != hard_.term || hard_.voted_for == envelope.to, "INV-VOTE-IS-WRITTEN", shown);
}

/// What only a leader says, of this term.
void Invariants::take_from_leader(const Envelope& envelope, const RaftStatus& now) {
  const auto* append = std::get_if<AppendRequest>(&envelope.message);
  const auto* heartbeat = std::get_if<HeartbeatRequest>(&envelope.message);
  if (append == nullptr && heartbeat == nullptr &&
      !std::holds_alternative<SnapshotRequest>(envelope.message) &&
      !std::holds_alternative<TimeoutNow>(envelope.message))
    return;
  const auto shown = [&] { return show(envelope) + ", commit " + to_string(now.commit); };
  require(led_ == envelope.term, "INV-ONLY-LEADERS-LEAD", shown);
  if (heartbeat != nullptr) {
    // It does not check that the logs agree.
    require(heartbeat->commit <= std::min(now.commit, matched_[envelope.to]),
            "INV-HEARTBEAT-COMMITS-WHAT-MATCHES",
            shown);
  }
  if (append == nullptr) return;
  require(append->commit <= now.commit, "INV-TELLS-WHAT-IS-COMMITTED", shown);
  Index index = append->previous.index;
  const auto is_held = [&](Index at, Term term) { return at < base_.index || term_at(at) == term; };
  bool agrees = is_held(index, append->previous.term);
  for (const Entry& entry : append->entries) {
    ++index;
    agrees = agrees && entry.id.index == index && is_held(index, entry.id.term);
  }
  require(agrees, "INV-SENDS-ITS-LOG", shown);
}

}  // namespace raftkit::testing
