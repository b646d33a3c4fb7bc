// One peer that messages go to: a PeerLink with a clock, a timer and somebody to tell.
#pragma once

#include <memory>
#include <string>

#include "transport/context.hpp"
#include "transport/peer_link.hpp"

namespace raftkit::transport {

/// Does what the link wishes; how to connect and to write is up to the kind of transport.
/// Owner: the executor.
class PeerDriver : public std::enable_shared_from_this<PeerDriver> {
 public:
  PeerDriver(ContextPtr context,
             PeerAddress address,
             const PeerLinkOptions& options,
             std::uint64_t seed);
  virtual ~PeerDriver() = default;
  PeerDriver(const PeerDriver&) = delete;
  PeerDriver& operator=(const PeerDriver&) = delete;

  void start() { drive(); }
  void send(Envelope envelope) { link_.send(std::move(envelope)); }
  /// After one or several send().
  void flush();
  void set_address(PeerAddress address);
  void remove();
  void nudge();
  /// Nothing follows, not even a report. To be called before destruction.
  void close();

  [[nodiscard]] const PeerLink& link() const { return link_; }

 protected:
  /// Connect; then own_link().opened(), established() or failed(), and drive().
  virtual void call(const std::string& url) = 0;
  /// Give up what call() began, or the connection.
  virtual void hang_up() = 0;
  /// Write what the link has, if there is a connection.
  virtual void push() = 0;

  [[nodiscard]] PeerLink& own_link() { return link_; }
  [[nodiscard]] const ContextPtr& context() const { return context_; }
  void fail(PeerState why, const Error& error, PeerReport::By by = PeerReport::By::us);
  /// Lets the link decide what is next, and tells what it has to tell.
  void drive();

 private:
  void publish();
  void arm();

  ContextPtr context_;
  PeerLink link_;
  asio::steady_timer timer_;
};

}  // namespace raftkit::transport
