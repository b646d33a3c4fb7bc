// One member of a simulated cluster: the production driver on simulated ports.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "raftkit/metrics_sink.hpp"

#include "driver/driver.hpp"
#include "testing/sim_checks.hpp"
#include "testing/sim_log.hpp"
#include "testing/sim_marks.hpp"
#include "testing/sim_trace.hpp"
#include "testing/sim_transport.hpp"

namespace raftkit::testing {

class SimHistory;

class NoMetrics final : public MetricsSink {
 public:
  void add(CounterMetric, std::uint64_t) override {}
  void set(GaugeMetric, std::uint64_t) override {}
  void observe(HistogramMetric, double) override {}
};

/// What all nodes of a simulation share.
struct SimWorld {
  SimClock& clock;
  core::Random& random;
  SimNetwork& network;
  SimDirectory& directory;
  SimChecks& checks;
  SimTrace& trace;
  SimMarks& marks;
  SimHistory& history;
};

/// When a node is in the middle of something.
enum class SimMoment : std::uint8_t {
  vote,        ///< a term or a vote is being written
  append,      ///< entries are
  truncation,  ///< entries are being replaced
  install,     ///< the log begins anew after a snapshot
  compaction,  ///< of the log
  save,        ///< a snapshot of the state is being written
  restore,     ///< the state machine reads one
  transfer,    ///< one is being sent
  joint,       ///< a joint phase begins
  compacting,  ///< of the log, between two changes of its files
};
inline constexpr std::uint32_t kSimMoments = 10;

struct SimNodeOptions {
  driver::DriverOptions driver;  ///< its `kind` is that of the state machine
  ClusterId cluster;
  MembershipPtr bootstrap;
  SimTime heartbeat_interval = milliseconds(100);
  /// How long what has come may wait for the next flush, as behind other work in the strand.
  SimTime flush_delay{0};
  /// How long the state machine takes for a batch, at most.
  SimTime apply_delay = microseconds(200);
  std::size_t max_queued_bytes = std::size_t{64} << 20;  ///< for a peer
  SimStores stores = SimStores::in_memory;
  /// The node has given up because its disk fails: its process should end.
  std::function<void(NodeId)> on_failing_disk;
  /// The node has given up, or did not start, because its disk is damaged.
  std::function<void(NodeId)> on_damaged_disk;
  /// Makes the state machine at each start of the node.
  std::function<std::unique_ptr<StateMachine>()> state_machine;
  bool is_listening = true;  ///< false: only calls, from a machine that is not the ID's
  /// Set of one whose data directory is not the one that its ID stands for: it must hear that, and
  /// nothing else.
  std::function<void(NodeId)> on_refused = {};
  /// Set with it: whether a node let that data directory in before it had heard of the right one.
  std::function<bool(NodeId, StoreId)> is_let_in = {};
};

/// Outlives its process: between crash() and start() only the disk is left. Owner: the simulation.
class SimNode final : private driver::Ports, private TransportHandler {
 public:
  SimNode(const SimWorld& world, SimNodeOptions options);

  void start();
  void crash(SimNetwork::Farewell farewell);
  /// Hands leadership over, finishes what was begun, and ends.
  void stop();
  void pause() { life_->process.pause(); }
  void resume() {
    if (is_up()) life_->process.resume();
  }
  /// A start that fails leaves a process without a driver.
  [[nodiscard]] bool is_up() const { return life_ != nullptr && life_->driver != nullptr; }
  /// Calls `action` a little after this moment, if this life sees it, unless another one that
  /// shares `is_set` comes first.
  void when(SimMoment moment, std::shared_ptr<bool> is_set, SimAction action) {
    life_->traps[moment] = {std::move(is_set), std::move(action)};
  }
  void forget_traps() {
    if (life_ != nullptr) life_->traps.clear();
  }

  struct Disk {
    SimTime least = microseconds(200);
    SimTime most = milliseconds(3);
    bool is_hung = false;
  };
  void set_disk(Disk disk) { disk_ = disk; }
  /// As in SimLog; until the process ends. False: its stores cannot.
  [[nodiscard]] bool break_disk(std::uint64_t changes) { return log_.fail_after(changes); }
  [[nodiscard]] bool fill_disk() { return log_.fill(); }
  void free_disk() { log_.make_room(); }
  [[nodiscard]] bool lose_sync(std::uint64_t syncs) { return log_.fail_sync_after(syncs); }
  /// As in SimLog; only while it is down.
  [[nodiscard]] bool damage_disk(DiskDamage kind, DamageScope scope, std::uint64_t seed) {
    return log_.damage(kind, scope, seed);
  }
  [[nodiscard]] bool has_damaged_disk() const { return log_.is_damaged(); }
  [[nodiscard]] bool has_failing_disk() const { return log_.is_failing(); }
  /// How fast this node's clocks run, in percent.
  void set_clock_rate(std::uint32_t percent);

