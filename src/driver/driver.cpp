#include "driver/driver.hpp"

#include <algorithm>

#include "driver/erase.hpp"
#include "driver/recovery.hpp"

namespace raftkit::driver {

Result<std::unique_ptr<Driver>> Driver::create(const DriverOptions& options,
                                               Recovered recovered,
                                               Ports& ports,
                                               MetricsSink& metrics) {
  auto node = RawNode::create(options.raft, recovered.initial);
  if (!node) return std::move(node).error();
  return std::unique_ptr<Driver>(
      new Driver(options, std::move(recovered), *std::move(node), ports, metrics));
}

Driver::Driver(const DriverOptions& options,
               Recovered recovered,
               RawNode node,
               Ports& ports,
               MetricsSink& metrics)
    : options_(options),
      node_(std::move(node)),
      ports_(ports),
      metrics_(metrics),
      membership_(recovered.initial.membership),
      dispatched_(recovered.applied_id),
      applied_(recovered.restore ? Index{0} : dispatched_.index),
      installed_(recovered.snapshot.last.index),
      seen_term_(recovered.initial.hard_state.term),
      durable_term_(seen_term_),
      written_term_(seen_term_),
      proposals_({options.max_pending_bytes,
                  options.max_batch_bytes,
                  options.request_timeout_ticks,
                  options.incarnation}),
      reads_({options.max_pending_reads,
              options.request_timeout_ticks,
              options.raft.election_timeout_ticks,
              ReadId{core::Random(options.incarnation).next()}}),
      snapshotter_(options.snapshots, recovered.snapshot.last.index),
      snapshot_sends_(options.raft.election_timeout_ticks),
      lease_(options.lease_nanoseconds),
      promised_until_(recovered.initial.hard_state.term > kBootstrap.term ? promise_ticks() : 0),
      initial_restore_(std::move(recovered.restore)),
      log_snapshot_(recovered.snapshot.last),
      random_(options.raft.seed ^ options.raft.id.value) {
  if (initial_restore_) files_.insert(initial_restore_->last);
  node_.snapshot_available(std::move(recovered.snapshot));
}

void Driver::start() {
  is_started_ = true;
  announce(membership_);
  if (initial_restore_) begin_restore(*std::exchange(initial_restore_, std::nullopt));
  flush();
}

// --- requests

std::optional<Errc> Driver::refusal() const {
  if (life_ != Life::running || failure_) return Errc::stopped;
  if (is_log_full()) return Errc::out_of_space;
  return std::nullopt;
}

void Driver::propose(Bytes command, ProposeHandler handler) {
  if (const auto refused = refusal()) {
    proposals_.refuse(std::move(handler), *refused);
    return;
  }
  proposals_.add({EntryType::normal, std::move(command)}, std::move(handler));
}

void Driver::read_index(ReadHandler handler) {
  if (life_ != Life::running || failure_) {
    reads_.refuse(std::move(handler), Errc::stopped);
    return;
  }
  reads_.add(std::move(handler));
}

void Driver::begin_stop(base::UniqueFunction<void()> done) {
  if (life_ != Life::running) return;
  life_ = Life::stopping;
  const auto target = soft_state().role == Role::leader ? best_transfer_target() : std::nullopt;
  if (failure_ || !target) {
    done();
    return;
  }
  stop_done_ = std::move(done);
  stop_deadline_ = now_ + options_.raft.election_timeout_ticks;
  node_.transfer_leadership(*target);
}

void Driver::end_stop() {
  life_ = Life::over;
  proposals_.fail_all(Errc::stopped);
  reads_.fail_all(Errc::stopped);
  for (Transfer& transfer : std::exchange(transfers_, {}))
    transfer.handler(Errc::stopped);
  report_requests();
  stop_done_();
}

Result<void> Driver::admit(const Introduction& peer) {
  if (is_another(peer.node, peer.store)) {
    return Error(Errc::store_mismatch,
                 "member " + to_string(peer.node) + " is known with data directory " +
                     to_hex(membership_->find(peer.node)->store.value) + ", not " +
                     to_hex(peer.store.value));
  }
  // Whoever knows more may have joined since, or moved, and may be the leader, without whom this
  // node would never learn of it. Whoever knows less has left. [thesis §4.1]
  if (peer.knows_up_to > dispatched_.index) {
    note_stranger(peer);
    return {};
  }
  // In answer to our call, a stranger need not introduce itself again.
  if (membership_->contains(peer.node) || strangers_.contains(peer.node)) return {};
  return Error(Errc::peer_not_found,
               "member " + to_string(peer.node) + " does not belong to this cluster");
}

bool Driver::is_another(NodeId node, StoreId store) const {
  const Member* member = membership_->find(node);
  return member != nullptr && member->store != StoreId{0} && member->store != store;
}

void Driver::note_stranger(const Introduction& peer) {
  const Member* member = membership_->find(peer.node);
  const bool is_news =
      member == nullptr || (!peer.peer_urls.empty() && member->peer_urls != peer.peer_urls);
  if (!is_news) {
    if (strangers_.erase(peer.node) > 0) are_strangers_announced_ = false;
    return;
  }
  if (strangers_.size() >= kMaxStrangers && !strangers_.contains(peer.node)) {
    const auto oldest = std::min_element(
        strangers_.begin(), strangers_.end(), [](const auto& left, const auto& right) {
          return left.second.number < right.second.number;
        });
    strangers_.erase(oldest);
  }
  strangers_[peer.node] = {peer.knows_up_to, peer.peer_urls, next_stranger_++};
  are_strangers_announced_ = false;
}

// --- inputs

void Driver::tick() {
  ++now_;
  const SoftState state = soft_state();
  // While its term and vote are being written this node can tell nobody that it campaigns, and an
  // election that it takes part in cannot be over. On a slow disk it would otherwise give up one
  // campaign for the next, for ever.
  const bool is_voting = state.role != Role::leader && durable_term_ < node_.term();
  // Without room for entries it would be of no use as a leader.
  const bool may_campaign = !is_voting && !is_log_full();
  if (state.role == Role::leader || may_campaign) node_.tick();
  if (is_log_full()) tick_without_room();
  if (options_.promote_learners && now_ % options_.raft.election_timeout_ticks == 0)
    promote_learners();
  for (const NodeId peer : snapshot_sends_.take_due(now_))
    node_.report_snapshot(peer, SnapshotOutcome::failed);
  const bool has_leader = soft_state().leader.has_value();
  proposals_.tick(has_leader);
  reads_.tick(has_leader);
  settle_transfers();
}

void Driver::alarm() {
  const SoftState state = soft_state();
  if (state.leader || state.role == Role::leader || failovers_ == 0 || is_log_full()) return;
  --failovers_;
  // The others may not have noticed yet, or campaigned at the same moment: then once more. But an
  // election that runs needs the time that two writes take.
  if (state.role != Role::candidate) node_.campaign();
  arm_failover();
}

void Driver::arm_failover() {
  const std::uint32_t jitter = std::max(1U, options_.failover_jitter_milliseconds);
  const std::uint32_t attempt = kFailoverAttempts - failovers_;
  const std::uint32_t least = attempt == 0 ? 1 : jitter << attempt;
  ports_.set_alarm(least + random_.below(jitter));
}

void Driver::step(Envelope envelope) {
  const auto stepped = node_.step(std::move(envelope));
  // Anything else is noise: a message from somebody who left, or one that came too late.
  if (stepped) return;
  const Error& error = stepped.error();
  if (error == Errc::invariant_violated || error == Errc::corrupt_data) fail(error);
}

void Driver::receive(Envelope envelope, StoreId store) {
  if (!is_started_ || is_over()) return;
  // Somebody whom this node let in when it did not know better: what the member has promised, and
  // this one has forgotten, would be counted again.
  if (store != StoreId{0} && is_another(envelope.from, store)) return;
  metrics_.add(CounterMetric::messages_received, 1);
  note_promise(envelope);
  if (is_refused_by_promise(envelope)) return;
  // Each would only add to what is held.
  const bool needs_room = std::holds_alternative<AppendRequest>(envelope.message) ||
                          std::holds_alternative<TimeoutNow>(envelope.message);
  if (needs_room && is_log_full()) return;
  if (auto* request = std::get_if<ProposeRequest>(&envelope.message)) {
    on_forwarded(envelope, *request);
  } else if (const auto* response = std::get_if<ProposeResponse>(&envelope.message)) {
    proposals_.on_response(*response);
  } else {
    if (const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message)) {
      files_.insert(snapshot->snapshot.last);
      metrics_.add(CounterMetric::snapshots_received, 1);
    }
    if (std::holds_alternative<ReadIndexRequest>(envelope.message)) check_lease();
    step(std::move(envelope));
  }
}

