// The window of unanswered appends by itself.
#include "core/inflights.hpp"

#include <deque>

#include <catch2/catch.hpp>

#include "base/assert.hpp"
#include "support/printing.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the test

TEST_CASE("A window is full by messages or by bytes, whichever comes first",
          "[core][progress][b85]") {
  core::Inflights few({.messages = 2, .bytes = 100});
  few.add(Index{1}, 1);
  CHECK_FALSE(few.full());
  few.add(Index{2}, 1);
  CHECK(few.full());

  core::Inflights large({.messages = 2, .bytes = 100});
  large.add(Index{1}, 99);
  CHECK_FALSE(large.full());
  large.free_to(Index{1});
  large.add(Index{2}, 1000);  // overshoots
  CHECK(large.full());
  CHECK(large.count() == 1);
}

TEST_CASE("Adding to a full window violates an invariant", "[core][progress][b86]") {
  core::Inflights window({.messages = 1, .bytes = 100});
  window.add(Index{1}, 1);

  CHECK_THROWS_AS(window.add(Index{2}, 1), base::InvariantViolation);
  window.free_to(Index{1});
  window.add(Index{2}, 1);
  CHECK(window.count() == 1);
}

TEST_CASE("A window that is cleared holds neither messages nor bytes", "[core][progress][b86]") {
  core::Inflights window({.messages = 3, .bytes = 10});
  window.add(Index{1}, 10);
  REQUIRE(window.full());

  window.clear();

  CHECK(window.count() == 0);
  CHECK_FALSE(window.full());
  window.add(Index{7}, 9);
  CHECK_FALSE(window.full());
}

TEST_CASE("A window does what a queue would do, however it grows and wraps around",
          "[core][progress][b83][b86]") {
  constexpr std::size_t kMessages = 21;  // beyond two of its growths, and no power of two
  constexpr std::size_t kBytes = 300;
  const auto begins_at = GENERATE(range(std::uint64_t{0}, std::uint64_t{9}));
  core::Inflights window({.messages = kMessages, .bytes = kBytes});
  std::deque<std::pair<std::uint64_t, std::size_t>> queue;
  std::size_t bytes = 0;
  std::uint64_t last = 0;
  bool was_full = false;
  for (; last < begins_at; window.free_to(Index{last}))
    window.add(Index{++last}, 1);

  for (std::uint64_t round = 0; round < 200; ++round) {
    for (std::uint64_t added = 0; added < round % 17 && !window.full(); ++added) {
      const std::size_t size = last * 5 % 23;
      window.add(Index{++last}, size);
      queue.emplace_back(last, size);
      bytes += size;
    }
    was_full = was_full || window.full();
    CHECK(window.full() == (queue.size() >= kMessages || bytes >= kBytes));
    const std::uint64_t answered = last < 5 ? 0 : last - round * 3 % 13 % last;
    window.free_to(Index{answered});
    while (!queue.empty() && queue.front().first <= answered) {
      bytes -= queue.front().second;
      queue.pop_front();
    }
    CHECK(window.count() == queue.size());
    CHECK(window.full() == (queue.size() >= kMessages || bytes >= kBytes));
  }

  CHECK(was_full);
}
