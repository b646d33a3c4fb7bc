// raftkit-sim: whole clusters under faults, one per seed.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <limits>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <vector>

#include "raftkit/testing/scenario.hpp"

#include "testing/history_page.hpp"

using namespace raftkit;  // NOLINT(google-build-using-namespace): domain words of the program

namespace {

constexpr const char* kUsage =
    R"(usage: raftkit-sim --seed S [--nodes N] [--seconds T] [--rate R] [--verbose]
                   [--until-event E] [--history FILE] [--html FILE]
       raftkit-sim --seeds N [--first S | --fresh] [--jobs J] [--nodes N] [--seconds T]
                   [--rate R]
       raftkit-sim --plan FILE-OR-DIRECTORY [--verbose] [--until-event E] [--history FILE] [--html FILE]
       raftkit-sim --seed S | --plan FILE --shrink FILE
       raftkit-sim --check FILE [--html FILE]

Runs a cluster of production drivers on simulated sockets, disks and clocks, breaks it, and checks
everything. A run follows from its seed.

  --seed S         one run; prints what became of it
  --seeds N        as many runs, with seeds from --first on; prints those that fail
  --first S        default: 1
  --fresh          begins with a seed that is drawn by chance, and says which
  --jobs J         runs at the same time (default: one per processor)
  --nodes N        voters at the beginning, 1 to 9 (default: 3, 4 or 5, by the seed)
  --seconds T      simulated seconds of faults (default: 60)
  --rate R         operations that all clients together begin in a simulated second (default: as the
                   seed says)
  --verbose        a line per event: its number, time, node and what happened
  --until-event E  ends the run there; the events are those that --verbose counts
  --marks          prints how often each rare situation happened
  --plan FILE      one run, with its seed, nodes, duration, rate and faults from a file; of a
                   directory all *.plan files, one after the other
  --shrink FILE    makes the faults of a run that fails fewer, shorter and simpler while it still fails
                   in the same way, and writes what is left as a file for --plan
  --history FILE   writes what the clients asked and were told, as JSON Lines
  --check FILE     reads such a history, of this program or of another one, and says whether it can
                   have been: where it becomes impossible, and few operations that contradict each other
  --html FILE      writes the run, or the history that was checked, as a page for a browser: what is
                   wrong, and what happened around it
  --help

Exit status: 0 all is well, 1 something is wrong, 2 the command line or a file is.
)";

struct Arguments {
  std::vector<std::string> given;  // the options, as they were written
  std::optional<std::uint64_t> seed;
  std::uint64_t seeds = 0;
  std::uint64_t first = 1;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  std::size_t nodes = 0;
  std::uint64_t seconds = 60;
  std::optional<std::uint64_t> rate;
  std::optional<std::uint64_t> until_event;
  bool verbose = false;
  bool marks = false;
  std::string history;
  std::string check;
  std::string html;
  std::string plan;
  std::string shrink;
};

[[noreturn]] void refuse(const std::string& why) {
  std::cerr << "raftkit-sim: " << why << "\n\n" << kUsage;
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): before any thread
}

std::uint64_t to_number(std::string_view option, const std::string& text) {
  try {
    std::size_t used = 0;
    const std::uint64_t number = std::stoull(text, &used);
    if (used == text.size() && text.front() != '-') return number;
  } catch (const std::exception&) {  // what the sentence below says
  }
  refuse(std::string(option) + " " + text + ": not a number");
}

