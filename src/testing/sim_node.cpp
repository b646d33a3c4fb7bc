#include "testing/sim_node.hpp"

#include <algorithm>
#include <utility>

#include "driver/recovery.hpp"
#include "testing/check.hpp"
#include "testing/sim_history.hpp"

namespace raftkit::testing {

SimNode::SimNode(const SimWorld& world, SimNodeOptions options)
    : world_(world), options_(std::move(options)), log_(options_.stores) {
  const auto written = driver::bootstrap(log_, {}, options_.bootstrap);
  require(static_cast<bool>(written), "a new log cannot be written");
  static_cast<void>(log_.take_durable());  // every image begins with it
  world_.checks.added(id());
}

void SimNode::start() {
  if (options_.is_listening) world_.network.set_power(id(), true);
  life_ = std::make_unique<Life>(world_.clock);
  life_->machine = options_.state_machine();
  options_.driver.kind = life_->machine->kind();
  options_.driver.incarnation = world_.random.next();
  options_.driver.raft.seed = world_.random.next();
  const auto applied = life_->machine->applied_index();
  require(static_cast<bool>(applied), "a state machine cannot start");
  const bool is_on_disk = options_.driver.kind == StateMachineKind::on_disk;
  const bool was_damaged = log_.is_damaged();
  auto recovered = recover(is_on_disk ? *applied : Index{0});
  if (!recovered && log_.is_excused(recovered.error())) {
    world_.marks.hit(log_.has_lost_the_newest()
                         ? SimMarks::Mark("damage: of the newest writes, and nobody can tell")
                         : SimMarks::Mark("damage: found at the start"));
    world_.trace.note("damaged", id());
    life_.reset();
    options_.on_damaged_disk(id());
    return;
  }
  world_.marks.hit_if(was_damaged, "damage: of nothing that the start needs");
  require(static_cast<bool>(recovered),
          "recovery: node ",
          id(),
          " cannot start: ",
          recovered ? std::string() : recovered.error().message());
  world_.checks.started(id(), *recovered);
  world_.marks.started(id(), world_.clock.now(), *recovered);
  world_.trace.note("start", id(), recovered->initial.applied.value);
  world_.history.is_up(id());
  if (is_on_disk) check_state(*applied);
  const Member& self = options_.driver.self;
  life_->transport = std::make_unique<SimTransport>(
      SimTransport::Surroundings{world_.network,
                                 world_.directory,
                                 world_.random,
                                 world_.marks,
                                 options_.max_queued_bytes,
                                 options_.is_listening},
      life_->process,
      static_cast<TransportHandler&>(*this),
      LocalIdentity{options_.cluster, self.id, self.store, self.name, self.peer_urls});
  auto created = driver::Driver::create(options_.driver, *std::move(recovered), *this, metrics_);
  require(static_cast<bool>(created), "a driver cannot be made");
  life_->driver = *std::move(created);
  life_->process.post(SimTime(0), [this] {
    life_->driver->start();
    tick_later();
    plan_flush();
  });
}

Result<driver::Recovered> SimNode::recover(Index applied) {
  if (auto opened = log_.open(); !opened) return std::move(opened).error();
  return driver::recover(log_, log_.snapshots(), {{}, options_.driver.kind, applied});
}

void SimNode::crash(SimNetwork::Farewell farewell) {
  if (!is_up()) return;
  world_.trace.note("crash", id());
  world_.history.is_down(id());
  if (options_.is_listening)
    world_.network.set_power(id(), farewell == SimNetwork::Farewell::close);
  life_->transport->set_farewell(farewell);
  mark_crash();
  // What is held was not begun, unless there is room by now.
  const bool is_held = life_->is_log_full && log_.is_full();
  const std::vector<PersistBatch> unfinished =
      is_held ? std::vector<PersistBatch>() : std::exchange(life_->writing, {});
  life_.reset();  // what it holds of the stores goes first
  const std::size_t lost = log_.crash(world_.random, unfinished);
  world_.trace.note("lost", id(), lost);
  world_.marks.hit_if(log_.interrupted_recoveries() > 0, "crash: again while the stores recover");
  world_.marks.hit_if(lost > 0, "crash: unfinished writes are lost");
  world_.marks.hit_if(lost < unfinished.size(), "crash: some of the unfinished writes survive");
  for (const PersistBatch& batch : log_.take_durable())
    world_.checks.became_durable(id(), batch);
  if (const auto compaction = log_.take_compaction())
    world_.checks.compacted(id(), compaction->first, compaction->second);
}

void SimNode::mark_crash() {
  SimMarks& marks = world_.marks;
  std::vector<PersistBatch> unfinished = life_->writing;
  for (const DiskJob& job : life_->disk_queue) {
    if (const auto* batch = std::get_if<PersistBatch>(&job)) unfinished.push_back(*batch);
  }
  marks.crashed(world_.clock.now(), driver(), unfinished);
  marks.hit_if(!life_->being_saved.empty(), "crash: a snapshot being saved");
  marks.hit_if(life_->is_restoring, "crash: a snapshot being restored");
  marks.hit_if(life_->transport->sends_snapshot(), "crash: snapshot on its way to a follower");
}

void SimNode::reach(SimMoment moment) {
  auto trap = life_->traps.extract(moment);
  if (trap.empty()) return;
  // What is going on takes about so long.
  life_->process.door().post(between(world_.random, SimTime(0), disk_.most),
                             [trap = std::move(trap.mapped())]() mutable {
                               if (std::exchange(*trap.is_set, false)) trap.action();
                             });
}

void SimNode::stop() {
  if (!is_up()) return;
  world_.trace.note("stop", id());
  life_->process.run([this] {
    life_->driver->begin_stop(
        [this] { life_->process.post(SimTime(0), [this] { end_when_drained(); }); });
    plan_flush();
  });
}

void SimNode::end_when_drained() {
  if (life_->is_disk_busy || life_->is_applying) {
    life_->process.post(milliseconds(1), [this] { end_when_drained(); });
    return;
  }
  life_->driver->end_stop();
  world_.clock.after(SimTime(0), [this, door = life_->process.door()] {
    if (door.is_alive()) crash(SimNetwork::Farewell::close);
  });
}

// --- requests

void SimNode::propose(Bytes command, driver::ProposeHandler handler) {
  life_->process.run([this, command = std::move(command), handler = std::move(handler)]() mutable {
    life_->driver->propose(std::move(command), std::move(handler));
    plan_flush();
  });
}

void SimNode::read_index(driver::ReadHandler handler) {
  life_->process.run([this, handler = std::move(handler)]() mutable {
    life_->driver->read_index(std::move(handler));
    plan_flush();
  });
}

void SimNode::change_membership(const MembershipChange& change, driver::ProposeHandler handler) {
  life_->process.run([this, change, handler = std::move(handler)]() mutable {
    life_->driver->change_membership(change, std::move(handler));
    plan_flush();
  });
}

void SimNode::transfer_leadership(NodeId target) {
  life_->process.run([this, target] {
    life_->driver->transfer_leadership(target, [](error_code) {});
    plan_flush();
  });
}

// --- time

void SimNode::set_clock_rate(std::uint32_t percent) {
  clock_reading_ = own_time(world_.clock.now());
  clock_base_ = world_.clock.now();
  clock_percent_ = percent;
}

SimTime SimNode::own_time(SimTime time) const {
  return clock_reading_ + (time - clock_base_) / 100 * clock_percent_;
}

std::uint64_t SimNode::now() const {
  return static_cast<std::uint64_t>(own_time(world_.clock.now()).count());
}

void SimNode::tick_later() {
  // One tick at a time: a process that was stopped has missed ticks, not lived through them.
  life_->process.post(options_.heartbeat_interval * 100 / clock_percent_, [this] {
    tick_later();
    life_->driver->tick();
    plan_flush();
  });
}

void SimNode::set_alarm(std::uint32_t delay) {
  const std::uint64_t alarm = ++life_->alarm;
  life_->process.post(milliseconds(delay), [this, alarm] {
    if (alarm != life_->alarm) return;
    life_->driver->alarm();
    plan_flush();
  });
}

void SimNode::plan_flush() {
  if (std::exchange(life_->is_flush_planned, true)) return;
  life_->process.post(between(world_.random, SimTime(0), options_.flush_delay), [this] {
    life_->is_flush_planned = false;
    life_->driver->flush();
    look();
  });
}

void SimNode::look() {
  const SoftState state = life_->driver->soft_state();
  if (state.role == Role::leader) world_.checks.leads(id(), life_->driver->term());
  world_.marks.looked(id(), *life_->driver);
}

void SimNode::observe(const Event& event) {
  world_.marks.happened(id(), event);
  world_.marks.hit_if(
      std::holds_alternative<event::TransferStarted>(event) && life_->driver->is_log_full(),
      "disk: full leader hands over");
  const auto* role = std::get_if<event::RoleChanged>(&event);
  if (role == nullptr) return;
  world_.history.has_role(id(), role->role, role->term);
  world_.trace.note(
      to_string(role->role), id(), role->term.value, role->leader ? role->leader->value : 0);
}

void SimNode::failed(const Error& error) {
  if (log_.is_excused(error)) {
    const bool is_damaged = log_.is_damaged();
    world_.marks.hit_if(is_damaged, "damage: found by a running node");
    world_.marks.hit_if(error == Errc::storage_failed && !is_damaged,
                        "disk: writes fail, and the node stops");
    world_.clock.after(milliseconds(10), [this, is_damaged, door = life_->process.door()] {
      if (door.is_alive()) (is_damaged ? options_.on_damaged_disk : options_.on_failing_disk)(id());
    });
    return;
  }
  if (options_.on_refused && error == Errc::store_mismatch) {
    life_->is_refused = true;
    world_.clock.after(milliseconds(10), [this, door = life_->process.door()] {
      if (door.is_alive()) options_.on_refused(id());
    });
    return;
  }
  fail("node " + to_string(id()) + " cannot go on: " + error.message());
}

// --- peers

void SimNode::send(std::span<Envelope> envelopes) {
  for (const Envelope& envelope : envelopes) {
    world_.checks.sent(id(), envelope);
    world_.marks.sent(envelope, driver());
    world_.trace.note(message_name(envelope.message), id(), envelope.to.value, envelope.term.value);
  }
  life_->transport->send(envelopes);
}

void SimNode::membership_changed(const MembershipPtr& membership, std::vector<PeerAddress> peers) {
  world_.checks.members_changed(id(), membership);
  world_.marks.members_changed(id(), driver(), membership);
  if (membership->is_joint()) reach(SimMoment::joint);
  life_->transport->set_peers(peers);
}

void SimNode::on_message(Envelope envelope, StoreId store) {
  const StoreId& own = options_.driver.self.store;
  require(!options_.on_refused || options_.is_let_in(envelope.from, own),
          "identity: ",
          envelope.from,
          " talks to another data directory of ",
          id());
  world_.marks.received(envelope, driver());
  life_->driver->receive(std::move(envelope), store);
  plan_flush();
}

void SimNode::on_peer(PeerReport report) {
  world_.trace.note("peer", id(), report.peer.value, static_cast<std::uint64_t>(report.state));
  world_.marks.reported(report);
  life_->driver->on_peer(report);
  const bool is_told = options_.on_refused && report.by == PeerReport::By::peer &&
                       report.error == Errc::store_mismatch &&
                       driver().membership()->contains(report.peer);
  require(!is_told || life_->is_refused,
          "identity: ",
          id(),
          " goes on with another data directory than the one that ",
          report.peer,
          " knows");
  plan_flush();
}

Result<void> SimNode::admit(const Introduction& peer) {
  auto admitted = life_->driver->admit(peer);
  if (admitted) world_.checks.let_in(id(), peer);
  world_.marks.hit_if(admitted && !driver().membership()->contains(peer.node),
                      "connection: stranger let in");
  plan_flush();
  return admitted;
}

Result<std::unique_ptr<SnapshotSink>> SimNode::accept_snapshot(const Envelope& envelope) {
  const auto* request = std::get_if<SnapshotRequest>(&envelope.message);
  if (request == nullptr) return Errc::malformed;
  const RaftStatus status = life_->driver->status();
  if (envelope.term < status.term) return Errc::not_leader;
  if (request->snapshot.last.index <= status.commit) {
    // The leader waits to hear how far this node is.
    life_->process.post(SimTime(0), [this, envelope] { on_message(envelope, {}); });
    return Errc::invalid_argument;
  }
  if (life_->driver->is_log_full()) return Errc::out_of_space;
  return log_.receive(request->snapshot);
}

}  // namespace raftkit::testing
