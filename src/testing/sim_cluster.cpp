#include "testing/sim_cluster.hpp"

#include <algorithm>

#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

bool cuts_paths(const SimFaultStep& step) {
  return step.fault == SimFault::split || step.fault == SimFault::isolate_leader ||
         step.fault == SimFault::mute || step.fault == SimFault::deafen ||
         step.fault == SimFault::bridge;
}

}  // namespace

SimCluster::SimCluster(const SimulationOptions& options, const MembershipPtr& bootstrap)
    : options_(options),
      bootstrap_(bootstrap),
      random_(options.seed),
      trace_(clock_, options.trace),
      history_(clock_),
      network_(clock_, random_),
      checks_({driver::kBootstrap, bootstrap}),
      next_node_(bootstrap->voters.size() + 1),
      is_beyond_model_(core::Random(options.seed ^ 0xd15c).below(16) == 0) {
  choose_settings();
  for (const NodeId id : bootstrap_->voters)
    add_node(id);
  clients_ =
      std::make_unique<SimClients>(world(), choose_workload(), [this] { return members_up(); });
}

SimClients::Options SimCluster::choose_workload() {
  SimClients::Options workload{.clients = options_.clients, .command = options_.command};
  if (options_.operations_per_second)
    workload.interval = SimTime(seconds(1)) * options_.clients / *options_.operations_per_second;
  workload.most_pause = milliseconds(20U << random_.below(6));
  workload.least_pause = workload.most_pause / 20;
  workload.leader_percent = 25 * random_.below(4);
  workload.max_padding_bytes = random_.below(4) == 0 ? 20'000 : 200;
  if (!settings_.has_sessions) return workload;
  workload.session_clients = (options_.clients + 1) / 2;
  SessionOptions& session = workload.session;
  session.timeout = milliseconds(1'000 * (random_.below(2) == 0 ? 60 : 1 + random_.below(10)));
  if (random_.below(4) == 0) session.max_sessions = 2;
  if (random_.below(4) == 0) session.max_unanswered = 2;
  if (random_.below(4) == 0) session.max_answer_bytes = 30;
  return workload;
}

void SimCluster::choose_settings() {
  const auto choose = [this](auto& option, std::initializer_list<std::size_t> others) {
    const std::uint32_t choice = random_.below(2 * static_cast<std::uint32_t>(others.size()));
    if (choice < others.size()) option = others.begin()[choice];
  };
  settings_.on_disk = random_.below(2) == 0;
  settings_.flush_delay = random_.below(2) == 0 ? SimTime(0) : milliseconds(1);
  settings_.apply_delay = random_.below(4) == 0 ? milliseconds(50) : microseconds(200);
  if (random_.below(4) == 0) {
    const bool is_wal = core::Random(options_.seed ^ 0x3a1).below(2) == 0;
    settings_.stores = is_wal ? SimStores::in_wal : SimStores::in_files;
  }
  settings_.max_queued_bytes = random_.below(4) == 0 ? 5'000 : std::size_t{64} << 20;
  driver::DriverOptions& driver = settings_.driver;
  choose(driver.raft.log_window_bytes, {0, 2'000});
  choose(driver.raft.max_inflight_messages, {1, 3});
  choose(driver.raft.max_append_bytes, {500});
  choose(driver.raft.max_apply_bytes, {500});
  choose(driver.raft.max_uncommitted_bytes, {3'000});
  choose(driver.max_batch_bytes, {500});
  driver.raft.check_quorum = random_.below(8) != 0;
  driver.raft.pre_vote = random_.below(16) != 0;
  driver.promote_learners = random_.below(4) != 0;
  if (driver.raft.check_quorum && random_.below(4) == 0) {
    driver.raft.lease_reads = LeaseReads::by_clock;
    // Clocks differ by up to a tenth either way, and a voter counts whole ticks.
    const SimTime promised = (driver.raft.election_timeout_ticks - 2) * milliseconds(100);
    driver.lease_nanoseconds = static_cast<std::uint64_t>(promised.count()) / 100 * 80;
  }
  settings_.has_sessions =
      !settings_.on_disk && options_.state_machine == nullptr && random_.below(4) != 0;
  if (options_.state_machine != nullptr) checks_.expect(SimChecks::Workload::embedders);
  if (settings_.has_sessions) checks_.expect(SimChecks::Workload::lists_in_sessions);
  const std::uint64_t snapshot_count = std::uint64_t{10} << random_.below(7);
  std::uint64_t retained = random_.below(100);
  if (retained >= 50) retained = 0;
  driver.snapshots = {.snapshot_count = snapshot_count,
                      .snapshot_bytes = std::uint64_t{1} << 30,
                      .retained_entries = retained,
                      .retained_bytes = 0,
                      .transfer_retained_entries = 20 * snapshot_count};
}

Member SimCluster::describe(NodeId id) const {
  return {id, "n" + to_string(id), {SimTransport::url_of(id)}, StoreId{1000 + id.value}, {}};
}

SimNodeOptions SimCluster::options_of(NodeId id) {
  SimNodeOptions node;
  node.driver = settings_.driver;
  node.driver.raft.id = id;
  node.driver.raft.priority = options_.seed % 8 == 0 ? static_cast<std::uint32_t>(id.value) : 0;
  node.driver.self = describe(id);
  node.cluster = ClusterId{7};
  node.bootstrap = bootstrap_;
  node.flush_delay = settings_.flush_delay;
  node.apply_delay = settings_.apply_delay;
  node.max_queued_bytes = settings_.max_queued_bytes;
  node.stores = settings_.stores;
  node.on_failing_disk = [this](NodeId failing) {
    go_down(nodes_.at(failing).get(), SimNetwork::Farewell::close, seconds(1));
  };
  node.on_damaged_disk = [this](NodeId damaged) { retire(damaged); };
  if (options_.state_machine) {
    node.state_machine = [make = options_.state_machine, id] { return make(id); };
  } else {
    ListMachine::Disk* disk = settings_.on_disk ? &disks_[id] : nullptr;
    node.state_machine = [this, id, disk] { return make_lists(id, disk); };
  }
  return node;
}

SimNode& SimCluster::add_node(NodeId id) {
  return *nodes_.emplace(id, std::make_unique<SimNode>(world(), options_of(id))).first->second;
}

std::unique_ptr<StateMachine> SimCluster::make_lists(NodeId id, ListMachine::Disk* disk) {
  auto lists = std::make_unique<ListMachine>(disk, random_.next());
  if (!settings_.has_sessions) return lists;
  auto clock =
      std::make_shared<ClusterClock>([this, id] { return nodes_.at(id)->own_milliseconds(); });
  auto made = SessionStateMachine::create(std::move(lists), std::move(clock));
  require(static_cast<bool>(made), "sessions: a state machine in memory cannot have them");
  return *std::move(made);
}

void SimCluster::begin() {
  for (auto& [id, node] : nodes_)
    node->start();
  clients_->start();
  look_after_members();
}

void SimCluster::run_until(SimTime end) {
  constexpr SimTime kLook = milliseconds(50);
  do {
    const SimTime until = watches_leaders_ ? std::min(end, now() + kLook) : end;
    while (!is_cut_short_ && clock_.run_next(until))
      is_cut_short_ = options_.until_event && clock_.events() >= *options_.until_event;
    if (watches_leaders_) check_leaders();
  } while (!is_cut_short_ && now() < end);
}

// --- leaders stay

void SimCluster::prepare_for(const SimFaultPlan& plan) {
  const auto replays = [](const SimFaultStep& step) { return step.fault == SimFault::replay; };
  if (std::any_of(plan.begin(), plan.end(), replays)) network_.keep_what_is_sent();
  const RaftOptions& raft = settings_.driver.raft;
  const bool are_of_paths = std::all_of(plan.begin(), plan.end(), cuts_paths);
  // Without pre-votes whoever comes back deposes the leader; without check-quorum voters do not
  // stay with it. Of two voters either can end its leadership.
  watches_leaders_ = plan.empty() || (are_of_paths && raft.pre_vote && raft.check_quorum &&
                                      bootstrap_->voters.size() > 2);
}

void SimCluster::check_leaders() {
  const std::size_t leaders = checks_.oracle().leaders();
  if (!most_leaders_ && lasting_path_faults_ == 0 && settled_leader() != nullptr)
    most_leaders_ = leaders;
  require(!most_leaders_ || leaders <= *most_leaders_,
          "liveness: ",
          leaders,
          " leaders in ",
          std::chrono::duration_cast<milliseconds>(now()).count(),
          " ms, and the faults explain no more than ",
          most_leaders_.value_or(0));
}

void SimCluster::allow_leaders(SimFault fault) {
  if (!most_leaders_) return;
  if (lasting_path_faults_ > 0 || settled_leader() == nullptr) {
    // Two for its beginning and its end, and two for those of one that was harmless alone.
    *most_leaders_ += 4;
    return;
  }
  // Whoever does not hear the leader is refused by those who do, and the leader hears a quorum.
  const bool is_harmless = fault == SimFault::mute;
  most_leaders_ = checks_.oracle().leaders() + (is_harmless ? 0 : 2);
}

void SimCluster::check_idle() {
  constexpr std::uint64_t kSeconds = 2;
  constexpr std::uint64_t kMost = 300;  // per node and second; ticks and heartbeats are half of it
  const std::uint64_t before = clock_.events();
  run_until(now() + seconds(kSeconds));
  const std::uint64_t events = clock_.events() - before;
  require(events <= kMost * kSeconds * nodes_.size(),
          "no spin: ",
          events,
          " events in ",
          kSeconds,
          " s, in which nobody asked for anything");
}

// --- who is there

std::vector<SimNode*> SimCluster::members() {
  std::vector<SimNode*> found;
  for (auto& [id, node] : nodes_) {
    if (checks_.oracle().newest_members()->contains(id) && !forsaken_.contains(id) && !is_lost(id))
      found.push_back(node.get());
  }
  return found;
}

std::vector<SimNode*> SimCluster::members_up() {
  auto found = members();
  std::erase_if(found, [](const SimNode* node) { return !node->is_up(); });
  return found;
}

SimNode* SimCluster::leader() {
  SimNode* found = nullptr;
  for (auto& [id, node] : nodes_) {
    const bool is_newer =
        found == nullptr || (node->is_up() && node->driver().term() > found->driver().term());
    if (node->leads() && is_newer) found = node.get();
  }
  return found;
}

SimNode* SimCluster::settled_leader() {
  SimNode* found = leader();
  if (found == nullptr) return nullptr;
  for (SimNode* node : members()) {
    if (!node->is_up() || node->driver().soft_state().leader != found->id() ||
        node->driver().term() != found->driver().term())
      return nullptr;
  }
  return found;
}

SimNode* SimCluster::pick(std::uint32_t choice) {
  return std::next(nodes_.begin(), choice % static_cast<std::uint32_t>(nodes_.size()))
      ->second.get();
}

SimNode& SimCluster::voter(std::uint32_t choice) {
  const auto& voters = checks_.oracle().newest_members()->voters;
  return *nodes_.at(voters[choice % voters.size()]);
}

bool SimCluster::is_forgotten(NodeId id) {
  const MembershipPtr& newest = checks_.oracle().newest_members();
  std::size_t voters = 0;
  for (const SimNode* node : members_up()) {
    if (node->driver().membership()->contains(id)) return false;
    if (newest->is_voter(node->id())) ++voters;
  }
  return voters > newest->voters.size() / 2;
}

void SimCluster::look_after_members() {
  constexpr SimTime kEvery = milliseconds(500);
  constexpr SimTime kPatience = seconds(8);
  clock_.after(kEvery, [this] { look_after_members(); });
  const MembershipPtr& newest = checks_.oracle().newest_members();
  const auto up = members_up();
  if (newest->is_joint() && !newest->auto_leave && !up.empty())
    any_of(random_, up)->change_membership({}, [](error_code, const driver::Proposed&) {});
  replace_damaged();
  for (auto& [id, node] : nodes_) {
    if (newest->contains(id)) {
      outside_since_.erase(id);
      const auto down = down_until_.find(id);
      const bool is_due = down == down_until_.end() || down->second <= now() || is_healed_;
      if (node->is_up() || !is_due || forsaken_.contains(id) || is_replaced(id)) continue;
      down_until_.erase(id);
      node->start();
    } else if (node->is_up()) {
      // A node that joins, or one that was removed and may not know it yet.
      const SimTime since = outside_since_.emplace(id, now()).first->second;
      if (now() - since < kPatience || !is_forgotten(id)) continue;
      node->crash(SimNetwork::Farewell::close);
      clients_->node_crashed(id);
    }
  }
  look_after_lost();
}

void SimCluster::fill(SimulationReport& report) const {
  const SimClients::Counts& counts = clients_->counts();
  report.events = clock_.events();
  report.trace_hash = trace_.hash();
  report.simulated = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.now());
  report.appended = counts.appended;
  report.read = counts.read;
  report.refused = counts.refused;
  report.unknown = counts.unknown;
  report.replayed = counts.replayed;
  report.expired = counts.expired;
  report.faults = faults_;
  report.fault_kinds = fault_kinds_.size();
  report.has_left_model = has_left_model_;
  report.marks.assign(marks_.counts().begin(), marks_.counts().end());
  for (const auto& [id, node] : nodes_) {
    if (node->is_up()) report.terms = std::max(report.terms, node->driver().term().value);
  }
}

History SimCluster::take_history(const SimulationReport& report) {
  clients_->record_pending();
  History history = history_.take();
  history.model = options_.state_machine ? History::Model::none : History::Model::list;
  history.seed = options_.seed;
  history.nodes = bootstrap_->voters.size();
  history.reproduce = options_.reproduce;
  history.trace_hash = report.trace_hash;
  history.failure = report.failure;
  for (HistoryOperation& each : history.operations) {
    const bool is_append = history.model == History::Model::list && each.input.number.has_value();
    if (is_append && !each.returned) each.took_effect = checks_.was_applied(*each.input.number);
  }
  return history;
}

std::string SimCluster::describe() const {
  std::string text;
  for (const auto& [id, node] : nodes_) {
    const bool belongs = checks_.oracle().newest_members()->contains(id);
    text += "\n  " + to_string(id) + (belongs ? ": " : ", no member: ");
    if (!node->is_up()) {
      text += "down";
      continue;
    }
    const RaftStatus status = node->driver().status();
    text += std::string(to_string(status.role)) + " in term " + to_string(status.term) +
            ", follows " + (status.leader ? to_string(*status.leader) : "nobody") + ", log " +
            to_string(status.first) + " to " + to_string(status.last) + ", commit " +
            to_string(status.commit) + ", applied " + to_string(node->driver().applied_index());
    for (const ProgressStatus& progress : status.progress)
      text += "; " + to_string(progress.node) + " has " + to_string(progress.match) + ", " +
              std::string(to_string(progress.state)) + (progress.paused ? " (paused)" : "");
  }
  return text;
}

}  // namespace raftkit::testing
