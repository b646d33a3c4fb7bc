// What the cases for logs stand on.
#pragma once

#include "raftkit/testing/log_storage_conformance.hpp"

#include "testing/store_bench.hpp"

namespace raftkit::testing {

using LogStorageBench = StoreBench<LogStorage, LogStorageSubject, LogStorageSuiteOptions>;

[[nodiscard]] CaseDefinitions<LogStorageBench> log_storage_contract_cases();
[[nodiscard]] CaseDefinitions<LogStorageBench> log_storage_crash_cases();
[[nodiscard]] CaseDefinitions<LogStorageBench> log_storage_damage_cases();

}  // namespace raftkit::testing