void Driver::on_forwarded(const Envelope& envelope, ProposeRequest& request) {
  ForwardTag& newest = last_forward_[envelope.from];
  const bool is_repeated =
      newest.incarnation == request.tag.incarnation && newest.sequence >= request.tag.sequence;
  if (is_repeated) return;
  newest = request.tag;
  ProposeResponse response{request.tag, std::nullopt};
  if (soft_state().role == Role::leader && !refusal()) {
    // Answered before the entries themselves are sent, so that their sender knows where to expect
    // them.
    const auto outcome = node_.propose(std::move(request.proposals));
    if (outcome) response.first = outcome->first;
  }
  std::vector<Envelope> answer;
  answer.push_back({envelope.group, options_.raft.id, envelope.from, node_.term(), response});
  send_now(answer);
}

void Driver::on_peer(const PeerReport& report) {
  switch (report.state) {
    case PeerState::connecting:
      connected_.erase(report.peer);
      break;
    case PeerState::connected:
      connected_.insert(report.peer);
      if (broken_stream_ == report.peer) broken_stream_.reset();
      snapshot_sends_.connected(report.peer);
      break;
    case PeerState::disconnected:
      connected_.erase(report.peer);
      node_.report_unreachable(report.peer);
      proposals_.on_disconnected(report.peer);
      std::erase_if(withheld_, [&](const Envelope& kept) { return kept.to == report.peer; });
      if (soft_state().leader == report.peer) broken_stream_ = report.peer;
      break;
    case PeerState::refused:
      // The leader's process is gone: its stream broke and nobody listens in its place. Every voter
      // judges by what it saw itself, so the others stay loyal if only this path is broken.
      // With leases each of them has promised to wait.
      if (broken_stream_ == report.peer && soft_state().leader == report.peer &&
          !lease_.is_used()) {
        node_.forget_leader();
        failovers_ = kFailoverAttempts;
        arm_failover();
      }
      break;
    case PeerState::rejected:
      // Perhaps of somebody who only calls itself so: that says nothing about our own connection.
      if (report.by == PeerReport::By::peer && report.error == Errc::store_mismatch &&
          membership_->contains(report.peer)) {
        fail({Errc::store_mismatch,
              report.error.message() +
                  ". Give this member back the data directory it had; if that is lost, remove the "
                  "member from the cluster and add it again"});
      }
      break;
    case PeerState::dropping:
      node_.report_unreachable(report.peer);
      break;
  }
}

