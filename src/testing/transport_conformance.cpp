#include "raftkit/testing/transport_conformance.hpp"

#include "testing/transport_bench.hpp"

namespace raftkit::testing {

namespace {

CaseDefinitions<Bench> all_cases() {
  auto cases = message_cases();
  for (const auto& more : {connection_cases(), snapshot_cases()})
    cases.insert(cases.end(), more.begin(), more.end());
  return cases;
}

auto on_a_network(const TransportNetworkFactory& factory, const TransportSuiteOptions& options) {
  return [&](const CaseDefinition<Bench>& definition) {
    Bench bench(factory, options);
    definition.run(bench);
    for (const auto& [id, node] : bench.nodes)
      node->check_calls();
    return std::string();
  };
}

}  // namespace

std::vector<std::string> transport_case_names() {
  return names_of(all_cases());
}

TransportCase run_transport_case(std::string_view name,
                                 const TransportNetworkFactory& factory,
                                 const TransportSuiteOptions& options) {
  return run_named(name, all_cases(), on_a_network(factory, options));
}

std::vector<TransportCase> check_transport(const TransportNetworkFactory& factory,
                                           const TransportSuiteOptions& options) {
  return run_all(all_cases(), on_a_network(factory, options));
}

}  // namespace raftkit::testing
