#include "raftkit/small_vector.hpp"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

using raftkit::SmallVector;
using Strings = SmallVector<std::string, 2>;

namespace {

// Long enough to live outside std::string, so that a lost or doubled destructor shows under a
// sanitizer.
std::string item(std::size_t number) {
  return "a string that is not small, number " + std::to_string(number);
}

Strings items(std::size_t count) {
  Strings strings;
  for (std::size_t i = 0; i < count; ++i)
    strings.push_back(item(i));
  return strings;
}

bool holds(const Strings& strings, std::size_t count) {
  if (strings.size() != count) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (strings[i] != item(i)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("A small vector grows beyond its inline room", "[base]") {
  for (const std::size_t count : {0U, 1U, 2U, 3U, 4U, 5U, 100U})
    CHECK(holds(items(count), count));
}

TEST_CASE("A small vector is copied and moved inside and outside its inline room", "[base]") {
  for (const std::size_t from : {0U, 2U, 9U}) {
    for (const std::size_t to : {0U, 1U, 5U}) {
      Strings source = items(from);
      Strings copied = items(to);
      copied = source;
      CHECK(holds(copied, from));
      CHECK(holds(source, from));

      Strings moved = items(to);
      moved = std::move(source);
      CHECK(holds(moved, from));
      CHECK(source.empty());  // NOLINT(bugprone-use-after-move): promised to be empty

      source.push_back(item(0));
      CHECK(holds(source, 1));

      const Strings constructed(std::move(moved));
      CHECK(holds(constructed, from));
    }
  }
}

TEST_CASE("A small vector may be appended one of its own elements", "[base]") {
  Strings strings = items(2);
  strings.push_back(strings[0]);
  CHECK(strings[2] == item(0));
}

TEST_CASE("A small vector assigns to itself", "[base]") {
  Strings strings = items(3);
  const Strings& same = strings;
  strings = same;
  CHECK(holds(strings, 3));
}

TEST_CASE("Clearing a small vector keeps it usable", "[base]") {
  Strings strings = items(7);
  strings.clear();
  CHECK(strings.empty());
  strings.push_back(item(0));
  CHECK(holds(strings, 1));
}

TEST_CASE("A small vector holds types that can only be moved", "[base]") {
  SmallVector<std::unique_ptr<int>, 1> numbers;
  for (int i = 0; i < 4; ++i)
    numbers.emplace_back(std::make_unique<int>(i));
  auto moved = std::move(numbers);
  CHECK(*moved.back() == 3);
}