void Driver::persisted(PersistId id, const Result<void>& outcome) {
  if (is_over()) return;
  if (!outcome) return fail(outcome.error());
  if (writes_.empty() || writes_.front().id != id) {
    return fail({Errc::invariant_violated,
                 "write " + std::to_string(id.value) + " completed out of order"});
  }
  complete_front_write();
  while (!failure_ && !writes_.empty() && !writes_.front().is_on_disk)
    complete_front_write();
}

/// What was taken waits; what comes is refused; and what may free room is begun.
void Driver::log_is_full(const Error& error) {
  if (is_over()) return;
  if (std::exchange(log_room_, LogRoom::none) != LogRoom::some) return;
  ports_.observe(event::LogFull{error.message()});
  ports_.status_changed();
  if (now_ < next_room_snapshot_) return;
  next_room_snapshot_ = now_ + kTicksBetweenRoomSnapshots;
  snapshotter_.want();
  maybe_save_snapshot();
  if (!saving_ && newest_snapshot_) cut_log();
}

void Driver::log_has_room() {
  if (is_over() || !is_log_full()) return;
  log_room_ = LogRoom::some;
  ports_.observe(event::LogHasRoom{});
  ports_.status_changed();
}

void Driver::complete_front_write() {
  WriteInFlight write = std::move(writes_.front());
  writes_.pop_front();
  durable_term_ = write.term;
  release_withheld();
  send_after_write(write.send_after);
  if (failure_) return;
  node_.persisted(write.id);
  if (write.restore) {
    dispatched_ = write.restore->last;
    membership_ = write.restore->membership;
    log_snapshot_ = write.restore->last;
    begin_restore(*write.restore);
  }
}

void Driver::fetched(FetchId id, Result<std::vector<Entry>> entries) {
  if (is_over()) return;
  if (entries) {
    node_.fetched(id, *std::move(entries));
  } else if (entries.error() == Errc::compacted || entries.error() == Errc::unavailable) {
    node_.fetch_failed(id);
  } else {
    fail(entries.error());
  }
}

