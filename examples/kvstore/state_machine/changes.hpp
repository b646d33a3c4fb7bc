// Puts and deletions, alone or as a part of a transaction.
#pragma once

#include <optional>

#include "raftkit/result.hpp"

#include "mvcc/writer.hpp"
#include "proto/rpc.pb.h"

namespace kvstore {

/// Why `request` cannot be carried out on this state. Errors: RequestError key_not_found,
/// lease_not_found · io_error · corrupt_data.
[[nodiscard]] raftkit::Result<void> check_put(const mvcc::Writer& writer,
                                              const etcdserverpb::PutRequest& request);
/// After check_put(). Errors: io_error · corrupt_data.
[[nodiscard]] raftkit::Result<etcdserverpb::PutResponse> put(
    mvcc::Writer& writer, const etcdserverpb::PutRequest& request);
/// Errors: io_error · corrupt_data.
[[nodiscard]] raftkit::Result<etcdserverpb::DeleteRangeResponse> erase(
    mvcc::Writer& writer, const etcdserverpb::DeleteRangeRequest& request);

}  // namespace kvstore
