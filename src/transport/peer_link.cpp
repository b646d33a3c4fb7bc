#include "transport/peer_link.hpp"

#include <algorithm>
#include <utility>

#include "wire/codec.hpp"

namespace raftkit::transport {

PeerLink::PeerLink(PeerAddress address,
                   const PeerLinkOptions& options,
                   std::uint64_t seed,
                   TimePoint now)
    : options_(options), random_(seed), address_(std::move(address)), state_(Waiting{now}) {}

PeerLink::Action PeerLink::poll(TimePoint now) {
  if (std::exchange(hang_up_, false)) return HangUp{};
  if (const auto* waiting = std::get_if<Waiting>(&state_)) {
    if (now < waiting->until || address_.peer_urls.empty()) return {};
    if (!last_report_) report(PeerState::connecting);
    state_ = Dialing{now + options_.dial_timeout};
    return Dial{url()};
  }
  const auto* dialing = std::get_if<Dialing>(&state_);
  const auto* shaking_hands = std::get_if<ShakingHands>(&state_);
  if ((dialing != nullptr && now >= dialing->deadline) ||
      (shaking_hands != nullptr && now >= shaking_hands->deadline)) {
    failed(PeerState::disconnected, Error(Errc::timed_out, url() + ": no answer in time"), now);
    return HangUp{};
  }
  const auto* draining = std::get_if<Draining>(&state_);
  if (draining != nullptr && now >= draining->until) {
    drop_queued();
    state_ = Done{};
    return HangUp{};
  }
  return {};
}

std::optional<TimePoint> PeerLink::deadline() const {
  if (const auto* waiting = std::get_if<Waiting>(&state_)) {
    if (address_.peer_urls.empty()) return std::nullopt;
    return waiting->until;
  }
  if (const auto* dialing = std::get_if<Dialing>(&state_)) return dialing->deadline;
  if (const auto* shaking = std::get_if<ShakingHands>(&state_)) return shaking->deadline;
  if (const auto* draining = std::get_if<Draining>(&state_)) return draining->until;
  return std::nullopt;
}

std::vector<PeerReport> PeerLink::take_reports() {
  return std::exchange(reports_, {});
}

void PeerLink::opened(TimePoint now) {
  if (std::holds_alternative<Dialing>(state_)) state_ = ShakingHands{now + options_.dial_timeout};
}

void PeerLink::established(TimePoint now) {
  if (!std::holds_alternative<Dialing>(state_) && !std::holds_alternative<ShakingHands>(state_))
    return;
  state_ = Established{now};
  report(PeerState::connected);
}

void PeerLink::failed(PeerState why, Error error, TimePoint now, PeerReport::By by) {
  if (is_done() || std::holds_alternative<Waiting>(state_)) return;
  drop_queued();
  if (is_removed()) {
    state_ = Done{};
    return;
  }
  const auto* established = std::get_if<Established>(&state_);
  const bool was_stable =
      established != nullptr && now - established->since >= options_.stable_after;
  if (established == nullptr) url_ = (url_ + 1) % address_.peer_urls.size();
  report(why, std::move(error), by);
  wait_before_next_attempt(was_stable, now);
}

void PeerLink::nudge(TimePoint now) {
  if (auto* waiting = std::get_if<Waiting>(&state_)) waiting->until = std::min(waiting->until, now);
}

void PeerLink::drained() {
  if (!std::holds_alternative<Draining>(state_) || queued_bytes() != 0) return;
  state_ = Done{};
  hang_up_ = true;
}

void PeerLink::refused_message(Error error) {
  report_dropping(std::move(error));
}

void PeerLink::set_address(PeerAddress address, TimePoint now) {
  if (is_done()) return;
  const bool was_removed = is_removed();
  if (was_removed) {
    // The node has been told nothing since the removal: it hears anew that this is connected.
    state_ = Established{now};
    last_report_.reset();
    report(PeerState::connected);
  }
  if (address.peer_urls == address_.peer_urls) return;
  const bool waiting = std::holds_alternative<Waiting>(state_);
  const std::string current = address_.peer_urls.empty() ? std::string() : url();
  address_ = std::move(address);
  const auto at = std::find(address_.peer_urls.begin(), address_.peer_urls.end(), current);
  const bool still_valid = at != address_.peer_urls.end();
  url_ = still_valid ? static_cast<std::size_t>(at - address_.peer_urls.begin()) : 0;
  failures_ = 0;
  if (waiting) {
    state_ = Waiting{now};
  } else if (!still_valid) {
    drop_queued();
    if (is_established())
      report(PeerState::disconnected, Error(Errc::peer_unreachable, "the peer's address changed"));
    state_ = Waiting{now};
    hang_up_ = true;
  }
}

void PeerLink::remove(TimePoint now) {
  if (is_removed()) return;
  const bool something_to_close = !std::holds_alternative<Waiting>(state_);
  if (std::holds_alternative<Established>(state_)) {
    state_ = Draining{now + options_.linger};
  } else {
    state_ = Done{};
    hang_up_ = something_to_close;
  }
  reports_.clear();
}

void PeerLink::send(Envelope envelope) {
  if (!std::holds_alternative<Established>(state_)) return;
  const MessageClass kind = message_class(envelope.message);
  const std::size_t limit =
      kind == MessageClass::control ? options_.max_control_bytes : options_.max_bulk_bytes;
  Queue& target = queue(kind);
  const std::size_t size = wire::size_bytes(envelope);
  if (!target.messages.empty() && target.bytes + size > limit) {
    report_dropping(Error(Errc::overloaded,
                          std::to_string(target.bytes) + " bytes wait to be sent to " + url()));
    return;
  }
  target.bytes += size;
  target.messages.push_back({std::move(envelope), size});
}

std::optional<Envelope> PeerLink::next(MessageClass message_class) {
  Queue& source = queue(message_class);
  if (source.messages.empty()) return std::nullopt;
  Envelope envelope = std::move(source.messages.front().envelope);
  source.bytes -= source.messages.front().bytes;
  source.messages.pop_front();
  const bool half_empty = queue(MessageClass::bulk).bytes <= options_.max_bulk_bytes / 2 &&
                          queue(MessageClass::control).bytes <= options_.max_control_bytes / 2;
  if (half_empty) dropping_ = false;
  return envelope;
}

void PeerLink::drop_queued() {
  queues_ = {};
  dropping_ = false;
}

void PeerLink::wait_before_next_attempt(bool was_stable, TimePoint now) {
  failures_ = was_stable ? 0 : failures_ + 1;
  // All URLs are tried before waiting longer; the first attempt after a good connection is made at
  // once, because it tells whether the peer is dead or only the connection is.
  const std::size_t rounds = failures_ / address_.peer_urls.size();
  const bool mid_round = failures_ % address_.peer_urls.size() != 0;
  if (rounds == 0 || mid_round) {
    state_ = Waiting{now + (failures_ == 0 ? Milliseconds{0} : Milliseconds{1})};
    return;
  }
  const auto doublings = std::min<std::size_t>(rounds - 1, 20);
  const auto delay = std::min(options_.backoff_max, options_.backoff_min * (1 << doublings));
  state_ = Waiting{now + jittered(delay)};
}

Milliseconds PeerLink::jittered(Milliseconds delay) {
  const auto half = static_cast<std::uint64_t>(delay.count()) / 2;
  const auto extra = random_.next() % (half + 1);
  return Milliseconds{delay.count() - static_cast<Milliseconds::rep>(extra)};
}

void PeerLink::report(PeerState state, Error error, PeerReport::By by) {
  const std::tuple news(state, error.code(), by);
  if (last_report_ == news) return;
  last_report_ = news;
  reports_.push_back({address_.node, state, std::move(error), by});
}

void PeerLink::report_dropping(Error error) {
  if (std::exchange(dropping_, true)) return;
  reports_.push_back({address_.node, PeerState::dropping, std::move(error)});
}

}  // namespace raftkit::transport
