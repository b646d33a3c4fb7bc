// What the cases for snapshot stores stand on.
#pragma once

#include <string>
#include <vector>

#include "raftkit/testing/snapshot_store_conformance.hpp"

#include "testing/batches.hpp"
#include "testing/snapshots.hpp"
#include "testing/store_bench.hpp"

namespace raftkit::testing {

using SnapshotStoreBench =
    StoreBench<SnapshotStore, SnapshotStoreSubject, SnapshotStoreSuiteOptions>;

[[nodiscard]] CaseDefinitions<SnapshotStoreBench> snapshot_store_contract_cases();
[[nodiscard]] CaseDefinitions<SnapshotStoreBench> snapshot_store_crash_cases();
[[nodiscard]] CaseDefinitions<SnapshotStoreBench> snapshot_store_fault_cases();
[[nodiscard]] CaseDefinitions<SnapshotStoreBench> snapshot_store_damage_cases();

/// Fails the case with the reason if there is no value.
template <class Value>
[[nodiscard]] Value value_of(const std::string& what, Result<Value> result) {
  require(result.has_value(), what, ": ", result ? std::string() : result.error().message());
  return *std::move(result);
}
inline void expect_ok(const std::string& what, const Result<void>& result) {
  require(result.has_value(), what, ": ", result ? std::string() : result.error().message());
}

}  // namespace raftkit::testing
