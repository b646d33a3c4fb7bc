#include "testing/sim_transport.hpp"

#include <array>
#include <utility>

#include "testing/check.hpp"

namespace raftkit::testing {

namespace {

Error gone() {
  return {Errc::peer_unreachable, "the connection broke"};
}

std::vector<std::byte> bytes_of(wire::WriteBatch& batch) {
  std::vector<std::byte> bytes;
  std::size_t size = 0;
  for (const auto piece : batch.buffers())
    size += piece.size();
  bytes.reserve(size);
  for (const auto piece : batch.buffers())
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

}  // namespace

SimTransport::SimTransport(const Surroundings& around,
                           SimProcess& process,
                           TransportHandler& handler,
                           LocalIdentity identity)
    : network_(around.network),
      directory_(around.directory),
      random_(around.random),
      marks_(around.marks),
      link_options_{.max_bulk_bytes = around.max_queued_bytes},
      process_(process),
      handler_(handler),
      identity_(std::move(identity)),
      is_listening_(around.is_listening),
      decoder_(kMaxMessageBytes) {
  if (is_listening_) directory_[identity_.node] = this;
  next_tick_ = process_.now();
  tick();
}

SimTransport::~SimTransport() {
  abandon_transfers();
  if (is_listening_) directory_.erase(identity_.node);
  for (auto& [id, peer] : peers_) {
    if (peer->stream != nullptr) network_.leave_sender(peer->stream, farewell_);
  }
  for (auto& [id, caller] : callers_)
    network_.leave_receiver(caller.stream, farewell_);
}

transport::TimePoint SimTransport::now() const {
  return transport::TimePoint(process_.now());
}

// --- calling

void SimTransport::set_peers(const std::vector<PeerAddress>& peers) {
  std::map<NodeId, const PeerAddress*> wanted;
  for (const PeerAddress& address : peers) {
    if (address.node != identity_.node) wanted.emplace(address.node, &address);
  }
  for (auto& [id, peer] : peers_) {
    if (wanted.contains(id)) continue;
    peer->link.remove(now());
    let_go(id);
  }
  for (const auto& [id, address] : wanted) {
    if (const auto caller = callers_.find(id); caller != callers_.end())
      caller->second.leaves_at.reset();
    const auto known = peers_.find(id);
    if (known != peers_.end() && !known->second->link.is_done()) {
      known->second->link.set_address(*address, now());
    } else {
      if (known != peers_.end()) hang_up(*known->second);
      peers_[id] = std::make_unique<Peer>(
          transport::PeerLink(*address, link_options_, random_.next(), now()));
    }
  }
  // Not from inside this call: what follows is told to the handler.
  process_.post(SimTime(0), [this] {
    std::vector<NodeId> all;
    for (const auto& [id, peer] : peers_)
      all.push_back(id);
    for (const NodeId id : all) {
      pump(id);
      drive(id);
    }
  });
}

void SimTransport::drive(NodeId to) {
  const auto found = peers_.find(to);
  if (found == peers_.end()) return;
  Peer& peer = *found->second;
  for (bool is_busy = true; is_busy;) {
    const auto action = peer.link.poll(now());
    if (std::holds_alternative<transport::PeerLink::Dial>(action)) {
      call(to);
    } else if (std::holds_alternative<transport::PeerLink::HangUp>(action)) {
      hang_up(peer);
    } else {
      is_busy = false;
    }
  }
  for (PeerReport& report : peer.link.take_reports())
    handler_.on_peer(std::move(report));
  if (peer.link.is_done()) {
    peers_.erase(to);
    return;
  }
  const auto deadline = peer.link.deadline();
  if (!deadline || (peer.armed && *peer.armed <= deadline->time_since_epoch())) return;
  peer.armed = deadline->time_since_epoch();
  process_.post(std::max(SimTime(0), *peer.armed - process_.now()), [this, to, when = *peer.armed] {
    const auto still = peers_.find(to);
    if (still != peers_.end() && still->second->armed == when) still->second->armed.reset();
    drive(to);
  });
}

void SimTransport::call(NodeId to) {
  Peer& peer = *peers_.at(to);
  const std::uint64_t attempt = peer.attempt = ++attempts_;
  peer.nonce = random_.next();
  const transport::Hello hello = transport::make_hello(
      identity_, to, transport::StreamKind::messages, handler_.knows_up_to(), peer.nonce);
  // Whoever is called answers in its own process; a machine that is cut off does not answer.
  process_.post(network_.delay(identity_.node, to), [this, to, attempt, hello] {
    if (network_.is_cut(identity_.node, to) || network_.is_cut(to, identity_.node)) return;
    if (!network_.has_power(to)) return;
    const SimTime back = network_.delay(to, identity_.node);
    const auto called = directory_.find(to);
    if (called == directory_.end()) {
      process_.post(back, [this, to, attempt] {
        const auto still = peers_.find(to);
        if (still == peers_.end() || still->second->attempt != attempt) return;
        fail(to, PeerState::refused, Error(Errc::peer_unreachable, "nobody listens"));
      });
      return;
    }
    SimTransport& other = *called->second;
    other.process_.run([this, home = process_.door(), &other, to, attempt, hello, back] {
      auto answer = other.welcome(hello);
      home.post(back, [this, to, attempt, answer = std::move(answer)]() mutable {
        answered(to, attempt, std::move(answer));
      });
    });
  });
}

void SimTransport::answered(NodeId to, std::uint64_t attempt, Result<Welcomed> answer) {
  const auto found = peers_.find(to);
  const bool is_stale = found == peers_.end() || found->second->attempt != attempt;
  if (is_stale || network_.is_cut(to, identity_.node)) {
    if (answer) network_.leave_sender(answer->stream, SimNetwork::Farewell::close);
    return;
  }
  Peer& peer = *found->second;
  peer.link.opened(now());
  if (!answer) return fail(to, PeerState::rejected, answer.error(), PeerReport::By::peer);
  if (auto admitted = handler_.admit(answer->welcome.introduction()); !admitted) {
    network_.leave_sender(answer->stream, SimNetwork::Farewell::close);
    return fail(to, PeerState::rejected, admitted.error());
  }
  peer.stream = answer->stream;
  peer.seed = wire::ConnectionSeed::from_nonces(peer.nonce, answer->welcome.nonce);
  peer.writer.emplace(peer.seed, kMaxMessageBytes);
  peer.last_progress = process_.now();
  peer.stream->on_taken = [this, to, stream = std::weak_ptr(peer.stream)] {
    process_.run([this, to, stream] {
      const auto still = peers_.find(to);
      const SimStreamPtr mine = stream.lock();
      if (mine == nullptr || still == peers_.end() || still->second->stream != mine) return;
      pump(to);
      drive(to);
    });
  };
  peer.stream->on_receiver_gone = [this, to, stream = std::weak_ptr(peer.stream)] {
    process_.run([this, to, stream] {
      const auto still = peers_.find(to);
      const SimStreamPtr mine = stream.lock();
      if (mine != nullptr && still != peers_.end() && still->second->stream == mine)
        fail(to, PeerState::disconnected, gone());
    });
  };
  peer.link.established(now());
  drive(to);
}

void SimTransport::send(std::span<Envelope> envelopes) {
  std::vector<NodeId> touched;
  for (Envelope& envelope : envelopes) {
    const auto peer = peers_.find(envelope.to);
    if (peer == peers_.end()) continue;
    touched.push_back(envelope.to);
    send(*peer->second, std::move(envelope));
  }
  for (const NodeId to : touched) {
    pump(to);
    const auto peer = peers_.find(to);
    if (peer == peers_.end()) continue;
    for (PeerReport& report : peer->second->link.take_reports()) {
      process_.post(SimTime(0), [this, report = std::move(report)]() mutable {
        handler_.on_peer(std::move(report));
      });
    }
  }
}

bool SimTransport::announce_too_much(NodeId to, std::uint32_t choice) {
  const auto found = peers_.find(to);
  if (found == peers_.end() || found->second->stream == nullptr) return false;
  Peer& peer = *found->second;
  wire::WriteBatch ping;
  peer.writer->write_ping(ping);
  const std::vector<std::byte> bytes = bytes_of(ping);
  auto header = wire::decode_frame_header(bytes, peer.seed, kMaxMessageBytes);
  require(header.has_value(), "frames: a ping is none");
  constexpr std::array kAnnounced = {std::uint32_t{kMaxMessageBytes} + 1, ~std::uint32_t{0}};
  header->kind = choice / 2 % 2 == 0 ? wire::FrameKind::bulk : wire::FrameKind::control;
  header->body_bytes = wire::kMaxFrameBodyBytes;
  header->head_bytes = 100;
  header->message_bytes = kAnnounced.at(choice % kAnnounced.size());
  const wire::FrameHeaderBytes lie = encode(*header, peer.seed);
  network_.send(peer.stream, {lie.begin(), lie.end()}, SimOrigin::liar);
  return true;
}

void SimTransport::send(Peer& peer, Envelope envelope) {
  const MessageClass kind = message_class(envelope.message);
  const std::size_t limit =
      kind == MessageClass::bulk ? link_options_.max_bulk_bytes : link_options_.max_control_bytes;
  peer.link.send(std::move(envelope));
  // One message always fits.
  require(peer.link.queued_bytes(kind) <= limit || peer.link.queued_messages(kind) == 1,
          "bounded memory: ",
          peer.link.queued_bytes(kind),
          " bytes are queued for ",
          peer.link.address().node);
}

void SimTransport::pump(NodeId to) {
  const auto found = peers_.find(to);
  if (found == peers_.end() || found->second->stream == nullptr) return;
  Peer& peer = *found->second;
  settle(peer);
  wire::WriteBatch batch;
  while (peer.stream->in_flight < kWindowBytes) {
    batch.clear();
    transport::gather(batch, *peer.writer, peer);
    if (batch.empty()) return peer.link.drained();
    network_.send(peer.stream, bytes_of(batch));
    peer.last_progress = process_.now();
  }
  marks_.hit("connection: as much is on its way as may be");
  if (!peer.stream->awaits_taken) network_.await_taken(peer.stream);
}

void SimTransport::settle(Peer& peer) {
  network_.settle(*peer.stream);
  peer.last_progress = std::max(peer.last_progress, peer.stream->last_taken);
}

void SimTransport::fail(NodeId to, PeerState why, const Error& error, PeerReport::By by) {
  Peer& peer = *peers_.at(to);
  hang_up(peer);
  peer.link.failed(why, error, now(), by);
  drive(to);
}

void SimTransport::hang_up(Peer& peer) {
  peer.attempt = 0;
  peer.writer.reset();
  if (const SimStreamPtr stream = std::exchange(peer.stream, nullptr))
    network_.leave_sender(stream, SimNetwork::Farewell::close);
}

// --- being called

Result<SimTransport::Welcomed> SimTransport::welcome(const transport::Hello& hello) {
  const auto version = transport::check(hello, identity_);
  if (!version) return version.error();
  if (auto admitted = handler_.admit(hello.introduction()); !admitted)
    return std::move(admitted).error();
  const transport::Welcome answer{
      identity_.cluster, identity_.node, identity_.store, *version, random_.next()};
  drop_caller(hello.from);  // nothing sent there may come after what is sent here
  Caller caller{network_.open(hello.from, identity_.node),
                hello.store,
                wire::FrameParser(transport::seed_of(hello, answer), kMaxMessageBytes),
                process_.now()};
  caller.stream->on_bytes = [this, from = hello.from, weak = std::weak_ptr(caller.stream)](
                                std::vector<std::byte> bytes, SimOrigin origin) {
    process_.run([this, from, weak, origin, bytes = std::move(bytes)]() mutable {
      const auto still = callers_.find(from);
      if (still != callers_.end() && still->second.stream == weak.lock())
        arrived(from, std::move(bytes), origin);
    });
  };
  caller.stream->on_sender_gone = [this, from = hello.from, weak = std::weak_ptr(caller.stream)] {
    process_.run([this, from, weak] {
      const auto still = callers_.find(from);
      if (still != callers_.end() && still->second.stream == weak.lock()) drop_caller(from);
    });
  };
  Welcomed welcomed{answer, caller.stream};
  callers_.insert_or_assign(hello.from, std::move(caller));
  const auto peer = peers_.find(hello.from);
  if (peer == peers_.end() || peer->second->link.is_removed()) let_go(hello.from);
  if (peer != peers_.end()) {
    peer->second->link.nudge(now());
    drive(hello.from);
  }
  return welcomed;
}

/// It would believe to be connected with a node that cannot answer.
void SimTransport::let_go(NodeId from) {
  const auto caller = callers_.find(from);
  if (caller == callers_.end()) return;
  caller->second.leaves_at = process_.now() + link_options_.linger;
}

void SimTransport::arrived(NodeId from, std::vector<std::byte> bytes, SimOrigin origin) {
  if (origin == SimOrigin::sender) network_.taken(callers_.at(from).stream, bytes.size());
  const Result<void> outcome = receive(from, std::move(bytes));
  if (outcome && origin == SimOrigin::sender) return;
  require(!outcome,
          "frames: node ",
          identity_.node,
          origin == SimOrigin::liar ? " waits for a message over the limit, from "
                                    : " takes what did not come now and here, from ",
          from);
  require(origin != SimOrigin::liar || outcome.error() == Errc::message_too_large,
          "frames: node ",
          identity_.node,
          " does not see that a message is over the limit: ",
          outcome.error().message());
  switch (origin) {
    case SimOrigin::sender:
      marks_.hit("connection: corrupted bytes noticed");
      break;
    case SimOrigin::repeated:
      marks_.hit("connection: repeated frame refused");
      break;
    case SimOrigin::earlier:
      marks_.hit("connection: frame of an earlier one refused");
      break;
    case SimOrigin::liar:
      marks_.hit("connection: message over the limit refused");
      break;
  }
  drop_caller(from);
}

Result<void> SimTransport::receive(NodeId from, std::vector<std::byte> bytes) {
  const SimStreamPtr stream = callers_.at(from).stream;
  std::span<const std::byte> left = bytes;
  while (!left.empty()) {
    Caller& caller = callers_.at(from);
    caller.last_received = process_.now();
    for (const auto room : caller.parser.prepare()) {
      const auto part = left.first(std::min(left.size(), room.size()));
      std::copy(part.begin(), part.end(), room.begin());
      caller.parser.commit(part.size());
      left = left.subspan(part.size());
    }
    while (true) {
      auto received = callers_.at(from).parser.next();
      if (!received) return std::move(received).error();
      if (!*received) break;
      auto envelope = decoder_.decode(**received);
      if (!envelope) return std::move(envelope).error();
      if (envelope->from != from || envelope->to != identity_.node) return Errc::member_mismatch;
      handler_.on_message(*std::move(envelope), caller.store);
      const auto still = callers_.find(from);
      if (still == callers_.end() || still->second.stream != stream) return {};
    }
  }
  return {};
}

void SimTransport::drop_caller(NodeId from) {
  const auto found = callers_.find(from);
  if (found == callers_.end()) return;
  network_.leave_receiver(found->second.stream, SimNetwork::Farewell::close);
  callers_.erase(found);
}

// --- silence

void SimTransport::tick() {
  // Whoever was stopped himself has not listened: that says nothing about the others.
  const bool is_late = process_.now() - next_tick_ >= kIdleTimeout / 2;
  std::vector<NodeId> silent;
  std::vector<NodeId> leaving;
  for (auto& [id, caller] : callers_) {
    if (is_late) caller.last_received = process_.now();
    if (caller.leaves_at && process_.now() >= *caller.leaves_at) {
      leaving.push_back(id);
    } else if (process_.now() - caller.last_received >= kIdleTimeout) {
      silent.push_back(id);
    }
  }
  marks_.hit_if(!silent.empty(), "connection: silent caller given up");
  marks_.hit_if(!leaving.empty(), "connection: caller that is no peer hung up on");
  for (const auto& ended : {silent, leaving}) {
    for (const NodeId id : ended)
      drop_caller(id);
  }
  std::vector<NodeId> stalled;
  for (auto& [id, peer] : peers_) {
    if (peer->stream == nullptr) continue;
    settle(*peer);
    if (is_late) peer->last_progress = process_.now();
    keep_alive(*peer);
    if (peer->stream->in_flight > 0 && process_.now() - peer->last_progress >= kIdleTimeout)
      stalled.push_back(id);
  }
  marks_.hit_if(!stalled.empty(), "connection: nothing is taken any more");
  for (const NodeId id : stalled)
    fail(id, PeerState::disconnected, Error(Errc::timed_out, "nothing is taken any more"));
  next_tick_ = process_.now() + kIdleTimeout / 4;
  process_.post(kIdleTimeout / 4, [this] { tick(); });
}

void SimTransport::keep_alive(Peer& peer) {
  if (peer.stream->in_flight > 0 || process_.now() - peer.last_progress < kIdleTimeout / 8) return;
  wire::WriteBatch batch;
  peer.writer->write_ping(batch);
  network_.send(peer.stream, bytes_of(batch));
  peer.last_progress = process_.now();
}

}  // namespace raftkit::testing
