#include "config/nearest_name.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>
#include <rapidcheck/catch.h>

using raftkit::config::count_slips;
using raftkit::config::nearest_name;

namespace {

// The definition, without a table: exponential, so only for short texts.
std::size_t naive_slips(std::string_view left, std::string_view right) {
  if (left.empty() || right.empty()) return left.size() + right.size();
  const auto tail = [](std::string_view text, std::size_t from) { return text.substr(from); };
  std::size_t fewest = std::min(
      {naive_slips(tail(left, 1), right) + 1,
       naive_slips(left, tail(right, 1)) + 1,
       naive_slips(tail(left, 1), tail(right, 1)) + (left.front() == right.front() ? 0 : 1)});
  const bool are_exchanged =
      left.size() > 1 && right.size() > 1 && left[0] == right[1] && left[1] == right[0];
  if (are_exchanged) fewest = std::min(fewest, naive_slips(tail(left, 2), tail(right, 2)) + 1);
  return fewest;
}

std::string short_text() {
  std::string text;
  for (auto length = *rc::gen::inRange(0, 6); length > 0; --length)
    text += *rc::gen::element('a', 'b', 'c');
  return text;
}

const std::vector<std::string> kNames = {"name",
                                         "data-dir",
                                         "heartbeat-interval",
                                         "election-timeout",
                                         "listen-peer-urls",
                                         "listen-client-urls",
                                         "initial-cluster",
                                         "initial-cluster-state"};

}  // namespace

TEST_CASE("A misspelt flag finds the one that was meant", "[config]") {
  CHECK(nearest_name("eletion-timeout", kNames) == "election-timeout");
  CHECK(nearest_name("election_timeout", kNames) == "election-timeout");
  CHECK(nearest_name("listen-peer-url", kNames) == "listen-peer-urls");
  CHECK(nearest_name("datadir", kNames) == "data-dir");
  CHECK(nearest_name("nmae", kNames) == "name");
  CHECK(nearest_name("initial-clutser", kNames) == "initial-cluster");
}

TEST_CASE("What resembles no name finds none", "[config]") {
  CHECK_FALSE(nearest_name("verbose", kNames));
  CHECK_FALSE(nearest_name("dir", kNames));
  CHECK_FALSE(nearest_name("", kNames));
  CHECK_FALSE(nearest_name("name", {}));
}

TEST_CASE("Slips are counted as their definition says", "[config]") {
  rc::prop("short texts over a small alphabet", [] {
    const auto left = short_text();
    const auto right = short_text();
    RC_ASSERT(count_slips(left, right) == naive_slips(left, right));
    RC_ASSERT(count_slips(left, right) == count_slips(right, left));
  });
}

TEST_CASE("Any single slip in a name still finds a name that is one slip away", "[config]") {
  rc::prop("one character inserted, removed or exchanged", [] {
    auto word = *rc::gen::elementOf(kNames);
    const auto at = *rc::gen::inRange<std::size_t>(0, word.size() - 1);
    switch (*rc::gen::inRange(0, 3)) {
      case 0:
        word.insert(at, 1, *rc::gen::inRange('a', 'z'));
        break;
      case 1:
        word.erase(at, 1);
        break;
      default:
        std::swap(word[at], word[at + 1]);
    }
    const auto nearest = nearest_name(word, kNames);
    RC_ASSERT(nearest.has_value());
    RC_ASSERT(count_slips(word, *nearest) <= 1U);
  });
}
