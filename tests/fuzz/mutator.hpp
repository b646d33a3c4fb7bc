// Makes inputs from examples, the same ones for the same seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace raftkit::fuzz {

/// Owner: one thread.
class Mutator {
 public:
  /// There is at least one example.
  Mutator(std::uint64_t seed, std::vector<std::string> examples)
      : random_(seed), examples_(std::move(examples)) {}

  /// One of the examples after a few changes, at most kMostBytes of it.
  [[nodiscard]] std::string next();

  static constexpr std::size_t kMostBytes = 4096;

 private:
  void change(std::string& input);
  void overwrite(std::string& input);
  void splice(std::string& input);

  /// Not by a distribution of the standard library, which each of them has its own.
  [[nodiscard]] std::size_t below(std::size_t limit) { return random_() % limit; }
  [[nodiscard]] std::size_t place_in(const std::string& input) { return below(input.size() + 1); }

  std::mt19937_64 random_;
  std::vector<std::string> examples_;
};

}  // namespace raftkit::fuzz
