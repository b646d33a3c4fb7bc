#include "state_machine/reads.hpp"

#include <algorithm>
#include <cstddef>

#include "state_machine/compare.hpp"
#include "state_machine/ranges.hpp"
#include "state_machine/request_error.hpp"

namespace kvstore {

using etcdserverpb::RangeRequest;
using etcdserverpb::RangeResponse;
using etcdserverpb::RequestOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;
using google::protobuf::RepeatedPtrField;
using mvcc::KeyValueView;
using raftkit::Result;

namespace {

bool is_within(std::int64_t number, std::int64_t least, std::int64_t most) {
  return (least == 0 || number >= least) && (most == 0 || number <= most);
}

bool passes_filters(const RangeRequest& request, const mvcc::VersionInfo& info) {
  return is_within(info.mod_revision, request.min_mod_revision(), request.max_mod_revision()) &&
         is_within(
             info.create_revision, request.min_create_revision(), request.max_create_revision());
}

/// In which order the keys are wanted; etcd sorts upwards by anything but the key, also if not
/// asked to.
bool is_sorted(const RangeRequest& request) {
  const bool by_key = request.sort_target() == RangeRequest::KEY;
  return by_key ? request.sort_order() == RangeRequest::DESCEND : true;
}

void sort(const RangeRequest& request, RepeatedPtrField<mvccpb::KeyValue>& kvs) {
  const auto is_less = [&](const mvccpb::KeyValue& left, const mvccpb::KeyValue& right) {
    switch (request.sort_target()) {
      case RangeRequest::VERSION:
        return left.version() < right.version();
      case RangeRequest::CREATE:
        return left.create_revision() < right.create_revision();
      case RangeRequest::MOD:
        return left.mod_revision() < right.mod_revision();
      case RangeRequest::VALUE:
        return left.value() < right.value();
      default:
        return left.key() < right.key();
    }
  };
  if (request.sort_order() == RangeRequest::DESCEND) {
    std::stable_sort(kvs.begin(), kvs.end(), [&](const auto& left, const auto& right) {
      return is_less(right, left);
    });
  } else {
    std::stable_sort(kvs.begin(), kvs.end(), is_less);
  }
}

/// Takes keys in order and keeps what the request wants to see.
class Collector {
 public:
  Collector(const RangeRequest& request, RangeResponse& response)
      : request_(request), response_(response), is_sorted_(is_sorted(request)) {}

  /// Returns whether there is room for more.
  bool add(const KeyValueView& version) {
    response_.set_count(response_.count() + 1);
    if (request_.count_only() || !passes_filters(request_, version.info)) return true;
    ++passed_;
    // What sorting may bring to the front has to be kept, however small the limit is.
    if (!is_sorted_ && has_reached_limit()) return true;
    copy(version);
    return bytes_ <= kMaxResponseBytes;
  }

  [[nodiscard]] bool is_too_large() const { return bytes_ > kMaxResponseBytes; }

  void finish() {
    auto& kvs = *response_.mutable_kvs();
    if (is_sorted_) sort(request_, kvs);
    if (request_.limit() > 0 && passed_ > request_.limit()) {
      response_.set_more(true);
      const int limit = static_cast<int>(request_.limit());
      if (kvs.size() > limit) kvs.DeleteSubrange(limit, kvs.size() - limit);
    }
    if (!request_.keys_only()) return;
    for (mvccpb::KeyValue& kv : kvs)
      kv.clear_value();
  }

 private:
  [[nodiscard]] bool has_reached_limit() const {
    return request_.limit() > 0 && response_.kvs_size() >= request_.limit();
  }
  void copy(const KeyValueView& version) {
    const bool needs_value = !request_.keys_only() || request_.sort_target() == RangeRequest::VALUE;
    KeyValueView shown = version;
    if (!needs_value) shown.value = {};
    copy_to(shown, *response_.add_kvs());
    bytes_ += shown.key.size() + shown.value.size();
  }

  const RangeRequest& request_;
  RangeResponse& response_;
  bool is_sorted_;
  std::int64_t passed_ = 0;
  std::size_t bytes_ = 0;
};

Result<void> append_branches(const Reader& reader, const TxnRequest& request, Branches& branches) {
  const auto holds = compare_all(reader, request);
  if (!holds) return holds.error();
  branches.push_back(*holds);
  for (const RequestOp& operation : *holds ? request.success() : request.failure()) {
    if (!operation.has_request_txn()) continue;
    if (auto nested = append_branches(reader, operation.request_txn(), branches); !nested)
      return nested;
  }
  return {};
}

}  // namespace

void copy_to(const KeyValueView& from, mvccpb::KeyValue& to) {
  to.set_key(from.key.data(), from.key.size());
  to.set_create_revision(from.info.create_revision);
  to.set_mod_revision(from.info.mod_revision);
  to.set_version(from.info.version);
  to.set_value(from.value.data(), from.value.size());
  to.set_lease(from.info.lease);
}

Result<RangeResponse> range(const Reader& reader, const RangeRequest& request) {
  const std::int64_t current = reader.revision();
  if (request.revision() > current) return make_error(RequestError::future_revision);
  const std::int64_t revision = request.revision() <= 0 ? current : request.revision();
  if (revision < reader.compacted()) return make_error(RequestError::compacted);

  RangeResponse response;
  response.mutable_header()->set_revision(current);
  Collector collector(request, response);
  if (request.range_end().empty()) {
    const auto found = reader.get(request.key(), revision);
    if (!found) return found.error();
    if (*found) collector.add((*found)->view());
  } else {
    const auto scanned = reader.scan(
        range_of(request.key(), request.range_end()), revision, [&](const KeyValueView& version) {
          return collector.add(version);
        });
    if (!scanned) return scanned.error();
  }
  if (collector.is_too_large()) return make_error(RequestError::response_too_large);
  collector.finish();
  return response;
}

Result<void> check_revision(const Reader& reader, const RangeRequest& request) {
  if (request.revision() == 0) return {};
  if (request.revision() > reader.revision()) return make_error(RequestError::future_revision);
  if (request.revision() < reader.compacted()) return make_error(RequestError::compacted);
  return {};
}

Result<Branches> choose_branches(const Reader& reader, const TxnRequest& request) {
  Branches branches;
  if (auto chosen = append_branches(reader, request, branches); !chosen) return chosen.error();
  return branches;
}

Result<RangeResponse> evaluate(const mvcc::View& view, const RangeRequest& request) {
  return range(ViewReader(view), request);
}

Result<TxnResponse> evaluate(const mvcc::View& view, const TxnRequest& request) {
  const ViewReader reader(view);
  const auto branches = choose_branches(reader, request);
  if (!branches) return branches.error();
  TxnResponse response;
  response.set_succeeded(branches->front());
  response.mutable_header()->set_revision(view.revision());
  for (const RequestOp& operation : branches->front() ? request.success() : request.failure()) {
    if (auto allowed = check_revision(reader, operation.request_range()); !allowed)
      return allowed.error();
    auto answer = range(reader, operation.request_range());
    if (!answer) return std::move(answer).error();
    response.add_responses()->mutable_response_range()->Swap(&*answer);
  }
  return response;
}

}  // namespace kvstore
