#include "testing/sim_network.hpp"

namespace raftkit::testing {

bool SimNetwork::is_cut(NodeId from, NodeId to) const {
  const auto found = paths_.find({from, to});
  return found != paths_.end() && found->second.is_cut;
}

SimTime SimNetwork::delay(NodeId from, NodeId to) {
  const auto found = paths_.find({from, to});
  const SimTime extra = found == paths_.end() ? SimTime(0) : found->second.extra;
  SimTime time = between(random_, microseconds(100), milliseconds(1));
  if (extra > SimTime(0)) time += between(random_, SimTime(0), extra);
  return time;
}

void SimNetwork::heal(NodeId from, NodeId to) {
  paths_.erase({from, to});
  for (const auto& weak : streams_) {
    const SimStreamPtr stream = weak.lock();
    if (stream == nullptr || stream->from != from || stream->to != to) continue;
    for (auto stuck = std::exchange(stream->stuck, 0); stuck > 0; --stuck)
      plan_arrival(stream);
  }
}

void SimNetwork::heal_all() {
  while (!paths_.empty()) {
    const auto [from, to] = paths_.begin()->first;
    heal(from, to);
  }
}

void SimNetwork::heal(Fault fault) {
  std::vector<std::pair<NodeId, NodeId>> healed;
  for (const auto& [ends, path] : paths_) {
    if (path.fault == fault) healed.push_back(ends);
  }
  for (const auto& [from, to] : healed)
    heal(from, to);
}

void SimNetwork::set_power(NodeId node, bool on) {
  if (on) {
    powerless_.erase(node);
  } else {
    powerless_.insert(node);
  }
}

void SimNetwork::reset(NodeId left, NodeId right) {
  for (const auto& weak : streams_) {
    const SimStreamPtr stream = weak.lock();
    if (stream == nullptr) continue;
    const bool is_between = (stream->from == left && stream->to == right) ||
                            (stream->from == right && stream->to == left);
    if (!is_between) continue;
    if (stream->has_sender && stream->on_receiver_gone) stream->on_receiver_gone();
    if (stream->has_receiver && stream->on_sender_gone) stream->on_sender_gone();
  }
}

SimStreamPtr SimNetwork::open(NodeId from, NodeId to) {
  std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
  auto stream = std::make_shared<SimStream>();
  stream->from = from;
  stream->to = to;
  streams_.push_back(stream);
  return stream;
}

void SimNetwork::send(const SimStreamPtr& stream, std::vector<std::byte> bytes) {
  stream->in_flight += bytes.size();
  stream->on_the_way.push_back(std::move(bytes));
  plan_arrival(stream);
}

void SimNetwork::plan_arrival(const SimStreamPtr& stream) {
  stream->last_arrival =
      std::max(stream->last_arrival, clock_.now() + delay(stream->from, stream->to));
  clock_.after(stream->last_arrival - clock_.now(), [this, stream] { arrive(stream); });
}

void SimNetwork::arrive(const SimStreamPtr& stream) {
  // What a path loses TCP sends again: bytes come late or never, not out of order.
  if (is_cut(stream->from, stream->to)) {
    ++stream->stuck;
    return;
  }
  if (!stream->has_receiver) return tell_sender(stream);
  std::vector<std::byte> bytes = std::move(stream->on_the_way.front());
  stream->on_the_way.pop_front();
  const auto path = paths_.find({stream->from, stream->to});
  if (path != paths_.end() && std::exchange(path->second.is_corrupting, false)) {
    std::byte& victim = bytes[random_.below(static_cast<std::uint32_t>(bytes.size()))];
    victim ^= std::byte{1} << random_.below(8);
  }
  if (stream->on_bytes) stream->on_bytes(std::move(bytes));
}

void SimNetwork::taken(const SimStreamPtr& stream, std::size_t bytes) {
  clock_.after(delay(stream->to, stream->from), [stream, bytes] {
    stream->in_flight -= std::min(bytes, stream->in_flight);
    if (stream->has_sender && stream->on_taken) stream->on_taken();
  });
}

void SimNetwork::tell_sender(const SimStreamPtr& stream) {
  clock_.after(delay(stream->to, stream->from), [this, stream] {
    if (is_cut(stream->to, stream->from) || !stream->has_sender || !has_power(stream->to)) return;
    if (stream->on_receiver_gone) stream->on_receiver_gone();
  });
}

void SimNetwork::leave_sender(const SimStreamPtr& stream, Farewell farewell) {
  stream->has_sender = false;
  if (farewell == Farewell::silent) return;
  // After what was sent before.
  const SimTime when =
      std::max(stream->last_arrival, clock_.now() + delay(stream->from, stream->to));
  clock_.after(when - clock_.now(), [this, stream] {
    if (is_cut(stream->from, stream->to) || !stream->has_receiver) return;
    if (stream->on_sender_gone) stream->on_sender_gone();
  });
}

void SimNetwork::leave_receiver(const SimStreamPtr& stream, Farewell farewell) {
  stream->has_receiver = false;
  if (farewell == Farewell::close) tell_sender(stream);
}

}  // namespace raftkit::testing
