#include "transport/snapshot_transfers.hpp"

#include <exception>
#include <string>

namespace raftkit::transport {

namespace {

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
                    std::make_shared<Outgoing>(
                        Outgoing{std::move(envelope), std::move(source), std::move(done)}));
  connector_->connect(peer, [this, peer](Result<SnapshotConnection> connection) {
    on_connected(peer, std::move(connection));
  });
}

void SnapshotTransfers::on_connected(NodeId peer, Result<SnapshotConnection> connection) {
  if (!connection) return finish(peer, std::move(connection).error());
  const auto outgoing = outgoing_.at(peer);
  outgoing->connected = true;
  WorkerThreads::Work work;
  work.cancel = [socket = connection->socket] { socket->cancel(); };
  work.run = [this, peer, outgoing, connection = *connection, limits = limits_] {
    auto result = guarded([&] {
      return send_snapshot(*connection.socket,
                           connection.seed,
                           std::move(outgoing->envelope),
                           *outgoing->source,
                           limits);
    });
    outgoing->source.reset();
    return [this, peer, result = std::move(result)] { finish(peer, result); };
  };
  if (auto started = workers_->start(std::move(work)); !started) finish(peer, std::move(started));
}

void SnapshotTransfers::finish(NodeId peer, Result<void> result) {
  const auto node = outgoing_.extract(peer);
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
  const SnapshotRoute route{peer, context_->identity.node};
  WorkerThreads::Work work;
  work.cancel = [socket = connection.socket] { socket->cancel(); };
  work.run = [this, connection, route, handler = context_->handler, limits = limits_] {
    auto result = guarded([&] {
      return receive_snapshot(*connection.socket, connection.seed, route, *handler, limits);
    });
    return [this, peer = route.from, result = std::move(result)] { on_received(peer, result); };
  };
  if (workers_->start(std::move(work)))
    incoming_.emplace(peer, Incoming{connection.socket, connection.store, std::nullopt});
}

void SnapshotTransfers::on_received(NodeId peer, const Result<Envelope>& result) {
  auto next = std::move(incoming_.at(peer).next);
  const StoreId store = incoming_.at(peer).store;
  incoming_.erase(peer);
  if (!result) {
    context_->log->log(LogLevel::warn,
                       "snapshot_not_received",
                       "a snapshot could not be received",
                       {{"peer", to_string(peer)}, {"error", result.error().message()}});
  } else if (context_->handler != nullptr) {
    context_->handler->on_message(*result, store);
  }
  if (next) receive(peer, *std::move(next));
}

void SnapshotTransfers::stop(std::function<void()> idle) {
  is_stopping_ = true;
  for (auto at = outgoing_.begin(); at != outgoing_.end();) {
    if (at->second->connected) {
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
