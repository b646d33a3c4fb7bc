// What the driver asks for, and what the transport reports.
#include "runtime/no_throw.hpp"
#include "runtime/node_impl.hpp"

namespace raftkit {

using runtime::no_throw;

// --- driver::Ports

void Node::Impl::send(std::span<Envelope> envelopes) {
  transport_->send(envelopes);
}

void Node::Impl::membership_changed(const MembershipPtr& /*membership*/,
                                    std::vector<PeerAddress> peers) {
  transport_->set_peers(std::move(peers));
  notify_due_ = true;
}

void Node::Impl::write(PersistBatch batch) {
  disk_.write(std::move(batch));
}

void Node::Impl::fetch(const FetchRequest& request) {
  background_.add([this, request] {
    auto entries = no_throw(Errc::storage_failed, [&] {
      return log_->read({{}, request.first, request.last, request.max_bytes});
    });
    in_strand([id = request.id, entries = std::move(entries)](Impl& self) mutable {
      self.driver_->fetched(id, std::move(entries));
    });
  });
}

void Node::Impl::compact(const SnapshotMeta& snapshot, Index keep_from) {
  disk_.compact({}, snapshot, keep_from, [this, keep_from](Result<void> outcome) {
    in_strand([keep_from, outcome = std::move(outcome)](Impl& self) {
      self.driver_->compacted(keep_from, outcome);
    });
  });
}

runtime::DiskWorker::Reports Node::Impl::disk_reports() {
  return {
      .written =
          [this](std::vector<PersistId> ids, Result<void> outcome) {
            in_strand([ids = std::move(ids), outcome = std::move(outcome)](Impl& self) {
              for (const PersistId id : ids)
                self.driver_->persisted(id, outcome);
            });
          },
      .is_full =
          [this](Error error) {
            in_strand([error = std::move(error)](Impl& self) { self.driver_->log_is_full(error); });
          },
      .has_room = [this] { in_strand([](Impl& self) { self.driver_->log_has_room(); }); }};
}

void Node::Impl::apply(driver::ApplyBatch batch) {
  apply_.apply(std::move(batch));
}

void Node::Impl::restore(const SnapshotMeta& snapshot) {
  log_sink_->log(LogLevel::info,
                 "snapshot_restore",
                 "replacing the state machine's content by a snapshot",
                 {{"index", to_string(snapshot.last.index)}});
  apply_.restore(snapshot);
}

void Node::Impl::save_snapshot(const SnapshotMeta& snapshot) {
  apply_.save(snapshot);
}

void Node::Impl::send_snapshot(Envelope request, const SnapshotMeta& current) {
  apply_.capture(std::move(request), current);
}

void Node::Impl::captured(Envelope request, Result<std::unique_ptr<SnapshotSource>> source) {
  if (life_ == Life::stopped) return;
  const NodeId peer = request.to;
  if (!source) {
    log_sink_->log(LogLevel::warn,
                   "snapshot_unavailable",
                   "cannot read the snapshot that a follower needs",
                   {{"peer", to_string(peer)}, {"error", source.error().message()}});
    driver_->snapshot_sent(peer, source.error());
    return;
  }
  const Index last = std::get<SnapshotRequest>(request.message).snapshot.last.index;
  log_sink_->log(LogLevel::info,
                 "snapshot_send",
                 "sending a snapshot to a follower whose entries were compacted away",
                 {{"peer", to_string(peer)}, {"index", to_string(last)}});
  transport_->send_snapshot(
      std::move(request),
      *std::move(source),
      [weak = weak_from_this(), peer](Result<void> outcome) {
        const auto self = weak.lock();
        if (self == nullptr || self->life_ == Life::stopped) return;
        self->log_sink_->log(
            outcome ? LogLevel::info : LogLevel::warn,
            "snapshot_sent",
            outcome ? "the follower has the snapshot" : "the snapshot did not arrive",
            {{"peer", to_string(peer)},
             {"error", outcome ? std::string() : outcome.error().message()}});
        self->driver_->snapshot_sent(peer, outcome);
        self->schedule_flush();
      });
}

runtime::ApplyWorker::Reports Node::Impl::apply_reports() {
  return {
      .applied =
          [this](driver::ApplyBatch batch, Result<void> outcome) {
            in_strand([batch = std::move(batch), outcome = std::move(outcome)](Impl& self) mutable {
              self.driver_->applied(std::move(batch), outcome);
            });
          },
      .restored =
          [this](SnapshotMeta snapshot, Result<void> outcome) {
            in_strand([snapshot = std::move(snapshot), outcome = std::move(outcome)](Impl& self) {
              self.driver_->restored(snapshot, outcome);
            });
          },
      .saved =
          [this](SnapshotMeta snapshot, Result<void> outcome) {
            in_strand([snapshot = std::move(snapshot), outcome = std::move(outcome)](Impl& self) {
              self.log_saved(snapshot, outcome);
              self.driver_->snapshot_saved(snapshot, outcome);
            });
          },
      .captured =
          [this](Envelope request, Result<std::unique_ptr<SnapshotSource>> source) {
            in_strand(
                [request = std::move(request), source = std::move(source)](Impl& self) mutable {
                  self.captured(std::move(request), std::move(source));
                });
          }};
}

void Node::Impl::drop_snapshot(EntryId last) {
  background_.add([this, last] {
    const auto removed = no_throw(Errc::io_error, [&] { return snapshots_->remove(last); });
    if (!removed) {
      log_sink_->log(LogLevel::warn,
                     "snapshot_remove_failed",
                     "a snapshot that is not needed any more stays",
                     {{"error", removed.error().message()}});
    }
  });
}

// --- TransportHandler

void Node::Impl::on_message(Envelope envelope, StoreId store) {
  if (life_ == Life::stopped) return;
  driver_->receive(std::move(envelope), store);
  schedule_flush();
}

void Node::Impl::on_peer(PeerReport report) {
  if (life_ == Life::stopped) return;
  log_peer(report);
  driver_->on_peer(report);
  schedule_flush();
}

Result<void> Node::Impl::admit(const Introduction& peer) {
  auto admitted = driver_->admit(peer);
  schedule_flush();  // somebody may be there whom nobody has told of yet
  return admitted;
}

Result<std::unique_ptr<SnapshotSink>> Node::Impl::accept_snapshot(const Envelope& envelope) {
  const auto* request = std::get_if<SnapshotRequest>(&envelope.message);
  if (request == nullptr) return Errc::malformed;
  const NodeStatus now = status();
  if (envelope.term < now.term) return Error(Errc::not_leader, "the sender's term is over");
  if (request->snapshot.last.index <= now.commit) {
    // Nothing can make this node go back to it, so its content need not come; but the leader waits
    // to hear how far this node is.
    boost::asio::post(strand_,
                      [self = shared_from_this(), envelope] { self->on_message(envelope, {}); });
    return Error(Errc::invalid_argument, "the log is already ahead of this snapshot");
  }
  if (now.log_full) return Error(Errc::out_of_space, "there is no room for the log either");
  log_sink_->log(
      LogLevel::info,
      "snapshot_receive",
      "receiving a snapshot",
      {{"from", to_string(envelope.from)}, {"index", to_string(request->snapshot.last.index)}});
  return snapshots_->create(request->snapshot);
}

}  // namespace raftkit
