// The life of the connection to one peer, without the connection.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "raftkit/transport.hpp"

#include "transport/split_mix.hpp"

namespace raftkit::transport {

using TimePoint = std::chrono::steady_clock::time_point;
using Milliseconds = std::chrono::milliseconds;

struct PeerLinkOptions {
  std::size_t max_bulk_bytes = std::size_t{64} << 20;    ///< queued; one message always fits
  std::size_t max_control_bytes = std::size_t{1} << 20;  ///< queued; one message always fits
  Milliseconds dial_timeout{2000};  ///< until connected, and again until welcomed
  Milliseconds backoff_min{50};
  Milliseconds backoff_max{1000};
  /// A connection that lived so long was a good one: after it the first attempt is made at once.
  Milliseconds stable_after{2000};
  Milliseconds linger{2000};  ///< how long a peer that was removed may still be sent what is queued
};

/// Decides when to call a peer and under which of its URLs, holds what is to be sent, and says how
/// it goes. Does no I/O and reads no clock: whoever owns it connects, handshakes and writes, here
/// TCP, elsewhere a simulation. Equal inputs and seeds give equal behaviour.
///
///   any input -> poll() until it wants nothing -> take_reports() -> call poll() again at
///   deadline()
///
/// Owner: the transport's executor.
class PeerLink {
 public:
  /// Connect to this URL and shake hands; then opened(), established() or failed().
  struct Dial {
    std::string url;
  };
  /// Give up the attempt, or close the connection; without failed().
  struct HangUp {};
  using Action = std::variant<std::monostate, Dial, HangUp>;

  PeerLink(PeerAddress address, const PeerLinkOptions& options, std::uint64_t seed, TimePoint now);

  // What to do next.

  [[nodiscard]] Action poll(TimePoint now);
  /// When poll() must be called even if nothing else happens.
  [[nodiscard]] std::optional<TimePoint> deadline() const;
  [[nodiscard]] std::vector<PeerReport> take_reports();
  /// Nothing more to do, ever: the peer was removed and its connection is closed.
  [[nodiscard]] bool is_done() const { return std::holds_alternative<Done>(state_); }

  // What happened.

  void opened(TimePoint now);       ///< connected; the handshake begins
  void established(TimePoint now);  ///< the handshake succeeded
  /// The attempt, or the connection, ended. `why` is disconnected, refused or rejected, then `by`
  /// whom.
  void failed(PeerState why, Error error, TimePoint now, PeerReport::By by = PeerReport::By::us);
  /// The peer has just called us: it is there, so there is no point in waiting.
  void nudge(TimePoint now);
  /// Everything handed out by next() is written.
  void drained();
  /// A message taken with next() cannot be sent.
  void refused_message(Error error);

  // What the node wants.

  /// Another address; also takes back remove().
  void set_address(PeerAddress address, TimePoint now);
  /// Send what is queued, then close.
  void remove(TimePoint now);
  void send(Envelope envelope);

  /// The next message to write, if there is one.
  [[nodiscard]] std::optional<Envelope> next(MessageClass message_class);

  [[nodiscard]] bool is_established() const {
    return std::holds_alternative<Established>(state_) || std::holds_alternative<Draining>(state_);
  }
  [[nodiscard]] bool is_removed() const {
    return std::holds_alternative<Draining>(state_) || is_done();
  }
  [[nodiscard]] const PeerAddress& address() const { return address_; }
  /// The URL of the connection, or of the next attempt; the peer must have one.
  [[nodiscard]] const std::string& url() const { return address_.peer_urls[url_]; }
  [[nodiscard]] std::size_t queued_bytes(MessageClass message_class) const {
    return queues_[static_cast<std::size_t>(message_class)].bytes;
  }
  [[nodiscard]] std::size_t queued_messages(MessageClass message_class) const {
    return queues_[static_cast<std::size_t>(message_class)].messages.size();
  }
  [[nodiscard]] std::size_t queued_bytes() const { return queues_[0].bytes + queues_[1].bytes; }

 private:
  struct Waiting {
    TimePoint until;
  };
  struct Dialing {
    TimePoint deadline;
  };
  struct ShakingHands {
    TimePoint deadline;
  };
  struct Established {
    TimePoint since;
  };
  struct Draining {
    TimePoint until;
  };
  struct Done {};

  struct Queued {
    Envelope envelope;
    std::size_t bytes = 0;
  };
  struct Queue {
    std::deque<Queued> messages;
    std::size_t bytes = 0;
  };

  [[nodiscard]] Queue& queue(MessageClass message_class) {
    return queues_[static_cast<std::size_t>(message_class)];
  }
  void drop_queued();
  void wait_before_next_attempt(bool was_stable, TimePoint now);
  [[nodiscard]] Milliseconds jittered(Milliseconds delay);
  void report(PeerState state,
              Error error = Error(error_code{}),
              PeerReport::By by = PeerReport::By::us);
  void report_dropping(Error error);

  PeerLinkOptions options_;
  SplitMix random_;
  PeerAddress address_;

  std::variant<Waiting, Dialing, ShakingHands, Established, Draining, Done> state_;
  std::size_t url_ = 0;       ///< the one to call next, or the one called
  std::size_t failures_ = 0;  ///< attempts since the last good connection
  bool hang_up_ = false;

  std::array<Queue, 2> queues_;
  bool dropping_ = false;

  std::vector<PeerReport> reports_;
  std::optional<std::tuple<PeerState, error_code, PeerReport::By>> last_report_;
};

}  // namespace raftkit::transport
