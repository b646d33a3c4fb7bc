#include "conformance/group.hpp"

#include <algorithm>
#include <iterator>

namespace raftkit::conformance {

namespace {

bool is_thread(NodeId node) {
  return node == kAppendThread || node == kApplyThread;
}

Parcel parcel_of(Envelope envelope) {
  MessageText text = describe(envelope);
  const NodeId to = envelope.to;
  return {text.from, to, std::move(text), std::move(envelope)};
}

void report(const testing::Invariants::Violation& violation) {
  throw BadCommand(violation.id + ": " + violation.what);
}

/// What the append thread will answer, if the write vouches for anything.
std::optional<Parcel> append_done(NodeId node, const PersistBatch& batch) {
  if (!batch.stamp) return std::nullopt;
  MessageText text;
  text.from = kAppendThread;
  text.to = node;
  text.type = "MsgStorageAppendResp";
  text.term = batch.stamp->term;
  const bool only_snapshot = batch.snapshot && batch.stamp->last == batch.snapshot->last;
  if (!only_snapshot) text.log = batch.stamp->last;
  text.snapshot = batch.snapshot;
  return Parcel{text.from, node, text, AppendDone{batch.id}};
}

AppendWork append_work(NodeId node, PersistBatch batch) {
  AppendWork work;
  work.text.from = node;
  work.text.to = kAppendThread;
  work.text.type = "MsgStorageAppend";
  if (batch.hard_state) {
    work.text.term = batch.hard_state->term;
    work.text.commit = batch.hard_state->commit;
    work.text.vote = batch.hard_state->voted_for;
  }
  work.text.entries = batch.append;
  work.text.snapshot = batch.snapshot;
  for (Envelope& envelope : batch.send_after)
    work.responses.push_back(parcel_of(std::move(envelope)));
  if (auto done = append_done(node, batch)) work.responses.push_back(*std::move(done));
  work.batch = std::move(batch);
  return work;
}

ApplyWork apply_work(NodeId node, std::vector<Entry> entries) {
  ApplyWork work;
  work.text.from = node;
  work.text.to = kApplyThread;
  work.text.type = "MsgStorageApply";
  work.text.entries = entries;
  MessageText done;
  done.from = kApplyThread;
  done.to = node;
  done.type = "MsgStorageApplyResp";
  done.entries = entries;
  work.responses.push_back({kApplyThread, node, done, ApplyDone{entries.back().id.index}});
  work.entries = std::move(entries);
  return work;
}

/// The message with its responses, as a Ready shows it.
template <class Work>
std::string with_responses(const Work& work, const MembershipNames& names) {
  MessageText text = work.text;
  for (const Parcel& response : work.responses)
    text.responses.push_back(response.text);
  return text.show(names) + "\n";
}

}  // namespace

std::string Store::show() const {
  if (entries_.empty()) {
    return "log is empty: first index=" + std::to_string(first().value) +
           ", last index=" + std::to_string(last().value);
  }
  return show_entries(entries_);
}

void Store::append(const std::vector<Entry>& entries) {
  auto fresh = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.id.index >= first();
  });
  if (fresh == entries.end()) return;
  if (fresh->id.index > last() + 1) throw BadCommand("a gap in the log");
  entries_.resize(fresh->id.index - first());
  entries_.insert(entries_.end(), fresh, entries.end());
}

void Store::install(const SnapshotMeta& snapshot) {
  if (snapshot_.last.index != Index{0} && snapshot_.last.index >= snapshot.last.index)
    throw CommandError("requested index is older than the existing snapshot");
  snapshot_ = snapshot;
  base_ = snapshot.last;
  entries_.clear();
}

void Store::compact(Index index) {
  if (index <= base_.index) throw CommandError("requested index is unavailable due to compaction");
  if (index > last()) throw BadCommand("there is no index " + std::to_string(index.value));
  const auto kept = entries_.begin() + static_cast<std::ptrdiff_t>(index - base_.index);
  base_ = std::prev(kept)->id;
  entries_.erase(entries_.begin(), kept);
}

InitialState Store::load(const SnapshotMeta& applied) const {
  InitialState initial;
  initial.hard_state = hard_;
  initial.membership = applied.membership;
  initial.applied = applied.last.index;
  initial.base = base_;
  initial.entries = entries_;
  return initial;
}

bool Parcel::is_local() const {
  return from == to || is_thread(from) || is_thread(to);
}

void Group::add(const NewMembers& what) {
  for (std::size_t i = 0; i < what.count; ++i) {
    RaftOptions options = what.options;
    options.id = NodeId{members_.size() + 1};
    InitialState initial;
    SnapshotMeta newest{{}, std::make_shared<Membership>()};
    if (what.snapshot) newest = *what.snapshot;
    initial.membership = newest.membership;
    initial.base = newest.last;
    initial.applied = newest.last.index;
    auto core = testing::CheckedNode::create(options, initial, testing::Peers::honest, report);
    if (!core) throw BadCommand(core.error().message());
    members_.push_back(
        std::make_unique<Member>(Member{options, *std::move(core), {}, {}, {}, {newest}, {}}));
    if (!what.snapshot) continue;
    members_.back()->store.install(newest);
    members_.back()->core.snapshot_available(newest);
  }
}

