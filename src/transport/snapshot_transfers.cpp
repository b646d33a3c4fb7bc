#include "transport/snapshot_transfers.hpp"

#include <algorithm>
#include <exception>
#include <random>
#include <string>

namespace raftkit::transport {

namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{1000};

/// Not what an earlier process on this node has begun with.
std::uint64_t draw_first_number() {
  std::random_device device;
  return std::uint64_t{device()} << 32;
}

/// Sources and sinks are the embedder's: what they throw ends the transfer, not the process.
template <class Transfer>
auto guarded(Transfer&& transfer) -> decltype(transfer()) {
  try {
    return transfer();
  } catch (const std::exception& thrown) {
    return Error(Errc::state_machine_failed, std::string("exception: ") + thrown.what());
  } catch (...) {
    return Error(Errc::state_machine_failed, "exception of an unknown type");
  }
}

void post_failure(const ContextPtr& context, SnapshotTransfers::Done done, Error why) {
  asio::post(context->executor,
             [done = std::move(done), why = std::move(why)] { done(Result<void>(why)); });
}

}  // namespace

SnapshotTransfers::SnapshotTransfers(ContextPtr context,
                                     const SnapshotLimits& limits,
                                     std::unique_ptr<SnapshotConnector> connector)
    : context_(std::move(context)),
      limits_(limits),
      connector_(std::move(connector)),
      next_number_(draw_first_number()),
      workers_(std::make_shared<WorkerThreads>(context_->executor)) {}

SnapshotTransfers::~SnapshotTransfers() {
  for (const auto& [peer, outgoing] : outgoing_)
    connector_->cancel(peer);
}

void SnapshotTransfers::send(Envelope envelope, std::unique_ptr<SnapshotSource> source, Done done) {
  const NodeId peer = envelope.to;
  if (outgoing_.contains(peer)) {
    return post_failure(
        context_,
        std::move(done),
        Error(Errc::already_exists, "a snapshot is on its way to " + to_string(peer)));
  }
  outgoing_.emplace(peer,
                    std::make_shared<Outgoing>(Outgoing{
                        OutgoingSnapshot(std::move(envelope), std::move(source), next_number_++),
                        std::move(done),
                        false,
                        std::nullopt,
                        asio::steady_timer(context_->executor)}));
  connect(peer);
}

void SnapshotTransfers::connect(NodeId peer) {
  connector_->connect(peer, [this, peer](Result<SnapshotConnection> connection) {
    on_connected(peer, std::move(connection));
  });
}

void SnapshotTransfers::on_connected(NodeId peer, Result<SnapshotConnection> connection) {
  if (!connection) {
    const bool is_unreachable =
        connection.error() == Errc::peer_unreachable || connection.error() == Errc::timed_out;
    return ended(peer, {std::move(connection).error(), is_unreachable});
  }
  const auto outgoing = outgoing_.at(peer);
  outgoing->is_connected = true;
  WorkerThreads::Work work;
  work.cancel = [socket = connection->socket] { socket->cancel(); };
  work.run = [this, peer, outgoing, connection = *connection, limits = limits_] {
    SendOutcome outcome;
    const Result<void> not_thrown = guarded([&]() -> Result<void> {
      outcome = send_snapshot(*connection.socket, connection.seed, outgoing->snapshot, limits);
      return {};
    });
    if (!not_thrown) outcome = {not_thrown, false};
    if (!outcome.has_lost_connection) outgoing->snapshot.close();
    return [this, peer, outcome = std::move(outcome)] {
      outgoing_.at(peer)->is_connected = false;
      ended(peer, outcome);
    };
  };
  if (auto started = workers_->start(std::move(work)); !started) finish(peer, std::move(started));
}

void SnapshotTransfers::ended(NodeId peer, const SendOutcome& outcome) {
  const OutgoingPtr outgoing = outgoing_.at(peer);
  if (!outcome.has_lost_connection || !is_worth_another(*outgoing))
    return finish(peer, outcome.result);
  if (outgoing->interruption->attempts == 1) {
    context_->log->log(LogLevel::warn,
                       "snapshot_interrupted",
                       "the connection broke amid a snapshot; calling again",
                       {{"peer", to_string(peer)},
                        {"position", std::to_string(outgoing->snapshot.position())},
                        {"error", outcome.result.error().message()}});
  }
  connect_later(peer, outgoing);
}

