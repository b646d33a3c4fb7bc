// What a snapshot store on a Disk still holds when the process is killed or the power is lost, at
// each change it makes.
#include "testing/snapshot_script.hpp"

namespace raftkit::testing {

namespace {

std::string at_change(std::uint64_t nth) {
  return "at change " + std::to_string(nth);
}

/// Opens it after a crash.
Shelf expect_recovered(SnapshotStoreBench& bench,
                       Footprints& footprints,
                       const SnapshotScript& script,
                       std::size_t done,
                       const std::string& when) {
  expect_ok(when + ": it cannot be opened", bench.try_open());
  const Shelf held = expect_held(bench.store(), script, done, when);
  footprints.expect_clean(bench.memory(), held, when);
  return held;
}

/// What was found once may have been relied on: the log may have been cut there.
void expect_durable(SnapshotStoreBench& bench, const Shelf& held, const std::string& when) {
  bench.lose_power(1, Survivors::none);
  bench.open();
  const auto again = value_of(when + ": it cannot be read", everything(bench.store()));
  require(are_on(again, held),
          when,
          ": what it holds was not durable: it has",
          to_text(again),
          " after the next loss, and had",
          to_text(held));
}

void power_loss_at_any_change(SnapshotStoreBench& bench) {
  static constexpr Survivors kWays[] = {
      Survivors::none, Survivors::oldest, Survivors::newest, Survivors::all};
  const std::size_t ways = std::size(kWays) + bench.options().survivors;
  std::size_t places = 0;
  std::size_t losses = 0;
  for (std::uint64_t seed = 1; seed <= bench.options().scripts; ++seed) {
    const SnapshotScript script = make_snapshot_script(seed);
    Footprints footprints(bench.subject());
    for (std::uint64_t nth = 1;; ++nth) {
      bool is_over = false;
      for (std::size_t way = 0; way < ways && !is_over; ++way) {
        bench.start_anew();
        bench.faulty().set({.nth = nth, .lasts = true});
        const SnapshotRun run = run_script(bench.store(), script);
        // With work in the background not every run makes as many changes.
        const bool was_lost = bench.faulty().matched() >= nth;
        is_over = way == 0 && !was_lost;
        if (!was_lost) {
          expect_whole(bench.store(), script, run);
          continue;
        }
        bench.lose_power(nth * ways + way, way < std::size(kWays) ? kWays[way] : Survivors::any);
        ++losses;
        const std::string when = at_change(nth) + " the power is lost";
        const Shelf held = expect_recovered(bench, footprints, script, run.done, when);
        expect_usable(bench.store(), when);
        expect_durable(bench, held, when);
      }
      if (is_over) break;
      ++places;
    }
  }
  bench.count(std::to_string(losses) + " power losses at " + std::to_string(places) + " places");
  RAFTKIT_EXPECT(places > 0 || bench.options().scripts == 0);
}

void kill_at_any_change(SnapshotStoreBench& bench) {
  std::size_t kills = 0;
  for (std::uint64_t seed = 1; seed <= bench.options().scripts; ++seed) {
    const SnapshotScript script = make_snapshot_script(seed);
    Footprints footprints(bench.subject());
    for (std::uint64_t nth = 1;; ++nth) {
      bench.start_anew();
      bench.faulty().set({.nth = nth, .lasts = true});
      const SnapshotRun run = run_script(bench.store(), script);
      if (bench.faulty().matched() < nth) {
        expect_whole(bench.store(), script, run);
        break;
      }
      ++kills;
      bench.close();
      bench.faulty().heal();
      const std::string when = at_change(nth) + " the process is killed";
      const Shelf held = expect_recovered(bench, footprints, script, run.done, when);
      expect_durable(bench, held, when);
      expect_usable(bench.store(), when);
    }
  }
  bench.count(std::to_string(kills) + " kills");
  RAFTKIT_EXPECT(kills > 0 || bench.options().scripts == 0);
}

/// Opening a store that a crash has left is as little the end of it, wherever the crash was.
void opening_interrupted(SnapshotStoreBench& bench) {
  const SnapshotScript script = make_snapshot_script(1);
  Footprints footprints(bench.subject());
  std::size_t interruptions = 0;
  for (const auto operation : {DiskOperation::change, DiskOperation::read}) {
    bool is_over = false;
    for (std::uint64_t crash = 1; !is_over; ++crash) {
      for (std::uint64_t nth = 1;; ++nth) {
        bench.start_anew();
        bench.faulty().set({.nth = crash, .lasts = true});
        const SnapshotRun run = run_script(bench.store(), script);
        is_over = bench.faulty().matched() < crash;
        bench.lose_power(nth, Survivors::all);
        bench.faulty().set({.operation = operation, .nth = nth, .lasts = true});
        const bool is_open = bench.try_open().has_value();
        const std::string when =
            at_change(crash) + " the power is lost, and opening is interrupted";
        if (bench.faulty().matched() < nth) {
          bench.faulty().heal();
          require(is_open, when, ": it cannot be opened though nothing fails");
          break;
        }
        ++interruptions;
        bench.lose_power(nth, Survivors::any);
        const Shelf held = expect_recovered(bench, footprints, script, run.done, when);
        expect_durable(bench, held, when);
      }
    }
  }
  bench.count(std::to_string(interruptions) + " interruptions");
}

}  // namespace

CaseDefinitions<SnapshotStoreBench> snapshot_store_crash_cases() {
  return {
      {"a power loss at any change takes nothing that was committed, and leaves nothing else",
       power_loss_at_any_change},
      {"what is found after a kill at any change is durable", kill_at_any_change},
      {"opening may be interrupted anywhere", opening_interrupted},
  };
}

}  // namespace raftkit::testing