/// Nothing that was asked for is left out in silence.
void refuse_what_would_be_ignored(const std::vector<std::string>& given) {
  struct Pair {
    std::string_view option;
    std::vector<std::string_view> without;
  };
  static const std::vector<Pair> kPairs = {
      {"--seed", {"--first", "--fresh", "--jobs"}},
      {"--seeds", {"--history", "--html", "--shrink"}},
      {"--plan", {"--first", "--fresh", "--jobs", "--nodes", "--seconds", "--rate"}},
      {"--check",
       {"--first",
        "--fresh",
        "--jobs",
        "--nodes",
        "--seconds",
        "--rate",
        "--verbose",
        "--until-event",
        "--marks",
        "--history",
        "--shrink"}},
      {"--shrink", {"--verbose", "--until-event", "--marks", "--history", "--html"}},
      {"--first", {"--fresh"}}};
  const auto has = [&](std::string_view option) {
    return std::find(given.begin(), given.end(), option) != given.end();
  };
  for (const Pair& pair : kPairs) {
    const auto ignored = std::find_if(pair.without.begin(), pair.without.end(), has);
    if (has(pair.option) && ignored != pair.without.end())
      refuse(std::string(pair.option) + " and " + std::string(*ignored) + " do not go together");
  }
}

void validate(const Arguments& arguments) {
  const int modes = int{arguments.seed.has_value()} + int{arguments.seeds > 0} +
                    int{!arguments.check.empty()} + int{!arguments.plan.empty()};
  if (modes != 1) refuse("give one of --seed, --seeds (at least 1), --plan and --check");
  refuse_what_would_be_ignored(arguments.given);
  if (arguments.nodes > 9) refuse("--nodes must be from 1 to 9");
  if (arguments.rate && (*arguments.rate < 1 || *arguments.rate > 1'000'000))
    refuse("--rate must be from 1 to 1000000");
  if (arguments.jobs == 0) refuse("--jobs must be at least 1");
}

Arguments parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& option = words[i];
    arguments.given.push_back(option);
    const auto text = [&](const char* what) -> const std::string& {
      if (i + 1 == words.size() || words[i + 1].empty()) refuse(option + " needs " + what);
      return words[++i];
    };
    const auto value = [&] { return to_number(option, text("a number")); };
    if (option == "--help" || option == "-h") {
      std::cout << kUsage;
      std::exit(0);  // NOLINT(concurrency-mt-unsafe): before any thread
    } else if (option == "--verbose") {
      arguments.verbose = true;
    } else if (option == "--marks") {
      arguments.marks = true;
    } else if (option == "--seed") {
      arguments.seed = value();
    } else if (option == "--seeds") {
      arguments.seeds = value();
    } else if (option == "--first") {
      arguments.first = value();
    } else if (option == "--fresh") {
      arguments.first = std::uint64_t{std::random_device()()} << 16;
    } else if (option == "--jobs") {
      arguments.jobs = static_cast<unsigned>(value());
    } else if (option == "--nodes") {
      arguments.nodes = value();
    } else if (option == "--seconds") {
      arguments.seconds = value();
    } else if (option == "--rate") {
      arguments.rate = value();
    } else if (option == "--until-event") {
      arguments.until_event = value();
    } else if (option == "--history") {
      arguments.history = text("a file");
    } else if (option == "--html") {
      arguments.html = text("a file");
    } else if (option == "--plan") {
      arguments.plan = text("a file or a directory");
    } else if (option == "--shrink") {
      arguments.shrink = text("a file");
    } else if (option == "--check") {
      arguments.check = text("a file");
    } else {
      refuse("unknown option '" + option + "'");
    }
  }
  validate(arguments);
  return arguments;
}

testing::SimulationOptions options_for(const Arguments& arguments, std::uint64_t seed) {
  constexpr std::size_t kSizes[] = {3, 5, 3, 5, 4};
  testing::SimulationOptions options;
  options.seed = seed;
  options.nodes = arguments.nodes > 0 ? arguments.nodes : kSizes[seed % std::size(kSizes)];
  options.duration = std::chrono::seconds(arguments.seconds);
  options.operations_per_second = arguments.rate;
  // A log that grows keeps those who are cut off from being elected: that hides what else does.
  if (!arguments.rate && testing::cuts_paths_in_turn(seed)) options.operations_per_second = 1;
  options.until_event = arguments.until_event;
  options.trace = arguments.verbose ? &std::cout : nullptr;
  return options;
}

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "raftkit-sim: " << why << '\n';
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): no other thread
}

