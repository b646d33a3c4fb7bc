// How a leader brings one member's log into line with its own. [thesis §3.5, §10.2]
#include <algorithm>

#include "core/raft.hpp"

namespace raftkit::core {

void Raft::broadcast_heartbeat(Leader& self) {
  const std::uint64_t round = self.reads.next_heartbeat_round();
  for (Progress& progress : self.tracker.all()) {
    if (progress.node() == options_.id) continue;
    // Not beyond what the member is known to hold: a heartbeat does not check that the logs agree.
    const Index commit = std::min(progress.match(), log_.commit());
    send(progress.node(), HeartbeatRequest{commit, round});
    progress.sent_commit(commit);
  }
}

void Raft::broadcast_append(Leader& self) {
  for (Progress& progress : self.tracker.all()) {
    if (progress.node() != options_.id) send_append(self, progress, IfEmpty::send);
  }
}

bool Raft::send_append(Leader& self, Progress& progress, IfEmpty if_empty) {
  if (progress.is_paused() || progress.fetch()) return false;
  const Index next = progress.next();
  if (next > log_.last() && if_empty == IfEmpty::skip) return false;
  if (!log_.knows_term_at(next - 1)) return send_snapshot(progress);
  const bool window_full = progress.state() == ProgressState::replicate && progress.window_full();
  const bool has_entries = next <= log_.last() && !window_full;
  if (!has_entries && if_empty == IfEmpty::skip) return false;
  if (has_entries && !log_.in_memory(next)) {
    const FetchId id{self.next_fetch++};
    progress.fetch_started(id);
    fetch_.push_back({id, progress.node(), next, log_.last(), options_.max_append_bytes});
    return false;
  }
  AppendRequest& request = start_append(progress.node(), next);
  const std::size_t bytes =
      has_entries ? log_.copy(next, options_.max_append_bytes, request.entries) : 0;
  note_sent(progress, request, bytes);
  return true;
}

/// To be filled with entries and given to note_sent() before the next message.
AppendRequest& Raft::start_append(NodeId to, Index next) {
  auto& request = compose<AppendRequest>(to);
  request.previous.term = log_.term_at(next - 1);
  request.previous.index = next - 1;
  request.commit = log_.commit();
  return request;
}

void Raft::note_sent(Progress& progress, const AppendRequest& request, std::size_t bytes) {
  const std::size_t count = request.entries.size();
  progress.sent(request.previous.index + count, count, bytes);
  progress.sent_commit(request.commit);
}

bool Raft::send_snapshot(Progress& progress) {
  // To a silent member it would only block the link for when it returns.
  if (!progress.recently_active() || snapshot_.membership == nullptr) return false;
  if (snapshot_.last.index < log_.first() - 1) return false;  // none that the log continues
  if (!snapshot_.membership->contains(progress.node())) {
    // From before it was added: it would refuse it, and ask again.
    if (snapshot_wanted_ == Wanted::no) snapshot_wanted_ = Wanted::yes;
    return false;
  }
  emit(event::SnapshotNeeded{progress.node(), snapshot_.last.index});
  progress.become_snapshot(snapshot_.last.index);
  send(progress.node(), SnapshotRequest{snapshot_});
  return true;
}

Result<void> Raft::on_append_response(Leader& self,
                                      Progress& progress,
                                      const AppendResponse& response) {
  if (response.index > log_.last())
    return Errc::malformed;  // nobody can agree with what is not here
  progress.set_recently_active(true);
  if (response.rejection) {
    on_append_rejected(self, progress, response);
  } else {
    on_append_accepted(self, progress, response.index);
  }
  return {};
}

void Raft::on_append_rejected(Leader& self, Progress& progress, const AppendResponse& response) {
  // The follower skipped its terms that are too new; the leader skips its own that are: each round
  // trip rules out a whole term on either side. [thesis §3.5]
  Index hint = response.rejection->hint.index;
  if (response.rejection->hint.term > Term{0}) {
    hint = log_.find_conflict_by_term(response.rejection->hint).index;
  }
  if (!progress.maybe_decrease({response.index, hint})) return;
  if (progress.state() == ProgressState::replicate) progress.become_probe();
  send_append(self, progress, IfEmpty::send);
}

void Raft::on_append_accepted(Leader& self, Progress& progress, Index index) {
  const bool is_news = progress.maybe_update(index);
  // An answer from before the log does not say where the member's log ends. One that was to depose
  // an old leader, and meets a new one of the same term, looks like that.
  const bool ends_probe = progress.state() == ProgressState::probe && progress.match() == index &&
                          log_.knows_term_at(index);
  if (!is_news && !ends_probe) return;
  switch (progress.state()) {
    case ProgressState::probe:
      progress.become_replicate();
      break;
    case ProgressState::snapshot:
      // Whatever snapshot is still on its way: the log continues where the member is.
      if (progress.match() + 1 >= log_.first()) progress.become_replicate();
      break;
    case ProgressState::replicate:
      progress.free_inflight(index);
      break;
  }
  const bool is_self = progress.node() == options_.id;
  // What is committed already needs no counting.
  if (index > log_.commit() && maybe_commit(self)) {
    broadcast_append(self);
  } else if (!is_self && progress.can_bump_commit(log_.commit())) {
    send_append(self, progress, IfEmpty::send);
  }
  if (is_self) return;
  while (send_append(self, progress, IfEmpty::skip)) {
  }
  if (self.transfer_target == progress.node() && progress.match() == log_.last()) {
    tell_to_take_over(self, progress.node());
  }
}

void Raft::on_heartbeat_response(Leader& self,
                                 Progress& progress,
                                 const HeartbeatResponse& response) {
  progress.set_recently_active(true);
  progress.resume();
  if (progress.match() < log_.last() || progress.state() == ProgressState::probe) {
    send_append(self, progress, IfEmpty::send);
  }
  const std::uint64_t newest = self.reads.newest_round();
  if (response.read_round == 0 || response.read_round > newest) return;
  progress.acked_read_round = std::max(progress.acked_read_round, response.read_round);
  // A quorum of this node alone would confirm rounds that are still to come.
  const std::uint64_t confirmed = std::min(newest, self.tracker.quorum_read_round(options_.id));
  if (options_.lease_reads == LeaseReads::by_clock && confirmed > self.confirmed_round)
    confirmed_round_ = self.confirmed_round = confirmed;
  self.reads.confirm(confirmed, [&](const ReadIndexQueue::Answer& answer) { answer_read(answer); });
}

void Raft::report_unreachable(NodeId peer) {
  auto* self = std::get_if<Leader>(&state_);
  Progress* progress = self == nullptr ? nullptr : self->tracker.find(peer);
  if (progress != nullptr && progress->state() == ProgressState::replicate)
    progress->become_probe();
}

void Raft::report_snapshot(NodeId peer, SnapshotOutcome outcome) {
  auto* self = std::get_if<Leader>(&state_);
  Progress* progress = self == nullptr ? nullptr : self->tracker.find(peer);
  if (progress == nullptr || progress->state() != ProgressState::snapshot) return;
  if (outcome == SnapshotOutcome::failed) progress->snapshot_failed();
  progress->become_probe();
  // The member answers when it has installed it; if it does not, the next heartbeat's answer
  // resumes.
  progress->pause();
}

Progress* Raft::find_fetching(FetchId id) {
  auto* self = std::get_if<Leader>(&state_);
  if (self == nullptr) return nullptr;
  for (Progress& progress : self->tracker.all()) {
    if (progress.fetch() == id) return &progress;
  }
  return nullptr;
}

void Raft::fetched(FetchId id, std::vector<Entry> entries) {
  Progress* progress = find_fetching(id);
  if (progress == nullptr) return;
  progress->fetch_ended();
  auto& self = std::get<Leader>(state_);
  const bool window_full = progress->state() == ProgressState::replicate && progress->window_full();
  const bool is_wanted = !progress->is_paused() && !window_full &&
                         log_.knows_term_at(progress->next() - 1) && !entries.empty() &&
                         entries.front().id.index == progress->next() &&
                         log_.matches(entries.back().id);
  if (is_wanted) {
    AppendRequest& request = start_append(progress->node(), progress->next());
    std::size_t bytes = 0;
    for (Entry& entry : entries) {
      bytes += entry.size_bytes();
      request.entries.push_back(std::move(entry));
    }
    note_sent(*progress, request, bytes);
  }
  while (send_append(self, *progress, IfEmpty::skip)) {
  }
}

void Raft::fetch_failed(FetchId id) {
  Progress* progress = find_fetching(id);
  if (progress == nullptr) return;
  progress->fetch_ended();
  // Since it was asked for them the member may have acknowledged more than the snapshot holds: then
  // the next heartbeat's answer goes on from there.
  if (progress->match() < snapshot_.last.index) send_snapshot(*progress);
}

}  // namespace raftkit::core
