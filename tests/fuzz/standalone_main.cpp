// Runs a target without libFuzzer: with inputs made from its examples, or with given ones.
#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "fuzz/mutator.hpp"
#include "fuzz/target.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RAFTKIT_FUZZ_HAS_ASAN 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define RAFTKIT_FUZZ_HAS_ASAN 1
#endif
#if defined(RAFTKIT_FUZZ_HAS_ASAN) || defined(__SANITIZE_THREAD__)
#define RAFTKIT_FUZZ_IS_SANITIZED 1
#endif

#if defined(RAFTKIT_FUZZ_HAS_ASAN)
// So that its reports, too, end in died().
// NOLINTNEXTLINE(bugprone-reserved-identifier, cert-dcl37-c, cert-dcl51-cpp): the hook's name
extern "C" const char* __asan_default_options();
// NOLINTNEXTLINE(bugprone-reserved-identifier, cert-dcl37-c, cert-dcl51-cpp): the hook's name
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1";
}
#endif

namespace raftkit::fuzz {

namespace {

constexpr unsigned kSecondsPerInput = 10;

constexpr std::string_view kUsage =
    "usage: PROGRAM [--seed N] [--runs N]    with inputs made from the examples (100000)\n"
    "       PROGRAM FILE...                  with these inputs\n"
    "       PROGRAM --write-examples DIR     writes the examples there, one per file\n";

/// What a signal handler needs: ready before anything can happen.
struct Present {
  std::string input;
  std::string path;     ///< where to write it
  std::string message;  ///< what to say then
};
Present& present() {
  static Present it;
  return it;
}

void write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(file, bytes.data(), bytes.size());
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

/// Keeps the input. Only what a signal handler may call.
extern "C" void died(int signal) {
  const Present& it = present();
  const int file = ::open(it.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (file >= 0) {
    write_all(file, it.input);
    ::close(file);
  }
  write_all(STDERR_FILENO, it.message);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void prepare(const std::string& program) {
  const std::string name = std::filesystem::path(program).filename();
  present().path = std::filesystem::absolute(name + ".failed");
  present().message = "the input that did this is in " + present().path + "; to repeat it:\n  " +
                      program + " " + present().path + "\n";
  std::signal(SIGABRT, died);
  std::signal(SIGALRM, died);
#if !defined(RAFTKIT_FUZZ_IS_SANITIZED)  // which report this better, and then abort
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL})
    std::signal(signal, died);
  // A length that was believed shows as std::bad_alloc, whatever the machine has.
  constexpr rlim_t kMostAddressSpace = rlim_t{1} << 30;
  const rlimit limit{kMostAddressSpace, kMostAddressSpace};
  static_cast<void>(::setrlimit(RLIMIT_AS, &limit));
#endif
}

void run(std::string input) {
  present().input = std::move(input);
  ::alarm(kSecondsPerInput);
  // A copy of exactly this size, so that a sanitizer notices who reads beyond its end.
  const std::vector<std::uint8_t> bytes(present().input.begin(), present().input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Arguments {
  std::uint64_t seed = std::random_device()();
  std::uint64_t runs = 100'000;
  std::string examples;  ///< the directory to write them to
  std::vector<std::string> files;
};

std::optional<Arguments> parse(const std::vector<std::string>& words) {
  Arguments arguments;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    if (!word.starts_with("-")) {
      arguments.files.push_back(word);
      continue;
    }
    if (++at == words.size()) return std::nullopt;
    if (word == "--write-examples") {
      arguments.examples = words[at];
      continue;
    }
    const auto value = number(words[at]);
    if (!value || (word != "--seed" && word != "--runs")) return std::nullopt;
    (word == "--seed" ? arguments.seed : arguments.runs) = *value;
  }
  return arguments;
}

int write_examples(const std::string& directory) {
  std::filesystem::create_directories(directory);
  int count = 0;
  for (const std::string& example : examples()) {
    const std::string path = directory + "/example-" + std::to_string(count++);
    if (!(std::ofstream(path, std::ios::binary) << example)) {
      std::cerr << path << " cannot be written\n";
      return 1;
    }
  }
  return 0;
}

int replay(const std::vector<std::string>& files) {
  for (const std::string& path : files) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::cerr << path << " cannot be read\n";
      return 1;
    }
    std::cout << path << std::endl;
    std::ostringstream input;
    input << file.rdbuf();
    run(input.str());
  }
  return 0;
}

int mutate(const std::string& program, const Arguments& arguments) {
  std::cout << program << " --seed " << arguments.seed << " --runs " << arguments.runs << std::endl;
  for (const std::string& example : examples())
    run(example);
  Mutator mutator(arguments.seed, examples());
  for (std::uint64_t at = 0; at < arguments.runs; ++at)
    run(mutator.next());
  return 0;
}

int main_of(const std::string& program, const std::vector<std::string>& words) {
  if (words == std::vector<std::string>{"--help"}) {
    std::cout << kUsage;
    return 0;
  }
  const auto arguments = parse(words);
  if (!arguments) {
    std::cerr << kUsage;
    return 2;
  }
  if (!arguments->examples.empty()) return write_examples(arguments->examples);
  prepare(program);
  return arguments->files.empty() ? mutate(program, *arguments) : replay(arguments->files);
}

}  // namespace

}  // namespace raftkit::fuzz

int main(int argc, char** argv) {
  return raftkit::fuzz::main_of(argv[0], {argv + 1, argv + argc});
}
