// How long a leader may be sure that nobody else leads.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace raftkit::driver {

/// Whoever answers a heartbeat supports nobody else for an election timeout; so once a quorum has
/// answered, no other leader can exist for a little less than that, counted from the moment before
/// the heartbeat left. [thesis §6.4.1]
///
/// Times are nanoseconds of the embedder's clock, which must never go back, and must go on while
/// the machine sleeps.
///
/// Owner: driver.
class Lease {
 public:
  /// 0: there are no leases.
  explicit Lease(std::uint64_t length) : length_(length) {}

  [[nodiscard]] bool is_used() const { return length_ > 0; }

  /// Heartbeats of this round are about to leave.
  void sending(std::uint64_t round, std::uint64_t now) {
    while (!rounds_.empty() && now - rounds_.front().sent >= length_)
      rounds_.pop_front();
    if (rounds_.empty() || rounds_.back().number < round) rounds_.push_back({round, now});
  }

  /// A quorum has answered those up to this round.
  void confirmed(std::uint64_t round) {
    for (; !rounds_.empty() && rounds_.front().number <= round; rounds_.pop_front())
      since_ = rounds_.front().sent;
  }

  /// Leader, term or members are others: what was sent before counts no more.
  void revoke() {
    rounds_.clear();
    since_.reset();
  }

  [[nodiscard]] bool is_held(std::uint64_t now) const { return since_ && now - *since_ < length_; }

 private:
  struct Round {
    std::uint64_t number = 0;
    std::uint64_t sent = 0;
  };

  std::uint64_t length_;
  std::deque<Round> rounds_;  // sent and not confirmed, ascending
  std::optional<std::uint64_t> since_;
};

}  // namespace raftkit::driver