/// A file that may not be wanted.
class Output {
 public:
  explicit Output(const std::string& file) : file_(file) {
    if (!file.empty()) stream_.open(file);
    if (!stream_) give_up("cannot write " + file);
  }
  std::ostream* stream() { return file_.empty() ? nullptr : &stream_; }
  /// That all of it has arrived.
  void finish() {
    if (!stream_.flush()) give_up("cannot write " + file_);
  }

 private:
  const std::string& file_;
  std::ofstream stream_;
};

std::string command_for(const Arguments& arguments, std::uint64_t seed) {
  std::string command = "raftkit-sim --seed " + std::to_string(seed);
  if (arguments.nodes > 0) command += " --nodes " + std::to_string(arguments.nodes);
  if (arguments.seconds != 60) command += " --seconds " + std::to_string(arguments.seconds);
  if (arguments.rate) command += " --rate " + std::to_string(*arguments.rate);
  if (arguments.until_event) command += " --until-event " + std::to_string(*arguments.until_event);
  return command;
}

/// How often the rare situations happened, in how many runs.
class Marks {
 public:
  void add(const std::vector<std::uint64_t>& counts) {
    for (std::size_t mark = 0; mark < counts.size(); ++mark) {
      counts_[mark] += counts[mark];
      if (counts[mark] > 0) ++runs_[mark];
    }
  }

  void print_table() const {
    for (std::size_t mark = 0; mark < counts_.size(); ++mark) {
      std::cout << std::setw(12) << counts_[mark] << " times in " << std::setw(7) << runs_[mark]
                << " runs  " << testing::simulation_marks()[mark] << '\n';
    }
  }

  void print_summary() const {
    const auto never = std::count(counts_.begin(), counts_.end(), std::uint64_t{0});
    std::cout << counts_.size() - static_cast<std::size_t>(never) << " of " << counts_.size()
              << " rare situations met";
    std::string_view separator = "; never: ";
    for (std::size_t mark = 0; mark < counts_.size(); ++mark) {
      if (counts_[mark] != 0) continue;
      std::cout << separator << '"' << testing::simulation_marks()[mark] << '"';
      separator = ", ";
    }
    std::cout << '\n';
  }

 private:
  std::vector<std::uint64_t> counts_ =
      std::vector<std::uint64_t>(testing::simulation_marks().size());
  std::vector<std::uint64_t> runs_ = counts_;
};

testing::SimScenario read_plan(const std::string& file) {
  std::ifstream in(file);
  if (!in) give_up("cannot read " + file);
  auto scenario = testing::read_scenario(in, file);
  if (!scenario) give_up(scenario.error().message());
  return *scenario;
}

testing::SimulationOptions options_of_one(const Arguments& arguments) {
  if (arguments.seed) {
    auto options = options_for(arguments, *arguments.seed);
    options.reproduce = command_for(arguments, *arguments.seed);
    return options;
  }
  auto options = options_for(arguments, 0);
  read_plan(arguments.plan).apply_to(options);
  options.reproduce = "raftkit-sim --plan " + arguments.plan;
  return options;
}

int run_one(const Arguments& arguments) {
  auto options = options_of_one(arguments);
  Output history(arguments.history);
  Output page(arguments.html);
  options.history = history.stream();
  options.page = page.stream();
  auto report = testing::simulate(options);
  history.finish();
  page.finish();
  std::cout << "seed " << options.seed << ": " << report.events << " events in "
            << static_cast<double>(report.simulated.count()) / 1000 << " simulated seconds, "
            << report.faults << " faults, term " << report.terms << "\nclients: " << report.appended
            << " appends, " << report.read << " reads, " << report.refused << " refused, "
            << report.unknown << " unknown"
            << (report.is_history_complete ? "" : " (history not searched to the end)")
            << "\ntrace " << std::hex << report.trace_hash << std::dec << '\n';
  if (arguments.marks) {
    Marks marks;
    marks.add(report.marks);
    marks.print_table();
  }
  if (!report.failure && !arguments.plan.empty() && !arguments.until_event)
    report.failure = read_plan(arguments.plan).unmet(report);
  if (!report.failure) {
    std::cout << (arguments.until_event ? "stopped before the end\n" : "passed\n");
    return 0;
  }
  std::cout << "FAILED: " << *report.failure << '\n';
  return 1;
}

