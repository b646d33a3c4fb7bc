#include "transport/peer_driver.hpp"

namespace raftkit::transport {

PeerDriver::PeerDriver(ContextPtr context,
                       PeerAddress address,
                       const PeerLinkOptions& options,
                       std::uint64_t seed)
    : context_(std::move(context)),
      link_(std::move(address), options, seed, Clock::now()),
      timer_(context_->executor) {}

void PeerDriver::flush() {
  push();
  publish();
}

void PeerDriver::set_address(PeerAddress address) {
  link_.set_address(std::move(address), Clock::now());
  drive();
}

void PeerDriver::remove() {
  link_.remove(Clock::now());
  push();
  drive();
}

void PeerDriver::nudge() {
  link_.nudge(Clock::now());
  drive();
}

void PeerDriver::close() {
  hang_up();
  boost::system::error_code ignored;
  timer_.cancel(ignored);
}

void PeerDriver::fail(PeerState why, const Error& error, PeerReport::By by) {
  link_.failed(why, error, Clock::now(), by);
  drive();
}

void PeerDriver::drive() {
  while (true) {
    const PeerLink::Action action = link_.poll(Clock::now());
    if (const auto* dial = std::get_if<PeerLink::Dial>(&action)) {
      call(dial->url);
    } else if (std::holds_alternative<PeerLink::HangUp>(action)) {
      hang_up();
    } else {
      break;
    }
  }
  publish();
  arm();
}

void PeerDriver::publish() {
  for (auto& news : link_.take_reports())
    report(context_, std::move(news));
}

void PeerDriver::arm() {
  const auto deadline = link_.deadline();
  if (!deadline) {
    boost::system::error_code ignored;
    timer_.cancel(ignored);
    return;
  }
  timer_.expires_at(*deadline);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (ec) return;
    if (const auto self = weak.lock()) self->drive();
  });
}

}  // namespace raftkit::transport
