// Runs files of Raft scenarios and compares what raftkit does with what they expect.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "conformance/interaction_suite.hpp"

namespace raftkit::conformance {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage = R"(usage: raftkit-conformance FILE-OR-DIR...
Runs data files in the format of etcd's Raft library (interaction, quorum and confchange tests; which
one a file is, its first command tells) against raftkit's core. Prints a line for each file, on a
mismatch the place and the difference, and how many passed and failed.
Exit status: 0 all passed, 1 something failed, 2 the command line is wrong.
)";

bool is_one_of(std::string_view command, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), command) != names.end();
}

std::unique_ptr<Suite> suite_for(const std::string& command) {
  if (is_one_of(command, {"committed", "vote"})) return std::make_unique<QuorumSuite>();
  if (is_one_of(command, {"simple", "enter-joint", "leave-joint"}))
    return std::make_unique<ChangeSuite>();
  return std::make_unique<InteractionSuite>();
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

void print(const char* mark,
           const std::vector<std::string_view>& lines,
           std::size_t from,
           std::size_t to) {
  for (std::size_t i = from; i < to; ++i)
    std::printf("%s%.*s\n", mark, static_cast<int>(lines[i].size()), lines[i].data());
}

/// What is equal at both ends once, and between it first what was expected, then what came.
void print_difference(const std::string& expected, const std::string& found) {
  const auto wanted = lines_of(expected);
  const auto got = lines_of(found);
  const auto limit = std::min(wanted.size(), got.size());
  std::size_t head = 0;
  while (head < limit && wanted[head] == got[head])
    ++head;
  std::size_t tail = 0;
  while (tail < limit - head && wanted[wanted.size() - 1 - tail] == got[got.size() - 1 - tail])
    ++tail;
  print("   ", wanted, 0, head);
  print("  -", wanted, head, wanted.size() - tail);
  print("  +", got, head, got.size() - tail);
  print("   ", wanted, wanted.size() - tail, wanted.size());
}

/// Returns how many cases of the file passed, 0 if not all; stops at its first mismatch.
std::size_t run_file(const std::string& path) {
  std::size_t line = 0;
  try {
    const auto cases = read_script(path);
    if (cases.empty()) throw BadCommand("the file holds no command");
    const auto suite = suite_for(cases.front().command);
    for (const Case& test : cases) {
      line = test.line;
      std::string found = suite->run(test);
      if (!found.empty() && found.back() != '\n') found += '\n';
      if (found == test.expected) continue;
      std::printf("FAIL %s:%zu: %s (expected from line %zu on)\n",
                  path.c_str(),
                  test.line,
                  test.command.c_str(),
                  test.expected_line);
      print_difference(test.expected, found);
      return 0;
    }
    std::printf("ok   %s (%zu cases)\n", path.c_str(), cases.size());
    return cases.size();
  } catch (const std::exception& failed) {
    std::printf("FAIL %s:%zu: %s\n", path.c_str(), line, failed.what());
    return 0;
  }
}

std::vector<std::string> files_in(const std::string& path) {
  if (!fs::is_directory(path)) return {path};
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(path)) {
    if (entry.is_regular_file() && entry.path().extension() == ".txt")
      files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

int run(const std::vector<std::string>& paths) {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t cases = 0;
  for (const std::string& path : paths) {
    for (const std::string& file : files_in(path)) {
      const std::size_t held = run_file(file);
      ++(held > 0 ? passed : failed);
      cases += held;
    }
  }
  std::printf("%zu cases in the files that passed\n", cases);
  std::printf("%zu passed, %zu failed\n", passed, failed);
  return failed == 0 && passed > 0 ? 0 : 1;
}

}  // namespace
}  // namespace raftkit::conformance

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool wants_help = std::any_of(arguments.begin(), arguments.end(), [](const auto& word) {
    return word == "--help" || word == "-h";
  });
  if (wants_help || arguments.empty()) {
    std::fputs(raftkit::conformance::kUsage, wants_help ? stdout : stderr);
    return wants_help ? 0 : 2;
  }
  return raftkit::conformance::run(arguments);
}