Member& Group::member(NodeId node) {
  if (node == NodeId{0} || node.value > members_.size())
    throw BadCommand("there is no node " + std::to_string(node.value));
  return *members_[node.value - 1];
}

std::vector<NodeId> Group::nodes() const {
  std::vector<NodeId> nodes;
  for (const auto& member : members_)
    nodes.push_back(member->options.id);
  return nodes;
}

void Group::post(Envelope envelope) {
  network_.push_back(parcel_of(std::move(envelope)));
}

void Group::process_ready(Member& member, std::string& out) {
  Ready ready;
  member.core.take_ready(ready);
  if (!member.core.violation().empty()) throw BadCommand(member.core.violation());
  if (!ready.fetch.empty()) throw BadCommand("the core does not keep its log in memory");
  std::string text;
  if (ready.soft_state) {
    text += "Lead:" + std::to_string(ready.soft_state->leader.value_or(NodeId{0}).value) +
            " State:" + conformance::show(ready.soft_state->role) + "\n";
  }
  const PersistBatch batch = ready.persist.value_or(PersistBatch{});
  if (batch.hard_state) text += "HardState " + conformance::show(*batch.hard_state) + "\n";
  if (!ready.reads.empty()) {
    text += "ReadStates";
    for (const ReadReady& read : ready.reads)
      text += " " + std::to_string(read.read.value) + "@" + std::to_string(read.index.value);
    text += "\n";
  }
  if (!batch.append.empty()) text += "Entries:\n" + show_entries(batch.append);
  if (batch.snapshot) text += "Snapshot " + conformance::show(*batch.snapshot, names_) + "\n";
  if (!ready.apply.empty()) text += "CommittedEntries:\n" + show_entries(ready.apply);

  std::string messages;
  for (const Envelope& envelope : ready.send_now)
    messages += describe(envelope).show(names_) + "\n";
  if (member.is_async()) {
    for (Envelope& envelope : ready.send_now)
      post(std::move(envelope));
    hand_to_threads(member, ready, messages);
  } else {
    for (const Envelope& envelope : batch.send_after) {
      if (envelope.to != member.options.id) messages += describe(envelope).show(names_) + "\n";
    }
  }
  if (!messages.empty()) text += "Messages:\n" + messages;
  const bool must_sync = !batch.append.empty() || batch.sync_hard_state;
  out += text.empty()
             ? "<empty Ready>"
             : "Ready MustSync=" + std::string(must_sync ? "true" : "false") + ":\n" + text;
  if (!member.is_async()) advance(member, ready);
}

void Group::hand_to_threads(Member& member, Ready& ready, std::string& messages) {
  if (ready.persist) {
    member.batches.push_back({ready.persist->id});
    member.append_work.push_back(append_work(member.options.id, *std::move(ready.persist)));
    messages += with_responses(member.append_work.back(), names_);
  }
  if (!ready.apply.empty()) {
    member.apply_work.push_back(apply_work(member.options.id, std::move(ready.apply)));
    messages += with_responses(member.apply_work.back(), names_);
  }
}

void Group::advance(Member& member, Ready& ready) {
  if (ready.persist) persist(member, *ready.persist);
  apply(member, ready.apply);
  for (Envelope& envelope : ready.send_now)
    post(std::move(envelope));
  if (ready.persist) {
    std::vector<Envelope> own;
    for (Envelope& envelope : ready.persist->send_after) {
      if (envelope.to == member.options.id) {
        own.push_back(std::move(envelope));
      } else {
        post(std::move(envelope));
      }
    }
    // An answer to itself of a node that is no member any more means nothing.
    for (Envelope& envelope : own)
      static_cast<void>(member.core.step(std::move(envelope)));
    member.core.persisted(ready.persist->id);
  }
  if (!ready.apply.empty()) member.core.applied(ready.apply.back().id.index);
}

void Group::restart(NodeId node) {
  Member& old = member(node);
  const SnapshotMeta& installed = old.store.snapshot();
  const bool is_newer = installed.last.index > old.history.back().last.index;
  auto core =
      testing::CheckedNode::create(old.options,
                                   old.store.load(is_newer ? installed : old.history.back()),
                                   testing::Peers::honest,
                                   report);
  if (!core) throw BadCommand(core.error().message());
  std::erase_if(network_, [&](const Parcel& parcel) {
    return parcel.is_local() && (parcel.from == node || parcel.to == node);
  });
  auto restarted = std::make_unique<Member>(Member{
      old.options, *std::move(core), std::move(old.store), {}, {}, std::move(old.history), {}});
  if (restarted->history.back().last.index > Index{0})
    restarted->core.snapshot_available(restarted->history.back());
  members_[node.value - 1] = std::move(restarted);
}

