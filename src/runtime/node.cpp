#include "raftkit/node.hpp"

#include <ctime>

#include "driver/recovery.hpp"
#include "runtime/no_throw.hpp"
#include "runtime/node_impl.hpp"

namespace raftkit {

using runtime::no_throw;

namespace {

class NullMetrics final : public MetricsSink {
 public:
  void add(CounterMetric, std::uint64_t) override {}
  void set(GaugeMetric, std::uint64_t) override {}
  void observe(HistogramMetric, double) override {}
};

}  // namespace

// --- the front door

Node::Node(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Node::~Node() {
  impl_->close();
}

Result<std::unique_ptr<Node>> Node::create(boost::asio::any_io_executor executor,
                                           const NodeOptions& options,
                                           NodeParts parts) {
  if (auto valid = options.validate(); !valid) return std::move(valid).error();
  if (parts.log == nullptr || parts.snapshots == nullptr || !parts.transport) {
    return Error(Errc::invalid_argument, "NodeParts: log, snapshots and transport are required");
  }
  const auto kind = no_throw(Errc::state_machine_failed, [&]() -> Result<StateMachineKind> {
    return parts.state_machine.kind();
  });
  if (!kind) return kind.error();
  using Made = Result<std::unique_ptr<Node>>;
  auto node = no_throw(Errc::io_error, [&]() -> Made {
    return std::unique_ptr<Node>(
        new Node(std::make_shared<Impl>(std::move(executor), options, std::move(parts), *kind)));
  });
  if (!node) return node;
  auto started = no_throw(Errc::io_error, [&] { return (*node)->impl_->start(); });
  if (!started) return std::move(started).error();
  return node;
}

NodeStatus Node::status() const {
  return impl_->status();
}

Subscription Node::subscribe(boost::asio::any_io_executor on,
                             std::function<void(const NodeStatus&)> observer) {
  return impl_->subscribe(std::move(on), std::move(observer));
}

boost::asio::any_io_executor Node::executor() const {
  return impl_->executor();
}

void Node::propose(Bytes command, detail::Completion<error_code, ProposeResult> done) {
  impl_->propose(std::move(command), std::move(done));
}

void Node::read_index(detail::Completion<error_code, Index> done) {
  impl_->read_index(std::move(done));
}

void Node::transfer_leadership(std::optional<NodeId> target, detail::Completion<error_code> done) {
  impl_->transfer_leadership(target, std::move(done));
}

void Node::change_membership(const MembershipChange& change,
                             detail::Completion<error_code, MembershipPtr> done) {
  impl_->change_membership(change, std::move(done));
}

void Node::stop(detail::Completion<error_code> done) {
  impl_->stop(std::move(done));
}

// --- life

Node::Impl::Impl(boost::asio::any_io_executor executor,
                 const NodeOptions& options,
                 NodeParts parts,
                 StateMachineKind kind)
    : options_(options),
      executor_(std::move(executor)),
      strand_(boost::asio::make_strand(executor_)),
      log_sink_(std::move(parts.log_sink)),
      metrics_(parts.metrics ? std::move(parts.metrics) : std::make_shared<NullMetrics>()),
      state_machine_(parts.state_machine),
      kind_(kind),
      log_(std::move(parts.log)),
      snapshots_(std::move(parts.snapshots)),
      transport_(parts.transport(strand_)),
      disk_(*log_, *metrics_, disk_reports()),
      apply_(state_machine_, kind_, *snapshots_, *metrics_, apply_reports()),
      background_([](std::vector<std::function<void()>> jobs) {
        for (auto& job : jobs)
          job();
      }),
      tick_timer_(strand_),
      alarm_timer_(strand_) {}

Result<driver::Recovered> Node::Impl::recover() {
  const auto applied =
      no_throw(Errc::state_machine_failed, [&] { return state_machine_.applied_index(); });
  if (!applied) return applied.error();
  return no_throw(Errc::storage_failed, [&]() -> Result<driver::Recovered> {
    auto loaded = log_->load({});
    if (!loaded) return std::move(loaded).error();
    if (!*loaded) {
      if (options_.bootstrap == nullptr) {
        return Error(Errc::not_found, "the log is empty, and no initial membership was given");
      }
      if (auto written = driver::bootstrap(*log_, {}, options_.bootstrap); !written) {
        return std::move(written).error();
      }
    }
    return driver::recover(*log_, *snapshots_, {{}, kind_, *applied});
  });
}

Result<void> Node::Impl::start() {
  auto recovered = recover();
  if (!recovered) return std::move(recovered).error();
  auto driver = driver::Driver::create(driver_options(), *std::move(recovered), *this, *metrics_);
  if (!driver) return std::move(driver).error();
  driver_ = *std::move(driver);
  publish_status();

  const Member& self = options_.self;
  auto listening =
      transport_->start(*this, {options_.cluster, self.id, self.store, self.name, self.peer_urls});
  if (!listening) return listening;
  boost::asio::post(strand_, [self = shared_from_this()] {
    self->driver_->start();
    self->next_tick_ = std::chrono::steady_clock::now();
    self->arm_tick();
    self->schedule_flush();
  });
  return {};
}

void Node::Impl::close() {
  if (life_ != Life::stopped) {
    life_ = Life::stopped;  // for what is still queued, should the executor run once more
    if (driver_ != nullptr) driver_->end_stop();
  }
  ending_.reset();
  for (auto& done : std::exchange(stop_done_, {}))
    done({});
  // Some handler that nobody will run may keep this object, but not what it stands on.
  transport_.reset();
  disk_.stop();
  apply_.stop();
  background_.stop();
  log_.reset();
  snapshots_.reset();
}

void Node::Impl::stop(detail::Completion<error_code> done) {
  boost::asio::post(strand_, [self = shared_from_this(), done = std::move(done)]() mutable {
    if (self->is_closed_) return done({});
    self->stop_done_.push_back(std::move(done));
    if (self->life_ == Life::running) self->begin_stop();
  });
}

void Node::Impl::begin_stop() {
  life_ = Life::stopping;
  // What was taken is finished: the leadership first, then the disk, then the state machine.
  driver_->begin_stop([this] {
    boost::asio::post(strand_, [self = shared_from_this()] { self->drain_then_end(); });
  });
  schedule_flush();
}

void Node::Impl::drain_then_end() {
  disk_.when_drained([this] {
    in_strand([](Impl& self) {
      // The writes' consequences reach the state machine before this does.
      boost::asio::post(self.strand_, [keep = self.shared_from_this()] {
        keep->flush();
        keep->apply_.when_drained(
            [raw = keep.get()] { raw->in_strand([](Impl& at) { at.end_stop(); }); });
      });
    });
  });
}

void Node::Impl::end_stop() {
  if (life_ == Life::stopped) return;
  life_ = Life::stopped;
  ending_.emplace(executor_);
  driver_->end_stop();
  tick_timer_.cancel();
  alarm_timer_.cancel();
  notify_due_ = true;
  publish_status();
  transport_->stop([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->drain_workers();
  });
}

void Node::Impl::drain_workers() {
  // After a failure they may still be busy with the embedder's log or state machine. The last step
  // is a task of its own, so that the transport is not on its stack: whoever waits may destroy it.
  disk_.when_drained([this] {
    apply_.when_drained([this] {
      background_.add([this] {
        boost::asio::post(strand_, [self = shared_from_this()] {
          self->is_closed_ = true;
          self->ending_.reset();
          for (auto& done : std::exchange(self->stop_done_, {}))
            done({});
        });
      });
    });
  });
}

void Node::Impl::failed(const Error& error) {
  log_sink_->log(LogLevel::error,
                 "node_failed",
                 "the node cannot go on and takes no part any more",
                 {{"error", error.code().message()}, {"detail", error.detail()}});
  notify_due_ = true;
  boost::asio::post(strand_, [self = shared_from_this()] { self->end_stop(); });
}

// --- the clock

void Node::Impl::arm_tick() {
  next_tick_ += options_.heartbeat_interval;
  tick_timer_.expires_at(next_tick_);
  tick_timer_.async_wait([weak = weak_from_this()](error_code code) {
    const auto self = weak.lock();
    if (!code && self != nullptr && self->life_ != Life::stopped) self->on_tick();
  });
}

void Node::Impl::on_tick() {
  const auto now = std::chrono::steady_clock::now();
  // A process that was stopped for a while has missed ticks, not lived through them: catching up in
  // a burst would let it time out, or campaign, before it has read a single waiting message.
  if (now - next_tick_ > options_.heartbeat_interval) {
    metrics_->add(CounterMetric::late_heartbeats, 1);
    next_tick_ = now;
  }
  driver_->tick();
  schedule_flush();
  arm_tick();
}

std::uint64_t Node::Impl::now() const {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);  // goes on while the machine sleeps, unlike steady_clock
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void Node::Impl::set_alarm(std::uint32_t milliseconds) {
  alarm_timer_.expires_after(std::chrono::milliseconds(milliseconds));
  alarm_timer_.async_wait([weak = weak_from_this()](error_code code) {
    const auto self = weak.lock();
    if (code || self == nullptr || self->life_ == Life::stopped) return;
    self->driver_->alarm();
    self->schedule_flush();
  });
}

void Node::Impl::schedule_flush() {
  if (is_flush_scheduled_) return;
  is_flush_scheduled_ = true;
  boost::asio::post(strand_, [self = shared_from_this()] { self->flush(); });
}

void Node::Impl::flush() {
  is_flush_scheduled_ = false;
  driver_->flush();
  publish_status();
}

// --- requests

void Node::Impl::propose(Bytes command, detail::Completion<error_code, ProposeResult> done) {
  if (command.empty()) return done(Errc::invalid_argument, {});
  if (command.size() > options_.max_command_bytes) return done(Errc::command_too_large, {});
  in_strand([command = std::move(command), done = std::move(done)](Impl& self) mutable {
    self.driver_->propose(
        std::move(command),
        [done = std::move(done)](error_code code, driver::Proposed proposed) mutable {
          done(code, {proposed.index, std::move(proposed.result)});
        });
  });
}

void Node::Impl::read_index(detail::Completion<error_code, Index> done) {
  in_strand(
      [done = std::move(done)](Impl& self) mutable { self.driver_->read_index(std::move(done)); });
}

void Node::Impl::transfer_leadership(std::optional<NodeId> target,
                                     detail::Completion<error_code> done) {
  in_strand([target, done = std::move(done)](Impl& self) mutable {
    self.driver_->transfer_leadership(target, std::move(done));
  });
}

void Node::Impl::change_membership(const MembershipChange& change,
                                   detail::Completion<error_code, MembershipPtr> done) {
  in_strand([change, done = std::move(done)](Impl& self) mutable {
    self.driver_->change_membership(
        change, [&self, done = std::move(done)](error_code code, const driver::Proposed&) mutable {
          done(code, code ? nullptr : self.driver_->membership());
        });
  });
}

Subscription Node::Impl::subscribe(boost::asio::any_io_executor on,
                                   std::function<void(const NodeStatus&)> observer) {
  auto token = std::make_shared<runtime::Observer>(std::move(on), std::move(observer));
  in_strand(
      [weak = std::weak_ptr(token)](Impl& self) { self.observers_.add(weak, self.status()); });
  return Subscription(std::move(token));
}

NodeStatus Node::Impl::status() const {
  const std::lock_guard lock(status_mutex_);
  return status_;
}

void Node::Impl::publish_status() {
  const RaftStatus raft = driver_->status();
  NodeStatus now{.id = raft.id,
                 .cluster = options_.cluster,
                 .role = raft.role,
                 .term = raft.term,
                 .leader = raft.leader,
                 .first = raft.first,
                 .last = raft.last,
                 .commit = raft.commit,
                 .applied = driver_->applied_index(),
                 .membership = driver_->membership(),
                 .log_full = driver_->is_log_full(),
                 .published = driver_->is_published(),
                 .failure = driver_->failure()};
  if (life_ == Life::stopped || now.failure) {
    now.role = Role::follower;
    now.leader.reset();
  }
  {
    const std::lock_guard lock(status_mutex_);
    status_ = now;
  }
  if (std::exchange(notify_due_, false)) observers_.notify(now);
}

}  // namespace raftkit