void Driver::snapshot_sent(NodeId peer, const Result<void>& outcome) {
  if (is_over()) return;
  snapshotter_.transfer_ended(peer);
  if (!outcome) return snapshot_sends_.failed(peer, now_);  // the core hears of it after the pause
  snapshot_sends_.succeeded(peer);
  metrics_.add(CounterMetric::snapshots_sent, 1);
  node_.report_snapshot(peer, SnapshotOutcome::sent);
}

void Driver::fail(Error error) {
  if (failure_) return;
  failure_ = std::move(error);
  withheld_.clear();
  ports_.failed(*failure_);
}

// --- effects

void Driver::publish() {
  if (publication_ != Publication::due || !soft_state().leader || refusal()) return;
  publication_ = Publication::proposed;
  proposals_.add(
      {EntryType::member_update, encode(options_.self)}, [this](error_code code, const Proposed&) {
        publication_ = code ? Publication::due : Publication::done;
        if (code) return;
        const Member* self = membership_->find(options_.self.id);
        if (self != nullptr && self->store != options_.self.store) {
          fail({Errc::store_mismatch,
                "member " + to_string(self->id) + " is known with data directory " +
                    to_hex(self->store.value) + ", not " + to_hex(options_.self.store.value)});
          return;
        }
        ports_.status_changed();
      });
}

void Driver::flush() {
  if (!is_started_ || life_ == Life::over) return;
  settle_strangers();
  while (!failure_) {
    publish();
    if (is_log_full()) proposals_.refuse_queued(Errc::out_of_space);
    proposals_.submit(node_, connected_);
    check_lease();
    reads_.submit(node_);
    if (!node_.has_ready()) break;
    node_.take_ready(ready_);
    carry_out(ready_);
  }
  if (!node_.violation().empty()) {
    node_.take_ready(ready_);
    for (const Event& event : ready_.events)
      ports_.observe(event);
    fail({Errc::invariant_violated, node_.violation()});
  }
  drop_unneeded_files();
  report_requests();
}

void Driver::report_requests() {
  if (const auto failed = proposals_.take_failed(); failed > 0)
    metrics_.add(CounterMetric::proposals_failed, failed);
  if (const auto failed = reads_.take_failed(); failed > 0)
    metrics_.add(CounterMetric::reads_failed, failed);
  if (proposals_.pending() == reported_pending_) return;
  reported_pending_ = proposals_.pending();
  metrics_.set(GaugeMetric::proposals_pending, reported_pending_);
}

void Driver::carry_out(Ready& ready) {
  for (const Event& event : ready.events)
    ports_.observe(event);
  if (ready.soft_state || node_.term() != seen_term_) on_soft_state(node_.soft_state());
  if (ready.membership) announce(ready.membership);
  if (ready.confirmed_round > 0) lease_.confirmed(ready.confirmed_round);
  stamp_heartbeats(ready.send_now);
  send_now(ready.send_now);
  if (ready.persist) write(*std::move(ready.persist), std::move(ready.restore));
  if (!ready.apply.empty()) dispatch(ready.apply);
  for (const ReadReady& read : ready.reads)
    reads_.on_ready(read, applied_);
  for (const FetchRequest& request : ready.fetch)
    ports_.fetch(request);
  if (ready.snapshot_wanted) {
    snapshotter_.want();
    maybe_save_snapshot();
  }
}

void Driver::announce(const MembershipPtr& membership) {
  if (membership == announced_ && are_strangers_announced_) return;
  announced_ = membership;
  are_strangers_announced_ = true;
  std::map<NodeId, std::vector<std::string>> urls;
  for (const auto& [node, stranger] : strangers_)
    urls.emplace(node, stranger.peer_urls);
  for (const Member& member : membership->members) {
    if (member.id != options_.raft.id) urls.emplace(member.id, member.peer_urls);
  }
  std::vector<PeerAddress> peers;
  for (auto& [node, its] : urls)
    peers.push_back({node, std::move(its)});
  ports_.membership_changed(membership, std::move(peers));
}

void Driver::settle_strangers() {
  if (strangers_.empty()) return;
  const auto is_overtaken = [this](const auto& each) {
    return each.second.knows_up_to <= dispatched_.index;
  };
  if (std::erase_if(strangers_, is_overtaken) > 0) are_strangers_announced_ = false;
  announce(announced_);
}

