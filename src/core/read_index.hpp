// Linearizable reads that wait for their leader to be sure that it still is one.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "raftkit/types.hpp"

namespace raftkit::core {

/// A read is answered with the commit index of the moment it arrived, once a quorum has confirmed a
/// heartbeat that was sent after that moment: until then another leader may have committed more.
/// [thesis §6.4]
///
/// Heartbeats carry a round number; an answer to round r confirms all reads of rounds <= r.
class ReadIndexQueue {
 public:
  /// `asks_always`: every heartbeat is a round, whether or not somebody reads.
  explicit ReadIndexQueue(bool asks_always) : asks_always_(asks_always) {}

  struct Read {
    ReadId id;
    NodeId origin;
  };
  struct Answer {
    Read read;
    Index index;
  };

  /// Reads that came before the leader has committed an entry of its own term: it does not know yet
  /// how far its predecessors had committed. [thesis §6.4]
  void postpone(Read read) { postponed_.push_back(read); }
  [[nodiscard]] std::vector<Read> take_postponed() { return std::exchange(postponed_, {}); }

  /// Opens a round for this read. The caller sends heartbeats that carry newest_round().
  void add(Read read, Index commit) { waiting_.push_back({++newest_round_, {read, commit}}); }

  /// For the next heartbeats. 0 while nobody waits, so that ordinary ones ask for nothing.
  [[nodiscard]] std::uint64_t next_heartbeat_round() {
    if (asks_always_) return ++newest_round_;
    return newest_round();
  }
  /// What an answer may confirm; 0: nothing.
  [[nodiscard]] std::uint64_t newest_round() const {
    return waiting_.empty() && !asks_always_ ? 0 : newest_round_;
  }

  /// A quorum confirmed this round: hands out, in order of arrival, what may be answered.
  template <class Deliver>
  void confirm(std::uint64_t round, Deliver&& deliver) {
    while (!waiting_.empty() && waiting_.front().round <= round) {
      deliver(waiting_.front().answer);
      waiting_.pop_front();
    }
  }

 private:
  struct Waiting {
    std::uint64_t round = 0;
    Answer answer;
  };

  bool asks_always_;
  std::uint64_t newest_round_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<Read> postponed_;
};

}  // namespace raftkit::core