int run_directory(Arguments arguments) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(arguments.plan)) {
    if (entry.path().extension() == ".plan") files.push_back(entry.path());
  }
  if (files.empty()) give_up("there is no *.plan in " + arguments.plan);
  if (!arguments.history.empty() || !arguments.html.empty() || !arguments.shrink.empty())
    refuse("--history, --html and --shrink need one run, not a directory");
  std::sort(files.begin(), files.end());
  int status = 0;
  for (const auto& file : files) {
    std::cout << "--- " << file.filename().string() << '\n';
    arguments.plan = file.string();
    status = std::max(status, run_one(arguments));
  }
  return status;
}

int shrink(const Arguments& arguments) {
  const auto options = options_of_one(arguments);
  const auto scenario = testing::shrink(options, &std::cout);
  if (!scenario) {
    std::cout << "this run passes: nothing to shrink\n";
    return 0;
  }
  // Shrinking took long: what came of it is shown even if the file cannot be written.
  std::cout << *scenario << std::flush;
  Output plan(arguments.shrink);
  *plan.stream() << "# Shrunk from: " << options.reproduce << '\n' << *scenario;
  plan.finish();
  std::cout << "again: raftkit-sim --plan " << arguments.shrink << '\n';
  return 1;
}

int check(const Arguments& arguments) {
  std::ifstream in(arguments.check);
  if (!in) give_up("cannot read " + arguments.check);
  const auto history = testing::read_history(in, arguments.check);
  if (!history) give_up(history.error().message());
  const auto finding = testing::check_history(*history);
  Output page(arguments.html);
  if (page.stream() != nullptr) write_page(*page.stream(), *history, finding);
  page.finish();
  std::cout << history->operations.size() << " operations of seed " << history->seed << '\n';
  if (!finding.impossible) {
    std::cout << (finding.is_complete ? "linearizable\n"
                                      : "nothing found, but not searched to the end\n");
    return 0;
  }
  const auto& impossible = history->operations[*finding.impossible];
  std::cout << "NOT LINEARIZABLE: " << describe_in_full(*history, impossible) << "\n  "
            << finding.reason << '\n'
            << finding.core_says << '\n';
  for (const std::size_t i : finding.core)
    std::cout << "  " << describe_in_full(*history, history->operations[i]) << '\n';
  return 1;
}

/// Of many runs. Thread-safe.
class Summary {
 public:
  Summary(const Arguments& arguments) : arguments_(arguments) {}

  void add(std::uint64_t seed, const testing::SimulationReport& report) {
    const std::lock_guard lock(mutex_);
    ++seeds_;
    events_ += report.events;
    faults_ += report.faults;
    operations_ += report.appended + report.read;
    if (report.has_left_model) {
      ++beyond_model_;
    } else if (!report.failure) {
      fewest_operations_ = std::min(fewest_operations_, {report.appended + report.read, seed});
      fewest_kinds_ = std::min(fewest_kinds_, {report.fault_kinds, seed});
    }
    marks_.add(report.marks);
    // In whatever order they end.
    traces_ += (report.trace_hash ^ seed) * 0x9e3779b97f4a7c15;
    unknown_ += report.unknown;
    incomplete_ += report.is_history_complete ? 0 : 1;
    simulated_ += report.simulated;
    if (report.failure) {
      ++failed_;
      std::cout << "\rFAILED: " << *report.failure << "\n  " << command_for(arguments_, seed)
                << '\n';
    }
    const auto now = std::chrono::steady_clock::now();
    const bool is_watched = isatty(STDOUT_FILENO) != 0;
    if (now - last_line_ < std::chrono::seconds(is_watched ? 1 : 30)) return;
    last_line_ = now;
    std::cout << (is_watched ? "\r" : "") << line() << (is_watched ? "" : "\n") << std::flush;
  }

