// What runs the cases of a suite, each on a bench of its own.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "raftkit/testing/conformance.hpp"

namespace raftkit::testing {

/// A case by name. It fails by throwing.
template <class Bench>
struct CaseDefinition {
  std::string_view name;
  void (*run)(Bench&);
};
template <class Bench>
using CaseDefinitions = std::vector<CaseDefinition<Bench>>;

template <class Bench>
[[nodiscard]] std::vector<std::string> names_of(const CaseDefinitions<Bench>& cases) {
  std::vector<std::string> names;
  for (const auto& each : cases)
    names.emplace_back(each.name);
  return names;
}

/// `run` makes the bench, runs the case and returns what was counted.
template <class Bench, class Run>
[[nodiscard]] ConformanceCase run_case(const CaseDefinition<Bench>& definition, const Run& run) {
  ConformanceCase result{std::string(definition.name), true, ""};
  try {
    result.what = run(definition);
  } catch (const std::exception& failure) {  // what is under test must not throw either
    result.passed = false;
    result.what = failure.what();
  }
  return result;
}

/// An unknown name fails.
template <class Bench, class Run>
[[nodiscard]] ConformanceCase run_named(std::string_view name,
                                        const CaseDefinitions<Bench>& cases,
                                        const Run& run) {
  for (const auto& each : cases) {
    if (each.name == name) return run_case(each, run);
  }
  return {std::string(name), false, "no such case"};
}

template <class Bench, class Run>
[[nodiscard]] std::vector<ConformanceCase> run_all(const CaseDefinitions<Bench>& cases,
                                                   const Run& run) {
  std::vector<ConformanceCase> results;
  for (const auto& each : cases)
    results.push_back(run_case(each, run));
  return results;
}

}  // namespace raftkit::testing
