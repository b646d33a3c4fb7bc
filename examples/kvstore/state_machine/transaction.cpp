#include "state_machine/transaction.hpp"

#include <algorithm>
#include <cstddef>

#include "state_machine/changes.hpp"
#include "state_machine/reads.hpp"
#include "state_machine/request_error.hpp"

namespace kvstore {

using etcdserverpb::RequestOp;
using etcdserverpb::ResponseOp;
using etcdserverpb::TxnRequest;
using etcdserverpb::TxnResponse;
using google::protobuf::RepeatedPtrField;
using raftkit::Result;

namespace {

/// One execution; whoever called it takes its changes back if it fails. Its branches are taken in
/// the order in which they were chosen.
class Transaction {
 public:
  Transaction(mvcc::Writer& writer, const mvcc::View& before)
      : writer_(writer), reader_(writer, before) {}

  Result<TxnResponse> run(const TxnRequest& request) {
    auto branches = choose_branches(reader_, request);
    if (!branches) return std::move(branches).error();
    branches_ = *std::move(branches);
    // All puts before all ranges, as etcd judges them; and before anything is changed.
    for (const auto judge : {&Transaction::check_change, &Transaction::check_range}) {
      next_branch_ = 0;
      if (auto allowed = check(request, judge); !allowed) return allowed.error();
    }
    next_branch_ = 0;
    TxnResponse response;
    if (auto done = execute(request, response); !done) return done.error();
    response.mutable_header()->set_revision(writer_.read_revision());
    return response;
  }

 private:
  const RepeatedPtrField<RequestOp>& take_branch(const TxnRequest& request) {
    return branches_[next_branch_++] ? request.success() : request.failure();
  }

  using Judge = Result<void> (Transaction::*)(const RequestOp&) const;

  Result<void> check(const TxnRequest& request, Judge judge) {
    for (const RequestOp& operation : take_branch(request)) {
      auto allowed = operation.has_request_txn() ? check(operation.request_txn(), judge)
                                                 : (this->*judge)(operation);
      if (!allowed) return allowed;
    }
    return {};
  }
  [[nodiscard]] Result<void> check_change(const RequestOp& operation) const {
    if (!operation.has_request_put()) return {};
    return check_put(writer_, operation.request_put());
  }
  [[nodiscard]] Result<void> check_range(const RequestOp& operation) const {
    if (!operation.has_request_range()) return {};
    return check_revision(reader_, operation.request_range());
  }

  Result<void> execute(const TxnRequest& request, TxnResponse& response) {
    response.set_succeeded(branches_[next_branch_]);
    for (const RequestOp& operation : take_branch(request)) {
      if (auto done = execute(operation, *response.add_responses()); !done) return done;
    }
    return {};
  }

  Result<void> execute(const RequestOp& operation, ResponseOp& response) {
    switch (operation.request_case()) {
      case RequestOp::kRequestRange:
        return take(range(reader_, operation.request_range()), *response.mutable_response_range());
      case RequestOp::kRequestPut:
        return take(put(writer_, operation.request_put()), *response.mutable_response_put());
      case RequestOp::kRequestDeleteRange:
        return take(erase(writer_, operation.request_delete_range()),
                    *response.mutable_response_delete_range());
      case RequestOp::kRequestTxn:
        response.mutable_response_txn()->mutable_header();
        return execute(operation.request_txn(), *response.mutable_response_txn());
      case RequestOp::REQUEST_NOT_SET:
        return {};
    }
    return {};
  }

  template <class Response>
  Result<void> take(Result<Response> result, Response& response) {
    if (!result) return std::move(result).error();
    bytes_ += result->ByteSizeLong();
    if (bytes_ > kMaxResponseBytes) return make_error(RequestError::response_too_large);
    response.Swap(&*result);
    return {};
  }

  mvcc::Writer& writer_;
  WriterReader reader_;
  Branches branches_;
  std::size_t next_branch_ = 0;
  std::size_t bytes_ = 0;  // of the responses so far
};

}  // namespace

bool reads_history(const TxnRequest& request) {
  const auto is_history = [](const RequestOp& operation) {
    return (operation.has_request_range() && operation.request_range().revision() > 0) ||
           (operation.has_request_txn() && reads_history(operation.request_txn()));
  };
  return std::any_of(request.success().begin(), request.success().end(), is_history) ||
         std::any_of(request.failure().begin(), request.failure().end(), is_history);
}

Result<TxnResponse> transact(mvcc::Writer& writer,
                             const mvcc::View& before,
                             const TxnRequest& request) {
  return Transaction(writer, before).run(request);
}

}  // namespace kvstore
