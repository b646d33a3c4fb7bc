#include "transport/loopback_node.hpp"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <system_error>

#include "wire/codec.hpp"

namespace raftkit::transport {

namespace {

constexpr std::size_t kBatchBytes = 256 * 1024;

PeerLinkOptions link_options(const LoopbackOptions& options) {
  PeerLinkOptions link;
  link.max_bulk_bytes = options.max_queue_bytes;
  link.max_control_bytes = options.max_control_queue_bytes;
  link.backoff_min = options.backoff_min;
  link.backoff_max = options.backoff_max;
  link.dial_timeout = Milliseconds{500};
  return link;
}

/// Two ends of one connection.
Result<std::pair<SnapshotConnection, SnapshotConnection>> socket_pair(
    const LoopbackAnswer& answer) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return Error(Errc::peer_unreachable, std::system_category().message(errno));
  const auto seed = seed_of(answer.hello, answer.welcome);
  const auto end = [&](int descriptor, StoreId other) {
    return SnapshotConnection{
        std::make_shared<BlockingSocket>(descriptor, std::vector<std::byte>()),
        seed,
        other,
        nullptr};
  };
  return std::pair(end(ends[0], answer.welcome.store), end(ends[1], answer.hello.store));
}

/// Our end of a connection for a snapshot to whoever gave the answer, who gets the other end.
Result<SnapshotConnection> connect_to(LoopbackHub& hub, const LoopbackAnswer& answer) {
  auto pair = socket_pair(answer);
  if (!pair) return std::move(pair).error();
  auto& [here, there] = *pair;
  const auto wire = std::make_shared<LoopbackWire>([socket = there.socket] { socket->cancel(); });
  there.keep = wire;
  const NodeId from = answer.hello.from;
  if (!hub.connect(from, answer.hello.to, wire)) return Error(Errc::peer_unreachable, "cut off");
  hub.post(answer.by, [target = answer.by, from, there = there] {
    if (const auto node = target.lock()) node->receive_snapshot(from, there);
  });
  return here;
}

/// Carries an answer back to whoever asked; says that nobody is there if it is dropped unanswered.
class Question {
 public:
  Question(std::shared_ptr<LoopbackHub> hub, LoopbackHub::NodeRef caller, OnGreeted answered)
      : hub_(std::move(hub)), caller_(std::move(caller)), answered_(std::move(answered)) {}
  ~Question() { refuse(Error(Errc::peer_unreachable, "nobody is there"), PeerReport::By::us); }
  Question(const Question&) = delete;
  Question& operator=(const Question&) = delete;

  void answer(LoopbackAnswer answer) { pass_on(std::move(answer), PeerReport::By::us); }
  void refuse(Error why, PeerReport::By by) { pass_on(std::move(why), by); }

 private:
  void pass_on(Result<LoopbackAnswer> answer, PeerReport::By by) {
    if (!answered_) return;
    hub_->post(caller_,
               [caller = caller_,
                answered = std::exchange(answered_, nullptr),
                answer = std::move(answer),
                by] {
                 const auto node = caller.lock();
                 if (node != nullptr) arrive(*node, answered, answer, by);
               });
  }

  static void arrive(const LoopbackNode& node,
                     const OnGreeted& answered,
                     const Result<LoopbackAnswer>& answer,
                     PeerReport::By by) {
    TransportHandler* handler = node.context()->handler;
    if (handler == nullptr) return;
    if (answer) {
      if (auto admitted = handler->admit(answer->welcome.introduction()); !admitted)
        return answered(std::move(admitted).error(), PeerReport::By::us);
    }
    answered(answer, by);
  }

  std::shared_ptr<LoopbackHub> hub_;
  LoopbackHub::NodeRef caller_;
  OnGreeted answered_;
};

}  // namespace

Result<Welcome> LoopbackNode::answer(const Hello& hello) {
  if (context_->handler == nullptr || peers == nullptr) return Errc::peer_unreachable;
  auto welcome = admit(hello);
  if (!welcome) report(context_, {hello.from, PeerState::rejected, welcome.error()});
  if (welcome && hello.kind == StreamKind::messages) {
    no_peers_since_.erase(hello.from);
    peers->nudge(hello.from);
  }
  return welcome;
}

Result<Welcome> LoopbackNode::admit(const Hello& hello) {
  const auto version = check(hello, context_->identity);
  if (!version) return version.error();
  if (auto admitted = context_->handler->admit(hello.introduction()); !admitted)
    return std::move(admitted).error();
  return Welcome{context_->identity.cluster,
                 context_->identity.node,
                 context_->identity.store,
                 *version,
                 hello.nonce};
}

void LoopbackNode::deliver(LoopbackWire& wire,
                           const Sender& from,
                           std::vector<Envelope> envelopes) {
  for (Envelope& envelope : envelopes) {
    if (!wire.is_open() || context_->handler == nullptr) return;
    if (envelope.from != from.node || envelope.to != context_->identity.node)
      return wire.break_off();
    context_->handler->on_message(std::move(envelope), from.store);
  }
  // It would believe to be connected with a node that cannot answer.
  if (is_no_peer_any_more(from.node)) wire.break_off();
}

bool LoopbackNode::is_no_peer_any_more(NodeId node) {
  const bool is_peer = peers == nullptr || peers->find(node) != nullptr;
  if (is_peer) {
    no_peers_since_.erase(node);
    return false;
  }
  const TimePoint now = Clock::now();
  const TimePoint since = no_peers_since_.try_emplace(node, now).first->second;
  if (now - since < PeerLinkOptions{}.linger) return false;
  no_peers_since_.erase(node);
  return true;
}

