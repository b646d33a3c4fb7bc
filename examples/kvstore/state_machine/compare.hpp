// The conditions of transactions.
#pragma once

#include "raftkit/result.hpp"

#include "proto/rpc.pb.h"
#include "state_machine/reader.hpp"

namespace kvstore {

/// Whether all of a transaction's own conditions hold. Errors: io_error · corrupt_data.
[[nodiscard]] raftkit::Result<bool> compare_all(const Reader& reader,
                                                const etcdserverpb::TxnRequest& request);

}  // namespace kvstore
