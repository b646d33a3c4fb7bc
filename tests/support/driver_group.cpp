#include "support/driver_group.hpp"

#include <stdexcept>

#include "support/core_group.hpp"

namespace raftkit::test {

DriverGroup::DriverGroup(Options options) {
  const MembershipPtr membership = voters(options.voters);
  std::vector<NodeId> everybody = membership->voters;
  for (const std::uint64_t id : options.joining)
    everybody.emplace_back(id);
  for (const NodeId id : everybody) {
    driver::DriverOptions own;
    own.raft.id = id;
    own.self = {id, "n" + to_string(id), {}, StoreId{100 + id.value}, {}};
    own.incarnation = id.value;
    own.snapshots = {.snapshot_count = 1'000'000,
                     .snapshot_bytes = 1'000'000'000,
                     .retained_entries = 2,
                     .retained_bytes = 0,
                     .transfer_retained_entries = 100};
    options.tune(own);
    auto member = std::make_unique<Member>();
    InitialState initial = bootstrapped(membership);
    initial.hard_state.term = Term{options.term};
    driver::Recovered recovered{initial, {initial.base, membership}, initial.base, std::nullopt};
    auto created = driver::Driver::create(own, std::move(recovered), member->ports, metrics_);
    if (!created) throw std::runtime_error(created.error().message());
    member->driver = *std::move(created);
    members_.emplace(id.value, std::move(member));
  }
  if (!options.start) return;
  for (auto& [id, member] : members_) {
    member->driver->start();
    for (const NodeId peer : everybody) {
      if (peer.value != id) member->driver->on_peer({peer, PeerState::connected});
    }
  }
}

bool DriverGroup::happen(std::uint64_t id) {
  Member& member = *members_.at(id);
  FakePorts& ports = member.ports;
  bool busy = false;
  if (!member.held.contains(Port::disk)) {
    for (auto writes = std::exchange(ports.writes, {}); !writes.empty(); writes.pop_front()) {
      busy = true;
      write(member, writes.front());
    }
    for (auto jobs = std::exchange(ports.fetches, {}); !jobs.empty(); jobs.pop_front()) {
      busy = true;
      fetch(member, jobs.front());
    }
  }
  if (!member.held.contains(Port::disk) && !member.held.contains(Port::compaction)) {
    for (auto jobs = std::exchange(ports.compactions, {}); !jobs.empty(); jobs.pop_front()) {
      busy = true;
      const Index keep_from = jobs.front().second;
      member.log.erase(member.log.begin(), member.log.lower_bound(keep_from));
      member.driver->compacted(keep_from, {});
    }
  }
  if (!member.held.contains(Port::state_machine)) {
    for (auto batches = std::exchange(ports.applies, {}); !batches.empty(); batches.pop_front()) {
      busy = true;
      driver::ApplyBatch batch = std::move(batches.front());
      for (const Command& command : batch.commands) {
        member.applied.emplace_back(command.payload.view());
        batch.results.push_back(Bytes::copy_of("did " + member.applied.back()));
      }
      member.driver->applied(std::move(batch), {});
    }
    for (auto saves = std::exchange(ports.saves, {}); !saves.empty(); saves.pop_front()) {
      busy = true;
      member.driver->snapshot_saved(saves.front(), {});
    }
    for (auto jobs = std::exchange(ports.restores, {}); !jobs.empty(); jobs.pop_front()) {
      busy = true;
      member.applied.push_back("snapshot at " + to_string(jobs.front().last.index));
      member.driver->restored(jobs.front(), {});
    }
  }
  return deliver(id) || busy;
}

void DriverGroup::write(Member& member, PersistBatch& batch) {
  if (batch.snapshot) member.log.clear();
  if (batch.truncate_from)
    member.log.erase(member.log.lower_bound(*batch.truncate_from), member.log.end());
  for (const Entry& entry : batch.append)
    member.log.insert_or_assign(entry.id.index, entry);
  member.driver->persisted(batch.id, {});
}

void DriverGroup::fetch(Member& member, const FetchRequest& request) {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (auto at = member.log.find(request.first); at != member.log.end(); ++at) {
    bytes += at->second.size_bytes();
    if (at->first > request.last || (bytes > request.max_bytes && !entries.empty())) break;
    entries.push_back(at->second);
  }
  if (entries.empty()) return member.driver->fetched(request.id, Errc::compacted);
  member.driver->fetched(request.id, std::move(entries));
}

bool DriverGroup::deliver(std::uint64_t id) {
  Member& member = *members_.at(id);
  if (member.held.contains(Port::network)) return false;
  bool busy = false;
  for (auto sent = std::exchange(member.ports.sent, {}); !sent.empty(); sent.pop_front()) {
    busy = true;
    Member& receiver = *members_.at(sent.front().to.value);
    if (!receiver.held.contains(Port::network)) receiver.driver->receive(std::move(sent.front()));
  }
  if (member.held.contains(Port::snapshots)) return busy;
  auto snapshots = std::exchange(member.ports.snapshot_sends, {});
  for (auto& [request, current] : snapshots) {
    busy = true;
    const NodeId peer = request.to;
    std::get<SnapshotRequest>(request.message).snapshot = current;
    members_.at(peer.value)->driver->receive(std::move(request));
    member.driver->snapshot_sent(peer, {});
  }
  return busy;
}

void DriverGroup::settle() {
  for (bool busy = true; busy;) {
    busy = false;
    for (auto& [id, member] : members_) {
      member->driver->flush();
      if (happen(id)) busy = true;
      member->driver->flush();
    }
  }
}

void DriverGroup::tick(std::uint64_t id, int count) {
  for (int i = 0; i < count; ++i) {
    node(id).tick();
    settle();
  }
}

void DriverGroup::elect(std::uint64_t id) {
  for (int i = 0; i < 100 && node(id).soft_state().role != Role::leader; ++i)
    tick(id);
  settle();
}

std::shared_ptr<Answer> DriverGroup::propose(std::uint64_t id, const std::string& command) {
  auto answer = std::make_shared<Answer>();
  node(id).propose(
      Bytes::copy_of(command), [answer](error_code code, const driver::Proposed& proposed) {
        *answer = {code, std::string(proposed.result.view()), proposed.index, answer->count + 1};
      });
  return answer;
}

std::shared_ptr<Answer> DriverGroup::read(std::uint64_t id) {
  auto answer = std::make_shared<Answer>();
  node(id).read_index([answer](error_code code, Index index) {
    *answer = {code, {}, index, answer->count + 1};
  });
  return answer;
}

std::shared_ptr<Answer> DriverGroup::transfer(std::uint64_t id, std::optional<NodeId> target) {
  auto answer = std::make_shared<Answer>();
  node(id).transfer_leadership(target, [answer](error_code code) {
    *answer = {code, {}, {}, answer->count + 1};
  });
  return answer;
}

std::shared_ptr<Answer> DriverGroup::change(std::uint64_t id,
                                            MemberOperation operation,
                                            std::uint64_t whom,
                                            bool must_be_member) {
  auto answer = std::make_shared<Answer>();
  MembershipChange change;
  change.steps.push_back({operation, {NodeId{whom}, "", {}, {}, {}}, must_be_member});
  node(id).change_membership(change, [answer](error_code code, const driver::Proposed& proposed) {
    *answer = {code, {}, proposed.index, answer->count + 1};
  });
  return answer;
}

}  // namespace raftkit::test
