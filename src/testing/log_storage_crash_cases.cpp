// What a log on a Disk still holds when the disk fails, the process is killed, or the power is
// lost, at each change it makes; and what it says of files that are not as it left them.
#include <random>

#include "testing/log_script.hpp"
#include "testing/log_storage_bench.hpp"

namespace raftkit::testing {

namespace {

std::string to_text(const Expected& state) {
  return "term " + to_string(state.term) + ", base " + to_string(state.base) + ", last " +
         to_string(state.last);
}

/// After `done` steps, and whatever has become of the next one. Returns what is held.
Expected expect_kept(LogStorageBench& bench, int done, const std::string& when) {
  const auto opened = bench.try_open();
  require(opened.has_value(),
          when,
          ": it cannot be opened: ",
          opened ? std::string() : opened.error().message());
  const auto held = loaded(bench.store());
  require(held.has_value(),
          when,
          ": it cannot be read: ",
          held ? std::string() : held.error().message());
  require(*held == after(done) || *held == after(done + 1),
          when,
          ": it holds ",
          to_text(*held),
          ", and was told ",
          to_text(after(done)));
  return *held;
}

std::string at_change(std::uint64_t nth) {
  return "at change " + std::to_string(nth);
}

/// Nothing failed, and nothing is wrong.
void expect_whole(LogStorageBench& bench, int done) {
  require(done == kScriptSteps, "it stops though nothing fails");
  const auto held = loaded(bench.store());
  require(held.has_value() && *held == after(kScriptSteps),
          "it holds something else than it was told");
}

void power_loss_at_any_change(LogStorageBench& bench) {
  std::size_t places = 0;
  std::size_t losses = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    const std::size_t ways = 4 + bench.options().survivors;
    bool is_over = false;
    for (std::size_t way = 0; way < ways && !is_over; ++way) {
      static constexpr Survivors kWays[] = {
          Survivors::none, Survivors::oldest, Survivors::newest, Survivors::all};
      const Survivors survivors = way < std::size(kWays) ? kWays[way] : Survivors::any;
      bench.start_anew();
      bench.faulty().set({.nth = nth, .lasts = true});
      const int done = run_script(bench.store()).done;
      // With work in the background not every run makes as many changes.
      const bool was_lost = bench.faulty().matched() >= nth;
      is_over = way == 0 && !was_lost;
      if (!was_lost) {
        expect_whole(bench, done);
        continue;
      }
      bench.lose_power(nth * ways + way, survivors);
      ++losses;
      const std::string when = at_change(nth) + " the power is lost";
      const Expected held = expect_kept(bench, done, when);
      // What was believed once may have been told to others.
      bench.lose_power(nth, Survivors::none);
      bench.open();
      const auto again = loaded(bench.store());
      require(again.has_value() && *again == held, when, ": it holds less after the next loss");
    }
    bench.faulty().heal();
    if (is_over) break;
    ++places;
  }
  bench.count(std::to_string(losses) + " power losses at " + std::to_string(places) + " places");
  RAFTKIT_EXPECT(places >= kScriptSteps);
}

/// The machine goes on after the process has ended, and fails later.
void expect_durable(LogStorageBench& bench, int done, bool is_used, const std::string& when) {
  bench.close();
  bench.faulty().heal();
  Expected believed = expect_kept(bench, done, when);
  if (is_used) {
    believed.term = Term{9};
    believed.vote = NodeId{9};
    RAFTKIT_EXPECT(write(bench.store(), Batch().vote(9, 9)));
  }
  bench.lose_power(1, Survivors::none);
  bench.open();
  const auto held = loaded(bench.store());
  require(held.has_value() && *held == believed, when, ": what it believed was not durable");
}

void kill_at_any_change(LogStorageBench& bench) {
  std::size_t kills = 0;
  for (const bool is_used : {false, true}) {
    for (std::uint64_t nth = 1;; ++nth) {
      bench.start_anew();
      bench.faulty().set({.nth = nth, .lasts = true});
      const int done = run_script(bench.store()).done;
      if (bench.faulty().matched() < nth) {
        expect_whole(bench, done);
        break;
      }
      ++kills;
      expect_durable(bench, done, is_used, at_change(nth) + " the process is killed");
    }
    bench.faulty().heal();
  }
  bench.count(std::to_string(kills) + " kills");
  RAFTKIT_EXPECT(kills >= 2 * kScriptSteps);
}

void sync_that_fails(LogStorageBench& bench) {
  std::size_t failures = 0;
  for (const bool is_used : {false, true}) {
    for (std::uint64_t nth = 0; nth < std::uint64_t{2} * kScriptSteps; ++nth) {
      bench.start_anew();
      bench.memory().fail_sync_after(nth);
      const int done = run_script(bench.store()).done;
      // A background sync may have been the one, and nobody has to know.
      if (done == kScriptSteps) continue;
      ++failures;
      expect_durable(bench, done, is_used, "sync " + std::to_string(nth) + " fails");
    }
  }
  bench.count(std::to_string(failures) + " syncs");
  RAFTKIT_EXPECT(failures >= kScriptSteps);
}

/// Refuses everything from now on.
void expect_stopped(LogStorage& log, const std::string& when) {
  for (const auto& refused :
       {write(log, Batch().append(9, 9)), log.compact({}, snapshot(1, 1), Index{1})}) {
    require(!refused && refused.error() == Errc::storage_failed, when, ": it takes more");
  }
  require(!log.load({}), when, ": it can be loaded");
  require(!read(log, 1, 1), when, ": it can be read");
}

/// Nothing was written for want of space, and with space it goes on; or it is at its end.
void expect_refused_or_stopped(LogStorageBench& bench,
                               const ScriptRun& run,
                               const std::string& when) {
  bench.faulty().heal();
  if (run.failure != Errc::out_of_space) return expect_stopped(bench.store(), when);
  const auto held = loaded(bench.store());
  if (!held) return expect_stopped(bench.store(), when);
  require(*held == after(run.done), when, ": what was refused is there");
}

template <Errc code>
void operation_that_fails(LogStorageBench& bench) {
  std::size_t failures = 0;
  for (const auto operation : {DiskOperation::open,
                               DiskOperation::write,
                               DiskOperation::reserve,
                               DiskOperation::sync,
                               DiskOperation::sync_directory,
                               DiskOperation::rename,
                               DiskOperation::remove}) {
    for (const bool lasts : {false, true}) {
      for (std::uint64_t nth = 1;; ++nth) {
        bench.close();
        bench.memory().restore({});
        bench.faulty().set({.operation = operation, .nth = nth, .code = code, .lasts = lasts});
        const std::string when = "operation " + std::to_string(static_cast<int>(operation)) +
                                 " fails at time " + std::to_string(nth);
        ScriptRun run;
        if (bench.try_open()) {
          run = run_script(bench.store());
          if (bench.faulty().matched() < nth) {
            expect_whole(bench, run.done);
            break;
          }
          if (run.failure) expect_refused_or_stopped(bench, run, when);
        }
        ++failures;
        bench.lose_power(nth, Survivors::any);
        expect_kept(bench, run.done, when);
      }
      bench.faulty().heal();
    }
  }
  bench.count(std::to_string(failures) + " failures");
  RAFTKIT_EXPECT(failures > kScriptSteps);
}

/// Opening a log that a power loss has left is as little the end of it.
void opening_interrupted(LogStorageBench& bench) {
  std::size_t interruptions = 0;
  for (const auto operation : {DiskOperation::change, DiskOperation::read}) {
    for (std::uint64_t nth = 1;; ++nth) {
      bench.start_anew();
      expect_whole(bench, run_script(bench.store()).done);
      bench.lose_power(nth, Survivors::any);
      bench.faulty().set({.operation = operation, .nth = nth, .lasts = true});
      const auto opened = bench.try_open();
      const bool was_interrupted = bench.faulty().matched() >= nth;
      const std::string when = "operation " + std::to_string(static_cast<int>(operation)) + ", " +
                               std::to_string(nth) + " of opening, fails";
      if (opened) {
        const auto held = loaded(bench.store());
        require(!held || *held == after(kScriptSteps), when, ": it is taken for less");
      }
      bench.lose_power(nth, Survivors::any);
      expect_kept(bench, kScriptSteps, when);
      if (!was_interrupted) break;
      ++interruptions;
    }
  }
  bench.count(std::to_string(interruptions) + " interruptions");
  RAFTKIT_EXPECT(interruptions > 0);
}

// --- damage

Files written_files(LogStorageBench& bench) {
  bench.start_anew();
  expect_whole(bench, run_script(bench.store()).done);
  Files files = bench.files();
  require(!files.empty(), "it has written nothing through the disk it was given: see uses_disk");
  return files;
}

/// Everything the log knows, or why it refuses.
struct Everything {
  LoadedLog log;
  std::vector<Entry> entries;
};
Result<Everything> everything(LogStorageBench& bench, const Files& files) {
  bench.put_files(files);
  if (auto opened = bench.try_open(); !opened) return std::move(opened).error();
  auto held = bench.store().load({});
  if (!held) return std::move(held).error();
  if (!*held) return Everything{};
  Everything all{**std::move(held), {}};
  if (all.log.last == all.log.base.index) return all;
  auto entries = read_all(bench.store(), all.log.base.index.value + 1, all.log.last.value);
  if (!entries) return std::move(entries).error();
  all.entries = *std::move(entries);
  return all;
}

Everything undamaged(LogStorageBench& bench, const Files& files) {
  auto whole = everything(bench, files);
  require(whole.has_value(),
          "it does not read what it wrote: ",
          whole ? std::string() : whole.error().message());
  return *std::move(whole);
}

/// It is noticed, or makes no difference. Returns whether it was noticed.
bool expect_noticed(LogStorageBench& bench,
                    const Files& damaged,
                    const Everything& whole,
                    const std::string& what) {
  const auto found = everything(bench, damaged);
  if (!found) {
    require(found.error() == Errc::corrupt_data, what, ": it says: ", found.error().message());
    return true;
  }
  require(found->log.hard_state == whole.log.hard_state &&
              found->log.snapshot == whole.log.snapshot && found->log.base == whole.log.base &&
              found->log.last == whole.log.last && found->log.terms == whole.log.terms &&
              found->entries == whole.entries,
          what,
          ": it is not noticed");
  return false;
}

std::size_t written_size(const std::string& content) {
  return content.find_last_not_of('\0') + 1;  // 0: only zeros
}

void flipped_bits(LogStorageBench& bench) {
  const Files files = written_files(bench);
  const Everything whole = undamaged(bench, files);
  std::vector<std::string> paths;
  for (const auto& [path, content] : files) {
    if (written_size(content) > 0) paths.push_back(path);
  }
  RAFTKIT_EXPECT(!paths.empty());
  std::mt19937_64 random(7);
  std::size_t noticed = 0;
  for (std::size_t i = 0; i < bench.options().damages; ++i) {
    Files damaged = files;
    const std::string& path = paths[random() % paths.size()];
    std::string& content = damaged.at(path);
    const std::size_t at = random() % written_size(content);
    content[at] = static_cast<char>(content[at] ^ (1 << (random() % 8)));
    const std::string what = "a bit flips at " + std::to_string(at) + " of " + path;
    if (expect_noticed(bench, damaged, whole, what)) ++noticed;
  }
  bench.count(std::to_string(noticed) + " of " + std::to_string(bench.options().damages) +
              " noticed, the others are where nothing lies");
  RAFTKIT_EXPECT(noticed > 0 || bench.options().damages == 0);
}

void damaged_sectors(LogStorageBench& bench) {
  constexpr std::size_t kSector = 512;
  const Files files = written_files(bench);
  const Everything whole = undamaged(bench, files);
  std::vector<std::pair<std::string, std::size_t>> sectors;
  for (const auto& [path, content] : files) {
    for (std::size_t at = 0; at < written_size(content); at += kSector)
      sectors.emplace_back(path, at);
  }
  RAFTKIT_EXPECT(!sectors.empty());
  std::mt19937_64 random(11);
  std::size_t noticed = 0;
  for (std::size_t i = 0; i < bench.options().damages; ++i) {
    Files damaged = files;
    const auto& [path, at] = sectors[random() % sectors.size()];
    const auto& [source, from] = sectors[random() % sectors.size()];
    const bool is_misdirected = random() % 2 == 0;
    std::string& content = damaged.at(path);
    const std::size_t size = std::min(kSector, content.size() - at);
    std::string bytes = is_misdirected ? files.at(source).substr(from, size) : std::string();
    bytes.resize(size, '\0');
    content.replace(at, size, bytes);
    const std::string what =
        "the sector at " + std::to_string(at) + " of " + path + " holds " +
        (is_misdirected ? "that at " + std::to_string(from) + " of " + source : "zeros");
    if (expect_noticed(bench, damaged, whole, what)) ++noticed;
  }
  bench.count(std::to_string(noticed) + " of " + std::to_string(bench.options().damages) +
              " noticed, the others make no difference");
  RAFTKIT_EXPECT(noticed > 0 || bench.options().damages == 0);
}

void wrong_files(LogStorageBench& bench) {
  const Files files = written_files(bench);
  const Files foreign = written_files(bench);  // another log with the same content
  const Everything whole = undamaged(bench, files);
  std::size_t noticed = 0;
  const auto check = [&](const std::string& path, const std::string& what, const Files& damaged) {
    if (expect_noticed(bench, damaged, whole, path + " is " + what)) ++noticed;
  };
  for (const auto& [path, content] : files) {
    Files damaged = files;
    // Who has but one cannot know that there was one.
    if (files.size() > 1) {
      damaged.erase(path);
      check(path, "missing", damaged);
      damaged[path] = "";
      check(path, "empty", damaged);
    }
    damaged[path] = content.substr(0, written_size(content) / 2);
    check(path, "cut short", damaged);
    for (const auto& [other, its_content] : files) {
      if (other == path) continue;
      damaged[path] = its_content;
      check(path, "a copy of " + other, damaged);
    }
    if (const auto twin = foreign.find(path); twin != foreign.end()) {
      damaged[path] = twin->second;
      check(path, "of another log", damaged);
    }
  }
  bench.count(std::to_string(noticed) + " noticed");
  RAFTKIT_EXPECT(noticed > 0);
}

}  // namespace

CaseDefinitions<LogStorageBench> log_storage_crash_cases() {
  return {
      {"a power loss at any change takes nothing that was acknowledged", power_loss_at_any_change},
      {"what is read after a kill at any change is durable", kill_at_any_change},
      {"what is read after a sync that failed is durable", sync_that_fails},
      {"opening may be interrupted anywhere", opening_interrupted},
      {"whatever fails, nothing acknowledged is lost, and nothing more is taken",
       operation_that_fails<Errc::io_error>},
      {"whatever finds no space, nothing acknowledged is lost",
       operation_that_fails<Errc::out_of_space>},
  };
}

CaseDefinitions<LogStorageBench> log_storage_damage_cases() {
  return {
      {"a bit that flips is noticed", flipped_bits},
      {"a sector that holds zeros or another one's bytes is noticed", damaged_sectors},
      {"a file that is missing, short, or another one's is noticed", wrong_files},
  };
}

}  // namespace raftkit::testing
