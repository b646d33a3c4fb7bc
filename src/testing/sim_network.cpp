#include "testing/sim_network.hpp"

#include <algorithm>

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
  bit_of_next_record_.reset();
  for (auto& [path, sent] : sent_)
    sent.is_awaited = false;
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

bool SimNetwork::replay(NodeId from, NodeId to, std::uint32_t choice) {
  const auto is_whole = [&](const std::weak_ptr<SimStream>& weak) {
    const SimStreamPtr stream = weak.lock();
    return stream != nullptr && stream->from == from && stream->to == to && stream->has_sender &&
           stream->has_receiver;
  };
  const auto open = std::find_if(streams_.begin(), streams_.end(), is_whole);
  Sent& sent = sent_[{from, to}];
  if (open == streams_.end() || sent.present.empty()) return false;
  if (choice % 4 == 0) {
    sent.is_awaited = true;
    reset(from, to);
    return true;
  }
  const bool is_earlier = choice % 4 == 1 && !sent.earlier.empty();
  const auto& known = is_earlier ? sent.earlier : sent.present;
  send(open->lock(),
       known[choice / 4 % known.size()],
       is_earlier ? SimOrigin::earlier : SimOrigin::repeated);
  return true;
}

void SimNetwork::remember(const SimStream& stream, const std::vector<std::byte>& bytes) {
  constexpr std::size_t kMost = 8;
  constexpr std::size_t kMostBytes = 4096;  // large ones are as good and cost more
  if (bytes.size() > kMostBytes) return;
  auto& present = sent_[{stream.from, stream.to}].present;
  if (present.size() == kMost) present.erase(present.begin() + 1);
  present.push_back(bytes);
}

SimStreamPtr SimNetwork::open(NodeId from, NodeId to) {
  std::erase_if(streams_, [](const auto& weak) { return weak.expired(); });
  auto stream = std::make_shared<SimStream>();
  stream->from = from;
  stream->to = to;
  streams_.push_back(stream);
  Sent& sent = sent_[{from, to}];
  if (!sent.present.empty()) sent.earlier = std::exchange(sent.present, {});
  if (std::exchange(sent.is_awaited, false)) send(stream, sent.earlier.front(), SimOrigin::earlier);
  return stream;
}

void SimNetwork::send(const SimStreamPtr& stream, std::vector<std::byte> bytes, SimOrigin origin) {
  if (origin == SimOrigin::sender) {
    if (keeps_sent_) remember(*stream, bytes);
    stream->in_flight += bytes.size();
  }
  stream->on_the_way.push_back({std::move(bytes), origin});
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
  auto [bytes, origin] = std::move(stream->on_the_way.front());
  stream->on_the_way.pop_front();
  const auto path = paths_.find({stream->from, stream->to});
  if (origin == SimOrigin::sender && path != paths_.end() &&
      std::exchange(path->second.is_corrupting, false)) {
    std::byte& victim = bytes[random_.below(static_cast<std::uint32_t>(bytes.size()))];
    victim ^= std::byte{1} << random_.below(8);
  }
  if (stream->on_bytes) stream->on_bytes(std::move(bytes), origin);
}

bool SimNetwork::garble_next_record(std::uint32_t choice) {
  if (bit_of_next_record_ || clock_.now() < next_garbling_) return false;
  bit_of_next_record_ = choice;
  return true;
}

void SimNetwork::take_record(std::span<std::byte> record) {
  const auto choice = std::exchange(bit_of_next_record_, std::nullopt);
  if (!choice) return;
  record[*choice / 8 % record.size()] ^= std::byte{1} << *choice % 8;
  next_garbling_ = clock_.now() + seconds(10);
}

void SimNetwork::taken(const SimStreamPtr& stream, std::size_t bytes) {
  const SimTime when = clock_.now() + delay(stream->to, stream->from);
  stream->taken.push_back({when, bytes});
  if (stream->awaits_taken) plan_wake(stream, when);
}

void SimNetwork::settle(SimStream& stream) const {
  std::erase_if(stream.taken, [&](const SimStream::Taken& part) {
    if (part.when > clock_.now()) return false;
    stream.in_flight -= std::min(part.bytes, stream.in_flight);
    stream.last_taken = std::max(stream.last_taken, part.when);
    return true;
  });
}

void SimNetwork::await_taken(const SimStreamPtr& stream) {
  stream->awaits_taken = true;
  for (const SimStream::Taken& part : stream->taken)
    plan_wake(stream, part.when);
}

void SimNetwork::plan_wake(const SimStreamPtr& stream, SimTime when) {
  if (stream->wakes_at && *stream->wakes_at <= when) return;
  stream->wakes_at = when;
  clock_.after(when - clock_.now(), [stream, when] {
    if (stream->wakes_at != when) return;  // there was an earlier time
    stream->wakes_at.reset();
    stream->awaits_taken = false;
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
