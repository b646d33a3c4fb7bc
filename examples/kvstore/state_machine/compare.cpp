#include "state_machine/compare.hpp"

#include <compare>

#include "state_machine/ranges.hpp"

namespace kvstore {

using etcdserverpb::Compare;
using mvcc::KeyValueView;
using raftkit::Result;

namespace {

std::strong_ordering order(const Compare& compare, const KeyValueView& kv) {
  switch (compare.target()) {
    case Compare::CREATE:
      return kv.info.create_revision <=> compare.create_revision();
    case Compare::MOD:
      return kv.info.mod_revision <=> compare.mod_revision();
    case Compare::VALUE:
      return kv.value <=> std::string_view(compare.value());
    case Compare::LEASE:
      return kv.info.lease <=> compare.lease();
    default:
      return kv.info.version <=> compare.version();
  }
}

bool holds(const Compare& compare, const KeyValueView& kv) {
  const auto found = order(compare, kv);
  switch (compare.result()) {
    case Compare::GREATER:
      return found > 0;
    case Compare::LESS:
      return found < 0;
    case Compare::NOT_EQUAL:
      return found != 0;
    default:
      return found == 0;
  }
}

// No value is not an empty value: comparing it always fails. Counters of a missing key are zero.
bool holds_without_key(const Compare& compare) {
  return compare.target() != Compare::VALUE && holds(compare, {});
}

Result<bool> evaluate(const Reader& reader, const Compare& compare) {
  if (compare.range_end().empty()) {
    const auto found = reader.get(compare.key(), reader.revision());
    if (!found) return found.error();
    return *found ? holds(compare, (*found)->view()) : holds_without_key(compare);
  }
  bool is_met = true;
  bool is_empty = true;
  const auto scanned = reader.scan(
      range_of(compare.key(), compare.range_end()), reader.revision(), [&](const KeyValueView& kv) {
        is_empty = false;
        is_met = holds(compare, kv);
        return is_met;
      });
  if (!scanned) return scanned.error();
  return is_empty ? holds_without_key(compare) : is_met;
}

}  // namespace

Result<bool> compare_all(const Reader& reader, const etcdserverpb::TxnRequest& request) {
  for (const Compare& compare : request.compare()) {
    const auto met = evaluate(reader, compare);
    if (!met) return met.error();
    if (!*met) return false;
  }
  return true;
}

}  // namespace kvstore
