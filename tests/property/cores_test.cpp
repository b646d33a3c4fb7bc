// Whole groups of cores under generated fault plans.
#include <cstdlib>
#include <ostream>
#include <tuple>

#include <catch2/catch.hpp>
#include <rapidcheck.h>

#include "core_world.hpp"

namespace raftkit::test {

namespace {

using Numbers = std::tuple<int, std::uint32_t, std::uint32_t, std::uint32_t>;

/// More time and work than faults, or nothing would ever be committed.
FaultStep step_of(const Numbers& numbers, bool changes_members) {
  constexpr std::array kChoices = {
      Fault::pass_time, Fault::propose,  Fault::propose,   Fault::propose,       Fault::propose,
      Fault::read,      Fault::read,     Fault::campaign,  Fault::crash,         Fault::crash,
      Fault::crash,     Fault::heal,     Fault::heal,      Fault::split,         Fault::mute,
      Fault::compact,   Fault::compact,  Fault::transfer,  Fault::weather,       Fault::slow_disk,
      Fault::campaign,  Fault::transfer, Fault::pass_time, Fault::forget_leader, Fault::unreachable,
  };
  const auto [choice, a, b, rounds] = numbers;
  if (changes_members && choice % 4 == 0) return {Fault::change_members, a, b, rounds};
  return {kChoices[static_cast<std::size_t>(choice) % kChoices.size()], a, b, rounds};
}

rc::Gen<FaultPlan> plans(std::size_t nodes, StorageMode mode, bool changes_members) {
  constexpr int kKinds = 25;
  const auto number = rc::gen::inRange<std::uint32_t>(0, 1000);
  const auto step = rc::gen::map(
      rc::gen::tuple(
          rc::gen::inRange(0, kKinds), number, number, rc::gen::inRange<std::uint32_t>(0, 25)),
      [=](const Numbers& numbers) { return step_of(numbers, changes_members); });
  constexpr double kLonger = 3;  // than rapidcheck's: a group needs some time to get into trouble
  const auto steps = rc::gen::scale(kLonger, rc::gen::container<std::vector<FaultStep>>(step));
  // Without shrinking: another seed is another run, not a smaller one.
  const auto seed = rc::gen::noShrink(rc::gen::arbitrary<std::uint64_t>());
  const auto tuning = rc::gen::inRange<std::uint32_t>(0, 3 * 3 * 3 * 3 * 3 * 2 * 4);
  return rc::gen::map(rc::gen::tuple(seed, tuning, steps), [=](auto parts) {
    return FaultPlan{
        nodes, mode, std::get<0>(parts), std::get<1>(parts), std::move(std::get<2>(parts))};
  });
}

/// rapidcheck's own default is some dozen times less.
[[maybe_unused]] const int kCasesByDefault = setenv("RC_PARAMS", "max_success=2500", 0);

bool survives(std::size_t nodes, StorageMode mode, bool changes_members = false) {
  return rc::check([=] {
    const FaultPlan plan = *plans(nodes, mode, changes_members);
    CoreWorld world(plan);
    for (const FaultStep& step : plan.steps)
      world.take(step);
    world.recover();
  });
}

}  // namespace

TEST_CASE("Three cores keep Raft's promises whatever happens to them", "[core][property]") {
  CHECK(survives(3, StorageMode::asynchronous));
}

TEST_CASE("Four cores keep Raft's promises whatever happens to them", "[core][property]") {
  CHECK(survives(4, StorageMode::asynchronous));
}

TEST_CASE("Five cores keep Raft's promises whatever happens to them", "[core][property]") {
  CHECK(survives(5, StorageMode::asynchronous));
}

TEST_CASE("Cores with synchronous storage keep Raft's promises", "[core][property]") {
  CHECK(survives(3, StorageMode::synchronous));
}

TEST_CASE("Cores whose members come and go keep Raft's promises", "[core][property][membership]") {
  CHECK(survives(5, StorageMode::asynchronous, true));
}

TEST_CASE("Cores with synchronous storage keep Raft's promises while members come and go",
          "[core][property][membership]") {
  CHECK(survives(4, StorageMode::synchronous, true));
}

}  // namespace raftkit::test