  int finish() {
    const auto cpu_seconds = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
    std::array<char, 80> cost{};
    std::snprintf(cost.data(),
                  cost.size(),
                  "%.1f s of CPU, %.1f simulated hours per CPU minute",
                  cpu_seconds,
                  simulated_hours() * 60 / cpu_seconds);
    std::cout << '\r' << line() << ", " << cost.data() << '\n'
              << operations_ << " operations" << at_least(fewest_operations_, "") << ", "
              << unknown_ << " of unknown outcome; " << incomplete_
              << " histories not searched to the end\n"
              << faults_ << " faults" << at_least(fewest_kinds_, " kinds") << "; not counting "
              << beyond_model_ << " runs with more damage than a cluster can take\n";
    if (arguments_.marks) marks_.print_table();
    marks_.print_summary();
    std::cout << "traces " << std::hex << traces_ << std::dec << '\n';
    std::cout << seeds_ - failed_ << " seeds passed, " << failed_ << " failed\n";
    return failed_ == 0 ? 0 : 1;
  }

 private:
  using NumberAndSeed = std::pair<std::uint64_t, std::uint64_t>;
  static constexpr NumberAndSeed kNoRun{std::numeric_limits<std::uint64_t>::max(), 0};

  static std::string at_least(const NumberAndSeed& fewest, const std::string& of_what) {
    if (fewest == kNoRun) return {};
    return ", at least " + std::to_string(fewest.first) + of_what + " per run (seed " +
           std::to_string(fewest.second) + ")";
  }
  [[nodiscard]] double simulated_hours() const {
    return std::chrono::duration<double, std::ratio<3600>>(simulated_).count();
  }
  [[nodiscard]] std::string line() const {
    std::array<char, 160> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%llu seeds, %.1f simulated hours, %.1f million events, %llu failed",
                  static_cast<unsigned long long>(seeds_),
                  simulated_hours(),
                  static_cast<double>(events_) / 1e6,
                  static_cast<unsigned long long>(failed_));
    return text.data();
  }

  const Arguments& arguments_;
  std::mutex mutex_;  // guards everything below
  std::uint64_t seeds_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t operations_ = 0;
  NumberAndSeed fewest_operations_ = kNoRun;
  NumberAndSeed fewest_kinds_ = kNoRun;
  std::uint64_t beyond_model_ = 0;
  std::uint64_t unknown_ = 0;
  std::uint64_t incomplete_ = 0;
  std::chrono::milliseconds simulated_{0};
  Marks marks_;
  std::uint64_t traces_ = 0;
  std::chrono::steady_clock::time_point last_line_ = std::chrono::steady_clock::now();
};

int run_many(const Arguments& arguments) {
  std::cout << "seeds " << arguments.first << " to " << arguments.first + arguments.seeds - 1
            << ", " << arguments.seconds << " simulated seconds of faults each\n";
  Summary summary(arguments);
  std::atomic<std::uint64_t> next = arguments.first;
  const auto work = [&] {
    while (true) {
      const std::uint64_t seed = next++;
      if (seed - arguments.first >= arguments.seeds) return;
      summary.add(seed, testing::simulate(options_for(arguments, seed)));
    }
  };
  // With one job there is no other thread, and std::shared_ptr counts without atomic operations.
  std::vector<std::thread> others;
  for (unsigned job = 1; job < arguments.jobs; ++job)
    others.emplace_back(work);
  work();
  for (std::thread& other : others)
    other.join();
  return summary.finish();
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments = parse({argv + 1, argv + argc});
  if (!arguments.check.empty()) return check(arguments);
  if (!arguments.plan.empty() && std::filesystem::is_directory(arguments.plan))
    return run_directory(arguments);
  if (!arguments.shrink.empty()) return shrink(arguments);
  return arguments.seeds > 0 ? run_many(arguments) : run_one(arguments);
}