  // Requests, as of an embedder in the same process; only while it is up. Never answered when the
  // process ends first.
  void propose(Bytes command, driver::ProposeHandler handler);
  void read_index(driver::ReadHandler handler);
  void change_membership(const MembershipChange& change, driver::ProposeHandler handler);
  void transfer_leadership(NodeId target);
  /// As in SimTransport.
  bool announce_too_much(NodeId to, std::uint32_t choice) {
    return life_->transport->announce_too_much(to, choice);
  }

  [[nodiscard]] NodeId id() const { return options_.driver.raft.id; }
  [[nodiscard]] const driver::Driver& driver() const { return *life_->driver; }
  [[nodiscard]] const StateMachine& state_machine() const { return *life_->machine; }
  /// Of this node's own clock.
  [[nodiscard]] std::uint64_t own_milliseconds() const { return now() / 1'000'000; }
  /// That the state after `index` is what the committed commands give.
  void check_state(Index index) const;
  [[nodiscard]] bool leads() const { return is_up() && driver().soft_state().role == Role::leader; }

 private:
  struct Compaction {
    SnapshotMeta snapshot;
    Index keep_from;
  };
  struct Save {
    SnapshotMeta snapshot;
  };
  struct Restore {
    SnapshotMeta snapshot;
  };
  struct Capture {
    Envelope request;
    SnapshotMeta current;
  };
  struct TryHeld {};
  using DiskJob = std::variant<PersistBatch, Compaction, TryHeld>;
  using ApplyJob = std::variant<driver::ApplyBatch, Restore, Save, Capture>;

  struct Trap {
    std::shared_ptr<bool> is_set;
    SimAction action;
  };
  /// What a crash ends.
  struct Life {
    explicit Life(SimClock& clock) : process(clock) {}

    SimProcess process;
    std::unique_ptr<StateMachine> machine;
    std::vector<std::shared_ptr<SnapshotSource>> being_saved;
    std::unique_ptr<SimTransport> transport;
    std::deque<DiskJob> disk_queue;
    std::vector<PersistBatch> writing;
    std::deque<Compaction> compacting;
    bool is_log_full = false;  // these two wait for room
    bool is_disk_busy = false;
    std::deque<ApplyJob> apply_queue;
    bool is_applying = false;
    bool is_restoring = false;
    bool is_state_lost = false;
    bool is_flush_planned = false;
    bool is_refused = false;  // as on_refused has it
    std::uint64_t alarm = 0;  // the newest one
    std::map<SimMoment, Trap> traps;
    std::unique_ptr<driver::Driver> driver;
  };

  // driver::Ports
  void send(std::span<Envelope> envelopes) override;
  void membership_changed(const MembershipPtr& membership, std::vector<PeerAddress> peers) override;
  void write(PersistBatch batch) override;
  void fetch(const FetchRequest& request) override;
  void compact(const SnapshotMeta& snapshot, Index keep_from) override;
  void try_held() override;
  void apply(driver::ApplyBatch batch) override;
  void restore(const SnapshotMeta& snapshot) override;
  void save_snapshot(const SnapshotMeta& snapshot) override;
  void send_snapshot(Envelope request, const SnapshotMeta& current) override;
  void drop_snapshot(EntryId last) override;
  [[nodiscard]] std::uint64_t now() const override;
  void set_alarm(std::uint32_t delay) override;
  void observe(const Event& event) override;
  void status_changed() override {}
  void failed(const Error& error) override;

  // TransportHandler
  void on_message(Envelope envelope, StoreId store) override;
  void on_peer(PeerReport report) override;
  Result<void> admit(const Introduction& peer) override;
  [[nodiscard]] Index knows_up_to() const override { return driver().knows_up_to(); }
  Result<std::unique_ptr<SnapshotSink>> accept_snapshot(const Envelope& envelope) override;
  [[nodiscard]] MembershipPtr membership() const override { return driver().membership(); }

  [[nodiscard]] Result<driver::Recovered> recover(Index applied);
  void tick_later();
  void plan_flush();
  void look();
  void end_when_drained();
  void mark_crash();
  void reach(SimMoment moment);
  [[nodiscard]] SimTime own_time(SimTime time) const;

  void work_on_disk();
  void finish_on_disk();
  void carry_out();
  /// False: for want of room.
  [[nodiscard]] bool finish_write();
  [[nodiscard]] bool finish_compaction();
  [[nodiscard]] bool holds(const Result<void>& outcome);
  void require_unless_failing(const Result<void>& outcome) const;
  void work_on_state();
  void finish(driver::ApplyBatch batch);
  void finish(Restore job);
  void finish(Save job);
  void finish(Capture job);

  SimWorld world_;
  SimNodeOptions options_;
  NoMetrics metrics_;
  SimLog log_;
  Disk disk_;
  std::uint32_t clock_percent_ = 100;
  SimTime clock_base_{0};       // when the rate was set,
  SimTime clock_reading_{0};    // and what the clock showed then
  std::unique_ptr<Life> life_;  // null: crashed
};

}  // namespace raftkit::testing
