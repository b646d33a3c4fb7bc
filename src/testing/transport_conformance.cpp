#include "raftkit/testing/transport_conformance.hpp"

#include "testing/transport_bench.hpp"

namespace raftkit::testing {

namespace {

std::vector<CaseDefinition> all_cases() {
  auto cases = message_cases();
  for (const auto& more : {connection_cases(), snapshot_cases()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

TransportCase run(const CaseDefinition& definition,
                  const TransportNetworkFactory& factory,
                  const TransportSuiteOptions& options) {
  TransportCase result{std::string(definition.name), true, ""};
  try {
    Bench bench(factory, options);
    definition.run(bench);
    for (const auto& [id, node] : bench.nodes)
      node->check_calls();
  } catch (const CaseFailed& failure) {
    result.passed = false;
    result.what = failure.what();
  }
  return result;
}

}  // namespace

std::vector<std::string> transport_case_names() {
  std::vector<std::string> names;
  for (const auto& definition : all_cases())
    names.emplace_back(definition.name);
  return names;
}

TransportCase run_transport_case(std::string_view name,
                                 const TransportNetworkFactory& factory,
                                 const TransportSuiteOptions& options) {
  for (const auto& definition : all_cases()) {
    if (definition.name == name) return run(definition, factory, options);
  }
  return {std::string(name), false, "no such case"};
}

std::vector<TransportCase> check_transport(const TransportNetworkFactory& factory,
                                           const TransportSuiteOptions& options) {
  std::vector<TransportCase> results;
  for (const auto& definition : all_cases())
    results.push_back(run(definition, factory, options));
  return results;
}

}  // namespace raftkit::testing
