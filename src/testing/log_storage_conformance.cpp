#include "raftkit/testing/log_storage_conformance.hpp"

#include "testing/log_storage_bench.hpp"

namespace raftkit::testing {

namespace {

CaseDefinitions<LogStorageBench> cases(const LogStorageSubject& subject) {
  return cases_for(
      subject, log_storage_contract_cases(), log_storage_crash_cases(), log_storage_damage_cases());
}

}  // namespace

std::vector<std::string> log_storage_case_names(const LogStorageSubject& subject) {
  return names_of(cases(subject));
}

LogStorageCase run_log_storage_case(std::string_view name,
                                    const LogStorageSubject& subject,
                                    const LogStorageSuiteOptions& options) {
  return run_named(name, cases(subject), on_a_bench<LogStorageBench>(subject, options));
}

std::vector<LogStorageCase> check_log_storage(const LogStorageSubject& subject,
                                              const LogStorageSuiteOptions& options) {
  return run_all(cases(subject), on_a_bench<LogStorageBench>(subject, options));
}

}  // namespace raftkit::testing
