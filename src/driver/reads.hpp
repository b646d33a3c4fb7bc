// Everybody who waits to read linearizably.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "raftkit/raw_node.hpp"
#include "raftkit/result.hpp"

#include "base/unique_function.hpp"

namespace raftkit::driver {

using ReadHandler = base::UniqueFunction<void(error_code, Index)>;

/// A read waits twice: for its index (a quorum confirms the leader, one round for all reads that
/// came before it began) and then for the state machine to have applied that index. A round that
/// does not come back is asked for again under a new id: asking has no effect, so repeating it is
/// harmless.
///
/// Owner: driver.
class Reads {
 public:
  struct Limits {
    std::size_t pending = 0;
    std::uint32_t timeout_ticks = 0;
    std::uint32_t retry_ticks = 0;
    /// Far from those of this node's earlier processes: an answer to one of their rounds may still
    /// be on its way, and would be taken for a newer one.
    ReadId first;
  };

  explicit Reads(Limits limits) : limits_(limits), next_read_(limits.first) {}

  /// Answers with `overloaded` at once if too many wait.
  void add(ReadHandler handler);
  /// Answers one that is not even taken.
  void refuse(ReadHandler handler, error_code code);
  /// Starts a round for those that wait, unless enough rounds are under way.
  void submit(RawNode& node);
  /// The round came back. Answers at once if that index is applied already.
  void on_ready(const ReadReady& ready, Index applied);
  void on_applied(Index applied);
  /// Leader or term changed: rounds under way may never come back.
  void restart_rounds();
  void tick(bool has_leader);
  void fail_all(Errc code);

  /// Those answered with an error since the last call.
  [[nodiscard]] std::size_t take_failed() { return std::exchange(failed_, 0); }

 private:
  struct Waiter {
    ReadHandler handler;
    std::uint64_t deadline = 0;
  };
  struct Round {
    std::uint64_t started = 0;
    std::vector<Waiter> waiters;
  };
  static constexpr std::size_t kMaxRounds = 4;

  void requeue(Round& round);
  void answer(Waiter& waiter, error_code code, Index index = {});

  Limits limits_;
  std::uint64_t now_ = 0;
  ReadId next_read_;
  std::size_t pending_ = 0;
  std::size_t failed_ = 0;
  std::deque<Waiter> queue_;
  std::map<ReadId, Round> rounds_;
  std::multimap<Index, Waiter> waiting_for_apply_;
};

}  // namespace raftkit::driver
