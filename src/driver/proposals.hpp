// Everybody who waits for a proposal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "raftkit/raw_node.hpp"
#include "raftkit/result.hpp"

#include "base/unique_function.hpp"
#include "driver/ports.hpp"

namespace raftkit::driver {

/// What a proposal came to.
struct Proposed {
  Index index;
  Bytes result;  ///< of the state machine
};

using ProposeHandler = base::UniqueFunction<void(error_code, Proposed)>;

/// Each proposal is answered exactly once: with its result; as dropped, when it certainly never
/// commits; or as unknown. Its way: queued -> appended here, or forwarded and then bound to its
/// place in the leader's log -> applied here. Nothing that may have been appended is ever proposed
/// again.
///
/// Owner: driver.
class Proposals {
 public:
  struct Limits {
    std::size_t pending_bytes = 0;    ///< of all that are not answered
    std::size_t batch_bytes = 0;      ///< per propose call
    std::uint32_t timeout_ticks = 0;  ///< until a proposal is answered one way or the other
    std::uint64_t incarnation = 0;    ///< of this node's process, part of forwarded proposals
  };

  explicit Proposals(Limits limits) : limits_(limits) {}

  /// Takes a proposal. Answers with `overloaded` at once if too many wait.
  void add(Proposal proposal, ProposeHandler handler);
  /// Answers one that is not even taken.
  void refuse(ProposeHandler handler, error_code code);

  /// Hands what is queued to the core, as far as it takes it. Nothing is forwarded to a leader that
  /// is not among `connected`: it would be lost, and its fate unknown.
  void submit(RawNode& node, const std::set<NodeId>& connected);

  /// A leader's answer to a forwarded batch.
  void on_response(const ProposeResponse& response);
  /// What the old leader refused may be offered to this one.
  void on_leader_changed() {
    refused_until_ = 0;
    pause_ = 1;
  }
  /// What was forwarded to this node and not answered may or may not have arrived.
  void on_disconnected(NodeId leader);

  /// Answers everybody whose place in the log has been applied.
  void on_applied(const ApplyBatch& batch);
  /// The state machine jumped over these places: what they held is not known here.
  void on_skipped(Index to);

  /// One tick passed: answers those whose time is up. `has_leader` tells why the queued ones
  /// waited.
  void tick(bool has_leader);

  /// Answers those that nobody has appended or passed on.
  void refuse_queued(Errc reason);
  /// Answers everybody: the queued with `queued`, the others with commit_unknown.
  void fail_all(Errc queued);

  [[nodiscard]] std::size_t pending() const { return pending_; }
  /// Those answered with an error since the last call.
  [[nodiscard]] std::size_t take_failed() { return std::exchange(failed_, 0); }

 private:
  struct Waiter {
    ProposeHandler handler;
    std::size_t bytes = 0;
    std::uint64_t deadline = 0;
  };
  struct Queued {
    Proposal proposal;
    Waiter waiter;
  };
  struct Forwarded {
    NodeId leader;
    std::vector<Queued> batch;
    std::size_t bytes = 0;
  };
  static constexpr std::size_t kMaxForwardedBytes = std::size_t{8} << 20;
  static constexpr std::uint64_t kLongestPause = 16;  // ticks
  struct Placed {
    Term term;
    Waiter waiter;
  };

  std::vector<Queued> take_batch();
  void put_back(std::vector<Queued> batch);
  void place(EntryId first, std::vector<Queued> batch);
  void answer(Waiter& waiter, error_code code, Proposed proposed = {});

  Limits limits_;
  std::uint64_t now_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::size_t pending_ = 0;
  std::size_t failed_ = 0;
  std::size_t pending_bytes_ = 0;
  std::deque<Queued> queue_;
  std::map<std::uint64_t, Forwarded> forwarded_;  // by sequence
  std::size_t forwarded_bytes_ = 0;
  std::uint64_t refused_until_ = 0;  // by the leader
  std::uint64_t pause_ = 1;          // after its next refusal, in ticks
  std::multimap<Index, Placed> placed_;
  Index settled_;  // whatever was placed up to here has been answered
};

}  // namespace raftkit::driver
