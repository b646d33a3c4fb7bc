// The shell around the driver: threads, timers and sockets, without opinions of its own.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "raftkit/node.hpp"

#include "driver/driver.hpp"
#include "driver/ports.hpp"
#include "runtime/apply_worker.hpp"
#include "runtime/asio.hpp"
#include "runtime/disk_worker.hpp"
#include "runtime/observers.hpp"
#include "runtime/worker.hpp"

namespace raftkit {

/// Everything but status() and accept_snapshot() runs in the strand; worker threads only post to
/// it.
class Node::Impl final : public driver::Ports,
                         public TransportHandler,
                         public std::enable_shared_from_this<Node::Impl> {
 public:
  Impl(boost::asio::any_io_executor executor,
       const NodeOptions& options,
       NodeParts parts,
       StateMachineKind kind);

  /// Recovers, listens, starts the clock.
  Result<void> start();

  // Any thread.
  void propose(Bytes command, detail::Completion<error_code, ProposeResult> done);
  void read_index(detail::Completion<error_code, Index> done);
  void transfer_leadership(std::optional<NodeId> target, detail::Completion<error_code> done);
  void change_membership(const MembershipChange& change,
                         detail::Completion<error_code, MembershipPtr> done);
  void stop(detail::Completion<error_code> done);
  [[nodiscard]] NodeStatus status() const;
  Subscription subscribe(boost::asio::any_io_executor on,
                         std::function<void(const NodeStatus&)> observer);
  [[nodiscard]] const boost::asio::any_io_executor& executor() const { return executor_; }
  /// Ends everything that has not ended, joins all threads, and lets go of log, snapshots and
  /// transport, which others may hold locks on or wait for. Not from a worker, nor while anything
  /// but the aftermath of a completed stop() can run in the strand.
  void close();

 private:
  // driver::Ports
  void send(std::span<Envelope> envelopes) override;
  void membership_changed(const MembershipPtr& membership, std::vector<PeerAddress> peers) override;
  void write(PersistBatch batch) override;
  void fetch(const FetchRequest& request) override;
  void compact(const SnapshotMeta& snapshot, Index keep_from) override;
  void try_held() override { disk_.try_held(); }
  void apply(driver::ApplyBatch batch) override;
  void restore(const SnapshotMeta& snapshot) override;
  void save_snapshot(const SnapshotMeta& snapshot) override;
  void send_snapshot(Envelope request, const SnapshotMeta& current) override;
  void drop_snapshot(EntryId last) override;
  [[nodiscard]] std::uint64_t now() const override;
  void set_alarm(std::uint32_t milliseconds) override;
  void observe(const Event& event) override;
  void status_changed() override { notify_due_ = true; }
  void failed(const Error& error) override;

  // TransportHandler
  void on_message(Envelope envelope, StoreId store) override;
  void on_peer(PeerReport report) override;
  Result<void> admit(const Introduction& peer) override;
  [[nodiscard]] Index knows_up_to() const override { return driver_->knows_up_to(); }
  Result<std::unique_ptr<SnapshotSink>> accept_snapshot(const Envelope& envelope) override;
  MembershipPtr membership() const override { return status().membership; }

  /// Runs `work` in the strand, then lets the driver act on it together with whatever else has
  /// come.
  template <class Work>
  void in_strand(Work work) {
    boost::asio::post(strand_, [self = shared_from_this(), work = std::move(work)]() mutable {
      work(*self);
      self->schedule_flush();
    });
  }

  Result<driver::Recovered> recover();
  [[nodiscard]] driver::DriverOptions driver_options() const;
  runtime::DiskWorker::Reports disk_reports();
  runtime::ApplyWorker::Reports apply_reports();
  void captured(Envelope request, Result<std::unique_ptr<SnapshotSource>> source);
  void arm_tick();
  void on_tick();
  void schedule_flush();
  void flush();
  void publish_status();
  void begin_stop();
  void drain_then_end();
  void end_stop();
  void drain_workers();
  void log_peer(const PeerReport& report);
  void log_saved(const SnapshotMeta& snapshot, const Result<void>& outcome);

  NodeOptions options_;
  boost::asio::any_io_executor executor_;
  boost::asio::strand<boost::asio::any_io_executor> strand_;
  std::shared_ptr<LogSink> log_sink_;
  std::shared_ptr<MetricsSink> metrics_;
  StateMachine& state_machine_;
  StateMachineKind kind_;
  std::unique_ptr<LogStorage> log_;
  std::unique_ptr<SnapshotStore> snapshots_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<driver::Driver> driver_;

  runtime::DiskWorker disk_;
  runtime::ApplyWorker apply_;
  runtime::Worker<std::function<void()>> background_;  // reads of older entries, removal of files

  boost::asio::steady_timer tick_timer_;
  std::chrono::steady_clock::time_point next_tick_;
  boost::asio::steady_timer alarm_timer_;
  bool is_flush_scheduled_ = false;
  bool notify_due_ = false;

  enum class Life : std::uint8_t { running, stopping, stopped };
  Life life_ = Life::running;
  /// While only threads are waited for, nothing else would keep the executor running.
  std::optional<boost::asio::executor_work_guard<boost::asio::any_io_executor>> ending_;
  bool is_closed_ = false;  // no thread is in the embedder's code any more, nor will be
  std::vector<detail::Completion<error_code>> stop_done_;

  mutable std::mutex status_mutex_;  // guards status_: written by the strand, read by anybody
  NodeStatus status_;
  runtime::Observers observers_;
};

}  // namespace raftkit
