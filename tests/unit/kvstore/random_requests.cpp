#include "random_requests.hpp"

#include <array>
#include <string_view>

namespace kvstore::test {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kKeys = {"a"sv,
                              "a\0"sv,
                              "a\0\x01"sv,
                              "a\0\xff"sv,
                              "a\x01"sv,
                              "ab"sv,
                              "b"sv,
                              "\0"sv,
                              "\xff"sv,
                              "\xff\xff"sv};
constexpr std::array kEnds = {
    "\0"sv, "\0\0"sv, "a\0"sv, "a\0\xff"sv, "b"sv, "c"sv, "\xff"sv, "\xff\0"sv};

}  // namespace

std::string RandomRequests::key() {
  return std::string(kKeys[below(kKeys.size())]);
}

std::string RandomRequests::range_end() {
  return chance(3) ? "" : std::string(kEnds[below(kEnds.size())]);
}

PutRequest RandomRequests::put() {
  PutRequest request = put_of(key(), std::to_string(below(30)));
  if (chance(10)) request.set_value(std::string(200 + below(2000), 'v'));
  request.set_prev_kv(chance(3));
  if (chance(8)) {
    request.set_ignore_value(true);
    request.clear_value();
  }
  request.set_ignore_lease(chance(10));
  if (!request.ignore_lease() && chance(30)) request.set_lease(7);
  return request;
}

DeleteRangeRequest RandomRequests::erase() {
  DeleteRangeRequest request = delete_of(key(), chance(2) ? "" : range_end());
  request.set_prev_kv(chance(2));
  return request;
}

RangeRequest RandomRequests::range(std::int64_t revision) {
  RangeRequest request = range_of(key(), range_end());
  const auto some_revision = [&] {
    return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(revision) + 2));
  };
  if (chance(2)) request.set_revision(some_revision());
  if (chance(20)) request.set_revision(-static_cast<std::int64_t>(below(3)));
  if (chance(2)) request.set_limit(static_cast<std::int64_t>(below(6)));
  if (chance(2)) request.set_sort_order(static_cast<RangeRequest::SortOrder>(below(3)));
  if (chance(2)) request.set_sort_target(static_cast<RangeRequest::SortTarget>(below(5)));
  request.set_keys_only(chance(4));
  request.set_count_only(chance(6));
  if (chance(6)) request.set_min_mod_revision(some_revision());
  if (chance(6)) request.set_max_mod_revision(some_revision());
  if (chance(6)) request.set_min_create_revision(some_revision());
  if (chance(6)) request.set_max_create_revision(some_revision());
  return request;
}

Compare RandomRequests::compare(std::int64_t revision) {
  Compare compare = compare_of(key(),
                               static_cast<Compare::CompareTarget>(below(5)),
                               static_cast<Compare::CompareResult>(below(4)));
  if (chance(3)) compare.set_range_end(range_end());
  if (chance(10)) return compare;  // nothing to compare with: as if it were zero
  const auto number = static_cast<std::int64_t>(below(static_cast<std::uint64_t>(revision) + 2));
  switch (compare.target()) {
    case Compare::CREATE:
      compare.set_create_revision(number);
      break;
    case Compare::MOD:
      compare.set_mod_revision(number);
      break;
    case Compare::VALUE:
      compare.set_value(std::to_string(below(30)));
      break;
    case Compare::LEASE:
      compare.set_lease(static_cast<std::int64_t>(below(2)));
      break;
    default:
      compare.set_version(static_cast<std::int64_t>(below(4)));
  }
  return compare;
}

void RandomRequests::add(RequestOp& operation, std::int64_t revision, int depth) {
  const auto kind = below(depth > 0 ? 8 : 6);
  if (kind < 2) return set(operation, put());
  if (kind < 3) return set(operation, erase());
  if (kind < 6) return set(operation, range(revision));
  set(operation, txn(revision, depth - 1));
}

TxnRequest RandomRequests::txn(std::int64_t revision, int depth) {
  TxnRequest request;
  for (auto count = below(3); count > 0; --count)
    *request.add_compare() = compare(revision);
  for (auto count = below(4); count > 0; --count)
    add(*request.add_success(), revision, depth);
  for (auto count = below(4); count > 0; --count)
    add(*request.add_failure(), revision, depth);
  return request;
}

}  // namespace kvstore::test
