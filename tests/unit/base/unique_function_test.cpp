#include "base/unique_function.hpp"

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

using Function = raftkit::base::UniqueFunction<void(int)>;

namespace {

/// Notes in `seen` what it is called with; needs `Padding` bytes more. `alive` is shared by it, and
/// by nothing else once it is gone.
template <std::size_t Padding>
Function make(std::vector<int>& seen, std::shared_ptr<int> alive) {
  return [&seen, alive = std::move(alive), padding = std::array<char, Padding>()](int value) {
    seen.push_back(value + padding[0] + *alive);
  };
}

/// Cannot be moved without a risk.
struct Risky {
  explicit Risky(std::vector<int>& its) : seen(its) {}
  Risky(Risky&& other) noexcept(false) : seen(other.seen) {}
  void operator()(int value) const { seen.push_back(value); }
  std::vector<int>& seen;
};

}  // namespace

TEMPLATE_TEST_CASE_SIG("A function is called once, and gone then",
                       "[base]",
                       ((std::size_t Padding), Padding),
                       1,
                       1000) {
  std::vector<int> seen;
  const auto alive = std::make_shared<int>(0);
  Function function = make<Padding>(seen, alive);
  CHECK(function);
  CHECK(alive.use_count() == 2);

  function(1);
  CHECK(seen == std::vector{1});
  CHECK_FALSE(function);
  CHECK(alive.use_count() == 1);

  function(2);
  CHECK(seen == std::vector{1});
}

TEMPLATE_TEST_CASE_SIG("A function moves from one holder to another",
                       "[base]",
                       ((std::size_t Padding), Padding),
                       1,
                       1000) {
  std::vector<int> seen;
  const auto alive = std::make_shared<int>(10);
  const auto replaced = std::make_shared<int>(20);
  Function first = make<Padding>(seen, alive);
  Function second = make<Padding>(seen, replaced);

  second = std::move(first);
  CHECK(replaced.use_count() == 1);
  CHECK(alive.use_count() == 2);
  CHECK_FALSE(first);  // NOLINT(bugprone-use-after-move): it is empty, and may be used
  Function third(std::move(second));
  third(1);
  CHECK(seen == std::vector{11});

  { const Function dropped = make<Padding>(seen, alive); }
  CHECK(alive.use_count() == 1);
  CHECK(seen == std::vector{11});
}

TEST_CASE("A function may end the life of its holder", "[base]") {
  std::optional<Function> holder;
  std::vector<int> seen;
  holder.emplace([&, kept = std::make_unique<int>(5)](int value) {
    holder.reset();
    seen.push_back(value + *kept);
  });

  (*holder)(1);
  CHECK_FALSE(holder);
  CHECK(seen == std::vector{6});
}

TEST_CASE("A function may hold what can only be moved, and what may throw when it is", "[base]") {
  std::vector<int> seen;
  Function only_moved([&, value = std::make_unique<int>(1)](int) { seen.push_back(*value); });
  Function risky{Risky(seen)};
  Function moved = std::move(risky);
  std::exchange(only_moved, {})(0);
  moved(2);
  CHECK(seen == std::vector{1, 2});

  Function empty;
  CHECK_FALSE(empty);
  empty(3);
  CHECK(seen == std::vector{1, 2});
}
