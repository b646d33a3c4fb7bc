// The program raftkit-inspect.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <getopt.h>
#include <iostream>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "inspect/inspection.hpp"
#include "inspect/print.hpp"

namespace {

using namespace raftkit;  // NOLINT(google-build-using-namespace): this is a program

constexpr std::string_view kUsage =
    R"(usage: raftkit-inspect [--verify] [--records] [--entries FIRST[-LAST]] [--json] DIRECTORY
       raftkit-inspect --repair-tail DIRECTORY

Says what a stopped member's data directory holds, and whether it is damaged: the log with its
segments, term, vote and entries, and the snapshots. Writes nothing, unless --repair-tail is given.

  DIRECTORY        what --data-dir of the member says; or a copy of it; or a log or a directory of
                   snapshots alone
  --verify         reads the content of snapshots, too; a log is always read and verified to its end.
                   What the state machine keeps is not looked at
  --records        lists what was written to the write-ahead log, in order
  --entries F[-L]  lists the entries from index F to L, with the first bytes of their payloads
  --json           one JSON object instead of text
  --repair-tail    overwrites the torn end of a write-ahead log, as the member does when it starts.
                   Damage to what was durable it does not touch
  --help

Exit status: 0 no damage was found, 1 it is damaged, 2 the command line is wrong, or the directory
cannot be looked at.
)";

struct Arguments {
  inspect::InspectOptions inspect;
  bool json = false;
  bool repairs_tail = false;
};

[[noreturn]] void refuse(const std::string& why) {
  std::cerr << "raftkit-inspect: " << why << "\nSee 'raftkit-inspect --help'.\n";
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): before any thread
}

Index to_index(std::string_view text, const std::string& whole) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size())
    refuse("--entries " + whole + ": write an index, or two with a dash between, as 120-130");
  return Index{number};
}

inspect::Range to_range(const std::string& text) {
  const auto dash = text.find('-');
  const Index first = to_index(std::string_view(text).substr(0, dash), text);
  if (dash == std::string::npos) return {first, first};
  const inspect::Range range{first, to_index(std::string_view(text).substr(dash + 1), text)};
  if (range.is_empty()) refuse("--entries " + text + ": the second index is before the first");
  return range;
}

Arguments parse(int argc, char** argv) {
  enum : int { kVerify = 1, kRecords, kEntries, kJson, kRepair, kHelp };
  const std::array<option, 7> kOptions = {{{"verify", no_argument, nullptr, kVerify},
                                           {"records", no_argument, nullptr, kRecords},
                                           {"entries", required_argument, nullptr, kEntries},
                                           {"json", no_argument, nullptr, kJson},
                                           {"repair-tail", no_argument, nullptr, kRepair},
                                           {"help", no_argument, nullptr, kHelp},
                                           {nullptr, 0, nullptr, 0}}};
  Arguments arguments;
  for (int found = 0; found != -1;) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): before any thread
    found = getopt_long(argc, argv, "h", kOptions.data(), nullptr);
    switch (found) {
      case kVerify:
        arguments.inspect.is_thorough = true;
        break;
      case kRecords:
        arguments.inspect.lists_records = true;
        break;
      case kEntries:
        arguments.inspect.entries = to_range(optarg);
        break;
      case kJson:
        arguments.json = true;
        break;
      case kRepair:
        arguments.repairs_tail = true;
        break;
      case 'h':
      case kHelp:
        std::cout << kUsage;
        std::exit(0);  // NOLINT(concurrency-mt-unsafe): before any thread
      case -1:
        break;
      default:  // getopt has said why
        std::cerr << "See 'raftkit-inspect --help'.\n";
        std::exit(2);  // NOLINT(concurrency-mt-unsafe): before any thread
    }
  }
  if (argc - optind != 1) refuse("give one directory");
  std::string& directory = arguments.inspect.directory = argv[optind];
  while (directory.size() > 1 && directory.back() == '/')
    directory.pop_back();
  const auto& inspect = arguments.inspect;
  if (arguments.repairs_tail &&
      (inspect.is_thorough || inspect.lists_records || inspect.entries || arguments.json))
    refuse("--repair-tail goes with no other option");
  return arguments;
}

/// A line on a terminal, once in a while.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  ProgressLine() = default;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(std::string_view what, std::uint64_t done, std::uint64_t total) {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_ < std::chrono::milliseconds(500)) return;
    last_ = now;
    is_shown_ = true;
    const std::uint64_t percent =
        total == 0 ? 100 : std::min<std::uint64_t>(100, done * 100 / total);
    std::cerr << "\r\x1b[K" << what << ": " << percent << " %" << std::flush;
  }

  void clear() {
    if (std::exchange(is_shown_, false)) std::cerr << "\r\x1b[K" << std::flush;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  bool is_shown_ = false;
};

int fail(const Error& error) {
  std::cerr << "raftkit-inspect: " << error.message() << '\n';
  return error == Errc::corrupt_data ? 1 : 2;
}

constexpr std::string_view kReplace =
    "It cannot be repaired: remove this member from the cluster, and add it again as a new one "
    "with "
    "an empty data directory.\n";

int repair(const inspect::InspectOptions& options) {
  const auto repaired = inspect::repair_tail(storage::posix_disk(), options);
  if (!repaired) {
    const int status = fail(repaired.error());
    if (status == 1) std::cerr << kReplace;
    return status;
  }
  if (*repaired == 0) {
    std::cout << "nothing to repair: the log ends where its last write ended\n";
  } else {
    std::cout << "repaired: " << *repaired
              << " bytes that were not known to be durable are overwritten\n";
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments = parse(argc, argv);
  ProgressLine line;
  if (isatty(STDERR_FILENO) != 0)
    arguments.inspect.progress = [&](std::string_view what,
                                     std::uint64_t done,
                                     std::uint64_t total) { line.show(what, done, total); };
  if (arguments.repairs_tail) return repair(arguments.inspect);
  const auto report = inspect::inspect(storage::posix_disk(), arguments.inspect);
  line.clear();
  if (!report) return fail(report.error());
  if (arguments.json) {
    print_json(std::cout, *report);
    std::cout << '\n';
  } else {
    print_text(std::cout, *report);
    if (report->damages.empty()) {
      std::cout << "no damage found" << (report->state ? " in log and snapshots" : "")
                << (report->torn_bytes() > 0 ? "; a start overwrites the torn end" : "") << '\n';
    } else {
      std::cout << kReplace;
    }
  }
  if (!std::cout.flush()) {
    std::cerr << "raftkit-inspect: the report could not be written\n";
    return 2;
  }
  return report->damages.empty() ? 0 : 1;
}