void Group::persist(Member& member, const PersistBatch& batch) {
  if (batch.hard_state) member.store.set_hard_state(*batch.hard_state);
  if (batch.snapshot && !batch.append.empty())
    throw CommandError("can't apply snapshot and entries at the same time");
  if (batch.snapshot) {
    member.store.install(*batch.snapshot);
  } else {
    member.store.append(batch.append);
  }
}

void Group::apply(Member& member, const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) {
    MembershipPtr membership = member.history.back().membership;
    if (entry.type == EntryType::membership) membership = member.core.membership_applied(entry);
    if (membership == nullptr) throw BadCommand(member.core.violation());
    member.history.push_back({entry.id, std::move(membership)});
    member.core.snapshot_available(member.history.back());
  }
}

void Group::finish(Member& member, PersistId batch) {
  for (Member::Batch& waiting : member.batches) {
    if (waiting.id == batch) waiting.is_done = true;
  }
  while (!member.batches.empty() && member.batches.front().is_done) {
    member.core.persisted(member.batches.front().id);
    member.batches.pop_front();
  }
}

void Group::answer(std::vector<Parcel> responses, std::string& out) {
  for (Parcel& response : responses) {
    out += response.text.show(names_) + "\n";
    network_.push_back(std::move(response));
  }
}

void Group::process_append(Member& member, std::string& out) {
  if (member.append_work.empty()) {
    out += "no append work to perform";
    return;
  }
  AppendWork work = std::move(member.append_work.front());
  member.append_work.pop_front();
  out += "Processing:\n" + work.text.show(names_) + "\n";
  persist(member, work.batch);
  out += "Responses:\n";
  // A write that vouches for nothing is not answered, and done all the same.
  if (!work.batch.stamp) finish(member, work.batch.id);
  answer(std::move(work.responses), out);
}

void Group::process_apply(Member& member, std::string& out) {
  if (member.apply_work.empty()) {
    out += "no apply work to perform";
    return;
  }
  ApplyWork work = std::move(member.apply_work.front());
  member.apply_work.pop_front();
  out += "Processing:\n" + work.text.show(names_) + "\n";
  apply(member, work.entries);
  out += "Responses:\n";
  answer(std::move(work.responses), out);
}

bool Group::has_parcel_for(NodeId node) const {
  return std::any_of(
      network_.begin(), network_.end(), [&](const Parcel& parcel) { return parcel.to == node; });
}

std::size_t Group::deliver(const std::vector<Recipient>& recipients,
                           const std::string& type,
                           std::string& out) {
  std::size_t count = 0;
  for (const Recipient& recipient : recipients) {
    const auto stays = [&](const Parcel& parcel) {
      return parcel.to != recipient.node || (!type.empty() && parcel.text.type != type) ||
             (recipient.drop && parcel.is_local());
    };
    const auto chosen_from = std::stable_partition(network_.begin(), network_.end(), stays);
    std::vector<Parcel> chosen(std::make_move_iterator(chosen_from),
                               std::make_move_iterator(network_.end()));
    network_.erase(chosen_from, network_.end());
    count += chosen.size();
    for (Parcel& parcel : chosen) {
      out += (recipient.drop ? "dropped: " : "") + parcel.text.show(names_) + "\n";
      if (!recipient.drop) receive(member(recipient.node), std::move(parcel), out);
    }
  }
  return count;
}

void Group::receive(Member& member, Parcel parcel, std::string& out) {
  if (const auto* done = std::get_if<AppendDone>(&parcel.content)) {
    finish(member, done->batch);
  } else if (const auto* applied = std::get_if<ApplyDone>(&parcel.content)) {
    member.core.applied(applied->last);
  } else {
    auto& envelope = std::get<Envelope>(parcel.content);
    const bool is_read = std::holds_alternative<ReadIndexRequest>(envelope.message);
    const auto stepped = member.core.step(std::move(envelope));
    // A read that nobody can answer now is lost, and asked again.
    if (!stepped && !is_read) out += show(stepped.error()) + "\n";
  }
  if (!member.core.violation().empty()) throw BadCommand(member.core.violation());
}

std::string Group::send_snapshot(NodeId from, NodeId to) {
  Member& sender = member(from);
  Envelope envelope;
  envelope.from = from;
  envelope.to = to;
  envelope.term = sender.core.term();
  envelope.message = SnapshotRequest{sender.history.back()};
  network_.push_back(parcel_of(std::move(envelope)));
  return network_.back().text.show(names_);
}

std::string Group::show(const Error& error) {
  for (const Errc code :
       {Errc::no_leader, Errc::not_leader, Errc::proposal_dropped, Errc::overloaded}) {
    if (error == code) return "raft proposal dropped";
  }
  if (error == Errc::peer_not_found) return "raft: cannot step as peer not found";
  return error.message();
}

void Group::require(const Result<void>& result) {
  if (!result) throw CommandError(show(result.error()));
}

}  // namespace raftkit::conformance
