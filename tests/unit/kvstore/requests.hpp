// etcd's requests in one line each.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "proto/rpc.pb.h"

namespace kvstore::test {

using etcdserverpb::CompactionRequest;
using etcdserverpb::CompactionResponse;
using etcdserverpb::Compare;
using etcdserverpb::DeleteRangeRequest;
using etcdserverpb::DeleteRangeResponse;
using etcdserverpb::PutRequest;
using etcdserverpb::PutResponse;
using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;

/// As a range_end: everything from the key on.
inline const std::string kNoEnd = std::string(1, '\0');

[[nodiscard]] inline PutRequest put_of(const std::string& key, const std::string& value = "") {
  PutRequest request;
  request.set_key(key);
  request.set_value(value);
  return request;
}

[[nodiscard]] inline DeleteRangeRequest delete_of(const std::string& key,
                                                  const std::string& range_end = "") {
  DeleteRangeRequest request;
  request.set_key(key);
  request.set_range_end(range_end);
  return request;
}

[[nodiscard]] inline RangeRequest range_of(const std::string& key,
                                           const std::string& range_end = "",
                                           std::int64_t revision = 0) {
  RangeRequest request;
  request.set_key(key);
  request.set_range_end(range_end);
  request.set_revision(revision);
  return request;
}
[[nodiscard]] inline RangeRequest everything(std::int64_t revision = 0) {
  return range_of(kNoEnd, kNoEnd, revision);
}

[[nodiscard]] inline CompactionRequest compaction_at(std::int64_t revision) {
  CompactionRequest request;
  request.set_revision(revision);
  return request;
}

inline void set(RequestOp& operation, const PutRequest& request) {
  *operation.mutable_request_put() = request;
}
inline void set(RequestOp& operation, const DeleteRangeRequest& request) {
  *operation.mutable_request_delete_range() = request;
}
inline void set(RequestOp& operation, const RangeRequest& request) {
  *operation.mutable_request_range() = request;
}
inline void set(RequestOp& operation, const TxnRequest& request) {
  *operation.mutable_request_txn() = request;
}

/// A transaction in the making.
class Txn {
 public:
  Txn& when(const Compare& compare) {
    *request_.add_compare() = compare;
    return *this;
  }
  template <class Request>
  Txn& then(const Request& request) {
    set(*request_.add_success(), request);
    return *this;
  }
  template <class Request>
  Txn& otherwise(const Request& request) {
    set(*request_.add_failure(), request);
    return *this;
  }
  operator const TxnRequest&() const { return request_; }  // NOLINT(google-explicit-constructor)
  [[nodiscard]] const TxnRequest& request() const { return request_; }

 private:
  TxnRequest request_;
};

inline void set(RequestOp& operation, const Txn& txn) {
  set(operation, txn.request());
}

[[nodiscard]] inline Compare compare_of(const std::string& key,
                                        Compare::CompareTarget target,
                                        Compare::CompareResult result) {
  Compare compare;
  compare.set_key(key);
  compare.set_target(target);
  compare.set_result(result);
  return compare;
}
[[nodiscard]] inline Compare value_is(const std::string& key,
                                      Compare::CompareResult result,
                                      const std::string& value) {
  Compare compare = compare_of(key, Compare::VALUE, result);
  compare.set_value(value);
  return compare;
}
[[nodiscard]] inline Compare version_is(const std::string& key,
                                        Compare::CompareResult result,
                                        std::int64_t version) {
  Compare compare = compare_of(key, Compare::VERSION, result);
  compare.set_version(version);
  return compare;
}
[[nodiscard]] inline Compare mod_is(const std::string& key,
                                    Compare::CompareResult result,
                                    std::int64_t revision) {
  Compare compare = compare_of(key, Compare::MOD, result);
  compare.set_mod_revision(revision);
  return compare;
}

/// What a range shows, as "key=value" in order.
[[nodiscard]] inline std::vector<std::string> shown(const RangeResponse& response) {
  std::vector<std::string> all;
  for (const auto& kv : response.kvs())
    all.push_back(kv.key() + "=" + kv.value());
  return all;
}

}  // namespace kvstore::test
