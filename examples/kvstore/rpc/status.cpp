#include "rpc/status.hpp"

namespace kvstore {

using grpc::Status;
using grpc::StatusCode;
using raftkit::Errc;

Status to_status(RequestError error) {
  switch (error) {
    case RequestError::key_not_provided:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: key is not provided"};
    case RequestError::key_not_found:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: key not found"};
    case RequestError::value_provided:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: value is provided"};
    case RequestError::lease_provided:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: lease is provided"};
    case RequestError::too_many_operations:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: too many operations in txn request"};
    case RequestError::duplicate_key:
      return {StatusCode::INVALID_ARGUMENT, "etcdserver: duplicate key given in txn request"};
    case RequestError::lease_not_found:
      return {StatusCode::NOT_FOUND, "etcdserver: requested lease not found"};
    case RequestError::compacted:
      return {StatusCode::OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted"};
    case RequestError::future_revision:
      return {StatusCode::OUT_OF_RANGE, "etcdserver: mvcc: required revision is a future revision"};
    case RequestError::malformed_command:
      return {StatusCode::INTERNAL, "etcdserver: the log entry is not understood by this version"};
    case RequestError::response_too_large:
      return {StatusCode::RESOURCE_EXHAUSTED, "etcdserver: the response is too large"};
  }
  return {StatusCode::UNKNOWN, "etcdserver: unknown error"};
}

Status to_status(const raftkit::Error& error) {
  if (const auto request = request_error(error)) return to_status(*request);
  if (error == Errc::no_leader) return {StatusCode::UNAVAILABLE, "etcdserver: no leader"};
  if (error == Errc::stopped) return {StatusCode::UNAVAILABLE, "etcdserver: server stopped"};
  if (error == Errc::overloaded)
    return {StatusCode::RESOURCE_EXHAUSTED, "etcdserver: too many requests"};
  if (error == Errc::out_of_space) {
    return {StatusCode::RESOURCE_EXHAUSTED,
            "etcdserver: no room for the log on this member's device"};
  }
  if (error == Errc::command_too_large) {
    return {StatusCode::INVALID_ARGUMENT, "etcdserver: request is too large"};
  }
  // It may yet take effect: etcd's clients treat its time-outs the same way, and do not repeat
  // writes.
  if (error == Errc::commit_unknown || error == Errc::timed_out) {
    return {StatusCode::UNAVAILABLE, "etcdserver: request timed out"};
  }
  if (error == Errc::proposal_dropped)
    return {StatusCode::UNAVAILABLE, "etcdserver: leader changed"};
  if (error == Errc::corrupt_data) return {StatusCode::DATA_LOSS, "etcdserver: " + error.message()};
  return {StatusCode::UNKNOWN, "etcdserver: " + error.message()};
}

}  // namespace kvstore
