// A simulated node's disk and state machine: what happens one after the other, and takes its time.
#include <algorithm>
#include <utility>

#include "testing/check.hpp"
#include "testing/sim_node.hpp"

namespace raftkit::testing {

namespace {

Result<void> copy(SnapshotSource& source, SnapshotSink& sink) {
  std::vector<std::byte> buffer(std::size_t{64} << 10);
  while (true) {
    const auto count = source.read(buffer);
    if (!count) return count.error();
    if (*count == 0) return sink.commit();
    if (auto written = sink.write(std::span(buffer).first(*count)); !written) return written;
  }
}

Error failure_of_machine(const Error& error) {
  return {Errc::state_machine_failed, error.message()};
}

}  // namespace

// --- the log

void SimNode::write(PersistBatch batch) {
  const auto& driver = life_->driver;
  world_.checks.wrote(id(), batch, driver->soft_state(), driver->membership());
  world_.marks.wrote(id(), batch, *driver);
  if (batch.sync_hard_state) reach(SimMoment::vote);
  if (!batch.append.empty()) reach(SimMoment::append);
  if (batch.truncate_from) reach(SimMoment::truncation);
  if (batch.snapshot) reach(SimMoment::install);
  life_->disk_queue.emplace_back(std::move(batch));
  work_on_disk();
}

void SimNode::compact(const SnapshotMeta& snapshot, Index keep_from) {
  reach(SimMoment::compaction);
  life_->disk_queue.emplace_back(Compaction{snapshot, keep_from});
  work_on_disk();
}

void SimNode::try_held() {
  life_->disk_queue.emplace_back(TryHeld{});
  work_on_disk();
}

void SimNode::work_on_disk() {
  auto& queue = life_->disk_queue;
  if (life_->is_disk_busy || queue.empty()) return;
  bool is_due = false;
  // One sync serves everything that has gathered.
  while (!queue.empty()) {
    auto* batch = std::get_if<PersistBatch>(&queue.front());
    if (batch == nullptr) break;
    life_->writing.push_back(std::move(*batch));
    queue.pop_front();
    is_due = !life_->is_log_full;
  }
  if (!is_due) {
    if (queue.empty()) return;
    if (auto* compaction = std::get_if<Compaction>(&queue.front()))
      life_->compacting.push_back(std::move(*compaction));
    queue.pop_front();
  }
  life_->is_disk_busy = true;
  life_->process.post(between(world_.random, disk_.least, disk_.most),
                      [this] { finish_on_disk(); });
}

void SimNode::finish_on_disk() {
  if (disk_.is_hung) {
    life_->process.post(milliseconds(50), [this] { finish_on_disk(); });
    return;
  }
  carry_out();
  for (const PersistBatch& batch : log_.take_durable())
    world_.checks.became_durable(id(), batch);
  life_->is_disk_busy = false;
  work_on_disk();
  plan_flush();
}

/// As the production's worker does it.
void SimNode::carry_out() {
  while (!life_->compacting.empty()) {
    if (!finish_compaction()) return;
  }
  if (!life_->writing.empty() && !finish_write()) return;
  if (!std::exchange(life_->is_log_full, false)) return;
  world_.marks.hit_if(!log_.is_failing(), "disk: full, and has room again");
  life_->driver->log_has_room();
}

bool SimNode::holds(const Result<void>& outcome) {
  if (outcome || outcome.error() != Errc::out_of_space) return false;
  world_.marks.hit_if(life_->is_log_full, "disk: full, and still when it is tried again");
  life_->is_log_full = true;
  world_.trace.note("full", id(), life_->writing.size());
  life_->driver->log_is_full(outcome.error());
  return true;
}

bool SimNode::finish_write() {
  const Result<void> outcome = log_.write(life_->writing);
  require_unless_failing(outcome);
  if (holds(outcome)) return false;
  for (const PersistBatch& batch : log_.take_durable())
    world_.checks.became_durable(id(), batch);
  std::vector<PersistBatch> written = life_->writing;
  // After a failure nobody knows what has become of it.
  if (outcome) life_->writing.clear();
  world_.marks.finished(written, life_->driver->term());
  world_.trace.note("written", id(), written.size());
  for (const PersistBatch& batch : written)
    life_->driver->persisted(batch.id, outcome);
  return true;
}

bool SimNode::finish_compaction() {
  const auto job = life_->compacting.front();
  constexpr std::uint32_t kMostChanges = 10;  // that a compaction makes, most often
  const auto trap = life_->traps.find(SimMoment::compacting);
  const bool is_cut = trap != life_->traps.end() && *trap->second.is_set &&
                      log_.fail_after(world_.random.below(kMostChanges));
  const Result<void> outcome = log_.compact({}, job.snapshot, job.keep_from);
  if (is_cut) {
    // Whatever comes first: this one's disk is broken already.
    *trap->second.is_set = false;
    life_->process.door().post(SimTime(0), std::move(trap->second.action));
    life_->traps.erase(trap);
  }
  world_.marks.hit_if(is_cut && !outcome, "compaction: crash between its steps");
  require_unless_failing(outcome);
  if (holds(outcome)) return false;
  life_->compacting.pop_front();
  if (outcome) world_.checks.compacted(id(), job.snapshot, job.keep_from);
  world_.marks.hit_if(outcome.has_value(), "compaction: log compacted");
  life_->driver->compacted(job.keep_from, outcome);
  return true;
}

void SimNode::require_unless_failing(const Result<void>& outcome) const {
  require(outcome || log_.is_excused(outcome.error()),
          "storage: node ",
          id(),
          " asks its log for what it refuses: ",
          outcome ? std::string() : outcome.error().message());
}

void SimNode::fetch(const FetchRequest& request) {
  life_->process.post(between(world_.random, disk_.least, disk_.most), [this, request] {
    auto entries = log_.read({{}, request.first, request.last, request.max_bytes});
    world_.marks.hit_if(static_cast<bool>(entries), "append read from the disk");
    world_.marks.hit_if(!entries, "compaction: entries gone that a follower wanted");
    world_.trace.note("fetched", id(), request.first.value, entries ? entries->size() : 0);
    life_->driver->fetched(request.id, std::move(entries));
    plan_flush();
  });
}

// --- the state machine

void SimNode::apply(driver::ApplyBatch batch) {
  life_->apply_queue.emplace_back(std::move(batch));
  work_on_state();
}

void SimNode::restore(const SnapshotMeta& snapshot) {
  life_->apply_queue.emplace_back(Restore{snapshot});
  work_on_state();
}

void SimNode::save_snapshot(const SnapshotMeta& snapshot) {
  life_->apply_queue.emplace_back(Save{snapshot});
  work_on_state();
}

void SimNode::send_snapshot(Envelope request, const SnapshotMeta& current) {
  life_->apply_queue.emplace_back(Capture{std::move(request), current});
  work_on_state();
}

void SimNode::work_on_state() {
  if (life_->is_applying || life_->is_state_lost || life_->apply_queue.empty()) return;
  life_->is_applying = true;
  ApplyJob job = std::move(life_->apply_queue.front());
  life_->apply_queue.pop_front();
  SimTime most = options_.apply_delay;
  if (std::holds_alternative<Restore>(job)) {
    life_->is_restoring = true;
    reach(SimMoment::restore);
    most = std::max(most, disk_.most);
  }
  life_->process.post(between(world_.random, microseconds(10), most),
                      [this, job = std::move(job)]() mutable {
                        life_->is_applying = false;
                        life_->is_restoring = false;
                        std::visit([this](auto& its) { finish(std::move(its)); }, job);
                        work_on_state();
                        plan_flush();
                      });
}

void SimNode::finish(driver::ApplyBatch batch) {
  batch.results.resize(batch.commands.size());
  life_->machine->apply(batch.commands, batch.last, batch.results);
  world_.checks.applied(id(), batch);
  world_.trace.note("applied", id(), batch.last.index.value, batch.last.term.value);
  life_->driver->applied(std::move(batch), {});
}

void SimNode::finish(Restore job) {
  const auto restores = [](const ApplyJob& other) {
    return std::holds_alternative<Restore>(other);
  };
  world_.marks.hit_if(std::any_of(life_->apply_queue.begin(), life_->apply_queue.end(), restores),
                      "snapshot: followed by a newer one before it was restored");
  const auto outcome = [&]() -> Result<void> {
    auto source = log_.snapshots().open(job.snapshot.last);
    if (!source) return std::move(source).error();
    auto sink = life_->machine->restore(job.snapshot);
    if (!sink) return std::move(sink).error();
    return copy(**source, **sink);
  }();
  if (outcome) {
    world_.checks.restored(id(), job.snapshot);
    check_state(job.snapshot.last.index);
  }
  // A state machine that missed something must not get the next commands.
  life_->is_state_lost = !outcome;
  world_.trace.note("restored", id(), job.snapshot.last.index.value);
  life_->driver->restored(job.snapshot, outcome);
}

void SimNode::check_state(Index index) const {
  const auto* lists = lists_of(*life_->machine);
  if (lists != nullptr) world_.checks.holds(id(), index, lists->state().lists);
}

void SimNode::finish(Save job) {
  if (life_->machine->kind() == StateMachineKind::on_disk) {
    life_->machine->async_sync([this, door = life_->process.door(), snapshot = job.snapshot](
                                   const Result<Index>& durable) {
      // Less than asked for is no failure, but no snapshot either.
      Result<void> outcome;
      if (durable ? *durable < snapshot.last.index : durable.error() == Errc::not_supported) {
        outcome = Errc::not_supported;
      } else if (!durable) {
        outcome = failure_of_machine(durable.error());
      }
      door.post(SimTime(0), [this, snapshot, outcome] {
        life_->driver->snapshot_saved(snapshot, outcome);
        plan_flush();
      });
    });
    return;
  }
  auto source = life_->machine->capture(job.snapshot);
  if (!source) {
    const bool is_offered = !(source.error() == Errc::not_supported);
    life_->driver->snapshot_saved(job.snapshot,
                                  is_offered ? failure_of_machine(source.error()) : source.error());
    return;
  }
  const std::shared_ptr<SnapshotSource> held = *std::move(source);
  life_->being_saved.push_back(held);
  reach(SimMoment::save);
  // The state is held; writing it down must not keep the next commands waiting.
  life_->process.post(between(world_.random, disk_.least, 4 * disk_.most),
                      [this, snapshot = job.snapshot, weak = std::weak_ptr(held)] {
                        const auto kept = weak.lock();
                        const auto outcome = [&]() -> Result<void> {
                          auto sink = log_.snapshots().create(snapshot);
                          if (!sink) return std::move(sink).error();
                          return copy(*kept, **sink);
                        }();
                        std::erase(life_->being_saved, kept);
                        require(outcome || log_.is_failing() || log_.is_full(),
                                "storage: a snapshot cannot be saved: ",
                                outcome ? std::string() : outcome.error().message());
                        world_.trace.note("snapshot", id(), snapshot.last.index.value);
                        life_->driver->snapshot_saved(snapshot, outcome);
                        plan_flush();
                      });
}

void SimNode::finish(Capture job) {
  auto& wanted = std::get<SnapshotRequest>(job.request.message).snapshot;
  const NodeId peer = job.request.to;
  auto source = life_->machine->kind() == StateMachineKind::on_disk
                    ? life_->machine->capture(job.current)
                    : log_.snapshots().open(wanted.last);
  if (!source) {
    life_->driver->snapshot_sent(peer, source.error());
    return;
  }
  wanted = (*source)->meta();
  world_.trace.note("send snapshot", id(), peer.value, wanted.last.index.value);
  reach(SimMoment::transfer);
  life_->transport->send_snapshot(
      std::move(job.request), *std::move(source), [this, peer](const Result<void>& outcome) {
        world_.marks.hit_if(!outcome, "snapshot: transfer failed");
        world_.marks.hit_if(outcome && driver().soft_state().role != Role::leader,
                            "snapshot: transfer finished after leadership was lost");
        life_->driver->snapshot_sent(peer, outcome);
        plan_flush();
      });
}

void SimNode::drop_snapshot(EntryId last) {
  life_->process.post(milliseconds(1),
                      [this, last] { static_cast<void>(log_.snapshots().remove(last)); });
}

}  // namespace raftkit::testing
