// What a snapshot store on a Disk does when the disk fails while it runs.
#include "testing/snapshot_script.hpp"

namespace raftkit::testing {

namespace {

std::string at_time(DiskOperation operation, std::uint64_t nth) {
  return "operation " + std::to_string(static_cast<int>(operation)) + " fails at time " +
         std::to_string(nth);
}

/// After a failure and a restart, with a power loss in between.
void expect_recovered(SnapshotStoreBench& bench,
                      Footprints& footprints,
                      const SnapshotScript& script,
                      std::size_t done,
                      const std::string& when) {
  expect_ok(when + ": it cannot be opened", bench.try_open());
  const Shelf held = expect_held(bench.store(), script, done, when);
  footprints.expect_clean(bench.memory(), held, when);
  expect_usable(bench.store(), when);
}

void sync_that_fails(SnapshotStoreBench& bench) {
  std::size_t failures = 0;
  for (std::uint64_t seed = 1; seed <= bench.options().scripts; ++seed) {
    const SnapshotScript script = make_snapshot_script(seed);
    Footprints footprints(bench.subject());
    for (std::uint64_t nth = 0; nth < 2 * script.size(); ++nth) {
      bench.start_anew();
      bench.memory().fail_sync_after(nth);
      const std::string when = "sync " + std::to_string(nth) + " fails";
      const SnapshotRun run = run_script(bench.store(), script);
      if (run.failure) {
        ++failures;
        require(*run.failure == Errc::io_error, when, ": it says: ", run.failure->message());
        expect_held(bench.store(), script, run.done, when);
      }
      bench.lose_power(nth, Survivors::none);
      expect_recovered(bench, footprints, script, run.done, when);
    }
  }
  bench.count(std::to_string(failures) + " syncs");
  require(failures > 0 || bench.options().scripts == 0, "a sync that fails is not noticed");
}

/// Right after a failure, with the same store: it says nothing wrong.
void expect_truthful(SnapshotStoreBench& bench,
                     const SnapshotScript& script,
                     std::size_t done,
                     const std::string& when) {
  const auto found = everything(bench.store());
  require(!found || are_on(*found, shelf_after(script, done)) ||
              are_on(*found, shelf_after(script, done + 1)),
          when,
          ": it holds",
          found ? to_text(*found) : std::string());
}

void operation_that_fails(SnapshotStoreBench& bench) {
  const SnapshotScript script = make_snapshot_script(1);
  Footprints footprints(bench.subject());
  std::size_t failures = 0;
  for (const auto operation : {DiskOperation::open,
                               DiskOperation::write,
                               DiskOperation::reserve,
                               DiskOperation::sync,
                               DiskOperation::sync_directory,
                               DiskOperation::rename,
                               DiskOperation::remove,
                               DiskOperation::change}) {
    for (const bool lasts : {false, true}) {
      for (std::uint64_t nth = 1;; ++nth) {
        bench.close();
        bench.memory().restore({});
        bench.faulty().set({.operation = operation, .nth = nth, .lasts = lasts});
        const std::string when = at_time(operation, nth);
        SnapshotRun run;
        if (bench.try_open()) {
          run = run_script(bench.store(), script);
          if (bench.faulty().matched() < nth) {
            expect_whole(bench.store(), script, run);
            break;
          }
          bench.faulty().heal();
          require(!run.failure || *run.failure == Errc::io_error,
                  when,
                  ": it says: ",
                  run.failure ? run.failure->message() : std::string());
          expect_truthful(bench, script, run.done, when);
        }
        ++failures;
        bench.lose_power(nth, Survivors::any);
        expect_recovered(bench, footprints, script, run.done, when);
      }
      bench.faulty().heal();
    }
  }
  bench.count(std::to_string(failures) + " failures");
  RAFTKIT_EXPECT(failures > script.size());
}

bool is_want_of_space(const Error& error) {
  return error == Errc::out_of_space || error == Errc::io_error;
}

/// Nothing of what was refused is left, and with space it goes on where it stopped.
void no_space_at_any_write(SnapshotStoreBench& bench) {
  std::size_t refusals = 0;
  for (std::uint64_t seed = 1; seed <= bench.options().scripts; ++seed) {
    const SnapshotScript script = make_snapshot_script(seed);
    Footprints footprints(bench.subject());
    for (const auto operation :
         {DiskOperation::open, DiskOperation::write, DiskOperation::reserve}) {
      for (std::uint64_t nth = 1;; ++nth) {
        bench.start_anew();
        bench.faulty().set({.operation = operation, .nth = nth, .code = Errc::out_of_space});
        const SnapshotRun run = run_script(bench.store(), script);
        if (!run.failure) {
          expect_whole(bench.store(), script, run);
          if (bench.faulty().matched() < nth) break;
          continue;  // it was not needed
        }
        ++refusals;
        const std::string when = at_time(operation, nth) + " for want of space";
        require(is_want_of_space(*run.failure), when, ": it says: ", run.failure->message());
        const Shelf held = expect_held(bench.store(), script, run.done, when);
        footprints.expect_clean(bench.memory(), held, when);
        expect_whole(bench.store(), script, run_script(bench.store(), script, run.done));
      }
    }
  }
  bench.count(std::to_string(refusals) + " refusals");
  require(refusals > 0 || bench.options().scripts == 0, "it writes without space");
}

void full_disk(SnapshotStoreBench& bench) {
  const SnapshotScript kept = {{.snapshot = {snapshot(2, 9), noise(20'000)}, .piece = 20'000}};
  const SnapshotStep large = {.snapshot = {snapshot(2, 10), noise(600'000)}, .piece = 50'000};
  Footprints footprints(bench.subject());
  std::size_t refusals = 0;
  for (std::uint64_t room = 0;; room += 61'000) {
    bench.start_anew();
    bench.memory().set_capacity(std::uint64_t{1} << 40);
    expect_whole(bench.store(), kept, run_script(bench.store(), kept));
    const std::uint64_t used =
        (std::uint64_t{1} << 40) - value_of("the disk", bench.memory().free_bytes("/"));
    bench.memory().set_capacity(used + room);
    const std::string when = "with room for " + std::to_string(room) + " bytes";

    const auto taken = take_step(bench.store(), large);
    if (taken) break;
    ++refusals;
    require(is_want_of_space(taken.error()), when, ": it says: ", taken.error().message());
    expect_held(bench.store(), kept, 1, when);
    footprints.expect_clean(bench.memory(), shelf_after(kept, 1), when);
    bench.memory().set_capacity(std::uint64_t{1} << 40);
    expect_ok(when + ", and then for more", take_step(bench.store(), large));
    require(value_of(when, content_of(bench.store(), large.snapshot.meta.last)) ==
                large.snapshot.content,
            when,
            ", and then for more, it keeps something else");
  }
  bench.count(std::to_string(refusals) + " refusals");
  RAFTKIT_EXPECT(refusals > 600'000 / 61'000);
}

void read_that_fails(SnapshotStoreBench& bench) {
  const SnapshotScript script = make_snapshot_script(2);
  bench.start_anew();
  expect_whole(bench.store(), script, run_script(bench.store(), script));
  const Shelf shelf = shelf_after(script, script.size());
  std::size_t failures = 0;
  for (const bool lasts : {false, true}) {
    for (std::uint64_t nth = 1;; ++nth) {
      const std::string when = at_time(DiskOperation::read, nth);
      const auto expect_error = [&](const Error& error) {
        require(error == Errc::io_error, when, ": it says: ", error.message());
      };
      bench.faulty().set({.operation = DiskOperation::read, .nth = nth, .lasts = lasts});
      const auto metas = bench.store().list();
      if (!metas) expect_error(metas.error());
      require(!metas || metas->size() == shelf.size(), when, ": the list is short");
      for (const auto& [last, snapshot] : shelf) {
        const auto read = read_through(bench.store(), *snapshot, when);
        if (!read) expect_error(read.error());
      }
      const bool is_over = bench.faulty().matched() < nth;
      bench.faulty().heal();
      expect_held(bench.store(), script, script.size(), when + ", and then does not");
      if (is_over) break;
      ++failures;
    }
  }
  bench.count(std::to_string(failures) + " failures");
}

}  // namespace

CaseDefinitions<SnapshotStoreBench> snapshot_store_fault_cases() {
  return {
      {"a snapshot whose sync fails is not committed", sync_that_fails},
      {"whatever fails, nothing that was committed is lost", operation_that_fails},
      {"whatever finds no space leaves nothing behind, and goes on with space",
       no_space_at_any_write},
      {"a full disk refuses a snapshot without harm to others", full_disk},
      {"a read that fails is no end", read_that_fails},
  };
}

}  // namespace raftkit::testing
