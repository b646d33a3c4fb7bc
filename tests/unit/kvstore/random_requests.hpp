// Requests by chance, over a few awkward keys.
#pragma once

#include <random>

#include "requests.hpp"

namespace kvstore::test {

class RandomRequests {
 public:
  explicit RandomRequests(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] PutRequest put();
  [[nodiscard]] DeleteRangeRequest erase();
  /// `revision` is the newest: most requests ask for one near or before it.
  [[nodiscard]] RangeRequest range(std::int64_t revision);
  /// May break the rules of transactions. `depth` levels of nested ones at most.
  [[nodiscard]] TxnRequest txn(std::int64_t revision, int depth = 2);
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  [[nodiscard]] std::string key();
  [[nodiscard]] std::string range_end();
  [[nodiscard]] Compare compare(std::int64_t revision);
  void add(RequestOp& operation, std::int64_t revision, int depth);
  [[nodiscard]] bool chance(std::uint64_t one_in) { return below(one_in) == 0; }

  std::mt19937_64 random_;
};

}  // namespace kvstore::test
