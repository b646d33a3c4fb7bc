// A network on which connections behave as TCP's do, and paths fail as paths do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "raftkit/types.hpp"

#include "testing/sim_clock.hpp"

namespace raftkit::testing {

/// Where bytes that arrive come from.
enum class SimOrigin : std::uint8_t {
  sender,    ///< it sent them here and now
  repeated,  ///< they were sent on this connection before,
  earlier,   ///< or on an earlier one between the two
  liar,      ///< a sender whose frame announces more than may be sent
};

/// One connection; bytes go from the side that called to the side that was called, in order. Ends
/// learn of each other's end only through the network. Handlers run inside the process of the end
/// they belong to, which is the business of whoever sets them.
struct SimStream {
  NodeId from;
  NodeId to;
  bool has_sender = true;
  bool has_receiver = true;
  std::size_t in_flight = 0;  ///< sent, and the sender does not know that it was taken
  struct Taken {
    SimTime when;  ///< the sender knows
    std::size_t bytes;
  };
  std::vector<Taken> taken;         ///< all of it in flight
  bool awaits_taken = false;        ///< the sender can go on only when something is
  std::optional<SimTime> wakes_at;  ///< then it is told
  SimTime last_taken{0};            ///< as far as the sender has learned
  SimTime last_arrival{0};
  struct Packet {
    std::vector<std::byte> bytes;
    SimOrigin origin;
  };
  std::deque<Packet> on_the_way;
  std::size_t stuck = 0;  ///< of these, how many should have arrived and wait for the path

  std::function<void(std::vector<std::byte>, SimOrigin)>
      on_bytes;                            ///< at the receiver; it calls taken()
  std::function<void()> on_sender_gone;    ///< at the receiver
  std::function<void()> on_taken;          ///< at the sender, if it waits for that
  std::function<void()> on_receiver_gone;  ///< at the sender
};
using SimStreamPtr = std::shared_ptr<SimStream>;

/// Owner: the simulation.
class SimNetwork {
 public:
  SimNetwork(SimClock& clock, core::Random& random) : clock_(clock), random_(random) {}

  // Faults of the path from one node to another, one way. The newest one counts.

  using Fault = std::uint64_t;
  void cut(NodeId from, NodeId to, Fault fault) {
    path(from, to) = {.fault = fault, .is_cut = true};
  }
  void slow(NodeId from, NodeId to, SimTime extra, Fault fault) {
    path(from, to) = {.fault = fault, .extra = extra};
  }
  /// The next bytes on it arrive with one bit turned over.
  void corrupt(NodeId from, NodeId to) { path(from, to).is_corrupting = true; }
  /// The next record of a snapshot, on whatever path, arrives with one bit turned over. False: that
  /// was asked for not long ago. A sender's pauses double with each failure in a row.
  bool garble_next_record(std::uint32_t choice);
  /// As it arrives.
  void take_record(std::span<std::byte> record);
  /// What was held goes on.
  void heal_all();
  /// The same, where this fault is the newest.
  void heal(Fault fault);
  /// A machine without power says nothing at all, not even that nobody listens.
  void set_power(NodeId node, bool on);
  [[nodiscard]] bool has_power(NodeId node) const { return !powerless_.contains(node); }
  /// Ends all connections between the two, in both directions; both ends are told.
  void reset(NodeId left, NodeId right);

  /// Something that was sent on this path before arrives again: on the present connection, or at
  /// the beginning of the next one, which is then needed at once. False: there is nothing.
  bool replay(NodeId from, NodeId to, std::uint32_t choice);

  [[nodiscard]] bool is_cut(NodeId from, NodeId to) const;
  /// How long something takes that leaves now.
  [[nodiscard]] SimTime delay(NodeId from, NodeId to);

  [[nodiscard]] SimStreamPtr open(NodeId from, NodeId to);
  void send(const SimStreamPtr& stream,
            std::vector<std::byte> bytes,
            SimOrigin origin = SimOrigin::sender);
  /// The receiver has dealt with what on_bytes() gave it.
  void taken(const SimStreamPtr& stream, std::size_t bytes);
  /// What the sender has learned by now of what was taken. An event for each time would hardly ever
  /// be of any use.
  void settle(SimStream& stream) const;
  /// Calls on_taken() at the next time that the sender learns of some.
  void await_taken(const SimStreamPtr& stream);
  /// Without it there is nothing to replay().
  void keep_what_is_sent() { keeps_sent_ = true; }

  enum class Farewell {
    close,   ///< the other side is told, if the path is whole
    silent,  ///< the machine has no power
  };
  void leave_sender(const SimStreamPtr& stream, Farewell farewell);
  void leave_receiver(const SimStreamPtr& stream, Farewell farewell);

 private:
  struct Path {
    Fault fault = 0;
    bool is_cut = false;
    bool is_corrupting = false;
    SimTime extra{0};
  };

  /// What was sent, for replay(): each of `present` and `earlier` begins with the connection's
  /// first bytes and ends with its newest ones.
  struct Sent {
    std::deque<std::vector<std::byte>> present;
    std::deque<std::vector<std::byte>> earlier;
    bool is_awaited = false;  // by the next connection
  };

  Path& path(NodeId from, NodeId to) { return paths_[{from, to}]; }
  void heal(NodeId from, NodeId to);
  void plan_arrival(const SimStreamPtr& stream);
  void arrive(const SimStreamPtr& stream);
  void remember(const SimStream& stream, const std::vector<std::byte>& bytes);
  void tell_sender(const SimStreamPtr& stream);
  void plan_wake(const SimStreamPtr& stream, SimTime when);

  SimClock& clock_;
  core::Random& random_;
  std::map<std::pair<NodeId, NodeId>, Path> paths_;
  std::set<NodeId> powerless_;
  std::optional<std::uint32_t> bit_of_next_record_;
  SimTime next_garbling_{0};  // not before
  std::vector<std::weak_ptr<SimStream>> streams_;
  bool keeps_sent_ = false;
  std::map<std::pair<NodeId, NodeId>, Sent> sent_;
};

}  // namespace raftkit::testing
