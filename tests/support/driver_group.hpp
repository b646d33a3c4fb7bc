// A few drivers in one thread, with ports that complete when they are told to.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "driver/driver.hpp"

namespace raftkit::test {

/// The world of one driver: everything it asks for waits in a queue until the test lets it happen.
class FakePorts final : public driver::Ports {
 public:
  void send(std::span<Envelope> envelopes) override {
    for (Envelope& envelope : envelopes)
      sent.push_back(std::move(envelope));
  }
  void membership_changed(const MembershipPtr& now, std::vector<PeerAddress> others) override {
    membership = now;
    peers = std::move(others);
  }
  void write(PersistBatch batch) override { writes.push_back(std::move(batch)); }
  void fetch(const FetchRequest& request) override { fetches.push_back(request); }
  void compact(const SnapshotMeta& snapshot, Index keep_from) override {
    compactions.emplace_back(snapshot, keep_from);
  }
  void try_held() override { ++attempts; }
  void apply(driver::ApplyBatch batch) override { applies.push_back(std::move(batch)); }
  void restore(const SnapshotMeta& snapshot) override { restores.push_back(snapshot); }
  void save_snapshot(const SnapshotMeta& snapshot) override { saves.push_back(snapshot); }
  void send_snapshot(Envelope request, const SnapshotMeta& current) override {
    snapshot_sends.emplace_back(std::move(request), current);
  }
  void drop_snapshot(EntryId last) override { dropped.push_back(last); }
  [[nodiscard]] std::uint64_t now() const override { return clock; }
  void set_alarm(std::uint32_t milliseconds) override { alarm = milliseconds; }
  void observe(const Event& event) override { events.push_back(event); }
  void status_changed() override { ++status_changes; }
  void failed(const Error& error) override { failures.push_back(error); }

  std::deque<Envelope> sent;
  std::deque<PersistBatch> writes;
  std::deque<FetchRequest> fetches;
  std::deque<std::pair<SnapshotMeta, Index>> compactions;
  std::deque<driver::ApplyBatch> applies;
  std::deque<SnapshotMeta> restores;
  std::deque<SnapshotMeta> saves;
  std::deque<std::pair<Envelope, SnapshotMeta>> snapshot_sends;
  std::vector<EntryId> dropped;
  std::uint64_t clock = 0;  // nanoseconds
  std::optional<std::uint32_t> alarm;
  std::vector<Event> events;
  std::vector<Error> failures;
  MembershipPtr membership;
  std::vector<PeerAddress> peers;
  int status_changes = 0;
  int attempts = 0;  // at what is held for want of room
};

class NullMetrics final : public MetricsSink {
 public:
  void add(CounterMetric, std::uint64_t) override {}
  void set(GaugeMetric, std::uint64_t) override {}
  void observe(HistogramMetric, double) override {}
};

class SeenMetrics final : public MetricsSink {
 public:
  void add(CounterMetric counter, std::uint64_t amount) override { counters[counter] += amount; }
  void set(GaugeMetric gauge, std::uint64_t value) override { gauges[gauge] = value; }
  void observe(HistogramMetric, double) override {}

  std::map<CounterMetric, std::uint64_t> counters;
  std::map<GaugeMetric, std::uint64_t> gauges;
};

struct Answer {
  error_code code;
  std::string result;
  Index index;
  int count = 0;  ///< how often the handler was called
};

class DriverGroup {
 public:
  struct Options {
    std::size_t voters = 3;
    std::function<void(driver::DriverOptions&)> tune = [](driver::DriverOptions&) {};
    bool start = true;
    std::set<std::uint64_t> joining = {};  ///< they know the voters, and nobody knows them
    std::uint64_t term = 1;                ///< in which they were when they were last here
  };

  /// All are connected with each other from the start.
  explicit DriverGroup(Options options);

  driver::Driver& node(std::uint64_t id) { return *members_.at(id)->driver; }
  FakePorts& ports(std::uint64_t id) { return members_.at(id)->ports; }
  /// Payloads that this node's state machine has applied.
  std::vector<std::string>& applied(std::uint64_t id) { return members_.at(id)->applied; }

  /// What all of them reported together; of gauges the latest.
  [[nodiscard]] SeenMetrics& metrics() { return metrics_; }

  /// What a port of this node does not do by itself until resumed. `disk` holds compactions, too.
  enum class Port { disk, compaction, state_machine, network, snapshots };
  void hold(std::uint64_t id, Port port) { members_.at(id)->held.insert(port); }
  void resume(std::uint64_t id, Port port) { members_.at(id)->held.erase(port); }

  /// Lets everything happen that is not held, until nothing does any more.
  void settle();
  void tick(std::uint64_t id, int count = 1);
  void elect(std::uint64_t id);

  std::shared_ptr<Answer> propose(std::uint64_t id, const std::string& command);
  std::shared_ptr<Answer> read(std::uint64_t id);
  std::shared_ptr<Answer> transfer(std::uint64_t id, std::optional<NodeId> target);
  std::shared_ptr<Answer> change(std::uint64_t id,
                                 MemberOperation operation,
                                 std::uint64_t whom,
                                 bool must_be_member = false);

 private:
  struct Member {
    FakePorts ports;
    std::unique_ptr<driver::Driver> driver;
    std::vector<std::string> applied;
    std::set<Port> held;
    std::map<Index, Entry> log;  // what was written
  };

  bool happen(std::uint64_t id);
  static void write(Member& member, PersistBatch& batch);
  static void fetch(Member& member, const FetchRequest& request);
  bool deliver(std::uint64_t id);

  std::map<std::uint64_t, std::unique_ptr<Member>> members_;
  SeenMetrics metrics_;
};

}  // namespace raftkit::test
