#include "raftkit/testing/snapshot_store_conformance.hpp"

#include "testing/snapshot_store_bench.hpp"

namespace raftkit::testing {

namespace {

CaseDefinitions<SnapshotStoreBench> cases(const SnapshotStoreSubject& subject) {
  auto failing = snapshot_store_crash_cases();
  for (const auto& each : snapshot_store_fault_cases())
    failing.push_back(each);
  return cases_for(
      subject, snapshot_store_contract_cases(), failing, snapshot_store_damage_cases());
}

}  // namespace

std::vector<std::string> snapshot_store_case_names(const SnapshotStoreSubject& subject) {
  return names_of(cases(subject));
}

SnapshotStoreCase run_snapshot_store_case(std::string_view name,
                                          const SnapshotStoreSubject& subject,
                                          const SnapshotStoreSuiteOptions& options) {
  return run_named(name, cases(subject), on_a_bench<SnapshotStoreBench>(subject, options));
}

std::vector<SnapshotStoreCase> check_snapshot_store(const SnapshotStoreSubject& subject,
                                                    const SnapshotStoreSuiteOptions& options) {
  return run_all(cases(subject), on_a_bench<SnapshotStoreBench>(subject, options));
}

}  // namespace raftkit::testing
