#include "state_machine/validate.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "state_machine/ranges.hpp"

namespace kvstore {

using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using google::protobuf::RepeatedPtrField;

namespace {

using Operations = RepeatedPtrField<RequestOp>;

// etcd limits every list by itself, so that nesting multiplies: a request of a megabyte could keep
// all members busy for hours. No client that is not out for that comes near this.
constexpr std::size_t kMaxTreeSize = 4096;

/// Conditions and operations, with those of nested transactions.
std::size_t tree_size(const TxnRequest& request) {
  auto size = static_cast<std::size_t>(request.compare_size());
  for (const Operations* operations : {&request.success(), &request.failure()}) {
    size += static_cast<std::size_t>(operations->size());
    for (const RequestOp& operation : *operations) {
      if (operation.has_request_txn()) size += tree_size(operation.request_txn());
    }
  }
  return size;
}

std::optional<RequestError> check_structure(const TxnRequest& request, std::size_t max_operations);

std::optional<RequestError> check(const RequestOp& operation, std::size_t max_operations) {
  switch (operation.request_case()) {
    case RequestOp::kRequestRange:
      return validate(operation.request_range());
    case RequestOp::kRequestPut:
      return validate(operation.request_put());
    case RequestOp::kRequestDeleteRange:
      return validate(operation.request_delete_range());
    case RequestOp::kRequestTxn:
      return check_structure(operation.request_txn(), max_operations);
    case RequestOp::REQUEST_NOT_SET:
      break;
  }
  return RequestError::key_not_found;
}

/// The keys a list of operations may put, and the ranges it may delete.
struct Effects {
  std::set<std::string_view> puts;
  std::vector<mvcc::KeyRange> deletes;

  [[nodiscard]] bool deletes_key(std::string_view key) const {
    return std::any_of(deletes.begin(), deletes.end(), [&](const mvcc::KeyRange& range) {
      return range.contains(key);
    });
  }
  void add_deletes(const Effects& other) {
    deletes.insert(deletes.end(), other.deletes.begin(), other.deletes.end());
  }
};

/// One revision must not change a key twice. Empty if some key would be; the order of the checks is
/// etcd's, which lets a few overlaps between nested transactions pass.
std::optional<Effects> effects_of(const Operations& operations) {
  Effects all;
  for (const RequestOp& operation : operations) {
    if (!operation.has_request_delete_range()) continue;
    const auto& request = operation.request_delete_range();
    all.deletes.push_back(range_of(request.key(), request.range_end()));
  }
  for (const RequestOp& operation : operations) {
    if (!operation.has_request_txn()) continue;
    const auto then = effects_of(operation.request_txn().success());
    const auto otherwise = effects_of(operation.request_txn().failure());
    if (!then || !otherwise) return std::nullopt;
    for (const std::string_view key : then->puts) {
      if (all.deletes_key(key) || !all.puts.insert(key).second) return std::nullopt;
    }
    for (const std::string_view key : otherwise->puts) {
      // Only one branch is taken: both may put the same key.
      const bool is_taken = !all.puts.insert(key).second && !then->puts.contains(key);
      if (is_taken || all.deletes_key(key)) return std::nullopt;
    }
    all.add_deletes(*then);
    all.add_deletes(*otherwise);
  }
  for (const RequestOp& operation : operations) {
    if (!operation.has_request_put()) continue;
    const std::string& key = operation.request_put().key();
    if (all.deletes_key(key) || !all.puts.insert(key).second) return std::nullopt;
  }
  return all;
}

std::optional<RequestError> check_structure(const TxnRequest& request, std::size_t max_operations) {
  const auto count = static_cast<std::size_t>(
      std::max({request.compare_size(), request.success_size(), request.failure_size()}));
  if (count > max_operations) return RequestError::too_many_operations;
  for (const auto& compare : request.compare()) {
    if (compare.key().empty()) return RequestError::key_not_provided;
  }
  for (const Operations* operations : {&request.success(), &request.failure()}) {
    for (const RequestOp& operation : *operations) {
      if (const auto wrong = check(operation, max_operations - count)) return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<RequestError> validate(const etcdserverpb::RangeRequest& request) {
  if (request.key().empty()) return RequestError::key_not_provided;
  return std::nullopt;
}

std::optional<RequestError> validate(const etcdserverpb::PutRequest& request) {
  if (request.key().empty()) return RequestError::key_not_provided;
  if (request.ignore_value() && !request.value().empty()) return RequestError::value_provided;
  if (request.ignore_lease() && request.lease() != 0) return RequestError::lease_provided;
  return std::nullopt;
}

std::optional<RequestError> validate(const etcdserverpb::DeleteRangeRequest& request) {
  if (request.key().empty()) return RequestError::key_not_provided;
  return std::nullopt;
}

std::optional<RequestError> validate(const TxnRequest& request, std::size_t max_operations) {
  if (tree_size(request) > kMaxTreeSize) return RequestError::too_many_operations;
  if (const auto wrong = check_structure(request, max_operations)) return wrong;
  if (!effects_of(request.success()) || !effects_of(request.failure())) {
    return RequestError::duplicate_key;
  }
  return std::nullopt;
}

bool is_read_only(const TxnRequest& request) {
  const auto is_range = [](const RequestOp& operation) { return operation.has_request_range(); };
  return std::all_of(request.success().begin(), request.success().end(), is_range) &&
         std::all_of(request.failure().begin(), request.failure().end(), is_range);
}

bool is_serializable(const TxnRequest& request) {
  const auto is_local = [](const RequestOp& operation) {
    return operation.has_request_range() && operation.request_range().serializable();
  };
  return std::all_of(request.success().begin(), request.success().end(), is_local) &&
         std::all_of(request.failure().begin(), request.failure().end(), is_local);
}

}  // namespace kvstore