void LoopbackNode::receive_snapshot(NodeId from, SnapshotConnection connection) {
  if (transfers != nullptr) transfers->receive(from, std::move(connection));
}

void greet(const LoopbackNodePtr& caller, NodeId to, StreamKind kind, OnGreeted answered) {
  const LocalIdentity& self = caller->context()->identity;
  const TransportHandler* handler = caller->context()->handler;
  const Index known = handler == nullptr ? Index{} : handler->knows_up_to();
  const Hello hello = make_hello(self, to, kind, known, 0);
  const auto& hub = caller->hub();
  const auto question = std::make_shared<Question>(hub, caller, std::move(answered));
  const auto target = hub->find(to);
  if (hub->is_cut(self.node, to))
    return question->refuse(Error(Errc::timed_out, to_string(to) + " is cut off"),
                            PeerReport::By::us);
  hub->post(target, [target, hello, question] {
    const auto node = target.lock();
    if (node == nullptr) return;
    auto welcome = node->answer(hello);
    if (!welcome) return question->refuse(std::move(welcome).error(), PeerReport::By::peer);
    question->answer(LoopbackAnswer{hello, *welcome, target});
  });
}

LoopbackPeer::LoopbackPeer(LoopbackNodePtr node,
                           PeerAddress address,
                           const LoopbackOptions& options)
    : PeerDriver(node->context(),
                 {address.node, {std::string(kUrl)}},
                 link_options(options),
                 node->context()->identity.node.value ^ address.node.value),
      node_(std::move(node)) {}

template <class Action>
auto LoopbackPeer::later(Action action) {
  return [weak = weak_from_this(), attempt = attempt_, action](auto&&... arguments) {
    const auto self = std::static_pointer_cast<LoopbackPeer>(weak.lock());
    if (self == nullptr || self->attempt_ != attempt) return;
    action(*self, std::forward<decltype(arguments)>(arguments)...);
  };
}

void LoopbackPeer::call(const std::string&) {
  ++attempt_;
  greet(node_,
        link().address().node,
        StreamKind::messages,
        later([](LoopbackPeer& self, Result<LoopbackAnswer> answer, PeerReport::By by) {
          self.on_answer(std::move(answer), by);
        }));
}

void LoopbackPeer::on_answer(Result<LoopbackAnswer> answer, PeerReport::By by) {
  if (!answer) {
    const Error& why = answer.error();
    return fail(why == Errc::peer_unreachable ? PeerState::refused
                : why == Errc::timed_out      ? PeerState::disconnected
                                              : PeerState::rejected,
                why,
                by);
  }
  target_ = answer->by;
  auto on_broken = later([](LoopbackPeer& self) { self.on_broken(); });
  wire_ = std::make_shared<LoopbackWire>([hub = node_->hub(),
                                          here = LoopbackHub::NodeRef(node_),
                                          on_broken] { hub->post(here, on_broken); });
  if (!node_->hub()->connect(context()->identity.node, link().address().node, wire_)) {
    hang_up();
    return fail(PeerState::disconnected, Error(Errc::timed_out, "cut off"));
  }
  own_link().established(Clock::now());
  drive();
}

void LoopbackPeer::push() {
  if (wire_ == nullptr || delivering_) return;
  std::vector<Envelope> batch;
  std::size_t bytes = 0;
  for (const auto message_class : {MessageClass::control, MessageClass::bulk}) {
    while (bytes < kBatchBytes) {
      auto envelope = own_link().next(message_class);
      if (!envelope) break;
      bytes += wire::size_bytes(*envelope);
      batch.push_back(*std::move(envelope));
    }
  }
  if (batch.empty()) {
    if (!link().is_removed()) return;
    own_link().drained();
    return drive();
  }
  delivering_ = true;
  auto on_delivered = later([](LoopbackPeer& self) {
    self.delivering_ = false;
    self.flush();
  });
  node_->hub()->post(target_,
                     [hub = node_->hub(),
                      target = target_,
                      wire = wire_,
                      sender = LoopbackHub::NodeRef(node_),
                      from = Sender{context()->identity.node, context()->identity.store},
                      batch = std::move(batch),
                      on_delivered]() mutable {
                       const auto node = target.lock();
                       if (node == nullptr) return;
                       node->deliver(*wire, from, std::move(batch));
                       hub->post(sender, on_delivered);
                     });
}

void LoopbackPeer::on_broken() {
  hang_up();
  fail(PeerState::disconnected, Error(Errc::peer_unreachable, "the connection broke"));
}

void LoopbackPeer::hang_up() {
  ++attempt_;
  drop_wire();
}

void LoopbackPeer::drop_wire() {
  if (wire_ != nullptr) std::exchange(wire_, nullptr)->break_off();
  target_.reset();
  delivering_ = false;
}

void LoopbackSnapshotConnector::connect(NodeId peer, OnConnected on_connected) {
  attempts_->insert_or_assign(peer, std::move(on_connected));
  const std::weak_ptr weak = attempts_;
  greet(node_,
        peer,
        StreamKind::snapshot,
        [weak, peer, hub = node_->hub()](Result<LoopbackAnswer> answer, PeerReport::By) {
          const auto attempts = weak.lock();
          if (attempts == nullptr) return;
          const auto attempt = attempts->extract(peer);
          if (attempt.empty()) return;
          if (!answer) return attempt.mapped()(std::move(answer).error());
          attempt.mapped()(connect_to(*hub, *answer));
        });
}

}  // namespace raftkit::transport