bool SnapshotTransfers::is_worth_another(Outgoing& outgoing) const {
  const std::uint64_t position = outgoing.snapshot.position();
  if (is_stopping_ || limits_.resume_timeout.count() == 0 || position == 0) return false;
  auto& interruption = outgoing.interruption;
  // What was lost on the way is sent again before it gets further.
  if (!interruption || position > interruption->position)
    interruption = {position, Clock::now(), 0};
  ++interruption->attempts;
  return Clock::now() - interruption->since < limits_.resume_timeout;
}

void SnapshotTransfers::connect_later(NodeId peer, const OutgoingPtr& outgoing) {
  const unsigned doublings = std::min(outgoing->interruption->attempts - 1, 10U);
  outgoing->again.expires_after(std::min(kLongestPause, kFirstPause * (1U << doublings)));
  // Who stops or destroys this lets go of it.
  outgoing->again.async_wait(
      [this, peer, weak = std::weak_ptr(outgoing)](const boost::system::error_code& failed) {
        if (!failed && !weak.expired()) connect(peer);
      });
}

void SnapshotTransfers::finish(NodeId peer, Result<void> result) {
  const auto node = outgoing_.extract(peer);
  node.mapped()->snapshot.close();
  // Whichever of the connections that stop() closes is noticed first, it was stop() that ended
  // this.
  if (!result && is_stopping_) result = Errc::stopped;
  node.mapped()->done(std::move(result));
}

void SnapshotTransfers::receive(NodeId peer, SnapshotConnection connection) {
  if (context_->handler == nullptr) return;
  if (const auto at = incoming_.find(peer); at != incoming_.end()) {
    at->second.socket->cancel();
    at->second.next = std::move(connection);
    return;
  }
  Half half = std::make_shared<std::optional<IncomingSnapshot>>();
  if (const auto waiting = waiting_.extract(peer)) half = std::move(waiting.mapped()->half);
  const SnapshotRoute route{peer, context_->identity.node};
  WorkerThreads::Work work;
  work.cancel = [socket = connection.socket] { socket->cancel(); };
  work.run = [this, connection, route, half, handler = context_->handler, limits = limits_] {
    auto result = guarded([&] {
      return receive_snapshot(*connection.socket, connection.seed, route, *handler, limits, *half);
    });
    if (limits.resume_timeout.count() == 0) half->reset();
    return [this, peer = route.from, result = std::move(result)] { on_received(peer, result); };
  };
  if (workers_->start(std::move(work)))
    incoming_.emplace(peer, Incoming{connection.socket, connection.store, std::nullopt, half});
}

void SnapshotTransfers::on_received(NodeId peer, const Result<Envelope>& result) {
  Incoming incoming = std::move(incoming_.extract(peer).mapped());
  if (!result) {
    context_->log->log(LogLevel::warn,
                       "snapshot_not_received",
                       "a snapshot could not be received",
                       {{"peer", to_string(peer)}, {"error", result.error().message()}});
  } else if (context_->handler != nullptr) {
    context_->handler->on_message(*result, incoming.store);
  }
  if (incoming.half->has_value() && !is_stopping_) wait_for_more(peer, std::move(incoming.half));
  if (incoming.next) receive(peer, *std::move(incoming.next));
}

void SnapshotTransfers::wait_for_more(NodeId peer, Half half) {
  const auto waiting = std::make_shared<Waiting>(
      Waiting{std::move(half), asio::steady_timer(context_->executor, limits_.resume_timeout)});
  waiting_[peer] = waiting;
  waiting->until.async_wait(
      [this, peer, weak = std::weak_ptr(waiting)](const boost::system::error_code& failed) {
        if (failed || weak.expired()) return;
        drop(std::move(waiting_.extract(peer).mapped()->half));
      });
}

void SnapshotTransfers::drop(Half half) {
  WorkerThreads::Work work;
  work.cancel = [] {};
  work.run = [half] {
    half->reset();
    return [] {};
  };
  if (!workers_->start(std::move(work))) half->reset();
}

void SnapshotTransfers::stop(std::function<void()> idle) {
  is_stopping_ = true;
  waiting_.clear();
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    if (at->second->is_connected) {
      ++at;  // its thread ends it
      continue;
    }
    connector_->cancel(at->first);
    post_failure(context_, std::move(at->second->done), Errc::stopped);
    at = outgoing_.erase(at);
  }
  workers_->stop(std::move(idle));
}

}  // namespace raftkit::transport