void Driver::on_soft_state(const SoftState& state) {
  seen_term_ = node_.term();
  lease_.revoke();
  promotion_goal_.reset();
  // An answer to an old round would come from a leader that is none any more, or never.
  reads_.restart_rounds();
  proposals_.on_leader_changed();
  if (state.leader != broken_stream_) broken_stream_.reset();
  metrics_.set(GaugeMetric::has_leader, state.leader ? 1 : 0);
  metrics_.set(GaugeMetric::is_leader, state.role == Role::leader ? 1 : 0);
  metrics_.set(GaugeMetric::term, node_.term().value);
  if (state.leader && state.leader != counted_leader_) {
    metrics_.add(CounterMetric::leader_changes, 1);
    counted_leader_ = state.leader;
  }
  settle_transfers();
  ports_.status_changed();
}

namespace {

bool is_pre_vote_request(const Envelope& envelope) {
  const auto* vote = std::get_if<VoteRequest>(&envelope.message);
  return vote != nullptr && vote->kind == VoteKind::pre_vote;
}

}  // namespace

void Driver::send_now(std::vector<Envelope>& envelopes) {
  std::vector<Envelope> ready;
  ready.reserve(envelopes.size());
  for (Envelope& envelope : envelopes) {
    // The core passes reads of other nodes on. Transports carry only what a node says itself, and
    // whoever asked asks again.
    if (envelope.from != options_.raft.id) continue;
    if (const auto* snapshot = std::get_if<SnapshotRequest>(&envelope.message)) {
      if (!snapshot_sends_.begin(envelope.to)) continue;
      // What is sent may be newer, but that is where the core goes on.
      snapshotter_.transfer_started(envelope.to, snapshot->snapshot.last.index);
      ports_.send_snapshot(std::move(envelope), dispatched_state());
    } else if (envelope.term > durable_term_ && !is_pre_vote_request(envelope)) {
      // A node that crashes now comes back in an older term, and could campaign in this one again,
      // with a shorter log: the votes that answer this message would then elect a candidate that
      // has forgotten what they were given for.
      withhold(std::move(envelope));
    } else {
      ready.push_back(std::move(envelope));
    }
  }
  if (ready.empty()) return;
  metrics_.add(CounterMetric::messages_sent, ready.size());
  ports_.send(ready);
}

void Driver::withhold(Envelope envelope) {
  // While a write takes its time the leader goes on asking; one answer is enough.
  if (std::holds_alternative<HeartbeatResponse>(envelope.message)) {
    std::erase_if(withheld_, [&](const Envelope& kept) {
      return kept.to == envelope.to && std::holds_alternative<HeartbeatResponse>(kept.message);
    });
  }
  if (withheld_.size() >= kMaxWithheld) withheld_.erase(withheld_.begin());  // as if lost
  withheld_.push_back(std::move(envelope));
}

void Driver::release_withheld() {
  if (withheld_.empty()) return;
  auto waiting = std::exchange(withheld_, {});
  send_now(waiting);
}

void Driver::send_after_write(std::vector<Envelope>& envelopes) {
  const auto own =
      std::stable_partition(envelopes.begin(), envelopes.end(), [&](const Envelope& envelope) {
        return envelope.to != options_.raft.id;
      });
  const std::span<Envelope> to_peers(envelopes.begin(), own);
  if (!to_peers.empty()) {
    metrics_.add(CounterMetric::messages_sent, to_peers.size());
    ports_.send(to_peers);
  }
  for (auto at = own; at != envelopes.end(); ++at)
    step(std::move(*at));
}

void Driver::write(PersistBatch batch, std::optional<SnapshotMeta> restore) {
  if (batch.hard_state) written_term_ = batch.hard_state->term;
  if (restore) {
    installed_ = restore->last.index;
    newest_snapshot_.reset();
    snapshotter_.installed(installed_);
    proposals_.on_skipped(installed_);
  }
  const bool has_content =
      batch.hard_state || batch.snapshot || batch.truncate_from || !batch.append.empty();
  writes_.push_back({batch.id,
                     has_content,
                     written_term_,
                     std::exchange(batch.send_after, {}),
                     std::move(restore)});
  if (has_content) {
    ports_.write(std::move(batch));
  } else if (writes_.size() == 1) {
    // Nothing that its messages promise still has to be written, so they need not wait for a disk
    // that may be slow: on a new cluster these are the pre-votes.
    complete_front_write();
  }
}

}  // namespace raftkit::driver
