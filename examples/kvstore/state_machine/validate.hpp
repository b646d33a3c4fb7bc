// What can be said of a request without looking at the store: checked before it goes into the log.
#pragma once

#include <cstddef>
#include <optional>

#include "proto/rpc.pb.h"
#include "state_machine/request_error.hpp"

namespace kvstore {

/// Empty: nothing is wrong with it.
[[nodiscard]] std::optional<RequestError> validate(const etcdserverpb::RangeRequest& request);
[[nodiscard]] std::optional<RequestError> validate(const etcdserverpb::PutRequest& request);
[[nodiscard]] std::optional<RequestError> validate(const etcdserverpb::DeleteRangeRequest& request);
/// A nested transaction may use what its parent leaves of `max_operations`.
[[nodiscard]] std::optional<RequestError> validate(const etcdserverpb::TxnRequest& request,
                                                   std::size_t max_operations);

/// Changes nothing, so that it need not go through the log. A nested transaction counts as a
/// change, as in etcd.
[[nodiscard]] bool is_read_only(const etcdserverpb::TxnRequest& request);
/// A read-only transaction whose every range may be answered from what this member has.
[[nodiscard]] bool is_serializable(const etcdserverpb::TxnRequest& request);

}  // namespace kvstore
